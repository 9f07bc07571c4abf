"""What processes hold at a moment: memory, threads, open files. What grows for hours is a leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from panops.pipeline.usage import rss_bytes

_MIB = 2**20
# Readings that a slope is worked out of: all pairs of more would take gigabytes after a day.
_MOST_READINGS = 2000


@dataclass(frozen=True, slots=True)
class Belongings:
    """All processes together, at one moment.

    Attributes:
        at_s: Since the beginning, s.
        memory_bytes: Resident memory, by process.
        threads: How many.
        files: Open descriptors.
        live: Cameras that are live.
    """

    at_s: float
    memory_bytes: Mapping[str, int]
    threads: int
    files: int
    live: int

    @property
    def all_mib(self) -> float:
        """Memory of all processes, MiB."""
        return sum(self.memory_bytes.values()) / _MIB


def read_belongings(at_s: float, pids: Mapping[str, int], live: int) -> Belongings:
    """What these processes hold now; those that are gone hold nothing."""
    threads = files = 0
    for pid in pids.values():
        process = Path("/proc") / str(pid)
        try:
            threads += sum(1 for _ in (process / "task").iterdir())
            files += sum(1 for _ in (process / "fd").iterdir())
        except OSError:
            continue
    return Belongings(at_s, {name: rss_bytes(pid) for name, pid in pids.items()}, threads, files, live)


def slope_per_h(times_s: Sequence[float], values: Sequence[float]) -> float:
    """How fast values grow an hour: the median of the slopes of all pairs (Theil 1950, Sen 1968), which single outliers do not move.

    Of more than 2000 readings so many are taken, evenly spread.

    Args:
        times_s: When, s.
        values: What was read then.

    Returns:
        The values' own unit an hour; 0.0 with fewer than two readings.
    """
    kept_at = np.unique(np.linspace(0, max(0, len(times_s) - 1), min(len(times_s), _MOST_READINGS)).round().astype(int))
    times, read = np.asarray(times_s, np.float64)[kept_at], np.asarray(values, np.float64)[kept_at]
    first, second = np.triu_indices(len(times), 1)
    apart = times[second] - times[first]
    if not np.any(apart > 0):
        return 0.0
    kept = apart > 0
    return float(3600.0 * np.median((read[second] - read[first])[kept] / apart[kept]))
