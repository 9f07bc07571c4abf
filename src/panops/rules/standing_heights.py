"""How high people are in a picture, by where they stand: learnt from those who walk about, so that no camera need be measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# On flat ground the height in the picture is a linear function of where the feet are (a pinhole camera without distortion).
_TERMS = 3
_LEAST_LOOKS = 120
# The feet must have been at heights of the picture so different, as a share of people's height: from one row nothing can be learnt.
_LEAST_SPREAD = 0.35
# Old looks fade so that a camera that was turned is learnt anew: the newest so many count.
_MEMORY = 2000.0
# Once it is known, a box that is off by more is no person who stands: somebody who sits, hides, or climbs.
_MOST_OFF = 0.25
# Whoever is lower than this share of what people have there lies, sits, bends or crouches, or is a child.
_LEAST_STANDING = 0.8
_EDGE_PX = 2.0
# A camera that looks from so high that people keep their size as they walk away tells nothing of whether they climb.
_LEAST_SLOPE = 0.06


class StandingHeights:
    """Learns how high people are where their feet are at (x, y), and tells a rise off the ground from a walk over it.

    Args:
        size_wh: Picture width and height, px.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        """Begin with nothing known."""
        self._size_wh = size_wh
        self._squares: NDArray[np.float64] = np.zeros((_TERMS, _TERMS))
        self._products: NDArray[np.float64] = np.zeros(_TERMS)
        self._weight = 0.0
        self._height_sum = 0.0
        self._fit: NDArray[np.float64] | None = None

    @property
    def known(self) -> bool:
        """Whether enough was seen, and people look smaller the farther up the picture they stand."""
        return self._fit is not None

    def is_cut(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether a box, px, ends at an edge of the picture."""
        width, height = self._size_wh
        return left <= _EDGE_PX or top <= _EDGE_PX or right >= width - _EDGE_PX or bottom >= height - _EDGE_PX

    def learn(self, x: float, y: float, height: float) -> None:
        """Count somebody whose feet are at (x, y) and who is `height` high, px."""
        terms = self._terms(x, y)
        if self._fit is not None and abs(height - float(terms @ self._fit)) > _MOST_OFF * height:
            return
        fade = 1.0 - 1.0 / _MEMORY
        self._squares = self._squares * fade + np.outer(terms, terms)
        self._products = self._products * fade + terms * height
        self._weight = self._weight * fade + 1.0
        self._height_sum = self._height_sum * fade + height
        self._fit = self._solved()

    def stands(self, x: float, y: float, height: float) -> bool:
        """Whether somebody whose feet are at (x, y) and who is `height` high, px, stands upright."""
        return self._fit is not None and height >= _LEAST_STANDING * float(self._terms(x, y) @ self._fit)

    def rise(self, then: tuple[float, float, float], now: tuple[float, float, float]) -> float:
        """How far somebody is off the ground, in their own heights, who stood on it before; about 0 for whoever walked.

        On the ground their height stays the same share of what people have there. Off it, they are as high as before while those who stand
        where their feet are seen are smaller: that share grows, by the height's slope for each px that is not walked.

        Args:
            then: x, y of the feet and height, px, when they stood.
            now: The same now.
        """
        if self._fit is None:
            return 0.0
        had, has = (float(self._terms(x, y) @ self._fit) for x, y, _ in (then, now))
        if min(had, has, then[2], now[2]) <= 0:
            return 0.0
        share_then, share_now = then[2] / had, now[2] / has
        return (1.0 - share_then / share_now) / (self._slope(self._fit) * share_then)

    def _terms(self, x: float, y: float) -> NDArray[np.float64]:
        width, height = self._size_wh
        return np.array([1.0, y / height, x / width])

    def _slope(self, fit: NDArray[np.float64]) -> float:
        """How many px people grow for each px that their feet are lower in the picture."""
        return float(fit[1]) / self._size_wh[1]

    def _solved(self) -> NDArray[np.float64] | None:
        if self._weight < _LEAST_LOOKS:
            return None
        mean = self._squares[0, 1] / self._weight
        spread = np.sqrt(max(self._squares[1, 1] / self._weight - mean**2, 0.0)) * self._size_wh[1]
        if spread < _LEAST_SPREAD * self._height_sum / self._weight:
            return None
        # A little stiffness against x: where all walk on one line nothing is known of what is beside it.
        stiff = np.diag([0.0, 0.0, 1e-3 * self._weight])
        fit = np.asarray(np.linalg.solve(self._squares + stiff + 1e-9 * np.eye(_TERMS), self._products), np.float64)
        return fit if self._slope(fit) >= _LEAST_SLOPE else None
