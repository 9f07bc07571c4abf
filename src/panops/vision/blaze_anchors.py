"""The anchors of BlazeFace and its relatives, computed rather than stored.

V. Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019, https://arxiv.org/abs/1907.05047. An SSD
(W. Liu et al., 2016) whose layers below a stride of 8 or 16 were left away and their anchors stacked on the last grid: so layers of one
stride that follow each other share its cells, and a cell has the anchors of all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AnchorLayout:
    """Where a detector's anchors are.

    Attributes:
        input_px: Side of the square input.
        strides: The stride of each layer, px of the input; equal ones that follow each other share a grid.
        interpolated: Whether each layer has a second anchor, as large as the geometric mean of its own and the next layer's.
        fixed_size: Whether all anchors count as large as the whole input, so that a raw size is a size and no factor.
        smallest: Size of the first layer's anchor, as a share of the input.
        largest: Size of the last layer's anchor, as a share of the input.
    """

    input_px: int
    strides: tuple[int, ...]
    interpolated: bool = True
    fixed_size: bool = True
    smallest: float = 0.1484375
    largest: float = 0.75

    @property
    def count(self) -> int:
        """How many anchors, which is how many rows the model must have."""
        return sum(_cells_a_side(self, stride) ** 2 * (2 if self.interpolated else 1) for stride in self.strides)


def blaze_anchors(layout: AnchorLayout) -> NDArray[np.float32]:
    """Anchors (N, 4) of centre x, centre y, width, height as shares 0..1 of the input, in the order of the model's rows.

    Grids follow each other from the finest; within one, cells go row by row, and within a cell the anchors layer by layer.

    Raises:
        ValueError: There is no layer, or a stride or the input's size is not positive.
    """
    if not layout.strides or min(*layout.strides, layout.input_px) < 1:
        raise ValueError(f"expected at least one stride and positive sizes, got strides {layout.strides} for {layout.input_px} px")
    sizes = _sizes(layout)
    parts = []
    first = 0
    for index, stride in enumerate(layout.strides):
        if index + 1 < len(layout.strides) and layout.strides[index + 1] == stride:
            continue
        in_cell = np.concatenate([sizes[layer] for layer in range(first, index + 1)])
        parts.append(_grid(_cells_a_side(layout, stride), in_cell))
        first = index + 1
    return np.concatenate(parts)


def _sizes(layout: AnchorLayout) -> list[NDArray[np.float32]]:
    """The sizes of each layer's anchors; the anchor between the last layer and the whole input closes the series."""
    layers = len(layout.strides)
    # A single layer takes the middle of the range, as there is nothing to spread.
    own = np.linspace(layout.smallest, layout.largest, layers) if layers > 1 else np.array([(layout.smallest + layout.largest) / 2])
    following = np.append(own[1:], 1.0)
    both = np.stack([own, np.sqrt(own * following)], axis=1) if layout.interpolated else own[:, None]
    return list(np.ones_like(both, np.float32) if layout.fixed_size else both.astype(np.float32))


def _grid(cells: int, sizes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Anchors of all cells of a square grid, `sizes` (A,) in each: (cells * cells * A, 4)."""
    middle = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    y, x, size = np.meshgrid(middle, middle, sizes, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), size.ravel(), size.ravel()], axis=1).astype(np.float32)


def _cells_a_side(layout: AnchorLayout, stride: int) -> int:
    return math.ceil(layout.input_px / stride)
