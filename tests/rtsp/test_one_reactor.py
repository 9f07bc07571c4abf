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


def _belongings() -> Belongings:
    """What is held, without what the C library keeps for later: the product gives it back twice a minute."""
    gc.collect()
    FreedMemory(0.0).give_back(SystemClock())
    return Belongings()


def test_fifty_cameras_and_their_neighbours_troubles(server: LoadCameras, film: Path, make_feed: MakeFeed) -> None:
    # Everything once beforehand: what first use takes for good is not what this test looks for.
    with ScriptedCamera(description(film_pictures(film)), flood(film)) as flooding:
        warm_up = [make_feed(f"warm-up{number}", server.url(f"/cam-{number}")) for number in range(COUNT)]
        warm_up.append(make_feed("flood", flooding.url()))
        wait_until(lambda: all(feed.status.packets > 2 for feed in warm_up) and warm_up[-1].status.packets > 5000, 30, "warm-up")
        for feed in warm_up:
            assert feed.stop(3.0)
            feed.take_pending()
            feed.ring.clear()
    wait_until(lambda: len(reactor) == 0, 5, "nothing is read")
    before = _belongings()
    with ScriptedCamera(description(film_pictures(film)), flood(film)) as flooding:
        feeds = [make_feed(f"cam{number}", server.url(f"/cam-{number}")) for number in range(COUNT)]
        wait_until(lambda: all(feed.status.packets > 2 for feed in feeds), 30, "all are live")
        assert sum(thread.name == "rtsp-reactor" for thread in threading.enumerate()) == 1
        wait_until(lambda: len(reactor) == COUNT, 5, "all are read by it")
        cut, silent, *calm = feeds
        taken: dict[str, list[tuple[float, float]]] = {feed.camera_id: [] for feed in calm}

        def wait(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
            """Wait, and take the packets in the meantime as the product does."""

            def look() -> bool:
                for feed in calm:
                    taken[feed.camera_id] += [(packet.pts_s, packet.captured_at_s) for packet in feed.take_pending()]
                return condition()

            wait_until(look, timeout_s, what)

        guest = make_feed("flood", flooding.url())
        wait(lambda: guest.status.packets > 100, 10, "it floods")
        server.set_mode("/cam-0", "refuse")
        server.set_mode("/cam-1", "stall")
        wait(lambda: cut.status.state == "unreachable", 10, "the cut is told")
        wait(lambda: silent.status.state == "stalled", 15, "the silence is told")
        server.set_mode("/cam-0", "play")
        server.set_mode("/cam-1", "play")
        wait(lambda: {cut.status.state, silent.status.state} == {"live"}, 20, "both are back")
        assert guest.stop(3.0)
        assert {feed.status.state for feed in calm} == {"live"}
        began_s = time.monotonic()
        for feed in feeds:
            assert feed.stop(3.0)
        assert time.monotonic() - began_s < 10.0
    for feed in calm:
        times = np.array(taken[feed.camera_id])
        assert feed.status.reconnects == 0
        assert not feed.status.dropped, feed.status.dropped
        assert feed.cpu_s > 0
        assert len(times) > 50
        shown, captured = (np.diff(column) * RATE_FPS for column in times.T)
        assert shown == pytest.approx(np.ones(len(shown)), abs=0.05), feed.camera_id
        assert captured == pytest.approx(np.ones(len(shown)), abs=0.5), feed.camera_id
        feed.take_pending()
        feed.ring.clear()
    for feed in (cut, silent, guest):
        feed.take_pending()
        feed.ring.clear()
    wait_until(lambda: len(reactor) == 0, 5, "nothing is read")
    after = _belongings()
    assert (after.threads, after.files) == (before.threads, before.files)
    assert after.rss_mb - before.rss_mb < 20
