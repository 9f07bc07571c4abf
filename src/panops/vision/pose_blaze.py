"""Bodies with 33 points each. V. Bazarevsky et al., BlazePose: On-device Real-time Body Pose Tracking, 2020, https://arxiv.org/abs/2006.10204."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.vision.blaze_decode import probability
from panops.vision.heatmap import refined
from panops.vision.landmark_detector import LandmarkDetector, Landmarks
from panops.vision.landmark_roi import FloatArray, Roi, RoiFit, roi_on_circle

_POINTS = 33
# Six more points follow; the first two are the circle's middle between the hips, and a point of its rim above the head.
_ALL_POINTS = 39
_HEAT_SIDE = 64
_MIDDLE, _RIM = 33, 34
_FIT = RoiFit(1.25)


class PoseBlaze(LandmarkDetector):
    """Bodies with `keypoints` (N, 33, 3); see `domain.skeletons.BLAZEPOSE33`. A point's score says how surely it is to be seen.

    Args: see `LandmarkDetector`. The finder is a `ModelDetector` with `detect_blaze.DetectBodies`.
    """

    classes: ClassVar[tuple[str, ...]] = ("person",)
    finder_points: ClassVar[int] = 4
    shown_points: ClassVar[int] = _POINTS
    outputs: ClassVar[Mapping[str, int]] = {"Identity": _ALL_POINTS * 5, "Identity_1": 1, "Identity_3": _HEAT_SIDE**2 * _ALL_POINTS}
    # A body's square is wide, and people stand side by side.
    same_place: ClassVar[float] = 0.1

    def first_roi(self, xyxy: FloatArray, points: FloatArray) -> Roi:
        """From the circle around the hips that holds the whole body; the box says nothing of the body's size."""
        del xyxy
        return roi_on_circle(points[0], points[1], _FIT)

    def next_roi(self, points: FloatArray) -> Roi:
        """From the same circle, which the landmark model gives, too."""
        return roi_on_circle(points[_MIDDLE], points[_RIM], _FIT)

    def read(self, outputs: Mapping[str, NDArray[Any]]) -> Landmarks:
        """Of each point x, y in px of the input, a depth that is left away, raw visibility and presence, heat; the body's presence."""
        rows = outputs["Identity"].reshape(_ALL_POINTS, 5)
        presence = float(np.clip(outputs["Identity_1"].ravel()[0], 0.0, 1.0))
        shares = np.asarray(rows[:, :2] / self._input_px, np.float32)
        heat = outputs["Identity_3"].reshape(_HEAT_SIDE, _HEAT_SIDE, _ALL_POINTS)
        return Landmarks(refined(shares, heat), probability(rows[:, 3]), presence)
