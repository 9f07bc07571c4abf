"""Many cameras over real RTSP: nobody suffers from what happens to a neighbour, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from panops.domain.packets import Packet
from panops.ingest.camera_feed import CameraFeed
from panops.testing.rtsp_server import Mount, RtspServer
from tests.rtsp.conftest import Belongings, wait_until

pytestmark = pytest.mark.rtsp

MakeFeed = Callable[..., CameraFeed]


Times = list[tuple[int, float]]


def _times(packets: list[Packet]) -> Times:
    """Epoch and presentation time, s, of each packet; the packets themselves are let go, as the product does."""
    return [(packet.epoch, packet.pts_s) for packet in packets]


def _missing(times: Times, rate_fps: float = 10.0) -> int:
    """Pictures that are missing between the first and the last one of each epoch."""
    missing = 0
    for epoch in {epoch for epoch, _ in times}:
        steps = np.diff([pts_s for of_epoch, pts_s in times if of_epoch == epoch]) * rate_fps
        missing += int(np.maximum(np.round(steps) - 1, 0).sum())
    return missing


@pytest.mark.usefixtures("reader")
def test_a_killed_server_comes_back_and_so_do_its_cameras(film: Path, make_feed: MakeFeed) -> None:
    with RtspServer({"/cam": Mount(film)}) as server:
        feed = make_feed("gate", server.url("/cam"))
        wait_until(lambda: feed.status.packets > 5, 10, "first packets")
        first = feed.status
        server.kill()
        wait_until(lambda: feed.status.state == "unreachable", 10, "the loss is told")
        assert "refused" in feed.status.message or "broke" in feed.status.message or "ended" in feed.status.message
        server.start()
        wait_until(lambda: feed.status.state == "live" and feed.status.packets > first.packets + 5, 20, "packets again")
        again = feed.status
        packets = feed.take_pending()
    assert (first.epoch, again.epoch > 0, again.reconnects > 0) == (0, True, True)
    assert next(packet for packet in packets if packet.epoch == again.epoch).is_keyframe
    assert {packet.epoch for packet in packets} >= {0, again.epoch}


@pytest.mark.usefixtures("reader")
def test_a_camera_comes_and_goes_while_the_others_run(server: RtspServer, make_feed: MakeFeed) -> None:
    neighbours = [make_feed(f"n{number}", server.url("/h264")) for number in range(4)]
    wait_until(lambda: all(feed.status.packets > 3 for feed in neighbours), 15, "neighbours live")
    before = Belongings()
    for number in range(4):
        feed = make_feed(f"guest{number}", server.url("/h265" if number % 2 else "/h264"), "udp" if number > 1 else "tcp")
        wait_until(lambda feed=feed: feed.status.packets > 3, 10, "guest live")
        assert feed.stop(3.0)
    after = Belongings()
    for feed in neighbours:
        times = _times(feed.take_pending())
        assert feed.stop(3.0)
        assert len(times) > 10
        assert _missing(times) == 0
        assert feed.status.reconnects == 0
    assert (after.threads, after.files) == (before.threads, before.files)


@pytest.mark.usefixtures("reader")
def test_a_removed_camera_does_not_hang_on_a_dead_address(make_feed: MakeFeed) -> None:
    # 192.0.2.0/24 is reserved for documents: nothing answers there.
    feed = make_feed("dead", "rtsp://192.0.2.1/x")
    time.sleep(0.3)
    began = time.monotonic()
    assert feed.stop(3.0)
    assert time.monotonic() - began < 1.0


def _run_many(count: int, seconds: float, server: RtspServer, make_feed: MakeFeed) -> None:
    """`count` cameras; one of them is cut every now and then; nobody else loses a picture."""
    # As many threads as later: what each thread's first use takes for good (memory arenas) is not what this test looks for.
    warm_up = [make_feed(f"warm-up{number}", server.url("/h264"), "udp" if number % 10 == 9 else "tcp") for number in range(count)]
    wait_until(lambda: all(feed.status.packets > 10 for feed in warm_up), 20, "warm-up")
    for feed in warm_up:
        assert feed.stop(3.0)
        feed.take_pending()
        feed.ring.clear()
    before = Belongings()
    feeds = [make_feed(f"cam{number}", server.url("/h264"), "udp" if number % 10 == 9 else "tcp") for number in range(count)]
    taken: dict[str, Times] = {feed.camera_id: [] for feed in feeds}
    guest, end = None, time.monotonic() + seconds
    while time.monotonic() < end:
        for feed in feeds:
            taken[feed.camera_id] += _times(feed.take_pending())
        if guest is None:
            guest = make_feed("guest", server.url("/h265"))
        elif guest.status.packets > 10:
            assert guest.stop(3.0)
            guest = None
        time.sleep(0.1)
    if guest is not None:
        assert guest.stop(3.0)
    states = {feed.status.state for feed in feeds}
    for feed in feeds:
        assert feed.stop(3.0)
        taken[feed.camera_id] += _times(feed.take_pending())
    assert states == {"live"}
    for feed in feeds:
        times = taken[feed.camera_id]
        assert feed.status.reconnects == 0
        assert not feed.status.dropped, feed.status.dropped
        assert _missing(times) == 0
        assert len(times) > (seconds - 6) * 10, feed.camera_id
        feed.ring.clear()
    after = Belongings()
    assert (after.threads, after.files) == (before.threads, before.files)
    assert after.rss_mb - before.rss_mb < 20


def test_twenty_cameras_for_a_while(server: RtspServer, make_feed: MakeFeed) -> None:
    _run_many(20, 20.0, server, make_feed)


@pytest.mark.slow
def test_twenty_cameras_for_a_minute(server: RtspServer, make_feed: MakeFeed) -> None:
    _run_many(20, 60.0, server, make_feed)


@pytest.mark.slow
@pytest.mark.usefixtures("reader")
def test_memory_does_not_grow_with_reconnects(server: RtspServer, make_feed: MakeFeed) -> None:
    def connect(count: int) -> None:
        for number in range(count):
            feed = make_feed(f"cam{number}", server.url("/h264"))
            wait_until(lambda feed=feed: feed.status.packets > 0, 10, "live")
            assert feed.stop(3.0)

    connect(10)
    before = Belongings()
    connect(40)
    after = Belongings()
    assert (after.threads, after.files) == (before.threads, before.files)
    assert after.rss_mb - before.rss_mb < 8
