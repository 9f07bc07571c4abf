from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from manifests import manifest
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.vision.candidates import KeepSettings
from panops.vision.detect_ssd import DetectSsd
from panops.vision.letterbox import Letterbox

BOX = Letterbox.stretch((200, 100), (300, 300))
BOXES = np.array([[[0.1, 0.2, 0.5, 0.4], [0.0, 0.5, 1.2, 1.1], [0.3, 0.3, 0.4, 0.4]]], np.float32)
CLASSES = np.array([[2.0, 0.0, 1.0]], np.float32)
SCORES = np.array([[0.6, 0.9, 0.05]], np.float32)
COUNT = np.array([3.0], np.float32)

OPERATOR = ["P", "P:1", "P:2", "P:3"]


def named(names: list[str], arrays: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return dict(zip(names, arrays, strict=True))


ORDERS = {
    "the operator's own": named(OPERATOR, [BOXES, CLASSES, SCORES, COUNT]),
    "scores before classes": named(OPERATOR, [BOXES, SCORES, CLASSES, COUNT]),
    "count first": named(OPERATOR, [COUNT, SCORES, CLASSES, BOXES]),
    "by name": named(["scores", "boxes", "n", "classes"], [SCORES, BOXES, COUNT, CLASSES]),
    "no count": named(OPERATOR[:3], [BOXES, CLASSES, SCORES]),
    "count without a dimension": named(OPERATOR, [BOXES, CLASSES, SCORES, np.array(3.0, np.float32)]),
}


@pytest.mark.parametrize("outputs", ORDERS.values(), ids=ORDERS.keys())
def test_every_order_of_outputs(outputs: dict[str, NDArray[Any]]) -> None:
    found = DetectSsd(manifest("ssd", (300, 300))).finish(outputs, BOX)
    np.testing.assert_allclose(found.xyxy, [[100, 0, 200, 100], [40, 10, 80, 50]], atol=1e-3)
    np.testing.assert_allclose(found.score, [0.9, 0.6])
    assert found.class_id.tolist() == [0, 2]


def test_names_decide_where_values_cannot() -> None:
    outputs = named(["boxes", "scores", "classes", "count"], [BOXES[:, :1], np.array([[1.0]]), np.array([[0.0]]), np.array([1.0])])
    found = DetectSsd(manifest("ssd", (300, 300))).finish(outputs, BOX)
    assert (found.score.tolist(), found.class_id.tolist()) == ([1.0], [0])


def test_what_was_learnt_of_the_order_is_kept() -> None:
    head = DetectSsd(manifest("ssd", (300, 300)))
    head.finish(ORDERS["scores before classes"], BOX)
    quiet = named(OPERATOR, [BOXES, np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]), COUNT])
    found = head.finish(quiet, BOX)
    assert (found.score.tolist(), found.class_id.tolist()) == ([1.0], [1])


def test_count_bounds_the_rows() -> None:
    outputs = named(OPERATOR, [BOXES, CLASSES, SCORES, np.array([1.0], np.float32)])
    assert DetectSsd(manifest("ssd", (300, 300)), KeepSettings(min_score=0.0)).finish(outputs, BOX).class_id.tolist() == [2]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (named(OPERATOR[:2], [BOXES, CLASSES]), "expected boxes"),
        (named(OPERATOR, [BOXES, CLASSES, SCORES[:, :2], COUNT]), "expected boxes"),
        (named(OPERATOR, [BOXES, CLASSES + 7, SCORES, COUNT]), "found class 9, but its manifest lists 3 classes"),
        (named(OPERATOR, [BOXES, SCORES, SCORES, COUNT]), "expected scores from 0 to 1 and whole classes"),
        (named(OPERATOR, [BOXES, CLASSES + 5, CLASSES + 5, COUNT]), "expected scores from 0 to 1 and whole classes"),
    ],
)
def test_outputs_that_do_not_fit(outputs: dict[str, NDArray[Any]], words: str) -> None:
    with pytest.raises(ModelUnsupported, match=words):
        DetectSsd(manifest("ssd", (300, 300))).finish(outputs, BOX)
