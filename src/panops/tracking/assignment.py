"""Who goes with whom: the matching of greatest total similarity, exact, for all cameras at once.

Most pairs need no search. An edge is taken at once when it is worth more than the best other edge of its row and the best other edge of its
column together: whatever a matching without it does, at most those two edges are in its way, and trading them for it gains. An edge that
is alone at both ends is the simplest case. Taking edges only removes competitors, so the test is repeated; what is left, a few knots
in crowds, goes to the Hungarian method, camera by camera.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_ROUNDS = 4


def assign(row: IntArray, column: IntArray, weight: FloatArray, block: IntArray, row_count: int, column_count: int) -> IntArray:
    """The one-to-one matching with the greatest sum of weights.

    Args:
        row: (E,) row of each edge, 0 .. row_count - 1; edges are grouped by block.
        column: (E,) column of each edge, 0 .. column_count - 1.
        weight: (E,) its worth, above 0.
        block: (E,) the camera of each edge; blocks share neither rows nor columns.
        row_count: How many rows there are.
        column_count: How many columns there are.

    Returns:
        (M,) indices of the edges taken, in no order. What a block gets does not depend on the other blocks.
    """
    left = np.arange(len(row), dtype=np.int64)
    taken: list[IntArray] = []
    for _ in range(_ROUNDS):
        if len(left) == 0:
            break
        row_left, column_left, weight_left = row[left], column[left], weight[left]
        wins = weight_left > _best_other(row_left, weight_left, row_count) + _best_other(column_left, weight_left, column_count)
        if not wins.any():
            break
        won = left[wins]
        taken.append(won)
        row_free, column_free = np.ones(row_count, np.bool_), np.ones(column_count, np.bool_)
        row_free[row[won]] = False
        column_free[column[won]] = False
        left = left[row_free[row_left] & column_free[column_left]]
    if len(left):
        taken.append(np.array(_knots(left, row, column, weight, block), dtype=np.int64))
    return np.concatenate(taken) if taken else left


def _best_other(end: IntArray, weight: FloatArray, count: int) -> FloatArray:
    """(E,) For each edge the greatest weight among the other edges at the same end, 0 where there is none."""
    best = np.zeros(count)
    np.maximum.at(best, end, weight)
    own_best = best[end]
    leads = weight == own_best
    second = np.zeros(count)
    np.maximum.at(second, end[~leads], weight[~leads])
    # Two equal leaders are each other's competitor.
    tied = np.bincount(end[leads], minlength=count) > 1
    second[tied] = best[tied]
    return np.where(leads, second[end], own_best)


def _knots(left: IntArray, row: IntArray, column: IntArray, weight: FloatArray, block: IntArray) -> list[int]:
    """The Hungarian method on what is left of each block; a handful of edges each, for which plain lists are quicker than arrays."""
    knots: dict[int, list[int]] = {}
    for edge, owner in zip(left.tolist(), block[left].tolist(), strict=True):
        knots.setdefault(owner, []).append(edge)
    taken: list[int] = []
    for edges in knots.values():
        rows: dict[int, int] = {}
        columns: dict[int, int] = {}
        place = {
            (rows.setdefault(end, len(rows)), columns.setdefault(other, len(columns))): edge
            for edge, end, other in zip(edges, row[edges].tolist(), column[edges].tolist(), strict=True)
        }
        worth = np.zeros((len(rows), len(columns)))
        for (index, other), value in zip(place, weight[edges].tolist(), strict=True):
            worth[index, other] = value
        chosen = zip(*(ends.tolist() for ends in linear_sum_assignment(worth, maximize=True)), strict=True)
        # A pair without an edge is worth nothing and means "no match".
        taken.extend(place[pair] for pair in chosen if pair in place)
    return taken
