"""The face as a mesh of 468 points.

Y. Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019, https://arxiv.org/abs/1907.06724.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.vision.blaze_decode import probability
from panops.vision.landmark_detector import LandmarkDetector, Landmarks
from panops.vision.landmark_roi import FloatArray, Roi, RoiFit, roi_around_box, roi_around_points, turn_level

_POINTS = 468
_FIT = RoiFit(1.5)
# Outer corners of the right and the left eye: the person's right one is on the picture's left.
_RIGHT_EYE, _LEFT_EYE = 33, 263


class FaceMesh(LandmarkDetector):
    """Faces with `keypoints` (N, 468, 3); see `domain.skeletons.FACE_MESH468`. The score of each point is the face's.

    Args: see `LandmarkDetector`. The finder is a `ModelDetector` with `detect_blaze.DetectFaces`.
    """

    classes: ClassVar[tuple[str, ...]] = ("face",)
    finder_points: ClassVar[int] = 6
    shown_points: ClassVar[int] = _POINTS
    outputs: ClassVar[Mapping[str, int]] = {"conv2d_21": _POINTS * 3, "conv2d_31": 1}

    def first_roi(self, xyxy: FloatArray, points: FloatArray) -> Roi:
        """Around the box; turned so that the eyes are level."""
        return roi_around_box(xyxy, turn_level(points[0], points[1]), _FIT)

    def next_roi(self, points: FloatArray) -> Roi:
        """Around all points; turned so that the eyes' outer corners are level."""
        return roi_around_points(points, turn_level(points[_RIGHT_EYE], points[_LEFT_EYE]), _FIT)

    def read(self, outputs: Mapping[str, NDArray[Any]]) -> Landmarks:
        """Points in px of the input with a depth that is left away, and a raw score."""
        points = np.asarray(outputs["conv2d_21"].reshape(_POINTS, 3)[:, :2] / self._input_px, np.float32)
        presence = float(probability(outputs["conv2d_31"].ravel())[0])
        return Landmarks(points, np.full(_POINTS, presence, np.float32), presence)
