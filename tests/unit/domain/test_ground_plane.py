from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.ground_plane import GroundPlane
from panops.simulation.camera_model import CameraModel

CAMERA = CameraModel((640, 360), 5.0, math.radians(15), math.radians(65))
CORNERS = [(-4.0, 10.0), (4.0, 10.0), (4.0, 30.0), (-4.0, 30.0)]
SQUARE = [(0.1, 0.9), (0.9, 0.9), (0.7, 0.4), (0.3, 0.4)]


def seen(places: list[tuple[float, float]]) -> np.ndarray:
    return np.array([CAMERA.ground(x, z) for x, z in places]) / CAMERA.size_wh


@given(st.floats(-20, 20), st.floats(6, 60))
def test_it_gives_back_what_a_camera_sees(x: float, z: float) -> None:
    plane = GroundPlane.of(seen(CORNERS), CORNERS)
    assert plane.to_metres(seen([(x, z)]))[0] == pytest.approx((x, z), abs=1e-6)


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda places: [(x + 4.5e6, z + 5.2e6) for x, z in places], id="a surveyor's far-off origin"),
        pytest.param(lambda places: [(x, -z) for x, z in places], id="y towards the camera"),
        pytest.param(lambda places: [(z, x) for x, z in places], id="axes exchanged"),
        pytest.param(lambda places: [(0.6 * x - 0.8 * z, 0.8 * x + 0.6 * z) for x, z in places], id="turned"),
    ],
)
def test_distances_do_not_depend_on_the_axes(move: object) -> None:
    plane = GroundPlane.of(seen(CORNERS), move(CORNERS))  # type: ignore[operator]
    first, second = plane.to_metres(seen([(1.0, 12.0), (4.0, 16.0)]))
    assert math.dist(first, second) == pytest.approx(5.0, abs=1e-6)


def test_the_horizon_and_the_sky_are_no_ground() -> None:
    plane = GroundPlane.of(seen(CORNERS), CORNERS)
    horizon = CAMERA.horizon_px / 360
    places = plane.to_metres(np.array([[0.5, horizon], [0.5, horizon - 0.05], [0.5, 0.0], [0.5, 0.9]]))
    assert np.isnan(places[:3]).all()
    assert np.isfinite(places[3]).all()
    assert plane.to_metres(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("points", "metres", "said"),
    [
        pytest.param(SQUARE[:3], CORNERS, "expected four points and four places in metres, got 3 and 4", id="three points"),
        pytest.param(SQUARE, CORNERS * 2, "got 4 and 8", id="eight places"),
        pytest.param([*SQUARE[:3], SQUARE[0]], CORNERS, "on one line in the picture", id="a point twice"),
        pytest.param([(0.1, 0.5), (0.5, 0.5), (0.9, 0.5), (0.5, 0.9)], CORNERS, "on one line in the picture", id="on a line"),
        pytest.param([(0.1, 0.5), (0.5, 0.502), (0.9, 0.5), (0.5, 0.9)], CORNERS, "on one line in the picture", id="nearly on a line"),
        pytest.param(SQUARE, [(0, 0), (1, 1), (2, 2), (5, 0)], "on one line on the ground", id="metres on a line"),
        pytest.param(SQUARE, [(0, 0)] * 4, "on one line on the ground", id="one place"),
        pytest.param(SQUARE, [(0, 0), (9, 9), (9, 0), (0, 9)], "not in the same order", id="crossed over"),
        pytest.param([(0.1, 0.1), (0.9, 0.1), (0.5, 0.9), (0.5, 0.4)], CORNERS, "not in the same order", id="a corner pushed in"),
        pytest.param(SQUARE, [(0, 0), (float("nan"), 1), (1, 0), (0, 1)], "expected numbers", id="no number"),
    ],
)
def test_what_fixes_no_plane_is_refused(points: list[tuple[float, float]], metres: list[tuple[float, float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GroundPlane.of(points, metres)
