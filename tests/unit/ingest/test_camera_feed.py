from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import SourceError, SourceStalled, SourceUnauthorized, SourceUnreachable
from panops.domain.packets import Packet
from panops.domain.protocols import Source
from panops.ingest.address import parse_address
from panops.ingest.camera_feed import CameraFeed, pause_s
from panops.ingest.file import FileSource
from panops.ingest.packet_ring import PacketRing
from panops.ingest.pending import PendingPackets
from panops.ingest.stagger import OpenStagger
from tests.unit.ingest.fakes import FakeClock, FakeSource, gops, packet


def _feed(sources: list[Source], clock: Clock | None = None, **settings: object) -> CameraFeed:
    """A feed over these sources, one a connection; when they run out it is told to stop, so that `_run` comes back."""
    clock = clock or FakeClock()
    feed: CameraFeed
    remaining = iter(sources)

    def open_source() -> Source:
        source = next(remaining, None)
        if source is None:
            feed.stop(0)
            return FakeSource([])
        return source

    feed = CameraFeed(
        "gate", open_source, PacketRing(60, 10**8), clock, lambda _: None, OpenStagger(clock, 0.0), jitter=lambda: 1.0, **settings
    )  # type: ignore[arg-type]  # the settings under test
    return feed


def test_packets_reach_ring_and_queue_and_the_end_is_told() -> None:
    source = FakeSource(gops(2, 5))
    told: list[str] = []
    feed = CameraFeed("gate", lambda: source, PacketRing(60, 10**8), FakeClock(), told.append, OpenStagger(FakeClock(), 0.0))
    feed._run()
    assert [item.pts_s for item in feed.take_pending()] == [number / 10 for number in range(10)]
    assert len(feed.ring) == 10
    assert told == ["gate"] * 10
    status = feed.status
    assert (status.state, status.packets, status.codec, status.size_wh, status.reconnects) == ("ended", 10, "h264", (160, 120), 0)
    assert status.keyframe_interval_s == pytest.approx(0.5)
    assert source.closed.is_set()


def test_each_connection_is_an_epoch_and_pauses_grow() -> None:
    clock = FakeClock()
    broken = SourceUnreachable("fake://camera ended the stream")
    feed = _feed([FakeSource([*gops(1, 3), broken]) for _ in range(4)], clock)
    feed._run()
    assert [item.epoch for item in feed.take_pending()] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert [pause for pause in clock.waits if pause > 0] == [0.5, 1.0, 2.0, 4.0]
    assert feed.status.reconnects == 3
    assert (feed.status.state, feed.status.message) == ("unreachable", "fake://camera ended the stream")


def test_a_healthy_minute_forgives() -> None:
    clock = FakeClock()
    broken = SourceStalled("fake://camera sent nothing")
    healthy = FakeSource([packet(0.0, key=True), lambda: clock.advance(61.0), broken])
    feed = _feed([FakeSource([broken]), FakeSource([broken]), FakeSource([broken]), healthy, FakeSource([broken])], clock)
    feed._run()
    assert [pause for pause in clock.waits if pause > 0] == [0.5, 1.0, 2.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("attempt", "error", "expected_s"),
    [
        (1, SourceUnreachable("x"), 0.5),
        (3, SourceUnreachable("x"), 2.0),
        (7, SourceUnreachable("x"), 30.0),
        (10_000, SourceUnreachable("x"), 30.0),
        (1, SourceUnauthorized("x"), 15.0),
        (9, SourceUnauthorized("x"), 30.0),
    ],
)
def test_pauses(attempt: int, error: SourceError, expected_s: float) -> None:
    assert pause_s(attempt, error, 1.0) == expected_s
    assert pause_s(attempt, error, 0.0) == pytest.approx(0.6 * expected_s)


def test_states_are_the_kinds_of_errors() -> None:
    feed = _feed([FakeSource([], open_error=SourceUnauthorized("fake://camera refuses"))])
    feed._run()
    assert (feed.status.state, feed.status.message) == ("unauthorized", "fake://camera refuses")
    assert feed.status.epoch == -1


def test_a_fault_in_a_plug_in_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        msg = "a bug"
        raise RuntimeError(msg)

    feed = _feed([FakeSource([packet(0.0, key=True), fail]), FakeSource(gops(1, 3))])
    feed._run()
    assert len(feed.take_pending()) == 4
    assert "the feed failed" in caplog.text


class _CannotClose(FakeSource):
    def close(self) -> None:
        msg = "a bug in a plug-in"
        raise RuntimeError(msg)


def test_a_source_that_cannot_be_closed_ends_neither_the_thread_nor_who_stops_it(caplog: pytest.LogCaptureFixture) -> None:
    feed = _feed([_CannotClose([*gops(1, 3), SourceStalled("x")]), FakeSource(gops(1, 3))])
    feed._run()
    assert len(feed.take_pending()) == 6
    assert "could not be closed" in caplog.text
    blocked = threading.Event()
    feed = _feed([_CannotClose([packet(0.0, key=True), lambda: blocked.wait(5) and None])], SystemClock())
    feed.start()
    while feed.status.state != "live":
        blocked.wait(0.01)
    threading.Timer(0.1, blocked.set).start()
    assert feed.stop(2.0)


