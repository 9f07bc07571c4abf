"""The task `classification`: a picture, or a part of one, to a score for each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.class_scores import ClassScores
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.region import Region
from panops.vision.preprocess import InputPicture, Preprocessing

TASK, HEAD = "classification", "softmax"
# TFLite's softmax gives whole 256ths, so that 1 itself is one step out of reach.
_STEPS = {np.dtype(np.uint8): (256.0, 0.0), np.dtype(np.int8): (256.0, 128.0)}
# Scores of a softmax add up to 1, but for the rounding of 8 bits over many classes.
_MOST_OFF = 0.1


class Classify:
    """The task `classification` with the head `softmax`: one output (1, C) whose numbers add up to 1.

    For one thread: the input tensor is re-used from frame to frame.

    Args:
        manifest: The model.

    Raises:
        ModelUnsupported: It is for another task, or its manifest does not fit.
    """

    def __init__(self, manifest: ModelManifest) -> None:
        if manifest.task != TASK:
            raise ModelUnsupported(f"{manifest.name} is a model for {manifest.task}; expected one for {TASK}")
        if manifest.head != HEAD:
            raise ModelUnsupported(f"{manifest.name}: expected the head {HEAD} for {TASK}, got {manifest.head}")
        how = Preprocessing.of(manifest)
        self._name = manifest.name
        self._class_count = len(manifest.classes)
        self._input_name = how.input_name
        self._size_wh = how.size_wh
        self._picture = InputPicture(how)

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], None]:
        """The model's input for a whole picture; valid until the next call."""
        tensor, _ = self._picture.fill(frame)
        return {self._input_name: tensor}, None

    def prepare_part(self, frame: Frame, xyxy: tuple[int, int, int, int]) -> tuple[dict[str, NDArray[Any]], None]:
        """The model's input for a part of a picture; valid until the next call.

        Args:
            frame: The picture.
            xyxy: Whole px inside it, left and top even (`domain.crops.part_around`).
        """
        tensor, _ = self._picture.fill(frame, Region(xyxy, self._size_wh))
        return {self._input_name: tensor}, None

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: None = None) -> ClassScores:
        """The scores (1, C).

        Raises:
            ModelUnsupported: The model has another number of outputs or classes, or what it gives is no softmax.
        """
        arrays = list(outputs.values())
        shapes = ", ".join(str(array.shape) for array in arrays)
        if len(arrays) != 1 or arrays[0].size != self._class_count or arrays[0].shape[0] != 1:
            raise ModelUnsupported(f"{self._name}: expected one output (1, {self._class_count}) for its classes, got {shapes}")
        steps, zero = _STEPS.get(arrays[0].dtype, (1.0, 0.0))
        scores = (arrays[0].reshape(1, -1).astype(np.float32) + np.float32(zero)) / np.float32(steps)
        off = abs(float(scores.sum()) - 1.0)
        if not off <= _MOST_OFF or float(scores.min()) < 0.0:
            raise ModelUnsupported(f"{self._name}: expected scores of a softmax that add up to 1, got {float(scores.sum()):.3g}")
        return ClassScores(scores)
