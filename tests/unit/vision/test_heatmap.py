from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panops.vision.heatmap import refined


def by_loops(shares: np.ndarray, heat: np.ndarray) -> np.ndarray:
    height, width, _ = heat.shape
    moved = shares.copy()
    for k, (x, y) in enumerate(shares.tolist()):
        column, row = math.floor(x * width), math.floor(y * height)
        if not (0 <= column < width and 0 <= row < height):
            continue
        total = sum_x = sum_y = hottest = 0.0
        for r in range(max(0, row - 3), min(height, row + 4)):
            for c in range(max(0, column - 3), min(width, column + 4)):
                weight = 1 / (1 + math.exp(-float(heat[r, c, k])))
                hottest = max(hottest, weight)
                total, sum_x, sum_y = total + weight, sum_x + weight * c, sum_y + weight * r
        if hottest >= 0.5:
            moved[k] = sum_x / total / width, sum_y / total / height
    return moved


@given(st.integers(0, 2**32 - 1), st.floats(-6, 1))
def test_as_by_loops(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    heat = (rng.normal(0, 2, (20, 24, 9)) + level).astype(np.float32)
    shares = rng.uniform(-0.2, 1.2, (9, 2)).astype(np.float32)
    np.testing.assert_allclose(refined(shares, heat), by_loops(shares, heat), atol=1e-5)


def test_a_point_goes_to_its_hill_and_stays_without_one() -> None:
    heat = np.full((64, 64, 2), -20, np.float32)
    heat[30, 20, 0] = 20.0
    start = np.array([[0.33, 0.45], [0.5, 0.5]], np.float32)
    np.testing.assert_allclose(refined(start, heat), [[20 / 64, 30 / 64], [0.5, 0.5]], atol=1e-6)


def test_points_far_outside_stay() -> None:
    heat = np.full((64, 64, 3), 20, np.float32)
    far = np.array([[1e9, 0.5], [-3.0, 0.5], [0.5, 1.0]], np.float32)
    np.testing.assert_array_equal(refined(far, heat), far)
