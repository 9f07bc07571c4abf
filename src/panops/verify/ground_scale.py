"""How tall things of a class are where they stand: learnt from objects that were believed, row by row of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# So many different objects must have been seen before anything is said.
_LEAST_TRACKS = 8
_ROWS = 24
# A row remembers about so many boxes.
_MEMORY = 60.0
# How far from the nearest row with boxes a height may be guessed, in rows.
_NEAR_ROWS = 3


class GroundScale:
    """The heights of one class.

    On flat ground a height falls in a straight line towards the horizon; stairs and slopes make it crooked, so each of 24 rows keeps its
    own, and a line through the neighbours bridges gaps.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._weight: NDArray[np.float64] = np.zeros(_ROWS)
        self._height: NDArray[np.float64] = np.zeros(_ROWS)
        self._tracks: set[int] = set()

    def teach(self, track_id: int, foot: float, height: float) -> None:
        """A believed object stood with its foot at `foot`, as tall as `height`, shares of the picture's height."""
        if len(self._tracks) < 10 * _LEAST_TRACKS:
            self._tracks.add(track_id)
        row = min(max(int(foot * _ROWS), 0), _ROWS - 1)
        weight = self._weight[row] = min(self._weight[row] + 1.0, _MEMORY)
        self._height[row] += (height - self._height[row]) / weight

    def height_at(self, foot: float) -> float | None:
        """The expected height at a foot, a share of the picture's height; None where it is not known."""
        if len(self._tracks) < _LEAST_TRACKS:
            return None
        known = np.flatnonzero(self._weight >= 3)
        place = foot * _ROWS - 0.5
        if not len(known) or float(np.min(np.abs(known - place))) > _NEAR_ROWS:
            return None
        near = known[np.argsort(np.abs(known - place))[:6]]
        heights = self._height[near]
        if len(near) < 3:
            return float(heights[0])
        slope, level = np.polyfit(near, heights, 1, w=np.sqrt(self._weight[near]))
        guess = float(slope * place + level)
        # A line that leaves what was ever seen nearby is no guess.
        return min(max(guess, 0.5 * float(heights.min())), 2.0 * float(heights.max()))
