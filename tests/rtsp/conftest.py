from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from panops.domain.clock import SystemClock
from panops.ingest.address import parse_address
from panops.ingest.camera_feed import CameraFeed
from panops.ingest.packet_ring import PacketRing
from panops.ingest.reader_choice import VARIABLE, reader_choice
from panops.ingest.rtsp import RtspSource
from panops.ingest.stagger import OpenStagger
from panops.testing.films import make_film
from panops.testing.rtsp_server import Mount, RtspServer, RtspServerUnavailable, find_interpreter


@pytest.fixture(scope="session", autouse=True)
def _gstreamer() -> None:
    try:
        find_interpreter()
    except RtspServerUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(params=["own", "ffmpeg"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who reads the cameras of a test: ourselves where we can, or always FFmpeg."""
    monkeypatch.setenv(VARIABLE, request.param)
    return str(request.param)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    reader_choice._until.clear()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s of H.264 at 10 frames/s, a keyframe each second."""
    return make_film(tmp_path_factory.mktemp("rtsp") / "film.mp4", count=20, gop=10)


@pytest.fixture(scope="session")
def server(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """One server for the tests that do not hurt theirs."""
    folder = tmp_path_factory.mktemp("rtsp")
    mounts = {
        "/h264": Mount(film),
        "/h265": Mount(make_film(folder / "h265.mp4", "libx265", count=20), "h265"),
        "/jpeg": Mount(make_film(folder / "jpeg.mkv", "mjpeg", count=20, pix_fmt="yuvj420p"), "jpeg"),
        "/private": Mount(film, user="me", password="p@ss/w:rd"),
    }
    with RtspServer(mounts) as running:
        yield running


@pytest.fixture
def make_feed() -> Iterator[Callable[..., CameraFeed]]:
    """Starts feeds; all of them are stopped in the end."""
    feeds: list[CameraFeed] = []
    stagger = OpenStagger(SystemClock(), spacing_s=0.02)

    def make(camera_id: str, url: str, transport: str = "tcp", on_packet: Callable[[str], None] = lambda _: None) -> CameraFeed:
        clock, address = SystemClock(), parse_address(url)

        def opener() -> RtspSource:
            return RtspSource(address, clock, transport=transport, open_s=5.0, stall_s=5.0)  # type: ignore[arg-type]  # tcp or udp

        feed = CameraFeed(camera_id, opener, PacketRing(5, 10**7), clock, on_packet, stagger)
        feeds.append(feed)
        feed.start()
        return feed

    yield make
    for feed in feeds:
        feed.stop()


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Poll a condition of real servers and sockets."""
    give_up = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up, f"{what}: not within {timeout_s} s"
        time.sleep(0.02)


class Belongings:
    """What this process holds now: threads, file descriptors, memory."""

    def __init__(self) -> None:
        gc.collect()
        process = psutil.Process()
        self.threads = threading.active_count()
        self.files = process.num_fds()
        self.rss_mb = process.memory_info().rss / 2**20
