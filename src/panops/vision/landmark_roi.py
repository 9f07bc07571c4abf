"""The turned square around a face, hand or body in which a landmark model looks, and the way from it to the frame and back.

The models were trained on squares in which the object stands upright: eyes level, fingers up, head above hips. Two points give the
direction; a scale and a shift along the object's own axis make the square hold all of it, as in F. Zhang et al., MediaPipe Hands, 2020,
https://arxiv.org/abs/2006.10214, section 2.2, and V. Bazarevsky et al., BlazePose, 2020, https://arxiv.org/abs/2006.10204, section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.frame import Frame

FloatArray = NDArray[np.float32]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Roi:
    """A turned square of the frame.

    Attributes:
        centre_xy: Its middle, px of the frame; may lie outside of it.
        side_px: Its side, px of the frame; more than 0.
        turn_rad: How far its upright is turned clockwise, as one sees it, from the frame's.
    """

    centre_xy: Point
    side_px: float
    turn_rad: float

    def to_frame(self, shares: FloatArray) -> FloatArray:
        """Points (K, 2) as shares of the square, 0..1 from its left top corner, in px of the frame."""
        return ((shares - np.float32(0.5)) @ self._axes() + np.array(self.centre_xy, np.float32)).astype(np.float32)

    def from_frame(self, points: FloatArray) -> FloatArray:
        """Points (K, 2) in px of the frame as shares of the square; the inverse of `to_frame`."""
        offset = points - np.array(self.centre_xy, np.float32)
        return (offset @ self._axes().T / self.side_px**2 + np.float32(0.5)).astype(np.float32)

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of its corners, px of the frame."""
        reach = self.side_px / 2 * (abs(math.cos(self.turn_rad)) + abs(math.sin(self.turn_rad)))
        x, y = self.centre_xy
        return x - reach, y - reach, x + reach, y + reach

    def _axes(self) -> FloatArray:
        """Its right and its down as rows, px of the frame."""
        cos, sin = math.cos(self.turn_rad), math.sin(self.turn_rad)
        return np.array([[cos, sin], [-sin, cos]], np.float32) * np.float32(self.side_px)


@dataclass(frozen=True, slots=True)
class RoiFit:
    """How a square is laid around an object.

    Attributes:
        scale: The square's side, as a multiple of the object's longer side.
        shift: How far it is moved along the object's down, as a share of the object's height; less than 0 is up.
    """

    scale: float
    shift: float = 0.0


def turn_level(start: FloatArray, end: FloatArray) -> float:
    """How far an object is turned, rad, whose direction from `start` to `end` (2,) would be to the right."""
    return math.atan2(float(end[1] - start[1]), float(end[0] - start[0]))


def turn_upright(start: FloatArray, end: FloatArray) -> float:
    """How far an object is turned, rad, whose direction from `start` to `end` (2,) would be up; within half a turn either way."""
    turn = turn_level(start, end) + math.pi / 2
    return math.remainder(turn, math.tau)


def roi_around_box(xyxy: FloatArray, turn_rad: float, fit: RoiFit) -> Roi:
    """The square around a detector's box (4,), px, whose content is turned."""
    width, height = float(xyxy[2] - xyxy[0]), float(xyxy[3] - xyxy[1])
    middle = (float(xyxy[0] + xyxy[2]) / 2, float(xyxy[1] + xyxy[3]) / 2)
    return _laid(middle, width, height, turn_rad, fit)


def roi_around_points(points: FloatArray, turn_rad: float, fit: RoiFit) -> Roi:
    """The square around points (K, 2), px: their box is taken along the object's own axes, so it does not grow when the object turns."""
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    axes = np.array([[cos, sin], [-sin, cos]], np.float64)
    along = points.astype(np.float64) @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    middle = (low + high) / 2 @ axes
    return _laid((float(middle[0]), float(middle[1])), float(high[0] - low[0]), float(high[1] - low[1]), turn_rad, fit)


