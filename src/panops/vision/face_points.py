"""The five points of a face, in one order, whichever detector gave them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.faces import FACE_POINTS

_BLAZE_POINTS, _MESH_POINTS = 6, 468
# Half of how wide a mouth is, in distances of the eyes, as `face_alignment.TEMPLATE` has it.
_HALF_MOUTH = 0.414
# Of the mesh: the corners of the eye that one sees on the left, of the other, tip of the nose, corners of the mouth.
_MESH_EYES, _MESH_NOSE, _MESH_MOUTH = ((33, 133), (362, 263)), 1, (61, 291)


def five_points(keypoints: NDArray[np.float32], detector: str) -> NDArray[np.float32]:
    """Eyes, nose and corners of the mouth, left and right as one sees them.

    YuNet and MTCNN give these five already: what YuNet calls right is the person's own right, which one sees on the left. BlazeFace gives
    the middle of the mouth, so the corners are put where they are on an average face; of a mesh the points are picked.

    Args:
        keypoints: (N, K, 2 or more) as a detector gives them, px.
        detector: Its name, for the message.

    Returns:
        (N, 5, 2) float32, px.

    Raises:
        ModelUnsupported: They are not the points of a face that is known here.
    """
    xy = np.asarray(keypoints[:, :, :2], np.float32)
    count = xy.shape[1]
    if count == FACE_POINTS:
        return xy
    if count == _BLAZE_POINTS:
        eyes, nose, mouth = xy[:, :2], xy[:, 2:3], xy[:, 3:4]
        half = _HALF_MOUTH * (eyes[:, 1:] - eyes[:, :1])
        return np.concatenate([eyes, nose, mouth - half, mouth + half], axis=1)
    if count == _MESH_POINTS:
        eyes = np.stack([xy[:, corners].mean(axis=1) for corners in _MESH_EYES], axis=1)
        return np.concatenate([eyes, xy[:, _MESH_NOSE, None], xy[:, _MESH_MOUTH]], axis=1)
    raise ModelUnsupported(
        f"{detector} gives {count} points a face; expected {FACE_POINTS} (eyes, nose, corners of the mouth), as yunet and mtcnn give them, "
        f"{_BLAZE_POINTS} of BlazeFace or {_MESH_POINTS} of a mesh"
    )
