"""Boxes of MTCNN's stages, as arrays: from cells of a map, moved, squared, cut to the picture, and the best of overlapping ones.

K. Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks, 2016,
https://arxiv.org/abs/1604.02878. The authors' tools counted pixels from 1 and took a box's last pixel as inside it; the weights were
trained with that, so the ones that are added and taken off here belong to them. All boxes are (N, 4) float32: left, top, right, bottom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IndexArray = NDArray[np.int64]

# P-net sees 12 px at a time and moves on by 2.
CELL_PX = 12
_STRIDE_PX = 2


def boxes_of_cells(rows: IndexArray, columns: IndexArray, scale: float) -> FloatArray:
    """What P-net's cells (N,) see, in px of the picture.

    Args:
        rows: Of the map.
        columns: Of the map.
        scale: The size of the picture that P-net saw, in sizes of the whole one.
    """
    cells = np.stack([columns, rows], axis=1).astype(np.float32) * np.float32(_STRIDE_PX)
    return np.floor(np.concatenate([cells + np.float32(1), cells + np.float32(CELL_PX)], axis=1) / np.float32(scale))


def moved(xyxy: FloatArray, shift: FloatArray, extra_px: int) -> FloatArray:
    """Boxes after a network's correction.

    Args:
        xyxy: Boxes.
        shift: (N, 4), how far each side is off in widths and heights of the box.
        extra_px: What is added to widths and heights: 0 after P-net, 1 after the others.
    """
    size = xyxy[:, 2:] - xyxy[:, :2] + np.float32(extra_px)
    return xyxy + shift * np.tile(size, 2)


def squared(xyxy: FloatArray) -> FloatArray:
    """Boxes of the same centres as squares of their longer sides."""
    size = xyxy[:, 2:] - xyxy[:, :2]
    side = size.max(axis=1, keepdims=True, initial=0)
    corner = xyxy[:, :2] + size * np.float32(0.5) - side * np.float32(0.5)
    return np.concatenate([corner, corner + side], axis=1)


def inside(xyxy: FloatArray, size_wh: tuple[int, int]) -> tuple[IndexArray, NDArray[np.bool_]]:
    """Whole pixels (K, 4) of the boxes that are cut to a picture, and which ones of them (N,) have any.

    Args:
        xyxy: Boxes, counted from 1, the last pixel inside; not finite ones have none.
        size_wh: Of the picture, px.

    Returns:
        Left, top, right and bottom counted from 0, the last pixel outside, as Python's slices are.
    """
    width, height = size_wh
    bound = np.array([width + 1, height + 1, width, height], np.float32)  # what begins beyond the picture stays beyond it
    whole = np.trunc(np.nan_to_num(np.clip(xyxy, 0, bound), nan=0.0)).astype(np.int64)
    whole[:, :2] = np.maximum(whole[:, :2], 1) - 1
    usable: NDArray[np.bool_] = np.isfinite(xyxy).all(axis=1) & np.all(whole[:, 2:] > whole[:, :2], axis=1)
    return whole[usable], usable


def best_of_overlapping(xyxy: FloatArray, score: FloatArray, most_overlap: float, *, of_smaller: bool = False) -> IndexArray:
    """Greedy suppression of what overlaps a better box.

    Args:
        xyxy: Boxes. Time and memory grow with the square of their number.
        score: (N,); ties are kept in the order given.
        most_overlap: A box that overlaps a better one by more is dropped, 0..1.
        of_smaller: Measure the common part against the smaller box, last pixels inside; otherwise against both together.

    Returns:
        Indices (K,) of those kept, best first.
    """
    order = np.argsort(-score, kind="stable")
    extra = np.float32(of_smaller)
    left, top, right, bottom = np.ascontiguousarray(xyxy[order].T)
    area = (right - left + extra) * (bottom - top + extra)
    width = np.minimum(right[:, None], right) - np.maximum(left[:, None], left) + extra
    height = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top) + extra
    common = np.maximum(width, 0) * np.maximum(height, 0)
    whole = np.minimum(area[:, None], area) if of_smaller else area[:, None] + area - common
    # Without a division: two boxes without an area, of which 0/0 would be asked, overlap by nothing.
    free = common <= np.float32(most_overlap) * whole
    alive = np.ones(len(order), bool)
    for index in range(len(order)):
        if alive[index]:
            alive[index + 1 :] &= free[index, index + 1 :]
    return np.asarray(order[alive], np.int64)


def best(score: FloatArray, most: int) -> IndexArray:
    """Indices of the `most` best scores (N,), in their order; of all where there are no more."""
    if len(score) <= most:
        return np.arange(len(score), dtype=np.int64)
    return np.sort(np.argsort(-score, kind="stable")[:most])
