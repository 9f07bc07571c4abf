"""How long things take, counted in buckets: cheap to add to, exact to sum over processes, good enough for percentiles."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

# Each bound is a quarter above the one before: a percentile read from the buckets is off by an eighth at most.
BOUNDS_S: tuple[float, ...] = tuple(round(0.001 * 1.25**step, 6) for step in range(48))


class LatencyHistogram:
    """Counts of durations by bucket; the last bucket holds what is longer than every bound (36 s). Added to by one thread, read by any.

    Attributes:
        counts: One more than `BOUNDS_S`; `counts[k]` durations were at most `BOUNDS_S[k]` and above the bound before.
        sum_s: All durations together, s.
    """

    __slots__ = ("counts", "sum_s")

    def __init__(self, counts: Sequence[int] | None = None, sum_s: float = 0.0) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1) if counts is None else list(counts)
        if len(self.counts) != len(BOUNDS_S) + 1:
            raise ValueError(f"expected {len(BOUNDS_S) + 1} buckets, got {len(self.counts)}")
        self.sum_s = sum_s

    def add(self, seconds: float) -> None:
        """Count one duration; one below zero, as when a clock was set, counts as zero."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def quantile_s(self, share: float) -> float:
        """The duration that `share` (0..1) of all do not exceed, s, interpolated within its bucket; NaN while nothing was counted."""
        count = self.count
        if not count:
            return math.nan
        rank, below = share * count, 0
        edges = (0.0, *BOUNDS_S, BOUNDS_S[-1])
        for (low_s, high_s), inside in zip(pairwise(edges), self.counts, strict=True):
            if inside and below + inside >= rank:
                return low_s + (high_s - low_s) * max(0.0, rank - below) / inside
            below += inside
        return BOUNDS_S[-1]

    def since(self, before: LatencyHistogram) -> LatencyHistogram:
        """What was counted after `before`, an earlier state of the same histogram."""
        counts = [now - then for now, then in zip(self.counts, before.counts, strict=True)]
        return LatencyHistogram(counts, self.sum_s - before.sum_s)


def total(parts: Iterable[LatencyHistogram]) -> LatencyHistogram:
    """Several histograms as one."""
    whole = LatencyHistogram()
    for part in parts:
        whole.counts = [mine + theirs for mine, theirs in zip(whole.counts, part.counts, strict=True)]
        whole.sum_s += part.sum_s
    return whole
