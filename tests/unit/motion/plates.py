"""A picture with edges of all kinds, and its edge map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.motion import edges as edge

Luma = NDArray[np.uint8]


def scenery(seed: int = 3) -> Luma:
    """Two hundred plates of all sizes and shades, (360, 640)."""
    rng = np.random.default_rng(seed)
    picture = np.full((360, 640), 120, np.uint8)
    for _ in range(200):
        x, y, wide, high = rng.integers(0, 620), rng.integers(0, 340), rng.integers(8, 120), rng.integers(8, 80)
        picture[y : y + high, x : x + wide] = rng.integers(20, 235)
    return picture


def mapped(picture: Luma) -> NDArray[np.float32]:
    return edge.edge_map(edge.small_picture(edge.middle_picture(picture)))
