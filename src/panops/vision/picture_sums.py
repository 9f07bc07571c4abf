"""Means of any rectangles of a picture, by running sums: F. Crow, Summed-Area Tables for Texture Mapping, 1984.

What makes a picture or parts of it smaller, each pixel the plain mean of the whole pixels it reaches over (adaptive average pooling,
PyTorch's `interpolate(mode="area")`). OpenCV's area interpolation weighs pixels at the edge by how much of them is inside, which is not the
same. A picture is summed up once; after that a part costs the same however large it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IndexArray = NDArray[np.int64]


class PictureSums:
    """Running sums of one picture. 12 bytes a pixel.

    Args:
        rgb: (H, W, 3) uint8, at least one pixel.
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.size_wh = (rgb.shape[1], rgb.shape[0])
        # 32 bits run over at 8 Mpx of white, and the difference of two sums is right all the same: no rectangle asked for is that large.
        self._sums = np.stack([cv2.integral(plane, sdepth=cv2.CV_32S) for plane in cv2.split(rgb)]).astype(np.int32, copy=False)

    def scaled(self, size_wh: tuple[int, int]) -> FloatArray:
        """The whole picture at another size, (3, H, W), 0..255.

        Args:
            size_wh: At least 1 px each; larger than the picture repeats pixels.
        """
        width, height = size_wh
        left, right = _bins(np.zeros(1, np.int64), np.array([self.size_wh[0]]), width)
        top, bottom = _bins(np.zeros(1, np.int64), np.array([self.size_wh[1]]), height)
        rows = self._sums[:, bottom[0]] - self._sums[:, top[0]]
        sums = np.take(rows, right[0], axis=2) - np.take(rows, left[0], axis=2)
        share = _shares(top, bottom)[0][:, None] * _shares(left, right)[0]
        means: FloatArray = sums.astype(np.float32)
        means *= share
        return means

    def parts(self, xyxy: IndexArray, side_px: int) -> FloatArray:
        """Parts of the picture as squares (N, 3, side, side), 0..255.

        Args:
            xyxy: (N, 4) whole px; inside the picture and not empty.
            side_px: Of the squares.
        """
        left, right = _bins(xyxy[:, 0], xyxy[:, 2], side_px)
        top, bottom = _bins(xyxy[:, 1], xyxy[:, 3], side_px)
        stride = self.size_wh[0] + 1
        above, below = top[:, :, None] * stride, bottom[:, :, None] * stride
        flat = self._sums.reshape(3, -1)
        sums = np.take(flat, below + right[:, None], axis=1)
        sums -= np.take(flat, below + left[:, None], axis=1)
        sums -= np.take(flat, above + right[:, None], axis=1)
        sums += np.take(flat, above + left[:, None], axis=1)
        share = _shares(top, bottom)[:, :, None] * _shares(left, right)[:, None]
        means = np.ascontiguousarray(sums.transpose(1, 0, 2, 3), np.float32)
        means *= share[:, None]
        return means


def _bins(low: IndexArray, high: IndexArray, count: int) -> tuple[IndexArray, IndexArray]:
    """First and past-the-last px (N, count) of what each of `count` pixels between `low` and `high` (N,) reaches over."""
    size, edge = (high - low)[:, None], np.arange(count + 1)
    return low[:, None] + size * edge[:-1] // count, low[:, None] - (-size * edge[1:] // count)


def _shares(low: IndexArray, high: IndexArray) -> FloatArray:
    return np.asarray(1.0 / (high - low), np.float32)
