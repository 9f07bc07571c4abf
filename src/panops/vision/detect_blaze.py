"""The small single-shot detectors of MediaPipe: faces, palms and bodies, each with a few points.

V. Bazarevsky et al., BlazeFace, 2019, https://arxiv.org/abs/1907.05047; F. Zhang et al., MediaPipe Hands, 2020,
https://arxiv.org/abs/2006.10214; V. Bazarevsky et al., BlazePose, 2020, https://arxiv.org/abs/2006.10204. Two outputs with a row for each
anchor: box and points, and a raw score. The picture lies in the middle of a black square, channels last.

They were made for people before a telephone: what is smaller than about a tenth of the picture's longer side is not found.
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
from panops.vision.blaze_anchors import AnchorLayout, blaze_anchors
from panops.vision.blaze_decode import Candidates, decode, probability, weighted_nms
from panops.vision.candidates import FloatArray, KeepSettings, best_indices
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import InputPicture, Preprocessing

# What the authors report from: below it come hands on wallpaper.
BLAZE_SETTINGS = KeepSettings(min_score=0.5, iou_threshold=0.3)


class DetectBlaze:
    """The task `detection` with such a model. For one thread: the input tensor is re-used from frame to frame.

    Args:
        manifest: The model; it has one class.
        settings: What is reported; `BLAZE_SETTINGS` when None. `iou_threshold` says what is one heap.

    Raises:
        ModelUnsupported: The manifest has not one class, or an input size that this kind of model does not have.
    """

    points: ClassVar[int]
    layouts: ClassVar[tuple[AnchorLayout, ...]]

    def __init__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> None:
        how = Preprocessing.of(manifest)
        self._name = manifest.name
        self._settings = settings or BLAZE_SETTINGS
        self._input_name = how.input_name
        self._picture = InputPicture(how)
        fitting = [layout for layout in self.layouts if how.size_wh == (layout.input_px, layout.input_px)]
        if not fitting or len(manifest.classes) != 1:
            sizes = " or ".join(f"{layout.input_px}x{layout.input_px}" for layout in self.layouts)
            raise ModelUnsupported(
                f"{self._name}: expected one class and an input of {sizes}, "
                f"got {len(manifest.classes)} and {how.size_wh[0]}x{how.size_wh[1]}"
            )
        self._layout = fitting[0]
        self._anchors = blaze_anchors(self._layout)

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        tensor, box = self._picture.fill(frame)
        return {self._input_name: tensor}, box

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> Detections:
        """The detections in px of the frame, best first.

        Boxes are clipped to the picture, points are not. `keypoints` is (N, points, 3); the model tells no score of a point, so each has
        its detection's.

        Raises:
            ModelUnsupported: The outputs are not boxes with points and scores of this layout's anchors.
        """
        rows, logits = self._split(outputs)
        score = probability(logits)
        index = best_indices(score, self._settings)
        index = index[np.isfinite(rows[index]).all(axis=1)]
        xyxy, points = decode(rows[index], self._anchors[index], self._layout)
        found = weighted_nms(Candidates(xyxy, points, score[index]), self._settings.iou_threshold)
        return _framed(found, context, self._settings.most)

    def _split(self, outputs: Mapping[str, NDArray[Any]]) -> tuple[FloatArray, FloatArray]:
        """Rows (N, 4 + 2 points) and raw scores (N,), told apart by their shapes."""
        count = self._layout.count
        by_shape = {array.shape: array for array in outputs.values()}
        rows, logits = by_shape.get((1, count, 4 + 2 * self.points)), by_shape.get((1, count, 1))
        if rows is None or logits is None:
            got = ", ".join(str(array.shape) for array in outputs.values())
            raise ModelUnsupported(f"{self._name}: expected rows (1, {count}, {4 + 2 * self.points}) and scores (1, {count}, 1), got {got}")
        return np.asarray(rows[0], np.float32), np.asarray(logits[0, :, 0], np.float32)


class DetectFaces(DetectBlaze):
    """BlazeFace: `short` at 128 px for up to 2 m, `full range` at 192 px for up to 5 m.

    Points: right eye, left eye, nose, mouth, right ear, left ear (`domain.skeletons.FACE6`); right is the person's own.
    """

    for_task: ClassVar[str] = "faces"
    points: ClassVar[int] = 6
    layouts: ClassVar[tuple[AnchorLayout, ...]] = (AnchorLayout(128, (8, 16, 16, 16)), AnchorLayout(192, (4,), interpolated=False))


class DetectPalms(DetectBlaze):
    """Palms, for `hands.Hands`. Points: wrist, the roots of index, middle, ring and little finger, then the thumb's two lower joints."""

    for_task: ClassVar[str] = "part"
    points: ClassVar[int] = 7
    layouts: ClassVar[tuple[AnchorLayout, ...]] = (AnchorLayout(192, (8, 16, 16, 16)),)


class DetectBodies(DetectBlaze):
    """Bodies, for `pose_blaze.PoseBlaze`. The box lies at the chin and has always the same size: it says nothing.

    Points: between the hips, and one above the head on the circle around them that holds the whole body; then the same of the upper body,
    from between the shoulders. They may lie far outside of the picture.
    """

    for_task: ClassVar[str] = "part"
    points: ClassVar[int] = 4
    layouts: ClassVar[tuple[AnchorLayout, ...]] = (AnchorLayout(224, (8, 16, 32, 32, 32)),)


def _framed(found: Candidates, context: Letterbox, most: int) -> Detections:
    """Candidates in px of the input, best first, as detections in px of the frame; those that lie outside it are left out."""
    xyxy = context.clip(context.inverse(found.xyxy))
    inside = np.flatnonzero((xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1]))[:most]
    points = found.points[inside]
    back = context.inverse_points(points)
    score = np.ascontiguousarray(found.score[inside], np.float32)
    scores = np.broadcast_to(score[:, None, None], (*points.shape[:2], 1))
    keypoints = np.concatenate([back, scores], axis=2).astype(np.float32)
    return Detections(np.ascontiguousarray(xyxy[inside], np.float32), score, np.zeros(len(inside), np.int64), keypoints)
