"""Key points as COCO's files write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.simulation.keypoints import KEYPOINTS, LIMBS


def coco_keypoints(points: NDArray[np.float32], size_wh: tuple[int, int]) -> dict[str, Any]:
    """`keypoints` and `num_keypoints` of an annotation.

    Args:
        points: (17, 3): x and y in px, and 1 where the point is seen, else 0.
        size_wh: Picture size, px; what lies outside is not labelled.

    Returns:
        x, y and v one after the other: v is 2 where the point is seen, 1 where it is hidden, and 0 with x and y 0 where it is outside.
    """
    x, y, seen = points.T.astype(np.float64)
    inside = (x >= 0) & (y >= 0) & (x < size_wh[0]) & (y < size_wh[1])
    flags = np.where(inside, 1 + (seen > 0), 0)
    told = np.stack([np.where(inside, x, 0.0).round(1), np.where(inside, y, 0.0).round(1)], axis=1)
    rows = [value for (px, py), flag in zip(told.tolist(), flags.tolist(), strict=True) for value in (px, py, flag)]
    return {"keypoints": rows, "num_keypoints": int(inside.sum())}


def coco_person() -> dict[str, Any]:
    """What the category `person` says about its key points."""
    return {"keypoints": list(KEYPOINTS), "skeleton": [list(limb) for limb in LIMBS]}
