"""The task `classification`: whole pictures and parts of them to scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from panops.domain.class_scores import ClassScores
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.domain.protocols import TensorSpec
from panops.vision.classify import Classify
from panops.vision.model_classifier import ModelClassifier

MANIFEST = ModelManifest(
    "colours",
    "classification",
    "softmax",
    "1",
    "MIT",
    ModelSource(SourceKind.FILE, "x"),
    "x.onnx",
    "0" * 64,
    (32, 32),
    ("red", "green", "blue"),
    {"channels": "rgb", "layout": "nchw", "letterbox": 128, "anchor": "center", "input": "pictures"},
)


def frame_of(image: NDArray[np.uint8]) -> Frame:
    return Frame("gate", 0, 0.0, 0.0, ArrayPixels(image))


class Colours:
    """A backend whose scores are the shares of red, green and blue in the middle of its input."""

    inputs = (TensorSpec("pictures", (1, 3, 32, 32), np.dtype(np.float32)),)
    outputs = (TensorSpec("scores", (1, 3), np.dtype(np.float32)),)

    def __init__(self) -> None:
        self.closed = False

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        middle = inputs["pictures"][:, :, 12:20, 12:20].mean((2, 3))
        return {"scores": (middle / middle.sum()).astype(np.float32)}

    def close(self) -> None:
        self.closed = True


def test_a_picture_and_its_parts() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, :40, 0] = 200
    image[:, 40:, 2] = 200
    classifier = ModelClassifier(MANIFEST, Colours())
    whole = classifier.classify(frame_of(image))
    assert whole.scores.shape == (1, 3)
    boxes = np.array([[4, 4, 30, 36], [50, 4, 76, 36]], np.float32)
    parts = classifier.classify_boxes(frame_of(image), boxes)
    assert parts.top_class.tolist() == [0, 2]
    assert parts.top_score.tolist() == pytest.approx([1.0, 1.0])
    assert len(classifier.classify_boxes(frame_of(image), boxes[:0])) == 0
    classifier.close()


def test_the_picture_lies_in_the_middle_of_grey() -> None:
    task = Classify(MANIFEST)
    inputs, _ = task.prepare(frame_of(np.full((20, 40, 3), 255, np.uint8)))
    tensor = inputs["pictures"][0, 0]
    assert tensor[0, 0] == 128
    assert tensor[16, 16] == 255
    assert tensor[-1, 0] == 128


def test_whole_256ths_are_scores() -> None:
    task = Classify(MANIFEST)
    bytes_ = task.finish({"scores": np.array([[64, 192, 0]], np.uint8)})
    signed = task.finish({"scores": np.array([[64 - 128, 192 - 128, -128]], np.int8)})
    assert bytes_.scores.tolist() == signed.scores.tolist() == [[0.25, 0.75, 0.0]]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"scores": np.zeros((1, 4), np.float32)}, "for its classes"),
        ({"scores": np.zeros((1, 3), np.float32), "more": np.zeros(1)}, "expected one output"),
        ({"scores": np.array([[3.0, -1.0, 2.0]], np.float32)}, "add up to 1"),
        ({"scores": np.array([[np.nan, 0.5, 0.5]], np.float32)}, "add up to 1"),
    ],
)
def test_what_is_no_softmax_is_refused(outputs: dict[str, NDArray[Any]], words: str) -> None:
    with pytest.raises(ModelUnsupported, match=words):
        Classify(MANIFEST).finish(outputs)


def test_another_task_or_head_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match="a model for detection"):
        Classify(replace(MANIFEST, task="detection"))
    with pytest.raises(ModelUnsupported, match="expected the head softmax"):
        Classify(replace(MANIFEST, head="yolox"))


def test_scores_as_a_value() -> None:
    assert len(ClassScores.empty(4)) == 0
    assert ClassScores.empty(4).top_class.shape == ClassScores.empty(4).top_score.shape == (0,)
    scores = ClassScores(np.array([[0.2, 0.8]], np.float32))
    assert repr(scores) == "ClassScores(n=1, classes=2)"
    with pytest.raises(ValueError, match="read-only"):
        scores.scores[0, 0] = 1.0
    with pytest.raises(ValueError, match="at least one class"):
        ClassScores(np.zeros((2, 0), np.float32))