def roi_on_circle(middle: FloatArray, rim: FloatArray, fit: RoiFit) -> Roi:
    """The square around a circle given by its middle and a point (2,) of its rim in the object's up, px."""
    across = 2 * math.hypot(float(rim[0] - middle[0]), float(rim[1] - middle[1]))
    return _laid((float(middle[0]), float(middle[1])), across, across, turn_upright(middle, rim), fit)


def _laid(middle: Point, width: float, height: float, turn_rad: float, fit: RoiFit) -> Roi:
    down = height * fit.shift
    centre = (middle[0] - down * math.sin(turn_rad), middle[1] + down * math.cos(turn_rad))
    return Roi(centre, max(fit.scale * max(width, height), 1.0), turn_rad)


class RoiPicture:
    """Fills a landmark model's input with what a square shows. For one thread: each `fill` overwrites what the last one gave.

    What lies over the picture's edge is filled with the pixels of the edge.

    Args:
        input_px: The model's side, px. Its input is (1, input_px, input_px, 3) float32, red, green, blue, in 0..1.
    """

    def __init__(self, input_px: int) -> None:
        self._input_px = input_px
        self._tensor = np.zeros((1, input_px, input_px, 3), np.float32)

    def fill(self, frame: Frame, roi: Roi) -> FloatArray | None:
        """The input (valid until the next call); None where the square shows hardly anything of the picture."""
        part = _part(frame.size_wh, roi)
        if part is None:
            return None
        left, top, right, bottom = part
        # The decoder makes the part small first, and well; turning it then neither misses pixels nor costs by the frame's size.
        shrink = min(1.0, self._input_px / roi.side_px)
        size_wh = (max(1, round((right - left) * shrink)), max(1, round((bottom - top) * shrink)))
        pixels = frame.pixels.rgb(size_wh, part)
        scale = np.array([size_wh[0] / (right - left), size_wh[1] / (bottom - top)])
        turned: Any = cv2.warpAffine(
            pixels,
            self._from_input(roi, (left, top), scale),
            (self._input_px, self._input_px),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        np.multiply(turned, np.float32(1 / 255), out=self._tensor[0])
        return self._tensor

    def _from_input(self, roi: Roi, origin_xy: tuple[int, int], scale: NDArray[np.float64]) -> NDArray[np.float64]:
        """(2, 3) from pixels of the input to pixels of the part; OpenCV counts from a pixel's middle, the square from its edge."""
        cos, sin = math.cos(roi.turn_rad), math.sin(roi.turn_rad)
        step = roi.side_px / self._input_px
        linear = np.array([[cos, -sin], [sin, cos]]) * step
        corner = np.array(roi.centre_xy) - linear @ np.full(2, self._input_px / 2)
        edge = (linear @ np.full(2, 0.5) + corner - np.array(origin_xy)) * scale - 0.5
        return np.column_stack([linear * scale[:, None], edge])


# A crop must be a few pixels wide, and of less than this share of a square no model can tell anything. Little enough is shown of a body's
# square when a face is close to the camera.
_LEAST_PART_PX = 4
_LEAST_SHOWN = 0.02


def _part(size_wh: tuple[int, int], roi: Roi) -> tuple[int, int, int, int] | None:
    """The part of the picture that a square needs: whole px, left and top even as chroma has half the size; None for next to nothing."""
    low_x, low_y, high_x, high_y = roi.bounds()
    if not all(math.isfinite(value) for value in (low_x, low_y, high_x, high_y)):
        return None
    left, top = max(0, math.floor(low_x) - 1) // 2 * 2, max(0, math.floor(low_y) - 1) // 2 * 2
    right, bottom = min(size_wh[0], math.ceil(high_x) + 1), min(size_wh[1], math.ceil(high_y) + 1)
    if right - left < _LEAST_PART_PX or bottom - top < _LEAST_PART_PX:
        return None
    shown = (right - left) * (bottom - top) / ((high_x - low_x) * (high_y - low_y))
    return (left, top, right, bottom) if shown >= _LEAST_SHOWN else None
