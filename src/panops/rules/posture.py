"""How people hold themselves, from where their joints are: plain geometry on arrays, no model of its own."""

from __future__ import annotations

from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

# COCO's order of joints.
_NOSE, _SHOULDERS, _WRISTS, _HIPS, _KNEES, _ANKLES = 0, (5, 6), (9, 10), (11, 12), (13, 14), (15, 16)

# A joint below this is a guess.
LEAST_SCORE = 0.2
# How far the upper body leans from the vertical, degrees: up to here somebody is upright, from there on lying.
_UPRIGHT_DEG = 40.0
_LYING_DEG = 58.0
# How far the feet are below the hips, in lengths of the upper body: those who bend down stand on their legs, those who lie do not.
_STANDS = 0.75
_NO_LEGS = 0.55
# A wrist is up from so far above its shoulder, in lengths of the upper body: at the height of the nose.
_RAISED = 0.45
# An upper body of less than this share of the box's longer side is seen from its end, and says nothing of how it leans.
_LEAST_TORSO = 0.12


class Posture(IntFlag):
    """What is known of how somebody holds themselves; 0 where nothing is."""

    UPRIGHT = 1
    LYING = 2
    HANDS_UP = 4
    KNOWN = 8
    """The joints tell something, be it none of the above."""
    ARMS_KNOWN = 16


def postures(keypoints: FloatArray, xyxy: FloatArray) -> NDArray[np.int64]:
    """How people hold themselves.

    Somebody lies whose upper body is nearer to the level than to the upright and whose feet are hardly lower than their hips; where no
    leg is seen, the box must be wider than high. Who bends down to the ground stands on his legs, and does not lie.

    Args:
        keypoints: (N, 17, 3) float32 of x, y in px and score 0..1; NaN where nobody looked.
        xyxy: (N, 4) float32, their boxes, px.

    Returns:
        (N,) int64 of `Posture`; 0 for who was not looked at, or shows neither shoulders nor hips.
    """
    out = np.zeros(len(keypoints), np.int64)
    looked = ~np.isnan(keypoints[:, 0, 0])
    if not looked.any():
        return out
    points = np.nan_to_num(keypoints)
    shoulders, hips = _middle(points, _SHOULDERS), _middle(points, _HIPS)
    torso = hips - shoulders
    length = np.maximum(np.linalg.norm(torso, axis=1), 1e-6)
    width, height = xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]
    known = looked & ~np.isnan(torso).any(axis=1) & (length >= _LEAST_TORSO * np.maximum(width, height))
    lean = np.degrees(np.arctan2(np.abs(torso[:, 0]), torso[:, 1]))  # beyond 90 where the head is lower than the hips
    drop = _drop(points, hips) / length
    legs = ~np.isnan(drop)
    upright = known & (lean <= _UPRIGHT_DEG) & ~(drop < _STANDS)
    lying = known & (lean >= _LYING_DEG) & np.where(legs, drop < _NO_LEGS, width > height)
    wrists = points[:, _WRISTS, :]
    arms = known & (wrists[:, :, 2] >= LEAST_SCORE).all(axis=1)
    raised = points[:, _SHOULDERS, 1] - wrists[:, :, 1] >= _RAISED * length[:, None]
    hands_up = arms & raised.all(axis=1) & ~lying
    out += Posture.KNOWN * known + Posture.UPRIGHT * upright + Posture.LYING * lying
    out += Posture.ARMS_KNOWN * arms + Posture.HANDS_UP * hands_up
    return out


def _middle(points: FloatArray, pair: tuple[int, int]) -> FloatArray:
    """(N, 2) between two joints, the one that is seen where only one is, NaN where none is."""
    seen = points[:, pair, 2] >= LEAST_SCORE
    with np.errstate(invalid="ignore"):
        return np.asarray((points[:, pair, :2] * seen[:, :, None]).sum(axis=1) / seen.sum(axis=1)[:, None], np.float32)


def _drop(points: FloatArray, hips: FloatArray) -> FloatArray:
    """(N,) how far the lowest foot is below the hips, px; twice as far as the knee where no foot is seen; NaN where neither is."""
    out = np.full(len(points), np.nan, np.float32)
    for pair, factor in ((_KNEES, 2.0), (_ANKLES, 1.0)):
        seen = points[:, pair, 2] >= LEAST_SCORE
        lowest = np.where(seen, points[:, pair, 1], -np.inf).max(axis=1)
        there = seen.any(axis=1)
        out[there] = factor * (lowest - hips[:, 1])[there]
    return out
