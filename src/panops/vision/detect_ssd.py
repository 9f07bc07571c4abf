"""SSD detectors with their post-processing inside, as TFLite's `TFLite_Detection_PostProcess` gives it: boxes, classes, scores, count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.vision.candidates import FloatArray, KeepSettings, report
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import InputPicture, Preprocessing


@dataclass(frozen=True, slots=True)
class _Roles:
    """Which output is what. `count` is empty where the model has none."""

    boxes: str
    classes: str
    scores: str
    count: str


class DetectSsd:
    """The task `detection` with a post-processed SSD model. For one thread: the input tensor is re-used.

    Outputs, in any order: boxes (1, N, 4) of top, left, bottom, right in 0..1 of the input; classes (1, N); scores (1, N); count (1,).

    Args:
        manifest: The model.
        settings: What is reported; overlaps were settled inside the model.
    """

    for_task: ClassVar[str] = "detection"

    def __init__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> None:
        how = Preprocessing.of(manifest)
        self._name = manifest.name
        self._class_count = len(manifest.classes)
        self._settings = settings or KeepSettings()
        self._input_name = how.input_name
        self._picture = InputPicture(how)
        self._roles: _Roles | None = None

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        tensor, box = self._picture.fill(frame)
        return {self._input_name: tensor}, box

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> Detections:
        """The detections in px of the frame, best first.

        Raises:
            ModelUnsupported: The outputs are not boxes, classes, scores and count, or a class is beyond the manifest's list.
        """
        roles = self._settled_roles(outputs)
        score = np.asarray(outputs[roles.scores][0], np.float32)
        class_id = np.asarray(np.rint(outputs[roles.classes][0]), np.int64)
        boxes = np.asarray(outputs[roles.boxes][0], np.float32)
        count = round(float(outputs[roles.count].ravel()[0])) if roles.count else len(score)
        used = (np.arange(len(score)) < count) & (score >= self._settings.min_score) & np.isfinite(boxes).all(axis=1)
        index = np.flatnonzero(used)
        index = index[np.argsort(-score[index], kind="stable")][: self._settings.most]
        if len(index) and not 0 <= class_id[index].min() <= class_id[index].max() < self._class_count:
            raise ModelUnsupported(f"{self._name}: found class {class_id[index].max()}, but its manifest lists {self._class_count} classes")
        return report(self._to_input_px(boxes[index], context), score[index], class_id[index], context)

    @staticmethod
    def _to_input_px(boxes: FloatArray, context: Letterbox) -> FloatArray:
        """Top, left, bottom, right in 0..1 as left, top, right, bottom in px of the input."""
        width, height = context.input_wh
        return boxes[:, [1, 0, 3, 2]] * np.array([width, height, width, height], np.float32)

    def _settled_roles(self, outputs: Mapping[str, NDArray[Any]]) -> _Roles:
        """Which output is what: by shape, then by name, then by order; a guess by order is checked against the values."""
        if self._roles is None:
            self._roles = _guess(self._name, outputs)
        roles = self._roles
        if _are_scores(outputs[roles.classes]) or not _may_be_scores(outputs[roles.scores]):
            roles = self._roles = _Roles(roles.boxes, roles.scores, roles.classes, roles.count)
            if _are_scores(outputs[roles.classes]) or not _may_be_scores(outputs[roles.scores]):
                raise ModelUnsupported(
                    f"{self._name}: expected scores from 0 to 1 and whole classes in {roles.scores!r}, {roles.classes!r}"
                )
        return roles


def _guess(model: str, outputs: Mapping[str, NDArray[Any]]) -> _Roles:
    boxes = [name for name, array in outputs.items() if array.ndim == 3 and array.shape[0] == 1 and array.shape[2] == 4]
    count = [name for name, array in outputs.items() if array.ndim <= 1 and array.size == 1]
    rows = outputs[boxes[0]].shape[1] if boxes else -1
    lists = [name for name, array in outputs.items() if array.shape == (1, rows)]
    if len(boxes) != 1 or len(lists) != 2 or len(count) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
        raise ModelUnsupported(f"{model}: expected boxes (1, N, 4), classes (1, N), scores (1, N) and count (1,), got {shapes}")
    # The operator's own order is classes, then scores; names of newer exports may say otherwise.
    classes, scores = lists
    if "score" in classes.lower() or "class" in scores.lower():
        classes, scores = scores, classes
    return _Roles(boxes[0], classes, scores, count[0] if count else "")


def _may_be_scores(array: NDArray[Any]) -> bool:
    return bool(array.min(initial=0.0) >= -1e-3 and array.max(initial=0.0) <= 1.001)


def _are_scores(array: NDArray[Any]) -> bool:
    """Classes are whole numbers, so a fraction tells scores for certain."""
    return bool(np.any(np.abs(array - np.rint(array)) > 1e-3))
