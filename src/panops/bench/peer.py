"""The peer's side of a comparison: starts `peer_loop` on the same cameras and counts in the same way as for the product."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from panops.bench.film_shape import FilmShape
from panops.bench.film_shelf import Film
from panops.bench.measure import LoadSettings, Told, sent_between, surroundings
from panops.bench.offer import Offer
from panops.bench.processes import Reading, read_usage
from panops.bench.tally import CameraTally, RunTally, checks_due, usage_between
from panops.domain.errors import PanopsError, PluginError
from panops.pipeline.latency import LatencyHistogram
from panops.testing.load_cameras import Offered

MODEL = "yolox_nano"
HINT = "pip install onnxruntime && pip install --no-deps 'trackers>=2.6' 'supervision>=0.31' # with opencv-python-headless, which is here"
_PACKAGES = ("onnxruntime", "supervision", "trackers")
# OpenCV opens cameras one after the other, in two thirds of a second each.
_OPEN_S, _OPEN_EACH_S = 30.0, 2.0


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """How the loop is run.

    Attributes:
        model: `yolox_nano_416.onnx`.
        threads: Threads of onnxruntime, OpenCV and each decoder; 0 leaves all of them as they come.
    """

    model: Path
    threads: int

    @property
    def name(self) -> str:
        """For tables."""
        return f"loop, {self.threads} thread{'s' if self.threads != 1 else ''} a session" if self.threads else "loop, threads as they come"


def check_peer() -> None:
    """See that the peer's packages are here.

    Raises:
        PluginError: One is missing; the message says how to get them.
    """
    missing = []
    for package in _PACKAGES:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        raise PluginError(
            f"the peer needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; get it with: {HINT}"
        )


def measure_peer(settings: LoadSettings, films: Sequence[Film], peer: PeerSettings, told: Told = lambda _: None) -> RunTally:
    """Run the loop on the cameras and count.

    Args:
        settings: The load; `model` and `sleep` are the product's and mean nothing here.
        films: What the cameras show, in turns.
        peer: How the loop is run.
        told: Told what is being done, for a progress line.

    Returns:
        What came of it. A check of the loop is a picture that went through detector, tracker, zone and line.

    Raises:
        PanopsError: The loop did not start, or ended.
    """
    count = settings.cameras
    with Offer(films, count, "rtsp") as offer:
        told(f"{count} cameras: starting the {peer.name}")
        with _Loop(offer, settings, peer) as loop:
            told(f"{count} cameras: {loop.shown} open, warming up")
            time.sleep(settings.warm_up_s)
            before = _Mark.take(loop, offer)
            end_s = before.at_s + settings.seconds
            while (left_s := end_s - time.monotonic()) > 0:
                told(f"{count} cameras: measuring the {peer.name}, {left_s:.0f} s left")
                time.sleep(min(1.0, left_s))
            after = _Mark.take(loop, offer)
    return _tally(settings, peer, before, after)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Everything at one moment."""

    at_s: float
    counts: dict[str, Any]
    sent: Mapping[str, Offered]
    loop: Reading
    around: Reading

    @classmethod
    def take(cls, loop: _Loop, offer: Offer) -> _Mark:
        counts = loop.counts()
        around = read_usage({"load server": offer.pid, "bench": os.getpid()})
        return cls(time.monotonic(), counts, offer.counts(), read_usage({"loop": loop.pid}), around)

    @property
    def latency(self) -> LatencyHistogram:
        return LatencyHistogram(self.counts["latency"], self.counts["latency_sum_s"])


def _tally(settings: LoadSettings, peer: PeerSettings, before: _Mark, after: _Mark) -> RunTally:
    seconds = after.at_s - before.at_s
    cameras = [
        peer_camera(settings.shape, camera_id, before.counts["cameras"][camera_id], counts, sent, seconds)
        for camera_id, counts in after.counts["cameras"].items()
        for sent in [sent_between(before.sent, after.sent, camera_id, seconds, settings.shape.rate_fps)]
    ]
    cores, memory_bytes = usage_between(before.loop.processes, after.loop.processes, seconds)
    around = surroundings(before.around, after.around, seconds, cores)
    return RunTally(peer.name, seconds, cameras, after.latency.since(before.latency), around, cores, memory_bytes)


def peer_camera(
    shape: FilmShape, camera_id: str, then: Mapping[str, int], now: Mapping[str, int], sent: Offered, seconds: float
) -> CameraTally:
    """What came of one of the loop's cameras, by the same rule as for the product.

    Args:
        shape: Its film's rate, and the checks that are wanted.
        camera_id: The camera.
        then: The loop's counts of it at the first moment: `pictures`, `checks`, and how often it was `opened`.
        now: The same at the second one.
        sent: Pictures that were sent in between, and those that nobody read.
        seconds: Between the two, s.
    """
    received, done = now["pictures"] - then["pictures"], now["checks"] - then["checks"]
    due = max(0.0, checks_due(received, seconds, shape.rate_fps, shape.check_fps))
    reconnects = now["opened"] - then["opened"]
    up = now["checks"] > 0
    return CameraTally(camera_id, sent.sent, received, due, done, done, up=up, reconnects=reconnects, unsent=sent.unsent)


class _Loop:
    """The loop's process; it ends with its standard input, so it cannot outlive this one."""

    def __init__(self, offer: Offer, settings: LoadSettings, peer: PeerSettings) -> None:
        cameras = {
            camera_id: {"url": address, "zone": offer.films[camera_id].figures.zone, "line": offer.films[camera_id].figures.line}
            for camera_id, address in offer.addresses.items()
        }
        self._patience_s = _OPEN_S + _OPEN_EACH_S * len(cameras)
        self._orders = {
            "model": str(peer.model),
            "threads": peer.threads,
            "check_fps": settings.shape.check_fps,
            "patience_s": self._patience_s,
            "cameras": cameras,
        }
        self._process: subprocess.Popen[str] | None = None
        self.shown = 0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def counts(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._ask("counts"))
        return answer

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # our own
            [sys.executable, "-m", "panops.bench.peer_loop"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        watchdog = threading.Timer(self._patience_s + 60.0, self._process.kill)
        watchdog.start()
        try:
            word, _, rest = self._ask(json.dumps(self._orders)).partition(" ")
        except BaseException:
            self._stop()
            raise
        finally:
            watchdog.cancel()
        if word != "READY":
            self._stop()
            raise PanopsError(f"the peer's loop did not start: {rest or 'it ended without a word'}")
        self.shown = int(rest)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be written is still in the buffer of a pipe whose reader is gone
                    pipe.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ask(self, line: str) -> str:
        process = self._process
        if process is None:
            raise PanopsError("the peer's loop does not run")
        try:
            into: IO[str] | None = process.stdin
            out: IO[str] | None = process.stdout
            assert into is not None and out is not None, "both are pipes"  # noqa: S101, PT018  # for the type checker
            into.write(line + "\n")
            into.flush()
            answer = out.readline().strip()
        except OSError as error:
            raise PanopsError("the peer's loop is gone") from error
        if not answer:
            raise PanopsError("the peer's loop ended in the middle of the run")
        return answer
