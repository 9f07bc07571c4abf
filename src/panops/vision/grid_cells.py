"""The cells of anchor-free detectors, and the inputs in which they look at whole pictures and at parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.frame import Frame
from panops.domain.region import Region
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import InputPicture, Preprocessing


def grid_cells(size_wh: tuple[int, int], strides: Sequence[int]) -> NDArray[np.float32]:
    """x, y and stride (N, 3) of every row's cell: stride by stride, row by row of the picture.

    Args:
        size_wh: The input's size, px.
        strides: Sizes of a cell, px, in the order of the model's rows.
    """
    parts = []
    for stride in strides:
        y, x = np.mgrid[0 : size_wh[1] // stride, 0 : size_wh[0] // stride]
        parts.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
    return np.concatenate(parts).astype(np.float32)


class SizedPictures:
    """Input pictures of one model at the sizes that are asked for. For one thread: each size's tensor is re-used.

    Args:
        how: How pictures become the input.
    """

    def __init__(self, how: Preprocessing) -> None:
        self._how = how
        self._pictures = {how.size_wh: InputPicture(how)}

    def whole(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The input for a whole picture (valid until the next call) and the way back to the frame."""
        tensor, box = self._pictures[self._how.size_wh].fill(frame)
        return {self._how.input_name: tensor}, box

    def part(self, frame: Frame, region: Region) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The same of a part of the picture, at the size of input that the region names."""
        if region.input_wh not in self._pictures:
            self._pictures[region.input_wh] = InputPicture(self._how, region.input_wh)
        tensor, box = self._pictures[region.input_wh].fill(frame, region)
        return {self._how.input_name: tensor}, box
