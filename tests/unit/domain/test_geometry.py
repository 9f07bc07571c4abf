from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from panops.domain.geometry import Polygon, Tripwire

Point = tuple[float, float]

SQUARE = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
# A U that is open at the top, and a comb with a slanted tooth.
CUP = [(0.1, 0.2), (0.3, 0.2), (0.3, 0.7), (0.7, 0.7), (0.7, 0.2), (0.9, 0.2), (0.9, 0.9), (0.1, 0.9)]
WHOLE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]

coordinates = st.floats(0.0, 1.0)
grid = st.integers(0, 8).map(lambda n: n / 8)


def contains(corners: list[Point], *points: Point) -> list[bool]:
    return Polygon("zone", np.array(corners)).contains(np.array(points, dtype=np.float64).reshape(-1, 2)).tolist()


@pytest.mark.parametrize(
    ("corners", "point", "inside"),
    [
        pytest.param(SQUARE, (0.5, 0.5), True, id="middle"),
        pytest.param(SQUARE, (0.1, 0.5), False, id="left of it"),
        pytest.param(SQUARE, (0.9, 0.5), False, id="right of it"),
        pytest.param(SQUARE, (0.5, 0.2), True, id="on the top edge"),
        pytest.param(SQUARE, (0.5, 0.8), False, id="on the bottom edge, which is the neighbour's"),
        pytest.param(SQUARE, (0.2, 0.5), True, id="on the left edge"),
        pytest.param(SQUARE, (0.8, 0.5), False, id="on the right edge, which is the neighbour's"),
        pytest.param(SQUARE, (0.2, 0.2), True, id="the upper left corner"),
        pytest.param(CUP, (0.5, 0.5), False, id="in a concave zone's opening"),
        pytest.param(CUP, (0.2, 0.5), True, id="in a concave zone's arm"),
        pytest.param(CUP, (0.8, 0.5), True, id="in its other arm"),
        pytest.param(CUP, (0.5, 0.8), True, id="in its base"),
        pytest.param(CUP, (0.5, 0.7), True, id="on the opening's ground"),
        pytest.param(WHOLE, (0.0, 0.0), True, id="the picture's first corner"),
        pytest.param(WHOLE, (1.0, 1.0), True, id="the picture's last corner"),
        pytest.param(WHOLE, (0.5, 1.3), True, id="feet below the picture"),
        pytest.param(WHOLE, (-0.1, 0.5), True, id="left of the picture"),
        pytest.param(SQUARE, (math.nan, 0.5), False, id="not a number"),
        pytest.param(SQUARE, (0.5, math.inf), False, id="infinity"),
    ],
)
def test_inside(corners: list[Point], point: Point, inside: bool) -> None:
    assert contains(corners, point) == [inside]
    assert contains(corners[::-1], point) == [inside]
    assert contains(corners[2:] + corners[:2], point) == [inside]


def test_no_points_give_no_answers() -> None:
    assert contains(SQUARE) == []


def winding_number(corners: list[Point], x: float, y: float) -> int:
    """How often the outline goes round a point: another method than the even-odd rule, the same for simple polygons."""
    winding = 0
    for (x1, y1), (x2, y2) in pairwise([*corners, corners[0]]):
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if y1 <= y < y2 and side > 0:
            winding += 1
        elif y2 <= y < y1 and side < 0:
            winding -= 1
    return winding


@given(st.lists(st.floats(0.05, 0.45), min_size=3, max_size=9), coordinates, coordinates)
def test_it_agrees_with_the_winding_number_on_stars(radii: list[float], x: float, y: float) -> None:
    angles = [2 * math.pi * n / len(radii) for n in range(len(radii))]
    corners = [(0.5 + r * math.cos(angle), 0.5 + r * math.sin(angle)) for r, angle in zip(radii, angles, strict=True)]
    # Right at an edge the two may round differently.
    assume(all(distance(x, y, *one, *other) > 1e-7 for one, other in pairwise([*corners, corners[0]])))
    assert contains(corners, (x, y)) == [winding_number(corners, x, y) != 0]


def distance(x: float, y: float, x1: float, y1: float, x2: float, y2: float) -> float:
    length_2 = (x2 - x1) ** 2 + (y2 - y1) ** 2
    share = min(max(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length_2, 0.0), 1.0)
    return math.hypot(x - x1 - share * (x2 - x1), y - y1 - share * (y2 - y1))


@given(coordinates, coordinates, coordinates, coordinates, coordinates)
def test_of_two_neighbours_exactly_one_has_a_point_on_their_edge(
    top_x: float, bottom_x: float, middle_x: float, middle_y: float, share: float
) -> None:
    """The picture is cut in two along a bent line; every point of the picture, on the line too, is in exactly one part."""
    line = [(top_x, 0.0), (middle_x, middle_y), (bottom_x, 1.0)]
    left, right = [(0.0, 0.0), *line, (0.0, 1.0)], [*line, (1.0, 1.0), (1.0, 0.0)]
    on_line = (top_x + share * (middle_x - top_x), share * middle_y)
    for point in (on_line, (middle_x, middle_y), (share, middle_y), (top_x, share)):
        assert contains(left, point) + contains(right, point) in ([True, False], [False, True])


