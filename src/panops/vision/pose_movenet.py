"""MoveNet: the 17 points of one person, the one in the middle of what is shown.

MoveNet SinglePose (Google, 2021): one output (1, 1, 17, 3) of y, x and score, 0..1 of the input, in the order of COCO's keypoints. It is
meant for the part of a picture that one person fills: shown a whole scene it picks one of several people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.vision.candidates import FloatArray, KeepSettings
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import InputPicture, Preprocessing

POINTS = 17
# Points below this are a guess; they stay in the answer with their score, and say nothing about where the person is.
_LEAST_POINT_SCORE = 0.2
_LEAST_POINTS = 4


class PoseMoveNet:
    """The task `pose` with a single-person model. For one thread: the input tensor is re-used.

    Args:
        manifest: The model; its one class is whose points these are.
        settings: What is reported: a person whose points' mean score reaches `min_score`.
    """

    for_task: ClassVar[str] = "pose"

    def __init__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> None:
        how = Preprocessing.of(manifest)
        self._name = manifest.name
        self._settings = settings or KeepSettings()
        self._input_name = how.input_name
        self._picture = InputPicture(how)

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        tensor, box = self._picture.fill(frame)
        return {self._input_name: tensor}, box

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> Detections:
        """One person with `keypoints` (1, 17, 3) in px of the frame, or nobody. The box is around the points that are no guess.

        Raises:
            ModelUnsupported: The output is not (1, 1, 17, 3).
        """
        arrays = list(outputs.values())
        if len(arrays) != 1 or arrays[0].shape != (1, 1, POINTS, 3):
            got = ", ".join(str(array.shape) for array in arrays)
            raise ModelUnsupported(f"{self._name}: expected one output (1, 1, {POINTS}, 3) of y, x and score, got {got}")
        points = keypoints_in_frame(np.asarray(arrays[0][0], np.float32)[:, :, [1, 0, 2]], context)
        sure = points[0, :, 2] >= _LEAST_POINT_SCORE
        score = float(points[0, :, 2].mean())
        if sure.sum() < _LEAST_POINTS or not score >= self._settings.min_score:
            return Detections.empty()
        box = context.clip(np.concatenate([points[0, sure, :2].min(axis=0), points[0, sure, :2].max(axis=0)])[None])
        return Detections(box.astype(np.float32), np.array([score], np.float32), np.zeros(1, np.int64), points)


def keypoints_in_frame(points: FloatArray, box: Letterbox) -> FloatArray:
    """Points (N, K, 3) of x, y in 0..1 of the input and score as x, y in px of the frame and score; what is no number has the score 0."""
    framed = box.inverse_points(points[..., :2] * np.array(box.input_wh, np.float32))
    out = np.concatenate([framed, np.clip(points[..., 2:], 0.0, 1.0)], axis=2).astype(np.float32)
    bad = ~np.isfinite(out).all(axis=2)
    if bad.any():
        out[bad] = 0.0
    return out
