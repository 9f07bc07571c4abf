"""How large a network input shows a part of a picture well enough, and which part that input then shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from panops.domain.region import Region

Size = tuple[int, int]
Box = tuple[float, float, float, float]

# Networks shrink their input by 32 in the end.
_STEP_PX = 32
# Width and height of the inputs for parts, as shares of the longer side of the model's own: 128x160, 192x256 and 320x192 of 416. People are
# tall and two of them stand side by side. Three, because each costs memory and seconds of compiling; chosen from what films ask for.
_PART_SHARES = ((0.31, 0.38), (0.46, 0.62), (0.77, 0.46))
# A look costs as much as so many px of input whatever its size (measured: docs/motion.md), and a part must save a fifth of the whole.
_LOOK_PX = 32_000
_WORTH = 0.8
# Nothing is shown larger than it is in the frame: that would add pixels and no detail.
_LARGEST_SCALE = 1.0


class RegionSizes:
    """The sizes of input for one model. Pure: no pixels, no model.

    Args:
        input_wh: The model's own input, px, in which whole pictures keep their proportions.
        inputs: Sizes of input that parts may have, px; the usual ones when None.
        enlarge: How far a part's scale goes from the whole picture's (0) to the largest that the input allows (1); the rest of the input
            shows what lies around the part.
    """

    def __init__(self, input_wh: Size, inputs: Sequence[Size] | None = None, enlarge: float = 1.0) -> None:
        self._input_wh = input_wh
        self._inputs = sorted(part_inputs(input_wh) if inputs is None else inputs, key=_cost)
        self._enlarge = enlarge

    def whole(self, size_wh: Size) -> Region:
        """The whole picture at the scale of the model's own input, without the rows and columns that are nothing but padding."""
        scale = self._least_scale(size_wh)
        width, height = (min(most, _step_up(size * scale)) for size, most in zip(size_wh, self._input_wh, strict=True))
        return Region((0, 0, *size_wh), (width, height))

    def part(self, size_wh: Size, xyxy: Box) -> Region | None:
        """The cheapest region that holds a box and shows it no smaller than the whole picture would.

        Args:
            size_wh: The picture, px.
            xyxy: What must be seen, px of the picture; what lies outside it is left out.

        Returns:
            None where a look at the whole picture is hardly dearer.
        """
        left, top, right, bottom = _outward(size_wh, xyxy)
        least = self._least_scale(size_wh)
        most = max(least, _LARGEST_SCALE)
        worth = _WORTH * _cost(self.whole(size_wh).input_wh)
        for width, height in self._inputs:
            if _cost((width, height)) > worth:
                return None
            fits = min(width / (right - left), height / (bottom - top))
            if fits >= least:
                scale = least + self._enlarge * (min(fits, most) - least)
                across = _grown(left, right, math.floor(width / scale), size_wh[0])
                down = _grown(top, bottom, math.floor(height / scale), size_wh[1])
                return Region((across[0], down[0], across[1], down[1]), (width, height))
        return None

    def _least_scale(self, size_wh: Size) -> float:
        return min(self._input_wh[0] / size_wh[0], self._input_wh[1] / size_wh[1])


def part_inputs(input_wh: Size) -> list[Size]:
    """The usual sizes of input for parts, px, for a model whose own input has this size."""
    steps = max(input_wh) / _STEP_PX
    return [(max(round(across * steps), 3) * _STEP_PX, max(round(down * steps), 3) * _STEP_PX) for across, down in _PART_SHARES]


def _cost(input_wh: Size) -> int:
    return input_wh[0] * input_wh[1] + _LOOK_PX


def _step_up(size: float) -> int:
    return math.ceil(size / _STEP_PX - 1e-9) * _STEP_PX


def _outward(size_wh: Size, xyxy: Box) -> tuple[int, int, int, int]:
    """The box in whole px, even at the left and the top, inside the picture and never empty."""
    (left, right), (top, bottom) = (_outward_edges(low, high, size) for low, high, size in zip(xyxy[:2], xyxy[2:], size_wh, strict=True))
    return left, top, right, bottom


def _outward_edges(low: float, high: float, size: int) -> tuple[int, int]:
    first = min(max(math.floor(low), 0), max(size - 2, 0)) // 2 * 2
    return first, max(min(math.ceil(high), size), min(first + 2, size))


def _grown(low: int, high: int, wanted: int, size: int) -> tuple[int, int]:
    """`low` to `high` made `wanted` long on both sides alike where there is room, even at the low end, within 0 to `size`."""
    length = min(max(wanted, high - low), size)
    first = low - (length - (high - low)) // 2
    first = min(max(first, 0), size - length) // 2 * 2
    return first, max(first + length, high)
