"""A part of a picture turned by a quarter, left or right: who lies in it stands, for a model that knows only people who stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.frame import Pixels

UPRIGHT, LEFT, RIGHT = 0, 1, 3
"""Quarters by which the picture is turned, counter-clockwise."""


@dataclass(frozen=True, slots=True, eq=False)
class TurnedPixels:
    """Another picture, turned when it is asked for.

    Attributes:
        whole: The picture.
        turn: `LEFT`, `RIGHT`, or `UPRIGHT` for as it is.
    """

    whole: Pixels
    turn: int

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        width, height = self.whole.size_wh
        return (width, height) if self.turn == UPRIGHT else (height, width)

    def luma(self) -> NDArray[np.uint8]:
        """(H, W) uint8 brightness."""
        return np.rot90(self.whole.luma(), self.turn)

    def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB; see `Pixels`."""
        if self.turn != UPRIGHT and size_wh is not None:
            size_wh = size_wh[1], size_wh[0]
        if crop_xyxy is not None:
            left, top, right, bottom = self.back_box(np.array([crop_xyxy], np.float64))[0]
            crop_xyxy = round(left), round(top), round(right), round(bottom)
        return np.ascontiguousarray(np.rot90(self.whole.rgb(size_wh, crop_xyxy), self.turn))

    def back_points(self, xy: NDArray[np.floating]) -> NDArray[np.floating]:
        """Points (..., 2) in px of the turned picture as points in px of the picture."""
        width, height = self.whole.size_wh
        if self.turn == LEFT:
            return np.stack([width - xy[..., 1], xy[..., 0]], axis=-1)
        if self.turn == RIGHT:
            return np.stack([xy[..., 1], height - xy[..., 0]], axis=-1)
        return xy

    def back_box(self, xyxy: NDArray[np.floating]) -> NDArray[np.floating]:
        """Boxes (N, 4), likewise."""
        corners = self.back_points(xyxy.reshape(len(xyxy), 2, 2))
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
