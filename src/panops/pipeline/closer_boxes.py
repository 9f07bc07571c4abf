"""Boxes that were found on objects which were cut out, and how they join what was seen in the whole picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import iou
from panops.domain.detections import Detections

_SAME_THING_IOU = 0.5
# How near to the edge of what was cut out a box ends there, as a share of its longer side.
_EDGE_SHARE = 0.01


def cut_at_edge(xyxy: NDArray[np.float32], part: tuple[int, int, int, int], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """(N,) bool, which boxes, px of the part, end at an edge of it that is not the picture's own: they show half of a neighbour's thing."""
    left, top, right, bottom = part
    near = max(_EDGE_SHARE * max(right - left, bottom - top), 1.0)
    cut = np.zeros(len(xyxy), np.bool_)
    if left > 0:
        cut |= xyxy[:, 0] <= near
    if top > 0:
        cut |= xyxy[:, 1] <= near
    if right < size_wh[0]:
        cut |= xyxy[:, 2] >= right - left - near
    if bottom < size_wh[1]:
        cut |= xyxy[:, 3] >= bottom - top - near
    return cut


def joined(seen: Detections, closer: Detections) -> Detections:
    """Both, but each thing once: the rows of `seen` stay where they are, with what a surer look says of them."""
    same = (iou(closer.xyxy, seen.xyxy) >= _SAME_THING_IOU) & (closer.class_id[:, None] == seen.class_id[None, :])
    xyxy, score = seen.xyxy.copy(), seen.score.copy()
    for row, column in zip(*np.nonzero(same), strict=True):
        if closer.score[row] > score[column]:
            xyxy[column], score[column] = closer.xyxy[row], closer.score[row]
    return Detections.concat([replace(seen, xyxy=xyxy, score=score), closer.select(~same.any(axis=1))])


def each_once(found: Detections) -> Detections:
    """Of boxes of one class that lie on each other only the surest: people who stand together are cut out with each other's things."""
    if len(found) < 2:
        return found
    overlap = iou(found.xyxy, found.xyxy)
    kept: list[int] = []
    for row in np.argsort(-found.score, kind="stable").tolist():
        if all(found.class_id[row] != found.class_id[other] or overlap[row, other] < _SAME_THING_IOU for other in kept):
            kept.append(row)
    return found.select(np.array(sorted(kept), np.int64))
