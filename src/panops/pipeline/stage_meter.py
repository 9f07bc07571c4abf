"""What a shard's CPU time goes into, by stage."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

STAGES = (
    "demux",
    "decode",
    "gate",
    "detect",
    "secondary",
    "track",
    "pose",
    "faces",
    "gestures",
    "maps",
    "rules",
    "preview",
    "record",
    "video",
)


class StageMeter:
    """CPU time of the calling threads, added up by stage. Each stage's time is added by one thread at a time; anybody may read.

    Two readings of the thread's clock cost about a microsecond, a hundredth of the cheapest stage that is measured with them.
    """

    def __init__(self) -> None:
        self._cpu_s = dict.fromkeys(STAGES, 0.0)

    @property
    def cpu_s(self) -> Mapping[str, float]:
        """CPU time so far by stage, s."""
        return MappingProxyType(self._cpu_s)

    def add(self, stage: str, cpu_s: float) -> None:
        """Add CPU time that was measured already, s."""
        self._cpu_s[stage] += cpu_s

    def set(self, stage: str, cpu_s: float) -> None:
        """Say what a stage used so far, where its threads count for themselves, s."""
        self._cpu_s[stage] = cpu_s

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what the calling thread uses during the `with` block."""
        began_s = time.thread_time()
        try:
            yield
        finally:
            self._cpu_s[name] += time.thread_time() - began_s

    def with_other(self) -> dict[str, float]:
        """All stages, and as `other` what the process used besides: storage, evidence, links, the interpreter's start."""
        told = dict(self._cpu_s)
        return {**told, "other": max(0.0, time.process_time() - sum(told.values()))}
