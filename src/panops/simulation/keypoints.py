"""COCO's 17 points of a person from the joints of a simulated one, and which of them the camera sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.simulation.people import Skeleton
from panops.simulation.solids import Solids, View, buried

FloatArray = NDArray[np.float64]

KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The points' names in COCO's order."""
LIMBS = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11), (2, 3), (1, 2), (1, 3),
    (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
"""Which points COCO joins by lines; counted from 1, as its files do."""
# Nose, eyes and ears in the head's frame, m: where the face is drawn.
_FACE = np.array([[0.0, -0.012, 0.112], [-0.036, 0.012, 0.083], [0.036, 0.012, 0.083], [-0.098, -0.005, -0.01], [0.098, -0.005, -0.01]])
# How deep in the flesh a point lies at most, m: one that is deeper is behind something else.
_DEPTH_M = np.array([0.03, 0.03, 0.03, 0.035, 0.035, 0.12, 0.12, 0.085, 0.085, 0.075, 0.075, 0.18, 0.18, 0.105, 0.105, 0.09, 0.09])


def keypoints_of(bones: Skeleton) -> FloatArray:
    """The points (17, 3), m, in the body's frame."""
    pairs = (bones.shoulders, bones.elbows, bones.hands, bones.hips, bones.knees, bones.ankles)
    joints = [point for right, left in pairs for point in (left, right)]
    return np.concatenate([bones.head + _FACE @ bones.skull.T, np.array(joints)])


def unburied(points: FloatArray, solids: Solids, view: View) -> NDArray[np.bool_]:
    """Which of the points (17, 3) no other part of the body hides, (17,)."""
    return buried(solids, view, points) <= _DEPTH_M


def in_the_open(points: FloatArray, open_share: NDArray[np.float32], window: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Which picture points (N, 2), px, lie in a window x1, y1, x2, y2 of the picture where `open_share` (H, W) is above one half."""
    columns, rows = np.floor(points).astype(np.int64).T - np.array(window[:2])[:, None]
    height, width = open_share.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    inside[inside] = open_share[rows[inside], columns[inside]] > 0.5
    return np.asarray(inside)
