"""One thread for all: nobody waits for a camera that floods, hangs its consumer, or fails."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from panops.domain.errors import SourceCorrupt, SourceError
from panops.ingest.reactor import Reactor


class Flow:
    """Reads a socket pair; does what a test says."""

    def __init__(self, on_data: Callable[[bytes], None] = lambda _: None, on_tick: Callable[[], None] = lambda: None) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.cpu_s = 0.0
        self.got = b""
        self.turns = 0
        self.ended = threading.Event()
        self.failure: SourceError | None = None
        self._on_data, self._on_tick = on_data, on_tick

    def fileno(self) -> int:
        return self.near.fileno()

    def receive(self, room: memoryview) -> bool:
        count = self.near.recv_into(room[:65536])
        self.turns += 1
        data = bytes(room[:count])
        self.got += data[:100]
        self._on_data(data)
        return count == 65536

    def tick(self, now_s: float) -> None:
        del now_s
        self._on_tick()

    def finish(self, failure: SourceError | None) -> None:
        self.failure = failure
        self.near.close()
        self.ended.set()


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    one = Reactor(pace_s=0.001, tick_s=0.05)
    yield one
    give_up_s = time.monotonic() + 5
    while one._waker is not None:
        assert time.monotonic() < give_up_s
        time.sleep(0.01)


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up_s
        time.sleep(0.002)


def fail(error: Exception) -> None:
    raise error


def test_it_reads_accounts_and_ends_with_its_last_flow(reactor: Reactor) -> None:
    before = threading.active_count(), psutil.Process().num_fds()
    flows = [Flow() for _ in range(5)]
    for flow in flows:
        reactor.add(flow)
        flow.far.sendall(b"hello")
    wait_until(lambda: all(flow.got == b"hello" for flow in flows))
    assert len(reactor) == 5
    assert threading.active_count() == before[0] + 1
    for _ in range(200):
        flows[0].far.sendall(bytes(60_000))
    wait_until(lambda: flows[0].cpu_s > 0)
    assert all(flow.cpu_s < flows[0].cpu_s for flow in flows[1:])
    for flow in flows:
        reactor.remove(flow)
        reactor.remove(flow)
        assert flow.ended.wait(5)
        assert flow.failure is None
        flow.far.close()
    wait_until(lambda: (threading.active_count(), psutil.Process().num_fds()) == before)
    # And begins again when there is something to do.
    again = Flow()
    reactor.add(again)
    again.far.sendall(b"x")
    wait_until(lambda: again.got == b"x")
    reactor.remove(again)
    assert again.ended.wait(5)
    again.far.close()


def test_one_that_fails_or_ends_is_alone(reactor: Reactor, caplog: pytest.LogCaptureFixture) -> None:
    calm = Flow()
    corrupt = Flow(lambda _: fail(SourceCorrupt("a wrong length")))
    buggy = Flow(lambda _: fail(RuntimeError("a bug in a consumer")))
    stalled = Flow(on_tick=lambda: fail(SourceError("too quiet")))
    for flow in (calm, corrupt, buggy, stalled):
        reactor.add(flow)
    for flow in (corrupt, buggy):
        flow.far.sendall(b"x")
    for flow in (corrupt, buggy, stalled):
        assert flow.ended.wait(5)
        flow.far.close()
    assert (str(corrupt.failure), str(stalled.failure)) == ("a wrong length", "too quiet")
    assert "RuntimeError" in str(buggy.failure)
    assert "a bug" not in str(buggy.failure)
    assert "a bug in a consumer" in caplog.text
    calm.far.sendall(b"still here")
    wait_until(lambda: calm.got == b"still here")
    reactor.remove(calm)
    assert calm.ended.wait(5)
    calm.far.close()


def test_a_flood_does_not_starve_the_others(reactor: Reactor) -> None:
    flood, calm, stop = Flow(), Flow(), threading.Event()
    reactor.add(flood)
    reactor.add(calm)

    def pour() -> None:
        flood.far.settimeout(1.0)
        while not stop.is_set():
            flood.far.sendall(bytes(65536))

    pouring = threading.Thread(target=pour)
    pouring.start()
    wait_until(lambda: flood.turns > 20)
    waits = []
    for number in range(20):
        began_s = time.monotonic()
        calm.far.sendall(bytes([number]))
        wait_until(lambda number=number: len(calm.got) > number)
        waits.append(time.monotonic() - began_s)
    stop.set()
    pouring.join()
    assert sorted(waits)[10] < 0.2
    for flow in (flood, calm):
        reactor.remove(flow)
        assert flow.ended.wait(5)
        flow.far.close()


def test_a_connection_that_is_closed_already(reactor: Reactor) -> None:
    flow = Flow()
    flow.near.close()
    reactor.add(flow)
    assert flow.ended.wait(5)
    assert "closed before" in str(flow.failure)
    flow.far.close()


def test_orders_from_many_threads(reactor: Reactor) -> None:
    before = psutil.Process().num_fds()

    def come_and_go() -> None:
        for _ in range(30):
            flow = Flow()
            reactor.add(flow)
            flow.far.sendall(b"x")
            reactor.remove(flow)
            assert flow.ended.wait(10)
            flow.far.close()

    threads = [threading.Thread(target=come_and_go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: psutil.Process().num_fds() == before)
    assert len(reactor) == 0


def test_should_the_reactor_itself_fail_its_cameras_are_told(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flows = [Flow(), Flow()]
    for flow in flows:
        reactor.add(flow)
    wait_until(lambda: len(reactor) == 2)
    monkeypatch.setattr("panops.ingest.reactor._account", lambda *_: fail(RuntimeError("no more")))
    flows[0].far.sendall(b"x")
    for flow in flows:
        assert flow.ended.wait(5)
        assert "reading failed" in str(flow.failure)
        flow.far.close()
    assert "the RTSP reactor failed" in caplog.text
    monkeypatch.undo()
    again = Flow()
    reactor.add(again)
    reactor.remove(again)
    assert again.ended.wait(5)
    again.far.close()


def test_it_rests_as_long_as_it_computes(reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(_: bytes) -> None:
        end_s = time.thread_time() + 0.03
        while time.thread_time() < end_s:
            pass

    def sleep(rest: float) -> None:
        if threading.current_thread().name == "rtsp-reactor":
            rests.append(rest)
        real_sleep(rest)

    rests: list[float] = []
    real_sleep = time.sleep
    flow = Flow(compute)
    reactor.add(flow)
    wait_until(lambda: len(reactor) == 1)
    monkeypatch.setattr("panops.ingest.reactor.time.sleep", sleep)
    flow.far.sendall(b"x")
    wait_until(lambda: any(rest >= 0.03 for rest in rests))
    reactor.remove(flow)
    assert flow.ended.wait(5)
    flow.far.close()


@pytest.mark.parametrize("missing", ["selectors.DefaultSelector", "socket.socketpair", "threading.Thread.start"])
def test_where_it_cannot_start_the_flow_is_told_and_the_next_one_is_read(
    missing: str, reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = psutil.Process().num_fds()
    flows = [Flow(), Flow()]

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread") if "Thread" in missing else OSError(24, "Too many open files")

    monkeypatch.setattr(f"panops.ingest.reactor.{missing}", refuse)
    for flow in flows:
        reactor.add(flow)
        assert flow.ended.wait(1)
        assert "cannot start" in str(flow.failure)
        flow.far.close()
    monkeypatch.undo()
    assert psutil.Process().num_fds() == before
    again = Flow()
    reactor.add(again)
    again.far.sendall(b"x")
    wait_until(lambda: again.got == b"x")
    reactor.remove(again)
    assert again.ended.wait(5)
    again.far.close()
