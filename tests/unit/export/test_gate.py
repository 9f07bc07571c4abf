"""What a verdict says of itself: on how much it stands, how sure it is, and when it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pycocotools")

from panops.domain.detections import Detections
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.domain.manifest import ModelManifest
from panops.evaluation.detection_score import score_detections
from panops.evaluation.loss_interval import loss_interval
from panops.export.deployed import DeployedRun, Speed
from panops.export.gate import Limits, Measured, Verdict

CLASSES = ("square",)


def labelled(index: int, boxes: int) -> LabelledPicture:
    xyxy = np.array([[50 * box, 10, 50 * box + 40, 50] for box in range(boxes)], np.float32).reshape(-1, 4)
    none = np.zeros(boxes, bool)
    return LabelledPicture(Path(f"{index}.png"), (400, 60), xyxy, none.astype(np.int64), none, np.ones(1, bool), "yard", "", False)


def verdict(pictures: int, lost: int, limits: Limits, manifest: ModelManifest, boxes: int = 4) -> Verdict:
    """The float model finds everything; in 8 bits nothing is found in the first `lost` pictures."""
    dataset = DetectionSet("x", CLASSES, tuple(labelled(index, boxes if index < pictures else 0) for index in range(pictures + 1)))
    found = [Detections(one.xyxy, np.full(len(one.xyxy), 0.9, np.float32), one.class_id) for one in dataset.pictures]
    worse = [Detections.empty() if index < lost else one for index, one in enumerate(found)]
    sides = []
    for seen in (found, worse):
        run = DeployedRun(seen, Speed(1.0, 1.0, 1.0, 3.0, pictures, 1), "OpenVinoBackend", (64, 64), {})
        sides.append(Measured(manifest, 100, score_detections(dataset, seen, CLASSES), run))
    return Verdict(sides[0], sides[1], limits, loss_interval(sides[0].score, sides[1].score), dataset)


def test_a_verdict_on_many_pictures_stands_firmly(finder_manifest: ModelManifest) -> None:
    firm = verdict(40, 0, Limits(), finder_manifest)
    assert firm.passed
    assert (firm.pictures, firm.boxes) == (40, 160)  # the picture without a box does not count
    assert firm.grounds == "40 pictures with 160 boxes; in 95 of 100 sets drawn from them 8 bits cost 0.00 to 0.00 points"
    assert firm.doubts == []
    assert firm.record()["doubts"] == []


def test_few_pictures_or_few_boxes_are_told(finder_manifest: ModelManifest) -> None:
    for few in (verdict(3, 0, Limits(), finder_manifest), verdict(40, 0, Limits(), finder_manifest, boxes=1)):
        (doubt,) = few.doubts
        assert f"stands on {few.pictures} pictures and {few.boxes} boxes" in doubt
        assert "give more labelled pictures with --data" in doubt
    assert "1 picture and 1 box:" in verdict(1, 0, Limits(), finder_manifest, boxes=1).doubts[0]


def test_an_interval_beyond_the_limit_is_told(finder_manifest: ModelManifest) -> None:
    # One of 40 pictures: 2.5 points on these, between nothing and 8 on others.
    passed = verdict(40, 1, Limits(loss=5.0, small_loss=5.0), finder_manifest)
    assert passed.passed
    (doubt,) = passed.doubts
    assert "may cost as much as" in doubt
    assert "(5 allowed)" in doubt
    refused = verdict(40, 1, Limits(loss=1.0), finder_manifest)
    assert not refused.passed
    assert refused.doubts == ["on other pictures 8 bits may pass: these are too few to be sure"]
    assert verdict(40, 20, Limits(loss=1.0), finder_manifest).doubts == []  # half of them lost is lost for sure
