"""How much counters grew over a run, from readings every few seconds: counters begin anew when another process takes a camera over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from panops.bench.scrape import CameraCounts
from panops.pipeline.latency import LatencyHistogram

_COUNTS = ("packets", "checks", "analysed", "woken", "reconnects")
Reading = tuple[float, CameraCounts | None]


@dataclass(frozen=True, slots=True)
class CameraIncrease:
    """What a camera's counters grew by.

    Attributes:
        seconds: Time that the sums are of, s: without the intervals in which it was moved.
        counts: By how much each grew; its flags say nothing.
        moved: How often another process took it over.
    """

    seconds: float
    counts: CameraCounts = field(default_factory=CameraCounts)
    moved: int = 0


def camera_increase(readings: Sequence[Reading]) -> CameraIncrease:
    """Sum up the increases from reading to reading.

    Where a counter is less than before, the camera was moved to another process in between. What its old process had counted since the
    last reading is lost then, so such an interval counts neither way: not its counts, and not its time.

    Args:
        readings: When, s, and the counters; None where the product said nothing of the camera. The first reading is the beginning.
    """
    start_s = readings[0][0] if readings else 0.0
    known = [(at_s, counts) for at_s, counts in readings if counts is not None]
    if not known:
        return CameraIncrease(readings[-1][0] - start_s if readings else 0.0)
    if readings[0][1] is None:
        known = [(start_s, CameraCounts()), *known]
    seconds = readings[-1][0] - start_s
    sums: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    moved = 0
    for (then_s, then), (now_s, now) in pairwise(known):
        grown = {name: getattr(now, name) - getattr(then, name) for name in _COUNTS}
        lost = {cause: count - then.dropped[cause] for cause, count in now.dropped.items()}
        if min([*grown.values(), *lost.values()]) < 0:
            moved += 1
            seconds -= now_s - then_s
            continue
        sums.update(grown)
        dropped.update(lost)
    grown_by: dict[str, Any] = {name: sums[name] for name in _COUNTS}
    return CameraIncrease(seconds, CameraCounts(dropped=+dropped, **grown_by), moved)


def latency_increase(readings: Sequence[LatencyHistogram]) -> LatencyHistogram:
    """What was counted between the first and the last reading of all processes' sum; where a process left, less, and never below 0."""
    whole = LatencyHistogram()
    for then, now in pairwise(readings):
        grown = [max(0, after - before) for before, after in zip(then.counts, now.counts, strict=True)]
        whole.counts = [mine + more for mine, more in zip(whole.counts, grown, strict=True)]
        whole.sum_s += max(0.0, now.sum_s - then.sum_s)
    return whole


def stages_increase(readings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """CPU time by stage between the first and the last reading of all processes' sum, s; where a process left, less, and never below 0."""
    used = dict.fromkeys(readings[-1] if readings else (), 0.0)
    for then, now in pairwise(readings):
        for stage, used_s in now.items():
            used[stage] = used.get(stage, 0.0) + max(0.0, used_s - then.get(stage, 0.0))
    return used
