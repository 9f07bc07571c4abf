"""Box arithmetic on arrays. A box is `xyxy`: left, top, right, bottom, in pixels unless a name says otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def area(xyxy: FloatArray) -> FloatArray:
    """Areas (N,) in px² of boxes (N, 4); a box turned inside out has area 0."""
    return np.asarray(np.prod(np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0.0), axis=1), dtype=np.float32)


def intersection(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection areas (N, M) in px² of boxes (N, 4) with boxes (M, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0.0), axis=2), dtype=np.float32)


def iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union (N, M) in 0..1 of boxes (N, 4) with boxes (M, 4); two empty boxes give 0."""
    common = intersection(first, second)
    union = area(first)[:, None] + area(second)[None, :] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0), dtype=np.float32)


def xyxy_to_xywh(xyxy: FloatArray) -> FloatArray:
    """Boxes (N, 4) as left, top, width, height (the COCO and MOT order)."""
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def xywh_to_xyxy(xywh: FloatArray) -> FloatArray:
    """Boxes (N, 4) of left, top, width, height as left, top, right, bottom."""
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def cxcywh_to_xyxy(cxcywh: FloatArray) -> FloatArray:
    """Boxes (N, 4) of centre x, centre y, width, height as left, top, right, bottom."""
    half = cxcywh[:, 2:] / 2
    return np.concatenate([cxcywh[:, :2] - half, cxcywh[:, :2] + half], axis=1)


def clip(xyxy: FloatArray, size_wh: tuple[int, int]) -> FloatArray:
    """Boxes (N, 4) cut to a picture of `size_wh` pixels."""
    width, height = size_wh
    return np.clip(xyxy, 0, np.array([width, height, width, height], dtype=np.float32))


def ground_points(xyxy: FloatArray) -> FloatArray:
    """Where the boxes (N, 4) touch the ground: bottom centre points (N, 2)."""
    return np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]], axis=1)


def nms(xyxy: FloatArray, score: FloatArray, class_id: NDArray[np.int64], iou_threshold: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression within each class.

    Args:
        xyxy: Boxes (N, 4).
        score: Scores (N,); ties are kept in the order given.
        class_id: Classes (N,); boxes of different classes never suppress each other.
        iou_threshold: A box overlapping a better one by more than this is dropped, 0..1.

    Returns:
        Indices (K,) of the boxes kept, best first.
    """
    order = np.argsort(-score, kind="stable")
    # One pass over the upper triangle of the ordered IoU matrix: N is the few hundred left by the score threshold.
    ordered = xyxy[order]
    conflict = (iou(ordered, ordered) > iou_threshold) & (class_id[order][:, None] == class_id[order][None, :])
    alive = np.ones(len(order), dtype=bool)
    for index in range(len(order)):
        if alive[index]:
            alive[index + 1 :] &= ~conflict[index, index + 1 :]
    return np.asarray(order[alive], dtype=np.int64)
