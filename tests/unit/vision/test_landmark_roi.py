from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import frame

from panops.vision.landmark_roi import (
    Roi,
    RoiFit,
    RoiPicture,
    roi_around_box,
    roi_around_points,
    roi_on_circle,
    turn_level,
    turn_upright,
)

ROIS = st.builds(Roi, st.tuples(st.floats(-50, 300), st.floats(-50, 300)), st.floats(5, 400), st.floats(-math.pi, math.pi, allow_nan=False))
ORIGIN = np.zeros(2, np.float32)


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@given(ROIS, st.integers(0, 2**32 - 1))
def test_to_the_frame_and_back(roi: Roi, seed: int) -> None:
    shares = np.random.default_rng(seed).uniform(-0.5, 1.5, (7, 2)).astype(np.float32)
    np.testing.assert_allclose(roi.from_frame(roi.to_frame(shares)), shares, atol=2e-3)


@given(ROIS)
def test_the_bounds_hold_the_corners_and_touch_them(roi: Roi) -> None:
    corners = roi.to_frame(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32))
    np.testing.assert_allclose(roi.bounds(), [*corners.min(axis=0), *corners.max(axis=0)], rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("end", "level", "upright"),
    [((1, 0), 0, 90), ((0, 1), 90, 180), ((0, -1), -90, 0), ((-1, 0), 180, -90), ((1, -1), -45, 45)],
    ids=["right", "down", "up", "left", "right and up"],
)
def test_turns(end: tuple[float, float], level: float, upright: float) -> None:
    assert math.degrees(turn_level(ORIGIN, array(*end))) == pytest.approx(level)
    assert math.cos(turn_upright(ORIGIN, array(*end)) - math.radians(upright)) == pytest.approx(1)


def test_a_square_around_a_box_moves_along_the_objects_own_axis() -> None:
    box = array(100, 100, 140, 120)
    assert roi_around_box(box, 0.0, RoiFit(2.6, -0.5)) == Roi((120.0, 100.0), pytest.approx(104), 0.0)
    turned = roi_around_box(box, math.pi / 2, RoiFit(2.6, -0.5))  # fingers point to the right: up is right
    assert turned.centre_xy == (pytest.approx(130), pytest.approx(110))


@given(st.floats(-math.pi, math.pi), st.integers(0, 2**32 - 1))
def test_a_square_around_points_turns_with_them(turn: float, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 100, (9, 2)).astype(np.float32)
    upright = roi_around_points(points, 0.0, RoiFit(2.0, -0.1))
    cos, sin = math.cos(turn), math.sin(turn)
    turned_points = (points @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)
    turned = roi_around_points(turned_points, turn, RoiFit(2.0, -0.1))
    assert turned.side_px == pytest.approx(upright.side_px, rel=1e-3)
    np.testing.assert_allclose(turned.from_frame(turned_points), upright.from_frame(points), atol=2e-3)


def test_a_square_on_a_circle_holds_it() -> None:
    roi = roi_on_circle(array(50, 80), array(50, 30), RoiFit(1.25))
    assert roi == Roi((50.0, 80.0), pytest.approx(125), pytest.approx(0))
    assert roi_on_circle(ORIGIN, ORIGIN, RoiFit(1.25)).side_px == 1.0


def spot(x: int, y: int, size_wh: tuple[int, int] = (200, 160)) -> np.ndarray:
    """A picture with a soft bright spot whose middle is the left top corner of pixel x, y."""
    rows, columns = np.mgrid[0 : size_wh[1], 0 : size_wh[0]] + 0.5
    glow = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2))
    return np.repeat(glow[:, :, None], 3, axis=2).astype(np.uint8)


def centroid(tensor: np.ndarray) -> np.ndarray:
    """The middle of what is bright, as a share of the square."""
    weight = tensor[0, :, :, 0].astype(np.float64)
    middle = (np.arange(len(weight)) + 0.5) / len(weight)
    return np.array([(weight.sum(axis=0) * middle).sum(), (weight.sum(axis=1) * middle).sum()]) / weight.sum()


@pytest.mark.parametrize("turn", [0.0, 0.4, math.pi / 2, -2.0, math.pi])
@pytest.mark.parametrize("side", [48.0, 64.0, 100.0, 150.0])
def test_what_a_square_shows_lies_where_it_should(turn: float, side: float) -> None:
    """To a tenth of a pixel of the model's input: half a pixel would be a percent of a face."""
    roi = Roi((97.3, 81.6), side, turn)
    tensor = RoiPicture(64).fill(frame(spot(105, 76)), roi)
    assert tensor is not None
    assert (tensor.shape, tensor.dtype) == ((1, 64, 64, 3), np.float32)
    np.testing.assert_allclose(centroid(tensor), roi.from_frame(np.array([[105, 76]], np.float32))[0], atol=0.1 / 64)


def test_values_are_from_0_to_1_in_the_order_red_green_blue() -> None:
    picture = np.full((40, 40, 3), (255, 51, 0), np.uint8)
    tensor = RoiPicture(16).fill(frame(picture), Roi((20, 20), 20, 0.3))
    assert tensor is not None
    np.testing.assert_allclose(tensor, np.broadcast_to(array(1, 0.2, 0), tensor.shape), atol=1e-6)


def test_over_the_edge_the_edges_pixels_go_on() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, :50] = 200
    tensor = RoiPicture(32).fill(frame(picture), Roi((0, 50), 60, 0.0))
    assert tensor is not None
    np.testing.assert_allclose(tensor, 200 / 255, atol=0.01)


@pytest.mark.parametrize(
    "roi",
    [Roi((-80, 50), 100, 0.0), Roi((50, 500), 100, 0.5), Roi((50, 50), 5000, 0.0), Roi((math.nan, 5), 10, 0.0), Roi((5, 5), math.inf, 0.0)],
    ids=["left of it", "below", "far too large", "not a number", "infinite"],
)
def test_a_square_that_shows_next_to_nothing(roi: Roi) -> None:
    assert RoiPicture(32).fill(frame(np.zeros((100, 100, 3), np.uint8)), roi) is None


@pytest.mark.parametrize("size_wh", [(1, 1), (3, 200), (5, 5), (7, 4), (641, 13)])
def test_tiny_and_odd_pictures(size_wh: tuple[int, int]) -> None:
    picture = frame(np.full((size_wh[1], size_wh[0], 3), 90, np.uint8))
    tensor = RoiPicture(32).fill(picture, Roi((size_wh[0] / 2, size_wh[1] / 2), max(min(size_wh), 1), 0.7))
    if min(size_wh) < 4:
        assert tensor is None
    else:
        assert tensor is not None
        np.testing.assert_allclose(tensor, 90 / 255, atol=0.01)
