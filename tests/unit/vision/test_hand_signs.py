"""Readers of hands: what they show their models, and models that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from manifests import frame, manifest
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import HandReader, TensorSpec
from panops.vision.hand_signs import HandPoints, open_hand_reader, relative_points

ROOM = frame(np.full((120, 160, 3), 90, np.uint8))


class PointBackend:
    """Takes points, and says the second class of everything."""

    def __init__(self, numbers: int = 42, classes: int = 3) -> None:
        self.inputs = (TensorSpec("points", (-1, numbers), np.dtype(np.float32)),)
        self.outputs = (TensorSpec("scores", (-1, classes), np.dtype(np.float32)),)
        self.says = [0.1, 0.8, 0.1]
        self.seen: list[NDArray[Any]] = []
        self.closed = False

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self.seen.append(inputs["points"])
        return {"scores": np.array([self.says], np.float32)}

    def close(self) -> None:
        self.closed = True


def points_model(**preprocessing: Any) -> ModelManifest:
    return replace(manifest("hand_points", **preprocessing), task="part")


def two_hands() -> Detections:
    """A left hand, and a right one of the same form and twice the size."""
    form = np.random.default_rng(3).uniform(0, 40, (21, 2)).astype(np.float32)
    points = np.stack([form + 10, form * 2 + 50])
    keypoints = np.concatenate([points, np.ones((2, 21, 1), np.float32)], axis=2)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return Detections(boxes, np.ones(2, np.float32), np.array([0, 1], np.int64), keypoints)


def test_points_are_shown_from_the_wrist_whatever_place_and_size() -> None:
    backend = PointBackend()
    scores = HandPoints(points_model(), backend).read_signs(ROOM, two_hands())
    assert scores.top_class.tolist() == [1, 1]
    first, second = backend.seen
    assert first.shape == (1, 42)
    assert np.abs(first).max() == pytest.approx(1.0)
    assert np.abs(first[0, :2]).max() == 0.0
    assert first == pytest.approx(second, abs=1e-6)


def test_left_hands_are_shown_in_the_mirror_to_a_model_of_right_ones() -> None:
    backend = PointBackend()
    HandPoints(points_model(mirror_left=True), backend).read_signs(ROOM, two_hands())
    left, right = (seen.reshape(21, 2) for seen in backend.seen)
    assert left[:, 0] == pytest.approx(-right[:, 0], abs=1e-6)
    assert left[:, 1] == pytest.approx(right[:, 1], abs=1e-6)


def test_a_hand_of_no_size_is_no_number_that_breaks_the_model() -> None:
    assert (relative_points(np.full((1, 21, 2), 7, np.float32)) == 0).all()
    backend = PointBackend()
    assert len(HandPoints(points_model(), backend).read_signs(ROOM, Detections.empty())) == 0
    assert backend.seen == []


@pytest.mark.parametrize(
    ("backend", "says"),
    [
        (PointBackend(numbers=63), r"expected one input \(1, 42\), x and y of 21 points, got \[\(-1, 63\)\]"),
        (PointBackend(classes=4), r"expected one output \(1, 3\) for its classes, got \[\(-1, 4\)\]"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(backend: PointBackend, says: str) -> None:
    with pytest.raises(ModelUnsupported, match=says):
        open_hand_reader(points_model(), backend)


def test_what_a_model_must_not_give_is_told() -> None:
    backend = PointBackend()
    reader = HandPoints(points_model(), backend)
    backend.says = [3.0, -1.0, 5.0]
    with pytest.raises(ModelUnsupported, match="scores of a softmax that add up to 1, got 7"):
        reader.read_signs(ROOM, two_hands())
    with pytest.raises(ModelUnsupported, match="reads hands with 21 points, got none"):
        reader.read_signs(ROOM, replace(two_hands(), keypoints=None))
    with pytest.raises(ModelUnsupported, match="finds nothing itself"):
        reader.detect(ROOM)


def test_a_reader_is_told_from_a_detector_and_closes_its_file() -> None:
    backend = PointBackend()
    reader = open_hand_reader(points_model(), backend)
    assert isinstance(reader, HandReader)
    reader.close()
    assert backend.closed
    with pytest.raises(ModelUnsupported, match="m is a model for detection; signs need one for classification"):
        open_hand_reader(manifest(), backend)
