from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panops.simulation.camera_model import CameraModel

CAMERA = CameraModel((640, 360), 4.6, math.radians(17), math.radians(66))


@given(st.floats(-8, 8), st.floats(5, 60))
def test_a_ground_point_comes_back_from_its_pixel(x: float, z: float) -> None:
    pixel = np.array([CAMERA.ground(x, z)])
    assert np.allclose(CAMERA.ground_at(pixel)[0], [x, 0, z], atol=1e-6 * (1 + z * z))


@given(st.floats(-8, 8), st.lists(st.floats(3, 90), min_size=2, max_size=6, unique=True))
def test_farther_is_smaller_and_higher_in_the_picture(x: float, distances: list[float]) -> None:
    distances.sort()
    scales = [CAMERA.scale(x, z) for z in distances]
    rows = [CAMERA.ground(x, z)[1] for z in distances]
    assert scales == sorted(scales, reverse=True)
    assert rows == sorted(rows, reverse=True)
    assert all(row > CAMERA.horizon_px for row in rows)


def test_above_the_horizon_there_is_no_ground() -> None:
    assert np.isnan(CAMERA.ground_at(np.array([[320.0, CAMERA.horizon_px - 1]]))[0, 0])


def test_rays_hit_what_project_shows() -> None:
    rays = CAMERA.rays()
    point = np.array([0, CAMERA.height_m, 0]) + 12.0 * rays[200, 100]
    assert np.allclose(CAMERA.project(point[None])[0], [100.5, 200.5])
    assert math.isclose(float(CAMERA.depth(point[None])[0]), 12.0)
    assert CAMERA.rays(0.5).shape == (720, 1280, 3)


def test_points_behind_the_lens_do_not_divide_by_zero() -> None:
    assert np.isfinite(CAMERA.project(np.array([[0.0, 0.0, -5.0], [0.0, 4.6, 0.0]]))).all()


def test_a_person_of_one_height_shrinks_as_the_square_law_says() -> None:
    heights = [CAMERA.ground(0, z)[1] - float(CAMERA.project(np.array([[0, 1.75, z]]))[0, 1]) for z in (8.0, 16.0, 32.0)]
    assert heights[0] > heights[1] > heights[2] > 5
    assert math.isclose(heights[1] / heights[2], 2.0, rel_tol=0.12)
