"""How long work waits in a queue: the mean over a short while."""

from __future__ import annotations


class WaitMeter:
    """Added to by the threads that take work up, read by another one; a reading lost between the two does not matter."""

    def __init__(self) -> None:
        self._sum_s = 0.0
        self._count = 0

    def add(self, waited_s: float) -> None:
        """Something was taken up after so long, s."""
        self._sum_s += waited_s
        self._count += 1

    def take(self, oldest_s: float = 0.0) -> float:
        """The mean since the last reading, s; `oldest_s` when nothing was taken up: for so long has waited what still does."""
        sum_s, count = self._sum_s, self._count
        self._sum_s, self._count = 0.0, 0
        return sum_s / count if count else oldest_s
