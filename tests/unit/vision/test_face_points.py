from __future__ import annotations

import numpy as np
import pytest

from panops.domain.errors import ModelUnsupported
from panops.vision.face_alignment import TEMPLATE
from panops.vision.face_points import five_points


def test_five_points_stay_as_they_are() -> None:
    points = np.arange(30, dtype=np.float32).reshape(2, 5, 3)
    np.testing.assert_array_equal(five_points(points, "yunet"), points[:, :, :2])


def test_the_corners_of_a_mouth_whose_middle_is_known() -> None:
    """A turned face: the corners go with the eyes."""
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 2
    placed = TEMPLATE @ turn.T + (50, 20)
    middle = (placed[3] + placed[4]) / 2
    six = np.concatenate([placed[:3], [middle, placed[0] - 9, placed[1] + 9]]).astype(np.float32)
    found = five_points(np.concatenate([six, np.ones((6, 1), np.float32)], axis=1)[None], "blazeface")
    np.testing.assert_allclose(found[0], placed, atol=1.0)


def test_points_of_a_mesh() -> None:
    mesh = np.zeros((1, 468, 3), np.float32)
    places = {33: (0, 0), 133: (10, 2), 362: (30, 2), 263: (40, 0), 1: (20, 20), 61: (8, 40), 291: (32, 40)}
    for index, place in places.items():
        mesh[0, index, :2] = place
    assert five_points(mesh, "face_mesh")[0].tolist() == [[5, 1], [35, 1], [20, 20], [8, 40], [32, 40]]


@pytest.mark.parametrize("count", [0, 4, 17])
def test_other_points_are_no_face(count: int) -> None:
    with pytest.raises(ModelUnsupported, match=rf"^mine gives {count} points a face; expected 5 "):
        five_points(np.zeros((1, count, 3), np.float32), "mine")


def test_no_faces() -> None:
    assert five_points(np.zeros((0, 6, 3), np.float32), "blazeface").shape == (0, 5, 2)
