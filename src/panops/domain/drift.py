"""Has a camera's world changed? Histograms with fixed bins, and the population stability index (PSI) between two of them.

PSI = sum over bins of (now - then) * ln(now / then), of shares; the rule of thumb of its users: under 0.1 nothing, from 0.25 on a change.
See B. Yurdakul, "Statistical Properties of Population Stability Index" (2018): without any change its mean is about
(bins - 1) * (1/n + 1/m), so few samples alone make it large.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MODERATE, LARGE = 0.1, 0.25
"""From here on a quantity has changed somewhat, and clearly."""
SAMPLES_A_BIN = 40
"""A histogram counts from so many samples a bin on: by chance alone the index is then about 0.05 at most."""
# A clear change must also be so many times what one day of the reference differs from the others.
_BEYOND_USUAL = 1.5

Histogram = Mapping[str, int]
"""Counts by the word of the bin; words that are missing count nothing."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is counted.

    Attributes:
        name: Its word.
        edges: Lower edges of all bins but the first, ascending; empty where bins are words that come as they come.
        bins: The words of the bins, in order.
    """

    name: str
    edges: tuple[float, ...] = ()
    bins: tuple[str, ...] = ()

    def bin_of(self, value: float) -> str:
        """The word of a value's bin."""
        return self.bins[bisect_right(self.edges, value)]


def _numbers(name: str, edges: Sequence[float]) -> Quantity:
    words = (f"<{edges[0]:g}", *(f"{edge:g}" for edge in edges))
    return Quantity(name, tuple(edges), words)


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        _numbers("score", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        # The square root of a box's share of the picture.
        _numbers("box_size", [0.02, 0.03, 0.05, 0.08, 0.12, 0.18, 0.27, 0.4, 0.6]),
        Quantity("class"),
        _numbers("brightness", [16.0 * step for step in range(1, 16)]),
        _numbers("sharpness", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0]),
        Quantity("verdict", (), ("true", "false")),
    )
}


@dataclass(frozen=True, slots=True)
class Drift:
    """One quantity, then and now.

    Attributes:
        quantity: Its word.
        bins: The words of the bins, in order.
        then: Counts of the reference, by bin.
        now: Counts of the latest days, by bin.
        psi: The index between the two; None where there are too few samples.
        usual: The largest index of one day of the reference against its other days; None where that cannot be said.
    """

    quantity: str
    bins: tuple[str, ...]
    then: tuple[int, ...]
    now: tuple[int, ...]
    psi: float | None
    usual: float | None

    @property
    def level(self) -> str:
        """`unknown`, `none`, `moderate` or `large`."""
        if self.psi is None:
            return "unknown"
        if self.psi >= LARGE and self.psi >= _BEYOND_USUAL * (self.usual or 0.0):
            return "large"
        return "moderate" if self.psi >= MODERATE else "none"


def psi(then: Sequence[int], now: Sequence[int]) -> float:
    """The index between two lists of counts, one number a bin; 0 where both are alike.

    Half a sample is added to each bin, so that an empty one is not infinitely unlikely.

    Raises:
        ValueError: The lists differ in length, or have no bins.
    """
    if len(then) != len(now) or not then:
        raise ValueError(f"expected two lists of counts with the same bins, got {len(then)} and {len(now)}")
    count = len(then)
    total_then, total_now = sum(then) + 0.5 * count, sum(now) + 0.5 * count
    index = 0.0
    for one, other in zip(then, now, strict=True):
        share_then, share_now = (one + 0.5) / total_then, (other + 0.5) / total_now
        index += (share_now - share_then) * math.log(share_now / share_then)
    return index


def compare(quantity: Quantity, then: Sequence[Histogram], now: Sequence[Histogram]) -> Drift:
    """A quantity's reference days against its latest days; days without a count do no harm.

    Args:
        quantity: What was counted.
        then: A histogram for each day of the reference.
        now: A histogram for each of the latest days.
    """
    bins = quantity.bins or tuple(sorted({word for day in [*then, *now] for word in day}))
    before, after = _total(bins, then), _total(bins, now)
    needed = SAMPLES_A_BIN * max(len(bins), 2)
    enough = bool(bins) and sum(before) >= needed and sum(after) >= needed
    return Drift(quantity.name, bins, before, after, psi(before, after) if enough else None, _usual(bins, then, needed))


def _usual(bins: tuple[str, ...], days: Sequence[Histogram], needed: int) -> float | None:
    """How far one day of the reference is from all its others, at most."""
    indices = []
    for place, day in enumerate(days):
        one, others = _total(bins, [day]), _total(bins, [*days[:place], *days[place + 1 :]])
        if sum(one) >= needed and sum(others) >= needed:
            indices.append(psi(others, one))
    return max(indices, default=None)


def _total(bins: Sequence[str], days: Iterable[Histogram]) -> tuple[int, ...]:
    totals = dict.fromkeys(bins, 0)
    for day in days:
        for word, count in day.items():
            if word in totals:
                totals[word] += count
    return tuple(totals.values())
