"""Fits brightness and contrast of one small picture to another one, without being misled by objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

# Of a whole picture every third pixel in both directions is enough for two numbers.
EVERY_THIRD = 3
_LEAST_PIXELS = 50


@dataclass(frozen=True, slots=True)
class LightChange:
    """The new picture is about `gain` * the old one + `offset`.

    Attributes:
        gain: Factor of contrast.
        offset: Added brightness, 0..255.
        noise: Standard deviation of what is left over, estimated by the median.
    """

    gain: float
    offset: float
    noise: float

    @property
    def is_none(self) -> bool:
        """Whether nothing needs to be fitted."""
        return self.gain == 1.0 and self.offset == 0.0


def fit_light(old: FloatImage, new: FloatImage, ignore: NDArray[np.bool_], step: int = EVERY_THIRD) -> LightChange:
    """Find gain and offset by matching quartiles, then by least squares on the pixels that agree.

    Args:
        old: (h, w) float32, 0..255.
        new: (h, w) float32, 0..255.
        ignore: (h, w) bool; pixels that are left out (known objects).
        step: Only every so many pixels are looked at, in both directions; 1 for a small part of a picture.

    Returns:
        No change at all when the pictures agree well already, or when too little is left to look at.
    """
    use = ~ignore[::step, ::step]
    a, b = old[::step, ::step][use], new[::step, ::step][use]
    if len(a) < _LEAST_PIXELS:
        return LightChange(1.0, 0.0, 0.0)
    residual = np.abs(b - a)
    typical = _median(residual)
    if typical < 1.5:
        return LightChange(1.0, 0.0, 1.4826 * typical)
    gain, offset = _by_quartiles(a, b)
    for _ in range(2):
        residual = np.abs(b - (gain * a + offset))
        agree = residual <= max(4.0, 2.5 * _median(residual))
        gain, offset = _least_squares(a[agree], b[agree])
    noise = 1.4826 * _median(np.abs(b - (gain * a + offset)))
    return LightChange(gain, offset, noise)


def _by_quartiles(a: FloatImage, b: FloatImage) -> tuple[float, float]:
    """Order statistics do not need to know which pixel is which, so a large gain is found at once."""
    low, middle, high = (len(a) * k // 4 for k in (1, 2, 3))
    a, b = np.partition(a, (low, middle, high)), np.partition(b, (low, middle, high))
    spread = float(a[high] - a[low])
    gain = float(b[high] - b[low]) / spread if spread > 4 else 1.0
    gain = min(max(gain, 0.2), 5.0)
    return gain, float(b[middle]) - gain * float(a[middle])


def _least_squares(a: FloatImage, b: FloatImage) -> tuple[float, float]:
    mean_a, mean_b = float(a.mean()), float(b.mean())
    variance = float(np.mean((a - mean_a) ** 2))
    if variance < 4.0:
        return 1.0, mean_b - mean_a
    gain = float(np.mean((a - mean_a) * (b - mean_b))) / variance
    gain = min(max(gain, 0.2), 5.0)
    return gain, mean_b - gain * mean_a


def _median(values: FloatImage) -> float:
    """The upper median; a partition is three times faster than `np.median` on a thousand values."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])
