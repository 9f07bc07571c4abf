"""What it costs to receive RTSP cameras: our own reader against FFmpeg's, in turns, from the light server of `panops.testing`.

Run it as `python -m benchmarks.demux`. CPU time of this process is counted, the server's is not; nothing is decoded. Ratios hold on a noisy
machine; single figures hold for the machine they name.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import describe
from panops.domain.clock import SystemClock
from panops.domain.protocols import Source
from panops.ingest.address import Address, parse_address
from panops.ingest.camera_feed import CameraFeed
from panops.ingest.packet_ring import PacketRing
from panops.ingest.rtsp import RtspSource
from panops.ingest.rtsp_ffmpeg import FfmpegRtspSource
from panops.ingest.stagger import OpenStagger
from panops.testing.films import make_film
from panops.testing.load_cameras import LoadCamera, LoadCameras

_SIZE_WH = (640, 360)
_FILM_S = 12
_RING_S, _RING_BYTES = 10.0, 8_000_000
READERS: dict[str, type[RtspSource] | type[FfmpegRtspSource]] = {"own": RtspSource, "ffmpeg": FfmpegRtspSource}


@dataclass(frozen=True, slots=True)
class Turn:
    """One reader, one load.

    Attributes:
        cpu_ms_a_picture: CPU time of the process, user and system.
        cpu_ms_a_camera_second: The same.
        system_share: How much of it is the kernel's, 0..1.
        switches_a_picture: How often a thread of the process went to sleep.
        received_share: Pictures received of those due, 0..1.
        threads: Threads of the process.
    """

    reader: str
    cameras: int
    rate_fps: float
    cpu_ms_a_picture: float
    cpu_ms_a_camera_second: float
    system_share: float
    switches_a_picture: float
    received_share: float
    threads: int


def measure(reader: str, urls: list[str], rate_fps: float, seconds: float) -> Turn:
    """Receive cameras for a while.

    Args:
        reader: A key of `READERS`.
        urls: The cameras.
        rate_fps: What each of them sends.
        seconds: How long to count, once all are live.
    """
    clock = SystemClock()
    stagger = OpenStagger(clock, spacing_s=0.02)
    feeds = [
        CameraFeed(url, _opener(reader, parse_address(url), clock), PacketRing(_RING_S, _RING_BYTES), clock, _nothing, stagger)
        for url in urls
    ]
    with ExitStack() as stack:
        for feed in feeds:
            feed.start()
            stack.callback(feed.stop)
        give_up_s = time.monotonic() + 60 + len(urls)
        while any(feed.status.packets < 2 * rate_fps for feed in feeds):
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"not all cameras came up: {[feed.status.message for feed in feeds if feed.status.message]}")
            time.sleep(0.1)
        before, usage, began_s = _packets(feeds), resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        while time.monotonic() - began_s < seconds:
            time.sleep(1.0)
            for feed in feeds:
                feed.take_pending()
        after, used, took_s = _packets(feeds), resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began_s
        threads = threading.active_count()
    pictures, system_s = after - before, used.ru_stime - usage.ru_stime
    cpu_s = used.ru_utime - usage.ru_utime + system_s
    return Turn(
        reader,
        len(urls),
        rate_fps,
        cpu_ms_a_picture=round(1000 * cpu_s / pictures, 4),
        cpu_ms_a_camera_second=round(1000 * cpu_s / took_s / len(urls), 3),
        system_share=round(system_s / cpu_s, 3),
        switches_a_picture=round((used.ru_nvcsw - usage.ru_nvcsw) / pictures, 3),
        received_share=round(pictures / (rate_fps * took_s * len(urls)), 4),
        threads=threads,
    )


def compare(rates_fps: list[float], counts: list[int], seconds: float, rounds: int, kbits: float) -> dict[str, object]:
    """All loads, both readers in turns.

    Args:
        rates_fps: Pictures a second.
        counts: Cameras.
        seconds: How long each turn counts.
        rounds: Turns of each reader; medians are told.
        kbits: Size of the stream at 15 pictures/s, kbit/s.
    """
    turns: list[Turn] = []
    with tempfile.TemporaryDirectory() as folder:
        film = _film(Path(folder), kbits)
        for rate_fps in rates_fps:
            for count in counts:
                cameras = [LoadCamera(f"/cam-{number}", film, rate_fps, 0.37 * number) for number in range(count)]
                with LoadCameras(cameras) as server:
                    urls = [server.url(camera.path) for camera in cameras]
                    for _ in range(rounds):
                        for reader in READERS:
                            turns.append(measure(reader, urls, rate_fps, seconds))
                            print(turns[-1], file=sys.stderr, flush=True)
        size_bytes = film.stat().st_size
    return {
        "machine": describe(),
        "film": {"size_wh": _SIZE_WH, "bytes_a_picture": round(size_bytes / (15 * _FILM_S))},
        "seconds": seconds,
        "median": [_middle(turns, reader, count, rate) for rate in rates_fps for count in counts for reader in READERS],
        "turns": [asdict(turn) for turn in turns],
    }


def _middle(turns: list[Turn], reader: str, count: int, rate_fps: float) -> dict[str, object]:
    mine = [turn for turn in turns if (turn.reader, turn.cameras, turn.rate_fps) == (reader, count, rate_fps)]
    figures = ("cpu_ms_a_picture", "cpu_ms_a_camera_second", "switches_a_picture", "received_share")
    return {
        "reader": reader,
        "cameras": count,
        "rate_fps": rate_fps,
        "threads": mine[0].threads,
        **{figure: round(median(getattr(turn, figure) for turn in mine), 4) for figure in figures},
    }


def _film(folder: Path, kbits: float) -> Path:
    """12 s at 15 pictures/s, a keyframe every 2 s, without B-frames, as cameras encode."""
    bits = {"b": f"{kbits}k", "maxrate": f"{kbits}k", "bufsize": f"{2 * kbits}k"}
    options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": "scenecut=0:sliced-threads=0:threads=1", **bits}
    return make_film(folder / "film.mp4", count=15 * _FILM_S, rate_fps=15, gop=30, size_wh=_SIZE_WH, options=options, noise=24)


def _opener(reader: str, address: Address, clock: SystemClock) -> Callable[[], Source]:
    return lambda: READERS[reader](address, clock)


def _packets(feeds: list[CameraFeed]) -> int:
    return sum(feed.status.packets for feed in feeds)


def _nothing(camera_id: str) -> None:
    del camera_id


def main() -> int:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=[5.0, 15.0])
    parser.add_argument("--cameras", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kbits", type=float, default=400.0)
    given = parser.parse_args()
    json.dump(compare(given.rates, given.cameras, given.seconds, given.rounds, given.kbits), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
