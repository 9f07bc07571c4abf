"""Zones and lines in relative coordinates: x and y in 0..1 of the picture, y down, the origin at the top left."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PointArray = NDArray[np.float64]

_BELOW_ONE = float(np.nextafter(1.0, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """A zone: a simple polygon of at least three corners.

    Attributes:
        name: The zone's name.
        points: Corners (N, 2), relative, read-only; the last one joins the first.
    """

    name: str
    points: PointArray
    _edges: tuple[PointArray, PointArray, PointArray, PointArray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the corners read-only, check their shape and lay out the edges."""
        object.__setattr__(self, "points", _frozen_points(self.points, 3, f"zone {self.name!r}"))
        object.__setattr__(self, "_edges", _edges(self.points))

    def contains(self, points: PointArray) -> NDArray[np.bool_]:
        """Which of the relative points (N, 2) lie inside, (N,) bool; even-odd rule, all at once.

        A point on an edge shared by two neighbouring zones belongs to exactly one of them. Points given as a picture's bottom or
        right border (1.0) or beyond count as just inside the picture, so that feet cut off by the frame are still in a
        full-picture zone. A point that is NaN is in no zone.
        """
        if len(points) == 0:
            return np.zeros(0, dtype=np.bool_)
        inner = np.minimum(np.maximum(points, 0.0), _BELOW_ONE)
        x, y = inner[:, 0:1], inner[:, 1:2]
        top, bottom, left, slope = self._edges
        right_of = (top <= y) & (y < bottom) & (x < left + (y - top) * slope)
        return np.asarray(np.logical_xor.reduce(right_of, axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Tripwire:
    """A line of two or more points. Walking along it from the first point, `a` is on the left hand and `b` on the right.

    Attributes:
        name: The line's name.
        points: Corners (N, 2), relative, read-only.
    """

    name: str
    points: PointArray

    def __post_init__(self) -> None:
        """Make the corners read-only and check their shape."""
        object.__setattr__(self, "points", _frozen_points(self.points, 2, f"line {self.name!r}"))

    def crossings(self, before: PointArray, after: PointArray) -> NDArray[np.int8]:
        """In which direction each step crosses the line.

        Args:
            before: Where the objects were, (N, 2), relative.
            after: Where they are, (N, 2), relative.

        Returns:
            (N,) int8: 1 for a to b, -1 for b to a, 0 for none. A step that crosses several segments counts by their sum, so going
            through a bend and back is no crossing. Touching is crossing only once: an end point on the line counts as side b.
        """
        if len(before) == 0:
            return np.zeros(0, dtype=np.int8)
        start, end = self.points[:-1], self.points[1:]
        along = end - start
        side_before = _cross(along[None], before[:, None] - start[None]) < 0
        side_after = _cross(along[None], after[:, None] - start[None]) < 0
        step = (after - before)[:, None]
        side_start = _cross(step, start[None] - before[:, None]) < 0
        side_end = _cross(step, end[None] - before[:, None]) < 0
        crosses = (side_before != side_after) & (side_start != side_end)
        # y points down, so a negative cross product is the left hand (side a).
        signed = np.where(crosses, np.where(side_before, 1, -1), 0)
        return np.asarray(np.sign(signed.sum(axis=1)), dtype=np.int8)


def _cross(first: PointArray, second: PointArray) -> PointArray:
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])


def _edges(corners: PointArray) -> tuple[PointArray, PointArray, PointArray, PointArray]:
    """Top y, bottom y, x at the top and x per y of every edge that is not level, (E,) each.

    Every edge runs downwards whichever way the polygon is drawn, so that two zones that share an edge compute the very same numbers.
    Corners are rounded to 1e-9 (a millionth of a pixel), so that no slope overflows.
    """
    corners = np.round(corners, 9)
    following = np.roll(corners, -1, axis=0)
    slanted = corners[:, 1] != following[:, 1]
    first, second = corners[slanted], following[slanted]
    downwards = (first[:, 1] < second[:, 1])[:, None]
    upper, lower = np.where(downwards, first, second), np.where(downwards, second, first)
    slope = (lower[:, 0] - upper[:, 0]) / (lower[:, 1] - upper[:, 1])
    return upper[:, 1], lower[:, 1], upper[:, 0], slope


def _frozen_points(points: PointArray, least: int, what: str) -> PointArray:
    array = np.array(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < least:
        raise ValueError(f"{what}: expected at least {least} points of x and y, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what}: every coordinate must be a number, got NaN or infinity")
    array.setflags(write=False)
    return array