def test_a_source_that_goes_on_to_another_stream_raises_the_epoch() -> None:
    source = FakeSource(gops(1, 3) + gops(1, 3, epoch=1, start_s=1.0))
    broken = FakeSource([*gops(1, 3), SourceStalled("x")])
    feed = _feed([broken, source])
    feed._run()
    assert [item.epoch for item in feed.take_pending()] == [0] * 3 + [1] * 3 + [2] * 3


def test_overflow_is_counted() -> None:
    feed = _feed([FakeSource(gops(10, 5))], pending=PendingPackets(max_packets=12))
    feed._run()
    assert feed.status.dropped == {"queue_full": 40}
    assert len(feed.ring) == 50


def test_silence_shows_before_the_source_says_so() -> None:
    clock = FakeClock()
    seen: list[tuple[str, str]] = []
    feed: CameraFeed

    def look() -> None:
        seen.append((feed.status.state, feed.status.message))
        clock.advance(12.0)
        seen.append((feed.status.state, feed.status.message))

    feed = _feed([FakeSource([packet(0.0, key=True), look])], clock, stall_s=10.0)
    feed._run()
    assert seen == [("live", ""), ("stalled", "fake://camera is connected, but sent nothing for 12 s")]


def test_stop_ends_a_blocked_read_at_once() -> None:
    class Blocked(FakeSource):
        def read(self) -> None:
            self.closed.wait(10)

    source = Blocked([])
    feed = _feed([source], SystemClock())
    threads = threading.active_count()
    feed.start()
    while not source.opened:
        pass
    assert feed.stop(2.0)
    assert feed.stop(2.0)
    assert threading.active_count() == threads
    assert source.closed.is_set()


@pytest.mark.parametrize("begin", [True, False])
def test_stop_during_a_pause_and_without_start(begin: bool) -> None:
    feed = CameraFeed(
        "gate", _unreachable, PacketRing(1, 1), SystemClock(), lambda _: None, OpenStagger(SystemClock(), 0.0), jitter=lambda: 1.0
    )
    if begin:
        feed.start()
        while feed.status.state == "starting":
            pass
    assert feed.stop(2.0)


def _unreachable() -> Source:
    return FakeSource([], open_error=SourceUnreachable("fake://camera is off"))


def test_a_real_film_as_a_camera(film: Path) -> None:
    came = threading.Event()
    address = parse_address(str(film))
    opener: Callable[[], Source] = lambda: FileSource(address, SystemClock(), loop=True)  # noqa: E731  # typed
    feed = CameraFeed("gate", opener, PacketRing(10, 10**7), SystemClock(), lambda _: came.set())
    feed.start()
    assert came.wait(5.0)
    assert feed.status.state == "live"
    assert feed.info is not None
    assert feed.info.codec == "h264"
    assert feed.stop(2.0)


class PushingSource(FakeSource):
    """Hands its script over on a thread of its own, as RTSP sources do."""

    cpu_s = 0.25
    lost = 3

    def push(self, take: Callable[[Packet], None]) -> None:
        failures: list[SourceError] = []

        def run() -> None:
            try:
                for item in iter(self.read, None):
                    take(item)
            except SourceError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]


def test_a_source_may_hand_its_packets_over_by_itself() -> None:
    told: list[str] = []
    broken = SourceUnreachable("fake://camera ended the stream")
    sources = iter([PushingSource([*gops(1, 3), broken]), PushingSource(gops(2, 5, epoch=1))])
    feed: CameraFeed

    def open_source() -> Source:
        source = next(sources, None)
        if source is None:
            feed.stop(0)
        return source or FakeSource([])

    feed = CameraFeed("gate", open_source, PacketRing(60, 10**8), FakeClock(), told.append, OpenStagger(FakeClock(), 0.0))
    feed._run()
    assert [item.epoch for item in feed.take_pending()] == [0] * 3 + [2] * 10
    assert told == ["gate"] * 13
    status = feed.status
    assert (status.packets, status.reconnects, status.state) == (13, 1, "live")
    assert status.keyframe_interval_s == pytest.approx(0.5)
    assert status.dropped == {"lost": 6}
    assert status.cpu_s == feed.cpu_s >= 0.5


def test_a_quiet_feed_keeps_everything_for_the_ring_only() -> None:
    feed: CameraFeed
    source = PushingSource(gops(3, 5))
    feed = CameraFeed("gate", lambda: source, PacketRing(60, 10**8), FakeClock(), lambda _: None, OpenStagger(FakeClock(), 0.0))
    feed.quiet = True
    feed._connect_and_read()
    assert [item.is_keyframe for item in feed.take_pending()] == [True] * 3
    assert len(feed.ring) == 15


def test_the_ring_has_a_packet_before_the_queue_and_the_queue_before_anybody_is_told() -> None:
    seen: list[tuple[int, int]] = []
    feed: CameraFeed
    pending = PendingPackets()
    feed = CameraFeed(
        "gate", lambda: PushingSource(gops(1, 3)), PacketRing(60, 10**8), FakeClock(),
        lambda _: seen.append((len(feed.ring), len(pending))), OpenStagger(FakeClock(), 0.0), pending=pending,
    )  # fmt: skip
    feed._connect_and_read()
    assert seen == [(1, 1), (2, 2), (3, 3)]
