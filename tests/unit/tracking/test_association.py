from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.tracking.association import corners, overlaps

from .reference_tracker import iou


def test_expansion_grows_every_side() -> None:
    box = np.array([[100.0], [50.0], [40.0], [20.0]])
    assert [side[0] for side in corners(box, 0.0)] == [80, 40, 120, 60]
    assert [side[0] for side in corners(box, 0.5)] == [60, 30, 140, 70]


@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=5),
    expand=st.sampled_from([0.0, 0.2]),
)
@settings(max_examples=100, deadline=None)
def test_pairs_are_all_overlaps_of_the_same_camera(seed: int, counts: list[tuple[int, int]], expand: float) -> None:
    random = np.random.default_rng(seed)

    def some(count: int) -> np.ndarray:
        return random.uniform([[0], [0], [10], [10]], [[100], [100], [60], [60]], (4, count))

    first = [some(count) for count, _ in counts]
    second = [some(count) for _, count in counts]
    ends = np.cumsum([count for _, count in counts])
    start = np.repeat(ends - [count for _, count in counts], [count for count, _ in counts])
    amount = np.repeat([count for _, count in counts], [count for count, _ in counts])
    all_first, all_second = np.concatenate(first, axis=1), np.concatenate(second, axis=1)
    pairs = overlaps(corners(all_first, expand), corners(all_second, expand), start, amount)
    found = {(i, j): value for i, j, value in zip(*(part.tolist() for part in pairs), strict=True)}
    expected = {}
    offset_first = offset_second = 0
    for one, two in zip(first, second, strict=True):
        for i in range(one.shape[1]):
            for j in range(two.shape[1]):
                value = iou(one[:, i], two[:, j], expand)
                if value > 0:
                    expected[offset_first + i, offset_second + j] = value
        offset_first, offset_second = offset_first + one.shape[1], offset_second + two.shape[1]
    assert found.keys() == expected.keys()
    assert list(found) == sorted(found)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-9)


def test_a_count_of_zero_leaves_a_box_out() -> None:
    box = np.array([[50.0, 50.0], [50.0, 50.0], [10.0, 10.0], [10.0, 10.0]])
    pairs = overlaps(corners(box, 0.0), corners(box, 0.0), np.zeros(2, np.int64), np.array([0, 2]))
    assert pairs.first.tolist() == [1, 1]
    assert pairs.second.tolist() == [0, 1]
    assert pairs.iou.tolist() == [1.0, 1.0]


def test_touching_is_not_overlapping() -> None:
    left, right = np.array([[5.0], [5.0], [10.0], [10.0]]), np.array([[15.0], [5.0], [10.0], [10.0]])
    assert len(overlaps(corners(left, 0.0), corners(right, 0.0), np.zeros(1, np.int64), np.ones(1, np.int64)).iou) == 0
