"""The shadow of a body of round cones on the ground, cone by cone: true for whoever lies as for whoever stands."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from panops.simulation.solids import Solids

FloatArray = NDArray[np.float64]

_AROUND = 10  # corners of a sphere's shadow
_LOWEST = 0.2  # a lower sun is taken to stand so high: shadows would have no end


def shadow_points(solids: Solids, sun: FloatArray) -> FloatArray:
    """Ground points (N, 2 * 10, 2), x and z in m, in the body's frame, whose hull is each solid's shadow.

    Args:
        solids: The body, N solids.
        sun: The direction to the sun (3,) in the body's frame, length 1.
    """
    flat = solids.turn[:, :, 2] if solids.turn is not None else np.broadcast_to(np.array([0.0, 0.0, 1.0]), (len(solids), 3))
    # Where a solid is round its outline against the sun is a circle across the ray; squashed again it is one of the solid.
    ray = sun + (1 / solids.squash - 1)[:, None] * (flat @ sun)[:, None] * flat
    ray /= np.linalg.norm(ray, axis=1)[:, None]
    aside = np.cross(ray, np.array([0.31, 0.11, 0.94]))
    aside /= np.linalg.norm(aside, axis=1)[:, None]
    other = np.cross(ray, aside)
    angles = np.arange(_AROUND) * (2 * math.pi / _AROUND)
    circle = np.cos(angles)[None, :, None] * aside[:, None] + np.sin(angles)[None, :, None] * other[:, None]
    circle += (solids.squash - 1)[:, None, None] * np.einsum("nkj,nj->nk", circle, flat)[..., None] * flat[:, None]
    points = np.concatenate(
        [solids.start[:, None] + solids.start_r[:, None, None] * circle, solids.end[:, None] + solids.end_r[:, None, None] * circle], axis=1
    )
    fallen = np.maximum(points[..., 1:2], 0.0) / max(sun[1], _LOWEST)
    return np.asarray(points[..., [0, 2]] - fallen * sun[[0, 2]])
