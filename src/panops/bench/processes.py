"""What processes use, read from the kernel: from outside, so that nothing has to be believed of what is measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from panops.pipeline.usage import cpu_s, rss_bytes

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used.

    Attributes:
        cpu_s: User and system time so far, s.
        memory_bytes: Its share of the memory: what is its own, and its part of what it shares (PSS); what is resident where the kernel
            does not say; 0 where it was not asked for.
        pid: Whose it is: names are given anew when a process leaves, process ids are not.
    """

    cpu_s: float = 0.0
    memory_bytes: int = 0
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """All processes of something, and the machine, at one moment.

    Attributes:
        processes: By name.
        busy_s: CPU time that anybody on the machine has used so far, s.
        stolen_s: CPU time that the machine's host gave to others, s.
    """

    processes: Mapping[str, Usage] = field(default_factory=dict)
    busy_s: float = 0.0
    stolen_s: float = 0.0


def read_usage(pids: Mapping[str, int], *, memory: bool = True) -> Reading:
    """What these processes have used so far; those that are gone have used nothing.

    Args:
        pids: By name.
        memory: Whether memory is read, too: the kernel has to walk through it, which takes a few ms a process.
    """
    busy_s, stolen_s = _machine()
    used = {name: Usage(cpu_s(pid), memory_bytes(pid) if memory else 0, pid) for name, pid in pids.items()}
    return Reading(used, busy_s, stolen_s)


def memory_bytes(pid: int) -> int:
    """A process's share of the memory, bytes; 0 for one that is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # gone, or a kernel that does not tell
    return rss_bytes(pid)


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            found.append(int(path.parent.name))
    return sorted(found)


def descendants(pid: int) -> list[int]:
    """All processes below a process."""
    below: list[int] = []
    for child in children(pid):
        below += [child, *descendants(child)]
    return below


def others_cores(before: Reading, after: Reading, seconds: float, known: Iterable[float]) -> float:
    """Cores that the rest of the machine used: everything but what is `known`; never below 0."""
    return max(0.0, (after.busy_s - before.busy_s) / seconds - sum(known))


def _machine() -> tuple[float, float]:
    """CPU seconds that were used by anybody, and that were stolen, so far."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    except OSError:
        return 0.0, 0.0
    ticks = [int(value) for value in fields]
    user, nice, system, _, _, irq, softirq, steal = ticks[:8]
    return (user + nice + system + irq + softirq) / _TICKS_PER_S, steal / _TICKS_PER_S
