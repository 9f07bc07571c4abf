"""What the raw rows of BlazeFace and its relatives mean, and how overlapping rows become one steady box.

V. Bazarevsky et al., BlazeFace, 2019, https://arxiv.org/abs/1907.05047, section 3.4: instead of dropping the weaker ones of overlapping
boxes, which lets the winner jump from one to the other between frames, their mean weighted by their scores is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import iou
from panops.vision.blaze_anchors import AnchorLayout

FloatArray = NDArray[np.float32]
IndexArray = NDArray[np.int64]

# Beyond it the sigmoid is 0 or 1 in float32, and the exponential of a damaged weight would overflow.
_LARGEST_LOGIT = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes with points, in px of whatever they were decoded for.

    Attributes:
        xyxy: (N, 4) float32.
        points: (N, P, 2) float32.
        score: (N,) float32, 0..1.
    """

    xyxy: FloatArray
    points: FloatArray
    score: FloatArray


def probability(logits: FloatArray) -> FloatArray:
    """The sigmoid of raw scores of any shape, clipped at 100 either way, in 0..1; float32."""
    clipped = np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT).astype(np.float64)
    return (1.0 / (1.0 + np.exp(-clipped))).astype(np.float32)


def decode(rows: FloatArray, anchors: FloatArray, layout: AnchorLayout) -> tuple[FloatArray, FloatArray]:
    """Boxes and points of raw rows, in px of the input.

    Args:
        rows: (K, 4 + 2 P): centre, size, then P points; offsets from the anchor's centre in px, as shares of the anchor's size.
        anchors: The rows' anchors (K, 4), as `blaze_anchors` gives them.
        layout: The anchors' layout.

    Returns:
        Boxes (K, 4) and points (K, P, 2), float32. A box whose raw size is negative comes out inside out.
    """
    pairs = rows.reshape(len(rows), (rows.shape[1]) // 2, 2) * anchors[:, None, 2:]
    centre = anchors[:, None, :2] * np.float32(layout.input_px)
    half = pairs[:, 1] / 2
    middle = pairs[:, 0] + centre[:, 0]
    return np.concatenate([middle - half, middle + half], axis=1), pairs[:, 2:] + centre


def weighted_nms(found: Candidates, iou_threshold: float) -> Candidates:
    """One candidate for each heap of overlapping ones: the mean of their boxes and points, weighted by score.

    The best candidate gathers all that overlap it by more than the threshold; the best of the rest gathers next, and so on.

    Args:
        found: The candidates, in any order.
        iou_threshold: 0..1.

    Returns:
        Best first; each has the score of the best one of its heap. Of equal scores, the earlier row comes first.
    """
    order = np.argsort(-found.score, kind="stable")
    xyxy, points, score = found.xyxy[order], found.points[order], found.score[order]
    owner = _owners(xyxy, iou_threshold)
    heads, heap = np.unique(owner, return_inverse=True)
    weights = np.zeros((len(heads), len(order)), np.float64)
    weights[heap, np.arange(len(order))] = np.maximum(score, np.finfo(np.float32).tiny)
    weights /= weights.sum(axis=1, keepdims=True)
    flat = points.reshape(len(points), points.shape[1] * 2)
    return Candidates(
        (weights @ xyxy).astype(np.float32),
        (weights @ flat).astype(np.float32).reshape(len(heads), *points.shape[1:]),
        score[heads],
    )


def _owners(xyxy: FloatArray, iou_threshold: float) -> IndexArray:
    """For each box (N,), sorted best first, the index of the box that gathers it; one step for each heap, not for each box."""
    owner = np.full(len(xyxy), -1, np.int64)
    free = np.arange(len(xyxy))
    while len(free):
        head, rest = free[0], free[1:]
        near = iou(xyxy[head : head + 1], xyxy[rest])[0] > iou_threshold
        owner[head] = head
        owner[rest[near]] = head
        free = rest[~near]
    return owner
