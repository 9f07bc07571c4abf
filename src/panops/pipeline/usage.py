"""How much processor and memory this product takes, read from the kernel."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def cpu_s(pid: int) -> float:
    """User and system time of a process so far, s; 0.0 for one that is gone, and where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def rss_bytes(pid: int) -> int:
    """Resident memory of a process, bytes; 0 for one that is gone, and where there is no /proc."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


class UsageMeter:
    """Cores in use since the last reading, and memory, over a changing set of processes."""

    def __init__(self) -> None:
        self._further: Callable[[], Iterable[int]] = tuple
        self._last: dict[int, float] = {}
        self._at_s = time.monotonic()
        self._cores = 0.0

    def also(self, pids: Callable[[], Iterable[int]]) -> None:
        """Count further processes with all others: what they are is asked at each reading."""
        self._further = pids

    def rss_bytes(self, pids: Iterable[int]) -> float:
        """Resident memory of `pids` and the further ones together, bytes."""
        return float(sum(rss_bytes(pid) for pid in {*pids, *self._further()}))

    def cores(self, pids: Iterable[int]) -> float:
        """Cores that all of them used since the previous call (at first: since their start); closer readings repeat the last answer."""
        now_s = time.monotonic()
        elapsed_s = now_s - self._at_s
        if elapsed_s < 0.5 and self._last:
            return self._cores
        current = {pid: cpu_s(pid) for pid in {*pids, *self._further()}}
        # A process that started since counts from its start, one that ended not at all.
        used_s = sum(max(0.0, seconds - self._last.get(pid, 0.0)) for pid, seconds in current.items())
        self._cores = used_s / max(elapsed_s, 0.5)
        self._last, self._at_s = current, now_s
        return self._cores
