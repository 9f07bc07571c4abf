"""Hands with 21 points each. F. Zhang et al., MediaPipe Hands: On-device Real-time Hand Tracking, 2020, https://arxiv.org/abs/2006.10214."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from panops.vision.landmark_detector import LandmarkDetector, Landmarks
from panops.vision.landmark_roi import FloatArray, Roi, RoiFit, roi_around_box, roi_around_points, turn_upright

_POINTS = 21
_PALM_FIT = RoiFit(2.6, -0.5)
_HAND_FIT = RoiFit(2.0, -0.1)
_WRIST = 0
_ROOTS = (5, 9, 13)
# Wrist, thumb without its tip, and the two lower joints of each finger: fingertips move too much to say where the hand will be.
_STEADY = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
# The palm detector's points: the wrist, and the root of the middle finger.
_PALM_WRIST, _PALM_MIDDLE = 0, 2


class Hands(LandmarkDetector):
    """Hands with `keypoints` (N, 21, 3); see `domain.skeletons.HAND21`. The score of each point is the hand's.

    `left hand` and `right hand` are the person's own, in a picture that is not mirrored, as cameras give it. The model was made for the
    mirrored pictures of front cameras, so its own labels (`Left` for a high score) are the other way round. A fist or an edge-on hand may
    look like either, so what was seen of a hand is averaged over half a second.

    Args: see `LandmarkDetector`. The finder is a `ModelDetector` with `detect_blaze.DetectPalms`.
    """

    classes: ClassVar[tuple[str, ...]] = ("left hand", "right hand")
    finder_points: ClassVar[int] = 7
    shown_points: ClassVar[int] = _POINTS
    outputs: ClassVar[Mapping[str, int]] = {"Identity": _POINTS * 3, "Identity_1": 1, "Identity_2": 1}

    def first_roi(self, xyxy: FloatArray, points: FloatArray) -> Roi:
        """From the palm's box, turned so that the fingers point up, and moved up to hold them."""
        return roi_around_box(xyxy, turn_upright(points[_PALM_WRIST], points[_PALM_MIDDLE]), _PALM_FIT)

    def next_roi(self, points: FloatArray) -> Roi:
        """Around the joints that move least; turned so that the fingers' roots lie above the wrist."""
        roots = points[list(_ROOTS)]
        # The middle finger counts twice: half of index and ring finger, half of the middle one.
        towards = (roots[0] + roots[2]) / 4 + roots[1] / 2
        return roi_around_points(points[list(_STEADY)], turn_upright(points[_WRIST], towards), _HAND_FIT)

    def read(self, outputs: Mapping[str, NDArray[Any]]) -> Landmarks:
        """Points in px of the input with a depth that is left away, presence, and the score for the person's right hand."""
        points = np.asarray(outputs["Identity"].reshape(_POINTS, 3)[:, :2] / self._input_px, np.float32)
        presence = float(np.clip(outputs["Identity_1"].ravel()[0], 0.0, 1.0))
        side = float(np.clip(outputs["Identity_2"].ravel()[0], 0.0, 1.0))
        return Landmarks(points, np.full(_POINTS, presence, np.float32), presence, side)
