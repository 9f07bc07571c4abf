"""Where a picture lies inside a model's input: scaled, maybe padded; and the exact way back for boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Anchor = Literal["top_left", "center"]
FloatBoxes = TypeVar("FloatBoxes", NDArray[np.float32], NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The map between a source picture and a model's input.

    A picture is scaled to whole pixels, so its two axes are scaled by slightly different factors; both are kept, which makes the way
    back exact. Coordinates are continuous: 0 is the left edge of the first pixel, the width is the right edge of the last one.

    Attributes:
        source_wh: The picture's size, px.
        input_wh: The model's input size, px.
        scaled_wh: The size of the picture inside the input, px.
        offset_xy: Its left top corner inside the input, px.
        origin_xy: Where the picture lies in the frame, px; other than 0, 0 where only a part of the frame is looked at.
    """

    source_wh: tuple[int, int]
    input_wh: tuple[int, int]
    scaled_wh: tuple[int, int]
    offset_xy: tuple[int, int]
    origin_xy: tuple[int, int] = (0, 0)

    @classmethod
    def fit(cls, source_wh: tuple[int, int], input_wh: tuple[int, int], anchor: Anchor = "top_left") -> Letterbox:
        """Keep the picture's proportions and pad what is left over, right and below or on both sides.

        Raises:
            ValueError: A size is not positive.
        """
        _check(source_wh, input_wh)
        scale = min(input_wh[0] / source_wh[0], input_wh[1] / source_wh[1])
        width, height = (min(most, max(1, round(size * scale))) for size, most in zip(source_wh, input_wh, strict=True))
        offset = ((input_wh[0] - width) // 2, (input_wh[1] - height) // 2) if anchor == "center" else (0, 0)
        return cls(source_wh, input_wh, (width, height), offset)

    @classmethod
    def stretch(cls, source_wh: tuple[int, int], input_wh: tuple[int, int]) -> Letterbox:
        """Fill the input whatever the picture's proportions are.

        Raises:
            ValueError: A size is not positive.
        """
        _check(source_wh, input_wh)
        return cls(source_wh, input_wh, input_wh, (0, 0))

    def forward(self, xyxy: FloatBoxes) -> FloatBoxes:
        """Boxes (N, 4) in px of the frame as boxes in px of the input, of the same dtype."""
        return ((xyxy - _twice(self.origin_xy)) * self._scale() + _twice(self.offset_xy)).astype(xyxy.dtype)

    def inverse(self, xyxy: FloatBoxes) -> FloatBoxes:
        """Boxes (N, 4) in px of the input as boxes in px of the frame, of the same dtype; not clipped to the picture."""
        return ((xyxy - _twice(self.offset_xy)) / self._scale() + _twice(self.origin_xy)).astype(xyxy.dtype)

    def inverse_points(self, xy: FloatBoxes) -> FloatBoxes:
        """Points (..., 2) in px of the input as points in px of the frame, of the same dtype; not clipped to the picture."""
        offset, origin = np.array(self.offset_xy, np.float64), np.array(self.origin_xy, np.float64)
        return ((xy - offset) / self._scale()[:2] + origin).astype(xy.dtype)

    def clip(self, xyxy: FloatBoxes) -> FloatBoxes:
        """Boxes (N, 4) in px of the frame, cut to the picture."""
        low = _twice(self.origin_xy)
        return np.clip(xyxy, low, low + _twice(self.source_wh)).astype(xyxy.dtype)

    def _scale(self) -> NDArray[np.float64]:
        x, y = self.scaled_wh[0] / self.source_wh[0], self.scaled_wh[1] / self.source_wh[1]
        return np.array([x, y, x, y])


def _twice(pair: tuple[int, int]) -> NDArray[np.float64]:
    return np.array([*pair, *pair], np.float64)


def _check(*sizes: tuple[int, int]) -> None:
    for size in sizes:
        if min(size) < 1:
            raise ValueError(f"expected a width and height of at least 1 px, got {size[0]}x{size[1]}")
