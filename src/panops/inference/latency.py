"""Learns how long a device takes for a batch, size by size, from what it took before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

# The shares of a new measurement in the mean and in the deviation: V. Jacobson's estimator of round trips (1988), RFC 6298.
_MEAN_SHARE = 1 / 8
_DEVIATION_SHARE = 1 / 4
_DEVIATIONS = 2.0
# A hiccup (another program's turn on the device) must not count for more than that many times the mean.
_LARGEST_JUMP = 4.0
_RELAXED = 0.8


class LatencyModel:
    """Predicted seconds for each batch size. For one thread at a time.

    Args:
        sizes: The batch sizes that occur, ascending.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self._mean_s: dict[int, float] = {}
        self._deviation_s: dict[int, float] = {}

    def learn(self, size: int, took_s: float) -> None:
        """A batch of `size` took so long."""
        mean_s = self._mean_s.get(size)
        if mean_s is None:
            self._mean_s[size], self._deviation_s[size] = took_s, took_s / 4
            return
        error_s = min(took_s, _LARGEST_JUMP * mean_s) - mean_s
        self._mean_s[size] = mean_s + _MEAN_SHARE * error_s
        self._deviation_s[size] += _DEVIATION_SHARE * (abs(error_s) - self._deviation_s[size])

    def likely_s(self, size: int) -> float:
        """What a batch of `size` takes as a rule, s; 0.0 while nothing was measured."""
        return self._at(size, self._mean_s)

    def cautious_s(self, size: int) -> float:
        """What it takes at most, but for hiccups, s; 0.0 while nothing was measured."""
        return self._at(size, self._mean_s) + _DEVIATIONS * self._at(size, self._deviation_s)

    def relax(self) -> None:
        """Believe a little more in the device.

        Called when a request is given up because of a prediction alone. Without it a device that was slow for a while would be given
        nothing to do, and could never show that it is quick again.
        """
        for figures in (self._mean_s, self._deviation_s):
            for size in figures:
                figures[size] *= _RELAXED

    def _at(self, size: int, known: dict[int, float]) -> float:
        """A figure for any size: measured, between two measured ones, or in proportion to the nearest, as if a batch gained nothing."""
        if size in known or not known:
            return known.get(size, 0.0)
        measured = sorted(known)
        if size < measured[0]:
            return known[measured[0]]
        if size > measured[-1]:
            return known[measured[-1]] * size / measured[-1]
        below, above = next((low, high) for low, high in pairwise(measured) if low < size < high)
        return known[below] + (known[above] - known[below]) * (size - below) / (above - below)
