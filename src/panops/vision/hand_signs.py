"""Which sign a hand shows: by a picture of it, or by its 21 points. Two kinds of model, one answer: a score for each sign."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.domain.class_scores import ClassScores
from panops.domain.crops import PART_ROOM
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import Backend, HandReader
from panops.vision.classify import TASK as CLASSIFICATION
from panops.vision.model_classifier import ModelClassifier
from panops.vision.registry import PART

POINTS_HEAD = "hand_points"
_POINTS = 21
_MOST_OFF = 0.05


def reads_hands(manifest: ModelManifest) -> bool:
    """Whether a model can say which sign a hand shows."""
    return manifest.task == CLASSIFICATION or (manifest.task == PART and manifest.head == POINTS_HEAD)


def open_hand_reader(manifest: ModelManifest, backend: Backend) -> HandReader:
    """What reads hands with a model; it closes the backend.

    Raises:
        ModelUnsupported: The model does something else, or its file does not fit its manifest.
    """
    if manifest.task == CLASSIFICATION:
        return HandPictures(manifest, backend)
    if not reads_hands(manifest):
        raise ModelUnsupported(
            f"{manifest.name} is a model for {manifest.task}; signs need one for {CLASSIFICATION}, or with the head {POINTS_HEAD}"
        )
    return HandPoints(manifest, backend)


class _Reader:
    """What both have in common: they find nothing by themselves, and keep nothing of a camera."""

    classes: tuple[str, ...]

    def __init__(self, manifest: ModelManifest) -> None:
        self._name = manifest.name
        self.classes = manifest.classes

    def detect(self, frame: Frame) -> Detections:
        """It finds nothing; see `HandReader`.

        Raises:
            ModelUnsupported: Always.
        """
        raise ModelUnsupported(f"{self._name} says what hands show that others found; it finds nothing itself (camera {frame.camera_id})")

    def forget(self, camera_id: str) -> None:
        """Nothing is remembered of a camera."""


class HandPictures(_Reader):
    """By the picture of each hand, with any classifier; see `domain.protocols.HandReader`.

    Args:
        manifest: A classifier of pictures of hands.
        backend: Its file.

    Raises:
        ModelUnsupported: It is no classifier, or its file does not fit.
    """

    def __init__(self, manifest: ModelManifest, backend: Backend) -> None:
        super().__init__(manifest)
        self._classifier = ModelClassifier(manifest, backend)

    def read_signs(self, frame: Frame, hands: Detections) -> ClassScores:
        """The scores (N, C); see `HandReader`."""
        return self._classifier.classify_boxes(frame, hands.xyxy, PART_ROOM)

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._classifier.close()


class HandPoints(_Reader):
    """By the points of each hand, with a model (1, 42) -> (1, C); see `domain.protocols.HandReader`. It reads nothing without points.

    Args:
        manifest: The model; its task is `part`, its head `hand_points`. With `mirror_left` in its `preprocessing` it knows right hands
            only, and left ones (class 0) are shown to it in the mirror.
        backend: Its file.

    Raises:
        ModelUnsupported: Its input is not 42 numbers, or its output not one for each class.
    """

    needs_points = True

    def __init__(self, manifest: ModelManifest, backend: Backend) -> None:
        super().__init__(manifest)
        shapes = [spec.shape for spec in backend.inputs]
        if [shape[1:] for shape in shapes] != [(2 * _POINTS,)]:
            raise ModelUnsupported(f"{manifest.name}: expected one input (1, {2 * _POINTS}), x and y of {_POINTS} points, got {shapes}")
        gives = [spec.shape for spec in backend.outputs]
        if [shape[1:] for shape in gives] != [(len(self.classes),)]:
            raise ModelUnsupported(f"{manifest.name}: expected one output (1, {len(self.classes)}) for its classes, got {gives}")
        self._mirror_left = bool(manifest.preprocessing.get("mirror_left", False))
        self._backend = backend
        self._input_name = backend.inputs[0].name

    def read_signs(self, frame: Frame, hands: Detections) -> ClassScores:
        """The scores (N, C); see `HandReader`.

        Raises:
            ModelUnsupported: The hands have no 21 points, or the model does not give scores of a softmax.
        """
        del frame
        if not len(hands):
            return ClassScores.empty(len(self.classes))
        if hands.keypoints is None or hands.keypoints.shape[1] != _POINTS:
            got = "none" if hands.keypoints is None else f"{hands.keypoints.shape[1]}"
            raise ModelUnsupported(f"{self._name} reads hands with {_POINTS} points, got {got}")
        rows = []
        across = np.where(hands.class_id == 0, -1, 1) if self._mirror_left else np.ones(len(hands))
        turned = hands.keypoints[:, :, :2] * np.stack([across, np.ones(len(hands))], axis=1)[:, None].astype(np.float32)
        for points in relative_points(turned):
            (scores,) = self._backend.infer({self._input_name: points[None]}).values()
            off = abs(float(scores.sum()) - 1.0)
            if not off <= _MOST_OFF:
                raise ModelUnsupported(f"{self._name}: expected scores of a softmax that add up to 1, got {float(scores.sum()):.3g}")
            rows.append(scores.reshape(1, -1).astype(np.float32))
        return ClassScores(np.concatenate(rows))

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._backend.close()


def relative_points(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points of hands as such models take them: from the wrist, by the largest distance of any in x or y.

    After Kazuhito Takahashi's hand-gesture-recognition-using-mediapipe (`pre_process_landmark`).

    Args:
        points: (N, 21, 2) float32, px; the wrist first.

    Returns:
        (N, 42) float32 in -1..1: x and y of each point; zeros for a hand of no size.
    """
    flat = (points - points[:, :1]).reshape(len(points), -1)
    largest = np.abs(flat).max(axis=1, keepdims=True)
    return np.asarray(flat / np.where(largest > 0, largest, 1), np.float32)
