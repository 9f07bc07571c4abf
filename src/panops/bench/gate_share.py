"""How many of a film's checks pass the motion gate: the product's own gate and schedule, offline."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from panops.config.schema import MotionConfig
from panops.ingest.pixels import VideoPixels
from panops.motion import gate, schedule
from panops.motion.gate import MotionGate
from panops.motion.schedule import CheckSchedule

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GateShare:
    """What the gate does with a film that is played again and again.

    Attributes:
        moved: Share of the checks at which something moved, 0..1: what `--activity` means.
        detector: Share of the checks that would run the detector while nothing is tracked: moved, just moved, or the refresh is due.
    """

    moved: float
    detector: float


def gate_share(lumas: Callable[[], Iterable[Luma]], rate_fps: float, check_fps: float) -> GateShare:
    """Look at a film twice, as a camera shows it without end; the second time counts, for then the gate knows the scene.

    Args:
        lumas: Gives the film's pictures from the start, each (H, W) uint8.
        rate_fps: Pictures a second.
        check_fps: Checks a second that are wanted.
    """
    looker, timetable = MotionGate(MotionConfig()), CheckSchedule(check_fps, MotionConfig().refresh_s)
    number = 0
    found: list[tuple[bool, bool]] = []
    for _ in range(2):
        found = []
        for luma in lumas():
            time_s = number / rate_fps
            number += 1
            if timetable.due(time_s):
                moved = looker.look(luma, time_s).moved
                found.append((moved, timetable.wants_detector(moved, 0, time_s)))
    moved_share, detector_share = np.mean(found, axis=0) if found else (0.0, 0.0)
    return GateShare(float(moved_share), float(detector_share))


@cache
def gate_fingerprint() -> str:
    """Which gate this is, by the source of gate and schedule and by their settings: another one may let other checks pass."""
    sources = [inspect.getsource(module) for module in (gate, schedule)]
    return hashlib.sha256("\n".join([*sources, repr(MotionConfig())]).encode()).hexdigest()[:16]


def film_lumas(path: Path) -> Iterator[Luma]:
    """The brightness of a film's pictures in order, each (H, W) uint8, valid until the next one."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        for frame in container.decode(stream):
            yield VideoPixels(frame).luma()
