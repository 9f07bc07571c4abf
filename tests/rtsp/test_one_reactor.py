"""Fifty cameras on the one thread that reads them all: one is cut off, one falls silent, one floods, and nobody else loses a picture."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from panops.domain.clock import SystemClock
from panops.domain.packets import Packet
from panops.ingest.camera_feed import CameraFeed
from panops.ingest.memory import FreedMemory
from panops.ingest.reactor import reactor
from panops.testing.load_cameras import LoadCamera, LoadCameras
from tests.rtsp.conftest import Belongings, wait_until
from tests.unit.ingest.rtp_streams import Picture, ScriptedCamera, description, film_pictures, interleaved, packets_of

pytestmark = pytest.mark.rtsp

MakeFeed = Callable[..., CameraFeed]
COUNT, RATE_FPS = 50, 10.0


@pytest.fixture(scope="module")
def server(film: Path) -> Iterator[LoadCameras]:
    with LoadCameras([LoadCamera(f"/cam-{number}", film, RATE_FPS, 0.37 * number) for number in range(COUNT)]) as running:
        yield running


def flood(film: Path) -> Callable[[socket.socket], None]:
    """A camera that sends as much as it can for as long as somebody reads."""
    pictures = film_pictures(film)

    def play(sock: socket.socket) -> None:
        number = sequence = 0
        while True:
            picture = pictures[number % len(pictures)]
            packets = packets_of([Picture(picture.units, number * 9000, picture.is_keyframe)], first=sequence)
            sequence, number = sequence + len(packets), number + 1
            sock.sendall(b"".join(map(interleaved, packets)))

    return play


def _steps(packets: list[Packet]) -> np.ndarray:
    """Distances between the pictures, in pictures."""
    return np.diff([packet.pts_s for packet in packets]) * RATE_FPS


def test_fifty_cameras_and_their_neighbours_troubles(server: LoadCameras, film: Path, make_feed: MakeFeed) -> None:
    with ScriptedCamera(description(film_pictures(film)), flood(film)) as flooding:
        warm_up = [make_feed(f"warm-up{number}", server.url(f"/cam-{number}")) for number in range(COUNT)]
        wait_until(lambda: all(feed.status.packets > 2 for feed in warm_up), 30, "warm-up")
        for feed in warm_up:
            assert feed.stop(3.0)
            feed.take_pending()
            feed.ring.clear()
        wait_until(lambda: len(reactor) == 0, 5, "nothing is read")
        before = Belongings()
        feeds = [make_feed(f"cam{number}", server.url(f"/cam-{number}")) for number in range(COUNT)]
        wait_until(lambda: all(feed.status.packets > 2 for feed in feeds), 30, "all are live")
        assert sum(thread.name == "rtsp-reactor" for thread in threading.enumerate()) == 1
        wait_until(lambda: len(reactor) == COUNT, 5, "all are read on the one thread")  # after the pictures of their opening
        cut, silent, *calm = feeds
        taken: dict[str, list[Packet]] = {feed.camera_id: [] for feed in calm}

        def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
            """Wait, and take the packets meanwhile as a decode worker does: a queue holds ten seconds."""

            def look() -> bool:
                for feed in calm:
                    taken[feed.camera_id] += feed.take_pending()
                return condition()

            wait_until(look, seconds, what)

        guest = make_feed("flood", flooding.url())
        until(lambda: guest.status.packets > 100, 10, "it floods")
        server.set_mode("/cam-0", "refuse")
        server.set_mode("/cam-1", "stall")
        until(lambda: cut.status.state == "unreachable", 10, "the cut is told")
        until(lambda: silent.status.state == "stalled", 15, "the silence is told")
        server.set_mode("/cam-0", "play")
        server.set_mode("/cam-1", "play")
        until(lambda: {cut.status.state, silent.status.state} == {"live"}, 20, "both are back")
        assert guest.stop(3.0)
        states = {feed.status.state for feed in calm}
        until(lambda: True, 1, "the rest of the packets")
        spent_s = [feed.cpu_s for feed in calm]
        began_s = time.monotonic()
        for feed in feeds:
            assert feed.stop(3.0)
        assert time.monotonic() - began_s < 10.0
    assert states == {"live"}
    assert all(cpu_s > 0 for cpu_s in spent_s)
    for feed in calm:
        packets = taken[feed.camera_id]
        assert feed.status.reconnects == 0
        assert not feed.status.dropped, feed.status.dropped
        assert len(packets) > 50
        assert _steps(packets) == pytest.approx(np.ones(len(packets) - 1), abs=0.05), feed.camera_id
        captured = np.array([packet.captured_at_s for packet in packets])
        assert np.abs(np.diff(captured) - 1 / RATE_FPS).max() < 0.5 / RATE_FPS
        feed.ring.clear()
    taken.clear()
    del packets
    for feed in (cut, silent, guest):
        feed.take_pending()
        feed.ring.clear()
    wait_until(lambda: len(reactor) == 0, 5, "nothing is read")
    FreedMemory(spacing_s=0.0).give_back(SystemClock())  # what the kept packets took, too
    after = Belongings()
    # The reactor's own thread and descriptor may have gone by then, or may not.
    assert after.threads <= before.threads
    assert after.files <= before.files
    assert after.rss_mb - before.rss_mb < 20


def test_a_connection_that_ended_leaves_nothing_that_only_a_search_would_find(film: Path, make_feed: MakeFeed) -> None:
    """Decoders hold memory that Python does not see, so cycles around them would wait for a collection for half an hour."""
    with LoadCameras([LoadCamera("/cam", film, RATE_FPS)]) as server:

        def once() -> None:
            feed = make_feed("cam", server.url("/cam"))
            wait_until(lambda: feed.status.packets > 3, 10, "it is live")
            assert feed.stop(3.0)

        once()
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            once()
            gc.collect()
            left = [type(item).__qualname__ for item in gc.garbage if type(item).__module__.startswith(("panops", "av"))]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert left == []
