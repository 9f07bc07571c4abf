"""A threshold between what should go and what must stay, at a number that people would write."""

from __future__ import annotations

import math
from collections.abc import Sequence

SECONDS = (3600.0, 600.0, 60.0, 30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
"""Steps of times that people write, s."""
SCORES = (0.1, 0.05, 0.02, 0.01)
"""Steps of scores that people write."""
_DIGITS = 6


def threshold(
    goes: Sequence[float], least_true: float, now: float, steps: Sequence[float], margin: float, least_going: int
) -> float | None:
    """The value that takes most of `goes` away and stays clear of every true one.

    It lies between the largest figure of those that go and the smallest of a true one, in the middle half, so that a quarter of what is
    between them is left on either side, and at least `margin` towards the true one. Of the numbers there it is a multiple of the coarsest
    step that has one, and of those the one nearest to the middle, the lower of two. Where nothing fits, the false alarm that comes nearest
    to the true ones stays, and it is tried with the others.

    Args:
        goes: The most that each false alarm can have been; a value above it would have kept it away. Infinite where nobody knows.
        least_true: The least that any true alarm can have been; a value up to it would have let all of them come.
        now: The setting now; only a higher one is a change.
        steps: See `SECONDS`, `SCORES`.
        margin: The least distance to `least_true`.
        least_going: So many false alarms at least must go.

    Returns:
        The value, or None where none does all that.
    """
    below = sorted(most for most in goes if most < least_true - margin)
    while len(below) >= least_going:
        found = _between(below[-1], least_true, now, steps, margin)
        if found is not None:
            return found
        top = below[-1]
        below = [most for most in below if most < top]
    return None


def _between(low: float, high: float, now: float, steps: Sequence[float], margin: float) -> float | None:
    middle, quarter = (low + high) / 2, (high - low) / 4
    first, last = max(low + quarter, now), min(high - quarter, high - margin)
    for step in steps:
        value = round(math.ceil(round(middle / step - 0.5, _DIGITS)) * step, _DIGITS)  # of two that are as near, the lower one
        if first <= value <= last and low < value and value > now:
            return value
    return None
