from __future__ import annotations

import threading

import pytest

from panops.domain.errors import ModelUnsupported
from panops.inference.further_sizes import FurtherSizes


class Compiler:
    """Compiles at once, or when it is let go; refuses odd heights."""

    def __init__(self, *, held: bool = False) -> None:
        self.calls: list[tuple[int, ...]] = []
        self.threads: set[str] = set()
        self.began = threading.Semaphore(0)
        self.go_on = threading.Event()
        if not held:
            self.go_on.set()

    def __call__(self, shape: tuple[int, ...]) -> str:
        self.calls.append(shape)
        self.threads.add(threading.current_thread().name)
        self.began.release()
        assert self.go_on.wait(10)
        if shape[0] % 2:
            raise ModelUnsupported("no odd heights")
        return "x".join(map(str, shape))


def join(sizes: FurtherSizes[str]) -> None:
    thread = sizes._thread
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()


def test_a_new_size_is_ready_later_and_is_compiled_once() -> None:
    compiler = Compiler(held=True)
    sizes = FurtherSizes("m", compiler)
    assert not sizes.takes((2, 4))
    assert compiler.began.acquire(timeout=10)
    assert not sizes.takes((2, 4))
    assert not sizes.takes((4, 4))
    assert sizes.get((2, 4)) is None
    compiler.go_on.set()
    join(sizes)
    assert [sizes.takes(shape) for shape in ((2, 4), (4, 4))] == [True, True]
    assert (sizes.get((2, 4)), sizes.get((4, 4))) == ("2x4", "4x4")
    assert compiler.calls == [(2, 4), (4, 4)]
    assert threading.current_thread().name not in compiler.threads


def test_who_waits_has_it_at_once() -> None:
    compiler = Compiler()
    sizes = FurtherSizes("m", compiler)
    assert sizes.takes((2, 4), wait=True)
    assert sizes.takes((2, 4), wait=True)
    assert compiler.calls == [(2, 4)]
    assert compiler.threads == {threading.current_thread().name}


def test_who_waits_for_what_is_under_way_gets_it_too() -> None:
    compiler = Compiler(held=True)
    sizes = FurtherSizes("m", compiler)
    assert not sizes.takes((2, 4))
    assert compiler.began.acquire(timeout=10)
    threading.Timer(0.05, compiler.go_on.set).start()
    assert sizes.takes((2, 4), wait=True)
    assert compiler.calls == [(2, 4)]


def test_a_size_that_does_not_work_is_tried_once(caplog: pytest.LogCaptureFixture) -> None:
    compiler = Compiler()
    sizes = FurtherSizes("m", compiler)
    assert not sizes.takes((3, 4), wait=True)
    assert not sizes.takes((3, 4), wait=True)
    assert compiler.calls == [(3, 4)]
    assert "m cannot be made ready for inputs of 3x4: no odd heights" in caplog.text


def test_there_are_only_so_many() -> None:
    compiler = Compiler()
    sizes = FurtherSizes("m", compiler, most=2)
    assert [sizes.takes((2 * n, 4), wait=True) for n in (1, 2, 3)] == [True, True, False]
    assert sizes.takes((2, 4))
    assert len(compiler.calls) == 2


def test_closing_throws_away_what_is_under_way() -> None:
    compiler = Compiler(held=True)
    sizes = FurtherSizes("m", compiler)
    sizes.takes((2, 4))
    sizes.takes((4, 4))
    assert compiler.began.acquire(timeout=10)
    sizes.close()
    sizes.close()
    compiler.go_on.set()
    join(sizes)
    assert sizes.get((2, 4)) is None
    assert not sizes.takes((6, 4), wait=True)
    assert compiler.calls == [(2, 4)]
