"""Which detection finds which box: pycocotools' own matching, kept as arrays so that any part of a set can be scored from them.

T.-Y. Lin et al., Microsoft COCO: Common Objects in Context, 2014, https://arxiv.org/abs/1405.0312; `pycocotools.cocoeval`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]  # has no annotations

from panops.evaluation.detection_cases import Case

# Square pixels of the picture as labelled: COCO's own borders.
AREAS: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
MOST_DETECTIONS = 100


@dataclass(frozen=True, slots=True, eq=False)
class ClassMatches:
    """Everything of one class in all pictures that labelled it: D detections and G boxes, A areas, T IoU thresholds.

    Attributes:
        picture: (D,) int64, the picture of each detection; ascending, best first within a picture.
        score: (D,) float64.
        hit: (A, T, D) bool: it matched a box, maybe one to be ignored.
        ignored: (A, T, D) bool: it counts neither for nor against.
        truth_picture: (G,) int64.
        truth_ignored: (A, G) bool: crowds, and boxes outside the area.
    """

    picture: NDArray[np.int64]
    score: NDArray[np.float64]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truth_picture: NDArray[np.int64]
    truth_ignored: NDArray[np.bool_]


def match_all(
    cases: Sequence[Case], class_count: int, areas: Sequence[str], iou_thresholds: NDArray[np.float64] = IOU_THRESHOLDS
) -> list[ClassMatches]:
    """Match every class.

    Args:
        cases: The pictures.
        class_count: How many classes are scored.
        areas: Names out of `AREAS`.
        iou_thresholds: (T,).

    Returns:
        One for each class.
    """
    matcher = _Matcher([AREAS[name] for name in areas], iou_thresholds)
    parts: list[list[tuple[int, list[dict[str, Any]]]]] = [[] for _ in range(class_count)]
    for index, case in enumerate(cases):
        present = set(case.class_id.tolist()) | set(case.found.class_id.tolist())
        for class_id in sorted(present):
            parts[class_id].append((index, matcher.match(case, class_id)))
    return [_joined(found, len(areas), len(iou_thresholds)) for found in parts]


class _Matcher(COCOeval):  # type: ignore[misc]  # the base has no annotations
    """COCO's evaluation, fed one picture and class at a time from arrays instead of JSON."""

    def __init__(self, areas: Sequence[tuple[float, float]], iou_thresholds: NDArray[np.float64]) -> None:
        super().__init__(iouType="bbox")
        self.params.iouThrs = iou_thresholds
        self.params.maxDets = [MOST_DETECTIONS]
        self._area_ranges = areas

    def match(self, case: Case, class_id: int) -> list[dict[str, Any]]:
        """COCO's result for each area."""
        mine, found = case.class_id == class_id, case.found.class_id == class_id
        key = (0, 0)
        self._gts = {key: _records(case.xyxy[mine], ignore=case.ignore[mine])}
        self._dts = {key: _records(case.found.xyxy[found], score=case.found.score[found])}
        self.ious = {key: self.computeIoU(*key)}
        return [self.evaluateImg(*key, area, MOST_DETECTIONS) for area in self._area_ranges]


def _records(
    xyxy: NDArray[np.float32], score: NDArray[np.float32] | None = None, ignore: NDArray[np.bool_] | None = None
) -> list[dict[str, Any]]:
    """Boxes as COCO's annotations; ids begin with 1, because 0 means "no match" there."""
    boxes = xyxy.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    records: list[dict[str, Any]] = [
        {"id": number, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0, "ignore": 0} for number, bbox in enumerate(boxes.tolist(), 1)
    ]
    for record, value in zip(records, [] if score is None else score.tolist(), strict=False):
        record["score"] = value
    for record, value in zip(records, [] if ignore is None else ignore.tolist(), strict=False):
        record["iscrowd"] = record["ignore"] = int(value)
    return records


def _joined(parts: Sequence[tuple[int, list[dict[str, Any]]]], area_count: int, threshold_count: int) -> ClassMatches:
    def pictures(key: str) -> NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *(np.full(len(found[0][key]), index, np.int64) for index, found in parts)])

    def flags(key: str, area: int) -> NDArray[np.bool_]:
        return np.concatenate([np.zeros((threshold_count, 0), bool), *(found[area][key].astype(bool) for _, found in parts)], axis=1)

    def truths(area: int) -> NDArray[np.bool_]:
        return np.concatenate([np.zeros(0, bool), *(np.asarray(found[area]["gtIgnore"], bool) for _, found in parts)])

    return ClassMatches(
        pictures("dtIds"),
        np.concatenate([np.zeros(0), *(np.asarray(found[0]["dtScores"], np.float64) for _, found in parts)]),
        np.stack([flags("dtMatches", area) for area in range(area_count)]),
        np.stack([flags("dtIgnore", area) for area in range(area_count)]),
        pictures("gtIds"),
        np.stack([truths(area) for area in range(area_count)]),
    )
