"""The engine's thread: every ticket is answered once, by its own picture's outputs, whatever the device does."""

from __future__ import annotations

import gc
import logging
import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.domain.clock import SystemClock
from panops.domain.errors import DeviceError, DeviceFull, DeviceLate, ModelError, ModelUnsupported
from panops.domain.protocols import TensorSpec
from panops.inference.batch_queue import BatchSettings
from panops.inference.batching import BatchingEngine
from panops.testing.fake_device import OUTPUT, DeviceLatency, FakeDevice

SOON = 30.0


class ShiftedClock(SystemClock):
    """The machine's clock, which a test can set forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic_s(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def make() -> Iterator[Callable[..., BatchingEngine]]:
    made: list[BatchingEngine] = []

    def engine(**chosen: Any) -> BatchingEngine:
        clock = chosen.pop("clock", None)
        made.append(BatchingEngine("fake:0", BatchSettings(**chosen), clock))
        return made[-1]

    yield engine
    for item in made:
        item.close(1.0)


def until(deadline_s: float = SOON) -> float:
    return time.monotonic() + deadline_s


def marks(tickets: list[Any]) -> list[int]:
    return [int(ticket.result()[OUTPUT][0, 0]) for ticket in tickets]


def test_each_ticket_gets_its_own_picture_s_outputs(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    lane = make().add(device, device.picture(0))
    tickets = [lane.submit(device.picture(mark), until()) for mark in range(40)]
    assert marks(tickets) == list(range(40))
    assert all(ticket.result()[OUTPUT].shape == (1, 2) for ticket in tickets)
    assert all(0 < ticket.took_s < SOON for ticket in tickets)


def test_while_the_device_is_busy_the_next_batch_fills(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    lane = make().add(device, device.picture(0))
    device.batches.clear()
    device.hold()
    first = lane.submit(device.picture(1), until())
    assert device.entered.wait(SOON)
    rest = [lane.submit(device.picture(mark), until()) for mark in range(2, 13)]
    device.gate.set()
    assert marks([first, *rest]) == list(range(1, 13))
    assert device.batches == [1, 16]


def test_waiting_for_an_answer_ends_the_lingering(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    lane = make(linger_s=3600.0).add(device, device.picture(0))
    assert marks([lane.submit(device.picture(mark), math.inf) for mark in range(3)]) == [0, 1, 2]


def test_pictures_are_released_as_soon_as_they_are_copied(make: Callable[..., BatchingEngine]) -> None:
    device, released = FakeDevice(), threading.Event()
    lane = make().add(device, device.picture(0))
    device.hold()
    picture = device.picture(7)
    ticket = lane.submit(picture, until(), release=released.set)
    assert device.entered.wait(SOON)
    assert released.is_set()
    picture[...] = 99  # the next frame is prepared into it while the batch runs
    device.gate.set()
    assert marks([ticket]) == [7]


def test_a_late_one_is_told_at_once_and_releases_its_picture(make: Callable[..., BatchingEngine]) -> None:
    device, released = FakeDevice(), threading.Event()
    lane = make().add(device, device.picture(0))
    ticket = lane.submit(device.picture(1), time.monotonic() - 0.001, release=released.set)
    with pytest.raises(DeviceLate):
        ticket.result()
    assert released.is_set()


def test_a_full_queue_tells_the_one_that_has_least_time(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    lane = make(most_waiting=2).add(device, device.picture(0))
    device.hold()
    running = lane.submit(device.picture(0), until())
    assert device.entered.wait(SOON)
    waiting = [lane.submit(device.picture(mark), until(SOON + mark)) for mark in (1, 2, 3)]
    with pytest.raises(DeviceFull):
        waiting[0].result()
    device.gate.set()
    assert marks([running, *waiting[1:]]) == [0, 2, 3]


def test_two_models_share_a_device_and_no_batch(make: Callable[..., BatchingEngine]) -> None:
    one, other = FakeDevice(), FakeDevice(size_wh=(8, 2))
    engine = make()
    lanes = [engine.add(device, device.picture(0)) for device in (one, other)]
    tickets = [lanes[mark % 2].submit((one, other)[mark % 2].picture(mark), until()) for mark in range(30)]
    assert marks(tickets) == list(range(30))


@pytest.mark.parametrize(
    "picture", [np.zeros((2, 1, 4, 4), np.uint8), np.zeros((1, 1, 4, 5), np.uint8), np.zeros((1, 1, 4, 4), np.float32)]
)
def test_a_wrong_picture_is_refused_where_it_is_handed_over(make: Callable[..., BatchingEngine], picture: NDArray[Any]) -> None:
    device = FakeDevice()
    lane = make().add(device, device.picture(0))
    with pytest.raises(ModelUnsupported, match="expected"):
        lane.submit(picture, until())
    assert marks([lane.submit(device.picture(3), until())]) == [3]


# --- batches and models ---------------------------------------------------------------------------------------------------------


def test_a_file_with_a_fixed_batch_of_one_runs_one_by_one(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice(batch=1)
    lane = make().add(device, device.picture(0))
    assert marks([lane.submit(device.picture(mark), until()) for mark in range(5)]) == [0, 1, 2, 3, 4]
    assert set(device.batches) == {1}


class MixingDevice(FakeDevice):
    """A graph whose reshape mixes the pictures of a batch."""

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        rows = super().infer(inputs)[OUTPUT]
        return {OUTPUT: np.roll(rows, 1, axis=0)}


class SmallDevice(FakeDevice):
    """A device whose memory holds four pictures."""

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if len(inputs["pictures"]) > 4:
            raise DeviceError("out of memory")
        return super().infer(inputs)


@pytest.mark.parametrize(
    ("device", "largest", "words"), [(MixingDevice(), 1, "another one in a batch"), (SmallDevice(), 4, "out of memory")]
)
def test_what_a_model_cannot_do_in_batches_is_found_at_start(
    make: Callable[..., BatchingEngine], device: FakeDevice, largest: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        lane = make().add(device, device.picture(0))
    assert words in caplog.text
    assert f"batches of at most {largest}" in caplog.text
    assert marks([lane.submit(device.picture(mark), until()) for mark in range(9)]) == list(range(9))
    assert lane.latency.sizes[-1] == largest


def test_a_model_that_runs_not_at_all_is_an_error_at_start(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    device.fail()
    with pytest.raises(DeviceError, match="told to fail"):
        make().add(device, device.picture(0))


def test_two_inputs_are_not_batched(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    device.inputs = (device.inputs[0], TensorSpec("more", (1,), np.dtype(np.uint8)))
    with pytest.raises(ModelUnsupported, match="one input"):
        make().add(device, device.picture(0))


def test_a_model_that_nobody_uses_any_more_is_freed(make: Callable[..., BatchingEngine]) -> None:
    """A promoted version takes the place of another one: its memory on the device must go."""
    engine, device = make(), FakeDevice()
    lane = engine.add(device, device.picture(0))
    assert marks([lane.submit(device.picture(1), until())]) == [1]
    lane.close()
    with pytest.raises(ModelError, match="closed"):
        lane.submit(device.picture(2), until()).result()
    gone = weakref.ref(lane)
    del lane
    again = engine.add(FakeDevice(), device.picture(0))
    assert marks([again.submit(device.picture(3), until())]) == [3]  # so the thread is done with whatever came before
    gc.collect()
    assert gone() is None


# --- faults ---------------------------------------------------------------------------------------------------------------------


def test_a_batch_that_fails_fails_its_tickets_and_the_next_one_works(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    lane = make(linger_s=3600.0).add(device, device.picture(0))  # so that both are in one batch, however slow this machine is
    device.fail(error=RuntimeError("CUDA error 719"))
    tickets = [lane.submit(device.picture(mark), math.inf) for mark in range(2)]
    with pytest.raises(DeviceError, match="719") as first:
        tickets[0].result()
    with pytest.raises(DeviceError, match="719") as second:
        tickets[1].result()
    assert first.value is not second.value
    assert marks([lane.submit(device.picture(5), until())]) == [5]


def test_a_device_that_fails_again_and_again_is_dead_until_a_try_succeeds(make: Callable[..., BatchingEngine]) -> None:
    clock, device = ShiftedClock(), FakeDevice()
    engine = make(clock=clock)
    lane = engine.add(device, device.picture(0))
    device.fail(4)
    for _ in range(3):
        with pytest.raises(DeviceError, match="told to fail"):
            lane.submit(device.picture(0), math.inf).result()
    assert engine.dead_s > 0
    batches = len(device.batches)
    with pytest.raises(DeviceError, match="failed 3 times in a row"):
        lane.submit(device.picture(0), math.inf).result()
    assert len(device.batches) == batches  # nobody waits for a dead device
    clock.ahead_s += 6.0
    with pytest.raises(DeviceError, match="told to fail"):
        lane.submit(device.picture(0), math.inf).result()
    clock.ahead_s += 6.0
    assert marks([lane.submit(device.picture(8), math.inf)]) == [8]
    assert engine.dead_s == 0.0
    assert marks([lane.submit(device.picture(9), math.inf)]) == [9]


def test_death_takes_along_whoever_waits(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    lane = make(sizes=(1,)).add(device, device.picture(0))
    device.hold()
    device.fail(3)
    tickets = [lane.submit(device.picture(mark), until()) for mark in range(10)]
    device.gate.set()
    for ticket in tickets:
        with pytest.raises(DeviceError):
            ticket.result()


def test_close_answers_everybody_and_is_safe_twice(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    engine = make()
    lane = engine.add(device, device.picture(0))
    device.hold()
    running = lane.submit(device.picture(1), until())
    assert device.entered.wait(SOON)
    waiting = [lane.submit(device.picture(mark), until()) for mark in (2, 3)]
    closer = threading.Thread(target=engine.close)
    closer.start()
    device.gate.set()
    closer.join(SOON)
    assert marks([running]) == [1]
    for ticket in waiting:
        with pytest.raises(DeviceError, match="closed"):
            ticket.result()
    engine.close()
    assert device.closed
    with pytest.raises(DeviceError, match="closed"):
        lane.submit(device.picture(4), until()).result()
    with pytest.raises(DeviceError, match="closed"):
        engine.add(FakeDevice(), device.picture(0))


def test_close_does_not_wait_for_a_device_that_hangs(make: Callable[..., BatchingEngine]) -> None:
    device = FakeDevice()
    engine = make()
    lane = engine.add(device, device.picture(0))
    device.hold()
    hanging = lane.submit(device.picture(1), until())
    assert device.entered.wait(SOON)
    engine.close(0.05)
    with pytest.raises(DeviceError, match="did not answer"):
        hanging.result()
    assert not device.closed  # it still runs there
    device.gate.set()  # and may answer after all: nobody is told twice


def test_a_fault_of_the_engine_itself_leaves_nobody_waiting(make: Callable[..., BatchingEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeDevice()
    engine = make()
    lane = engine.add(device, device.picture(0))

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engine._queue, "decide", broken)
    tickets = [lane.submit(device.picture(mark), until()) for mark in range(3)]
    for ticket in tickets:
        with pytest.raises(DeviceError, match=r"fault of its own|closed"):
            ticket.result()
    assert engine.dead_s > 0


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 255), st.floats(0, 0.05), st.booleans()), max_size=40),
    st.lists(st.booleans(), max_size=10),
    st.sampled_from([(1,), (1, 2, 4), (1, 2, 4, 8, 16)]),
)
def test_whatever_happens_every_ticket_is_answered_by_its_own_picture_or_an_error(
    rows: list[tuple[int, float, bool]], failures: list[bool], sizes: tuple[int, ...]
) -> None:
    """Several threads hand over, the device fails now and then, and the engine is closed in the middle."""
    engine = BatchingEngine("fake:0", BatchSettings(sizes=sizes, most_waiting=8))
    device = FakeDevice()
    lane = engine.add(device, device.picture(0))
    device._failures = [DeviceError("now and then") for failure in failures if failure]
    tickets: list[tuple[int, Any]] = []

    def hand_over(part: list[tuple[int, float, bool]]) -> None:
        for mark, patience_s, background in part:
            tickets.append((mark, lane.submit(device.picture(mark), time.monotonic() + patience_s, background=background)))

    threads = [threading.Thread(target=hand_over, args=(rows[index::3],)) for index in range(3)]
    for thread in threads:
        thread.start()
    if len(rows) % 2:
        engine.close()
    for thread in threads:
        thread.join()
    engine.close()
    assert len(tickets) == len(rows)
    for mark, ticket in tickets:
        assert ticket.done
        try:
            assert int(ticket.result()[OUTPUT][0, 0]) == mark
        except DeviceError:
            continue


def test_the_clock_of_deadlines_is_the_engine_s(make: Callable[..., BatchingEngine]) -> None:
    clock, device = ShiftedClock(), FakeDevice()
    lane = make(clock=clock).add(device, device.picture(0))
    clock.ahead_s = 1e6
    with pytest.raises(DeviceLate):
        lane.submit(device.picture(0), until()).result()
    assert marks([lane.submit(device.picture(1), clock.monotonic_s() + SOON)]) == [1]


@pytest.mark.parametrize(
    ("latency", "sizes"),
    [
        (DeviceLatency(base_s=10.0, item_s=0.0, jitter=0.0), (1, 2, 4, 8, 16)),
        (DeviceLatency(base_s=4.0, item_s=3.0, jitter=0.0), (1, 2, 4, 8)),  # 7, 5, 4, 3.5 and 3.25 s a picture
        (DeviceLatency(base_s=0.0, item_s=5.0, jitter=0.0), (1,)),
    ],
)
def test_sizes_that_gain_too_little_are_not_used(
    make: Callable[..., BatchingEngine], latency: DeviceLatency, sizes: tuple[int, ...]
) -> None:
    clock = ShiftedClock()

    def passes(seconds: float) -> None:
        clock.ahead_s += seconds

    device = FakeDevice(latency, wait=passes)
    lane = make(least_gain=0.1, clock=clock).add(device, device.picture(0))
    assert lane.latency.sizes == sizes
    device = FakeDevice(latency, wait=passes)
    assert make(clock=clock).add(device, device.picture(0)).latency.sizes == (1, 2, 4, 8, 16), "nobody asked"
