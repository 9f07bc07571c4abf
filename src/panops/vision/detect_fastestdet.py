"""FastestDet: one map of cells with objectness, offset, size and class scores. https://github.com/dog-qiuqiu/FastestDet (BSD-3-Clause)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.domain.boxes import cxcywh_to_xyxy
from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.vision.candidates import KeepSettings, best_indices, keep
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import InputPicture, Preprocessing

# The author's weights of the geometric mean of objectness and class score.
_OBJECT_POWER, _CLASS_POWER = 0.6, 0.4


class DetectFastestDet:
    """The task `detection` with a FastestDet model: output (1, 5 + C, H, W). For one thread: the input tensor is re-used.

    Args:
        manifest: The model.
        settings: What is reported.
    """

    for_task: ClassVar[str] = "detection"

    def __init__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> None:
        how = Preprocessing.of(manifest)
        self._name = manifest.name
        self._channels = 5 + len(manifest.classes)
        self._settings = settings or KeepSettings()
        self._input_name = how.input_name
        self._picture = InputPicture(how)

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        tensor, box = self._picture.fill(frame)
        return {self._input_name: tensor}, box

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> Detections:
        """The detections in px of the frame, best first.

        Raises:
            ModelUnsupported: The output's shape does not fit the number of classes.
        """
        arrays = list(outputs.values())
        if len(arrays) != 1 or arrays[0].ndim != 4 or arrays[0].shape[:2] != (1, self._channels):
            got = ", ".join(str(array.shape) for array in arrays)
            raise ModelUnsupported(f"{self._name}: expected one output (1, {self._channels}, H, W), got {got}")
        rows, columns = arrays[0].shape[2:]
        cells = arrays[0].reshape(self._channels, rows * columns)
        class_id = np.argmax(cells[5:], axis=0)
        best = cells[5:][class_id, np.arange(cells.shape[1])]
        score = np.maximum(cells[0], 0) ** _OBJECT_POWER * np.maximum(best, 0) ** _CLASS_POWER
        index = best_indices(score, self._settings)
        cell_xy = np.stack([index % columns, index // columns])
        centre = (cell_xy + np.tanh(cells[1:3, index])) / np.array([[columns], [rows]])
        size = 1 / (1 + np.exp(-np.clip(cells[3:5, index], -30, 30)))
        relative = np.concatenate([centre, size]).T
        boxes = (relative * np.array([*context.input_wh, *context.input_wh])).astype(np.float32)
        finite = np.isfinite(boxes).all(axis=1)
        return keep(
            cxcywh_to_xyxy(boxes[finite]), score[index][finite].astype(np.float32), class_id[index][finite], context, self._settings
        )
