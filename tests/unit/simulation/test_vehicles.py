from __future__ import annotations

import math

import numpy as np
import pytest

from panops.simulation.camera_model import CameraModel
from panops.simulation.light import Light
from panops.simulation.vehicles import CLASS_NAMES, KINDS, paint, place, random_vehicle, shadow

CAMERA = CameraModel((640, 360), 4.5, math.radians(16), math.radians(66))
LIGHT = Light((-0.4, 0.8, -0.447), (1.2, 1.1, 1.0), (0.4, 0.45, 0.5), (0.2, 0.2, 0.2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("heading", [0.0, 0.8, math.pi / 2, 3.6])
def test_what_is_painted_fills_the_box(kind: str, heading: float) -> None:
    look = random_vehicle(3, kind)
    placed = place(look, CAMERA, (0.5, 16.0), heading)
    assert placed is not None
    x1, y1, x2, y2 = (
        math.floor(placed.box[0]) - 4,
        math.floor(placed.box[1]) - 4,
        math.ceil(placed.box[2]) + 4,
        math.ceil(placed.box[3]) + 4,
    )
    alpha = paint(look, placed, CAMERA, LIGHT, (x1, y1, x2, y2), (1.0, 1.0, 1.0))[..., 3] > 64
    rows, columns = np.nonzero(alpha.any(axis=1))[0], np.nonzero(alpha.any(axis=0))[0]
    drawn = np.array([columns[0] + x1, rows[0] + y1, columns[-1] + 1 + x1, rows[-1] + 1 + y1])
    assert np.allclose(drawn, placed.box, atol=2.5)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_those_of_real_vehicles(kind: str) -> None:
    placed = place(random_vehicle(1, kind), CAMERA, (0.0, 20.0), 0.0)
    assert placed is not None
    width, height, length = placed.mesh.size
    assert 1.6 < width < 2.9
    assert 1.4 < height < 3.4
    assert 3.8 < length < 12.0
    assert CLASS_NAMES[kind] in ("car", "truck", "bus")


def test_a_near_vehicle_is_cut_at_the_lens_and_one_behind_it_is_not_there() -> None:
    look = random_vehicle(2, "bus")
    near = place(look, CAMERA, (2.0, 3.0), 0.0)
    assert near is not None
    assert near.cut
    assert np.isfinite(near.box).all()
    assert paint(look, near, CAMERA, LIGHT, (0, 0, 640, 360), (1.0, 1.0, 1.0))[..., 3].any()
    assert place(look, CAMERA, (0.0, -20.0), 0.0) is None


def test_the_shadow_lies_away_from_the_sun() -> None:
    placed = place(random_vehicle(2, "sedan"), CAMERA, (0.0, 14.0), 0.3)
    assert placed is not None
    below, cast = shadow(placed, CAMERA, LIGHT)
    assert cast[:, 0].max() > below[:, 0].max() + 5  # the sun is on the left


def test_the_same_number_is_the_same_vehicle() -> None:
    assert random_vehicle(9) == random_vehicle(9)
    assert {random_vehicle(seed).kind for seed in range(200)} == set(KINDS)
