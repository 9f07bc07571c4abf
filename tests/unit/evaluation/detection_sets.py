"""Made-up labelled pictures and detections for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from panops.domain.detections import Detections
from panops.domain.labels import DetectionSet, LabelledPicture

CLASSES = ("person", "car", "motorcycle")


def picture(
    boxes: Sequence[tuple[float, float, float, float]],
    classes: Sequence[int],
    *,
    labelled: Sequence[bool] = (True, True, True),
    crowd: Sequence[int] = (),
    source: str = "yard",
    group: str = "yard:1",
    rider_in_box: bool = False,
    name: str = "a.png",
) -> LabelledPicture:
    """A picture of 400x300 px; boxes are left, top, right, bottom."""
    marks = np.zeros(len(boxes), bool)
    marks[list(crowd)] = True
    return LabelledPicture(
        Path(name),
        (400, 300),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(classes, np.int64),
        marks,
        np.array(labelled, bool),
        source,
        group,
        rider_in_box,
    )


def found(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Detections from rows of left, top, right, bottom, score, class."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int64))


def random_set(seed: int, pictures: int = 12, *, partial: bool = False) -> tuple[DetectionSet, list[Detections]]:
    """Boxes of all COCO sizes, crowds, and detections that hit, miss, double and confuse."""
    rng = np.random.default_rng(seed)
    made, seen = [], []
    for index in range(pictures):
        count = int(rng.integers(0, 9))
        corner = rng.uniform(0, 250, (count, 2))
        size = rng.uniform(6, 140, (count, 2))
        boxes = np.concatenate([corner, corner + size], axis=1)
        classes = rng.integers(0, 3, count)
        labelled = rng.random(3) > 0.3 if partial else np.ones(3, bool)
        kept = labelled[classes] if count else np.zeros(0, bool)
        crowd = np.flatnonzero(rng.random(int(kept.sum())) < 0.15)
        made.append(
            picture(
                [tuple(box) for box in boxes[kept].tolist()],
                classes[kept].tolist(),
                labelled=labelled.tolist(),
                crowd=crowd.tolist(),
                source=("yard", "gate")[index % 2],
                group=f"cam-{index % 4}",
                name=f"{index}.png",
            )
        )
        near = np.repeat(boxes, 2, axis=0) + rng.normal(0, 6, (2 * count, 4))
        stray = rng.uniform(0, 200, (4, 2))
        near = np.concatenate([near, np.concatenate([stray, stray + rng.uniform(5, 120, (4, 2))], axis=1)])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        ids = np.concatenate([np.repeat(classes, 2), rng.integers(0, 3, 4)])
        wrong = rng.random(len(ids)) < 0.1
        ids[wrong] = rng.integers(0, 3, int(wrong.sum()))
        # Few levels, so that scores tie.
        score = np.round(rng.uniform(0.01, 1.0, len(ids)), 1)
        order = np.argsort(-score, kind="stable")
        seen.append(Detections(near[order].astype(np.float32), score[order].astype(np.float32), ids[order].astype(np.int64)))
    return DetectionSet("made-up", CLASSES, tuple(made)), seen
