from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from panops.tracking import assignment
from panops.tracking.assignment import assign


def take(edges: list[tuple[int, int, float]]) -> set[tuple[int, int]]:
    """The pairs that `assign` takes in one block."""
    row, column = (np.array([edge[end] for edge in edges], np.int64) for end in (0, 1))
    weight = np.array([edge[2] for edge in edges], np.float64)
    chosen = assign(row, column, weight, np.zeros(len(edges), np.int64), int(row.max(initial=-1)) + 1, int(column.max(initial=-1)) + 1)
    return {edges[index][:2] for index in chosen.tolist()}


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        pytest.param([], set(), id="nothing"),
        pytest.param([(0, 0, 0.1)], {(0, 0)}, id="alone at both ends"),
        pytest.param([(0, 0, 0.9), (0, 1, 0.5)], {(0, 0)}, id="the better of two"),
        pytest.param([(0, 0, 0.9), (0, 1, 0.8), (1, 0, 0.8)], {(0, 1), (1, 0)}, id="two good ones beat the best one"),
        pytest.param([(0, 0, 0.9), (0, 1, 0.3), (1, 0, 0.3)], {(0, 0)}, id="the best one beats two poor ones"),
        pytest.param([(0, 0, 0.5), (0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.4)], {(0, 1), (1, 0)}, id="ties"),
    ],
)
def test_small_cases(edges: list[tuple[int, int, float]], expected: set[tuple[int, int]]) -> None:
    assert take(edges) == expected


@given(seed=st.integers(0, 2**32 - 1), blocks=st.integers(1, 6), density=st.floats(0.05, 1.0), levels=st.sampled_from([0, 3]))
@settings(max_examples=150, deadline=None)
def test_the_sum_is_the_greatest_there_is(seed: int, blocks: int, density: float, levels: int) -> None:
    random = np.random.default_rng(seed)
    row, column, weight, block = [], [], [], []
    best, rows, columns = 0.0, 0, 0
    for index in range(blocks):
        shape = tuple(random.integers(1, 9, 2))
        worth = random.uniform(0.01, 1, shape)
        if levels:
            worth = np.ceil(worth * levels) / levels  # many ties
        worth[random.random(shape) > density] = 0
        best += worth[linear_sum_assignment(worth, maximize=True)].sum()
        first, second = np.nonzero(worth)
        row += (first + rows).tolist()
        column += (second + columns).tolist()
        weight += worth[first, second].tolist()
        block += [index] * len(first)
        rows, columns = rows + shape[0], columns + shape[1]
    chosen = assign(np.array(row, np.int64), np.array(column, np.int64), np.array(weight), np.array(block, np.int64), rows, columns)
    assert len(set(np.array(row)[chosen])) == len(set(np.array(column)[chosen])) == len(chosen)
    assert np.array(weight)[chosen].sum() == pytest.approx(best, abs=1e-9)


def test_most_of_a_crowd_needs_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick test must do the work: a change that sends everything to the Hungarian method would be exact, and slow."""
    searched: list[int] = []
    original = assignment._knots
    monkeypatch.setattr(assignment, "_knots", lambda left, *rest: searched.append(len(left)) or original(left, *rest))
    random = np.random.default_rng(5)
    size = 200
    row = np.repeat(np.arange(size), 3)
    column = row + np.tile([-1, 0, 1], size)
    same_block = (column >= 0) & (column // 10 == row // 10)
    row, column = row[same_block], column[same_block]
    weight = np.where(row == column, random.uniform(0.5, 1, len(row)), random.uniform(0.01, 0.3, len(row)))
    chosen = assign(row, column, weight, row // 10, size, size)
    assert len(chosen) >= 0.9 * size
    assert sum(searched) < 0.1 * len(row)
