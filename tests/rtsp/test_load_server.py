"""The load server is a camera to FFmpeg: every picture arrives, bit by bit, in time; its modes do what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from panops.ingest.camera_feed import CameraFeed
from panops.testing.load_cameras import LoadCamera, LoadCameras, LoadServerFailed
from tests.rtsp.conftest import wait_until

pytestmark = pytest.mark.rtsp

MakeFeed = Callable[..., CameraFeed]
RATE_FPS = 20.0


@pytest.fixture
def server(film: Path) -> Iterator[LoadCameras]:
    with LoadCameras([LoadCamera(f"/cam-{number}", film, RATE_FPS, 0.7 * number) for number in range(3)]) as running:
        yield running


def test_its_pictures_are_the_films(server: LoadCameras, film: Path) -> None:
    with av.open(str(film)) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    with av.open(server.url("/cam-1"), options={"rtsp_transport": "tcp"}, timeout=5.0) as camera:
        assert camera.streams.video[0].codec_context.name == "h264"
        received = [frame.to_ndarray(format="gray") for frame, _ in zip(camera.decode(video=0), range(30), strict=False)]
    first = next(number for number, picture in enumerate(shown) if np.array_equal(picture, received[0]))
    assert all(np.array_equal(picture, shown[(first + number) % len(shown)]) for number, picture in enumerate(received))


def test_it_counts_what_it_offers(server: LoadCameras, make_feed: MakeFeed) -> None:
    feed = make_feed("gate", server.url("/cam-0"))
    wait_until(lambda: feed.status.packets >= 40, 10, "pictures")
    assert feed.stop(3.0)
    offered = server.counts()["/cam-0"]
    packets = feed.take_pending()
    assert (offered.unsent, offered.due) == (0, offered.sent)
    assert offered.sent - 3 <= feed.status.packets <= offered.sent
    steps = np.diff([packet.pts_s for packet in packets])
    assert np.allclose(steps, 1 / RATE_FPS, atol=2e-3)
    wait_until(lambda: server.counts()["/cam-0"].viewers == 0, 5, "the viewer is gone")


def test_modes(server: LoadCameras, make_feed: MakeFeed) -> None:
    feed = make_feed("gate", server.url("/cam-2"))
    wait_until(lambda: feed.status.packets > 5, 10, "live")
    server.set_mode("/cam-2", "stall")
    time.sleep(0.3)
    before = feed.status.packets
    time.sleep(0.5)
    assert feed.status.packets == before
    assert feed.status.state == "live"
    server.set_mode("/cam-2", "refuse")
    wait_until(lambda: feed.status.state == "unreachable", 10, "it is cut off")
    server.set_mode("/cam-2", "play")
    wait_until(lambda: feed.status.state == "live" and feed.status.packets > before + 5, 15, "it is back")
    feed.take_pending()
    server.set_mode("/cam-2", "freeze")
    wait_until(lambda: len(feed._pending) > 4 * RATE_FPS, 10, "several rounds of the same group")
    sizes = [packet.size_bytes for packet in feed.take_pending()][-int(3 * RATE_FPS) :]
    period = next(step for step in range(1, len(sizes)) if sizes[step:] == sizes[:-step])
    assert period <= 2 * RATE_FPS


def test_faults_are_sentences(tmp_path: Path, film: Path) -> None:
    with pytest.raises(LoadServerFailed, match=r"did not start: .*missing\.mp4"):
        LoadCameras([LoadCamera("/x", tmp_path / "missing.mp4", 5.0)]).start()
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(LoadServerFailed, match="did not start"):
        LoadCameras([LoadCamera("/x", tmp_path / "text.mp4", 5.0)]).start()
    with LoadCameras([LoadCamera("/x", film, 5.0)]) as first, pytest.raises(LoadServerFailed, match="in use"):
        LoadCameras([LoadCamera("/x", film, 5.0)], port=first.port).start()
