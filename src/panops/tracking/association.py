"""Which boxes overlap, camera by camera, without a matrix: a ragged list of pairs.

Every camera has its own number of tracks and detections. Instead of 200 small matrices there is one flat list of all pairs of the same
camera; a quick test of the x axis throws out most of them before anything else is computed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class Corners(NamedTuple):
    """Boxes as four contiguous arrays (N,) float64, px."""

    left: FloatArray
    top: FloatArray
    right: FloatArray
    bottom: FloatArray


class Pairs(NamedTuple):
    """E overlapping pairs, grouped by camera.

    Attributes:
        first: (E,) indices of the first boxes.
        second: (E,) indices of the second boxes.
        iou: (E,) float64, above 0.
    """

    first: IntArray
    second: IntArray
    iou: FloatArray

    def select(self, keep: NDArray[np.bool_] | IntArray) -> Pairs:
        """The pairs that `keep`, a mask (E,) or indices (K,), names."""
        return Pairs(self.first[keep], self.second[keep], self.iou[keep])


def corners(centred: FloatArray, expand: float) -> Corners:
    """Corners of boxes (4, N) of centre x, centre y, width, height, made larger by `expand` of their size on every side."""
    half = centred[2:] * (0.5 + expand)
    low, high = centred[:2] - half, centred[:2] + half
    return Corners(low[0], low[1], high[0], high[1])


def overlaps(first: Corners, second: Corners, start: IntArray, count: IntArray) -> Pairs:
    """All pairs that overlap.

    Args:
        first: N boxes.
        second: M boxes, those of one camera next to each other.
        start: (N,) for each first box, where its camera's second boxes begin.
        count: (N,) how many they are; 0 leaves the box out.

    Returns:
        The pairs whose boxes share an area, ordered by first and then by second box.
    """
    index = np.repeat(np.arange(len(count)), count)
    # Position in the flat list minus where the box's run begins, plus where its camera begins.
    other = np.arange(len(index)) + np.repeat(start - (np.cumsum(count) - count), count)
    meets = np.repeat(first.left, count) < second.right[other]
    meets &= np.repeat(first.right, count) > second.left[other]
    near = np.flatnonzero(meets)
    index, other = index[near], other[near]
    height = np.minimum(first.bottom[index], second.bottom[other]) - np.maximum(first.top[index], second.top[other])
    near = np.flatnonzero(height > 0)
    index, other, height = index[near], other[near], height[near]
    common = np.minimum(first.right[index], second.right[other]) - np.maximum(first.left[index], second.left[other])
    common *= height
    area_first, area_second = _area(first), _area(second)
    return Pairs(index, other, common / (area_first[index] + area_second[other] - common))


def _area(boxes: Corners) -> FloatArray:
    return (boxes.right - boxes.left) * (boxes.bottom - boxes.top)
