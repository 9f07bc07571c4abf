"""Where false alarms stand and no true one ever stood: a rectangle that a rule may leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.places import Box, around
from panops.domain.suggestions import Corners
from panops.verify.judged import Facts

ROOM = 0.02
"""No true alarm may have stood nearer to the rectangle, as a share of the picture's width or height."""
LARGEST = 0.25
"""No rectangle is larger, as a share of the picture."""
NEAR = 0.1
"""False alarms that stood farther from the others are a matter of their own, as a share of the picture's width or height."""
# Corners are whole multiples of this.
_GRID = 0.01
# So many of them outside of where the false ones stood, as many as fit: the next one stands a little beside them.
_CELLS = (3, 2, 1)
# Points of true alarms are thinned to so fine a grid: far below the room that is kept.
_CELL = 0.002


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rectangle.

    Attributes:
        box: Relative x1, y1, x2, y2.
        goes: Ids of the false alarms whose objects stood nowhere else.
    """

    box: Box
    goes: frozenset[str]

    @property
    def corners(self) -> Corners:
        """As a zone."""
        left, top, right, bottom = self.box
        return ((left, top), (right, top), (right, bottom), (left, bottom))

    @property
    def share(self) -> float:
        """Of the picture, 0..1."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def rectangle(false: Sequence[Facts], true: Sequence[Facts], least_going: int) -> LeftOut | None:
    """The rectangle that holds most false alarms, at least `ROOM` away from every point of a true one.

    Each false alarm once begins a rectangle, which takes in the others, the nearest first, as long as they are
    `NEAR` and it stays clear of the true ones and within `LARGEST`. Of several that hold as many, the smallest counts.

    Args:
        false: False alarms; those of which not every point is known are held by none.
        true: True alarms.
        least_going: So many false alarms at least must go.

    Returns:
        The rectangle; None where there is none, or where of a true alarm it is not known where it stood.
    """
    if not all(one.told for one in true):
        return None
    known = sorted((one for one in false if one.whole and len(one.points)), key=lambda one: one.event_id)
    stood = np.unique(np.round(np.concatenate([np.zeros((0, 2)), *(one.points for one in true)]) / _CELL), axis=0) * _CELL
    reach = [_reach(one.points) for one in known]
    best: LeftOut | None = None
    for first in range(len(known)):
        found = _grown(first, known, reach, stood)
        if found is not None and len(found.goes) >= least_going and (best is None or _rank(found) < _rank(best)):
            best = found
    return best


def distance(box: Box, points: NDArray[np.float64]) -> float:
    """How far the nearest of some points (N, 2) is from a box, the larger of both directions; 0 within it, infinite without points."""
    if not len(points):
        return math.inf
    return float(np.maximum(_beyond(points[:, 0], box[0], box[2]), _beyond(points[:, 1], box[1], box[3])).min())


def _rank(found: LeftOut) -> tuple[int, float, Box]:
    return -len(found.goes), found.share, found.box


def _grown(first: int, known: Sequence[Facts], reach: Sequence[Box], stood: NDArray[np.float64]) -> LeftOut | None:
    begun = held = reach[first]
    if not _fits(held, stood):
        return None
    for other in sorted(range(len(known)), key=lambda index: (_apart(begun, reach[index]), index)):
        wider = around((held, reach[other]))
        if wider != held and _gap(held, reach[other]) <= NEAR and _fits(wider, stood):
            held = wider
    box = next(box for cells in _CELLS if _is_clear(box := _rounded(held, cells), stood))
    return LeftOut(box, frozenset(one.event_id for one, stands in zip(known, reach, strict=True) if _holds(box, stands)))


def _holds(box: Box, reach: Box) -> bool:
    """As a zone does: who stands on its right or bottom edge is outside, unless that is the picture's."""
    starts = reach[0] >= box[0] and reach[1] >= box[1]
    return starts and (reach[2] < box[2] or box[2] == 1.0) and (reach[3] < box[3] or box[3] == 1.0)


def _gap(one: Box, other: Box) -> float:
    """The larger of the gaps between two boxes across and down; 0 where they touch."""
    return max(other[0] - one[2], one[0] - other[2], other[1] - one[3], one[1] - other[3], 0.0)


def _fits(reach: Box, stood: NDArray[np.float64]) -> bool:
    return _is_clear(_rounded(reach, _CELLS[-1]), stood)


def _is_clear(box: Box, stood: NDArray[np.float64]) -> bool:
    left, top, right, bottom = box
    return (right - left) * (bottom - top) <= LARGEST and distance(box, stood) > ROOM


def _reach(points: NDArray[np.float64]) -> Box:
    left, top = np.clip(points.min(axis=0), 0.0, 1.0).tolist()
    right, bottom = np.clip(points.max(axis=0), 0.0, 1.0).tolist()
    return left, top, right, bottom


def _rounded(reach: Box, cells: int) -> Box:
    """The smallest rectangle on the grid with so many cells around: who stands at the picture's border is in it, too."""
    first = [max(round((math.floor(edge / _GRID) - cells) * _GRID, 2), 0.0) for edge in reach[:2]]
    last = [min(round((math.ceil(edge / _GRID) + cells) * _GRID, 2), 1.0) for edge in reach[2:]]
    return first[0], first[1], last[0], last[1]


def _apart(one: Box, other: Box) -> float:
    return math.hypot((one[0] + one[2] - other[0] - other[2]) / 2, (one[1] + one[3] - other[1] - other[3]) / 2)


def _beyond(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.maximum(np.maximum(low - values, values - high), 0.0)