def test_edges_too_short_to_have_a_slope_are_harmless() -> None:
    corners = [(0.0, 0.0), (1.0, 5e-324), (1.0, 1.0), (0.5, 1.0 - 1e-16), (0.0, 1.0)]
    assert contains(corners, (0.5, 0.5), (0.5, 0.0), (0.5, 1e-300)) == [True, True, True]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(0.0, 0.0), (1.0, 1.0)], "zone 'z': expected at least 3 points of x and y, got shape"),
        ([(0.0, 0.0, 0.0)] * 3, "zone 'z': expected at least 3 points of x and y, got shape"),
        ([(0.0, 0.0), (1.0, math.nan), (1.0, 1.0)], "zone 'z': every coordinate must be a number, got NaN"),
    ],
)
def test_bad_zones_are_refused(points: list[tuple[float, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Polygon("z", np.array(points))


def test_corners_are_copied_and_read_only() -> None:
    corners = np.array(SQUARE)
    polygon = Polygon("zone", corners)
    corners[:] = 0.0
    assert polygon.points[0].tolist() == [0.2, 0.2]
    with pytest.raises(ValueError, match="read-only"):
        polygon.points[0] = 0.0


# Drawn from left to right: side a is above the line (on the left hand), side b below.
ACROSS = [(0.2, 0.5), (0.8, 0.5)]
HOOK = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7)]


def crossing(line: list[Point], before: Point, after: Point) -> int:
    return int(Tripwire("line", np.array(line)).crossings(np.array([before]), np.array([after]))[0])


@pytest.mark.parametrize(
    ("line", "before", "after", "expected"),
    [
        pytest.param(ACROSS, (0.5, 0.4), (0.5, 0.6), 1, id="a to b"),
        pytest.param(ACROSS, (0.5, 0.6), (0.5, 0.4), -1, id="b to a"),
        pytest.param(ACROSS[::-1], (0.5, 0.4), (0.5, 0.6), -1, id="the line turned round"),
        pytest.param(ACROSS, (0.5, 0.3), (0.5, 0.4), 0, id="not there yet"),
        pytest.param(ACROSS, (0.9, 0.4), (0.9, 0.6), 0, id="past the end"),
        pytest.param(ACROSS, (0.3, 0.4), (0.7, 0.4), 0, id="along it"),
        pytest.param(ACROSS, (0.5, 0.4), (0.5, 0.5), 1, id="onto the line"),
        pytest.param(ACROSS, (0.5, 0.5), (0.5, 0.6), 0, id="from the line on: it counted when it came"),
        pytest.param(ACROSS, (0.5, 0.5), (0.5, 0.4), -1, id="from the line back"),
        pytest.param(ACROSS, (0.3, 0.5), (0.7, 0.5), 0, id="on the line itself"),
        pytest.param(ACROSS, (0.5, 0.4), (0.5, 0.4), 0, id="no step"),
        pytest.param(HOOK, (0.5, 0.2), (0.5, 0.5), 1, id="into the hook"),
        pytest.param(HOOK, (0.5, 0.5), (0.9, 0.5), -1, id="out of the hook"),
        pytest.param(HOOK, (0.5, 0.2), (0.9, 0.5), 0, id="through the hook"),
        pytest.param(HOOK, (0.6, 0.2), (0.8, 0.4), 0, id="touching the hook's tip"),
        pytest.param([(0.5, 0.0), (0.5, 1.0)], (0.6, 0.5), (0.4, 0.5), 1, id="a line drawn down: a is on the picture's right"),
    ],
)
def test_steps(line: list[Point], before: Point, after: Point, expected: int) -> None:
    assert crossing(line, before, after) == expected


@given(grid, grid, grid, grid, coordinates, coordinates)
def test_halves_of_a_step_cross_as_often_as_the_whole(x1: float, y1: float, x2: float, y2: float, middle_x: float, middle_y: float) -> None:
    """On a line across the whole picture: going by any third point changes nothing."""
    line = [(-9.0, 0.5), (9.0, 0.5)]
    before, after, middle = (x1, y1), (x2, y2), (middle_x, middle_y)
    assert crossing(line, before, middle) + crossing(line, middle, after) == crossing(line, before, after)


@given(st.lists(st.tuples(grid, grid), min_size=3, max_size=12))
def test_a_walk_that_comes_back_crosses_to_and_fro_alike(walk: list[Point]) -> None:
    line = [(-9.0, 0.3), (9.0, 0.6)]
    assert sum(crossing(line, before, after) for before, after in pairwise([*walk, walk[0]])) == 0


def test_many_steps_at_once_are_each_by_itself() -> None:
    random = np.random.default_rng(0)
    line = Tripwire("hook", np.array(HOOK))
    before, after = random.random((200, 2)), random.random((200, 2))
    singly = [crossing(HOOK, tuple(one), tuple(other)) for one, other in zip(before.tolist(), after.tolist(), strict=True)]
    together = line.crossings(before, after)
    assert together.tolist() == singly
    assert together.dtype == np.int8
    assert line.crossings(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)
