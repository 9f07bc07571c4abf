from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.vision.mtcnn_boxes import best, best_of_overlapping, boxes_of_cells, inside, moved, squared


def test_cells_as_boxes() -> None:
    """P-net sees 12 px from twice the cell on; numbers count from 1."""
    found = boxes_of_cells(np.array([0, 3]), np.array([0, 5]), 0.5)
    assert found.tolist() == [[2, 2, 24, 24], [22, 14, 44, 36]]


def test_moved_by_shares_of_the_size() -> None:
    box, shift = np.array([[10, 20, 30, 60]], np.float32), np.array([[0.1, -0.1, 0.5, 0.0]], np.float32)
    np.testing.assert_allclose(moved(box, shift, 0), [[12, 16, 40, 60]])
    np.testing.assert_allclose(moved(box, shift, 1), [[12.1, 15.9, 40.5, 60]])


def test_squares_keep_their_centre() -> None:
    boxes = np.array([[10, 20, 30, 60], [0, 0, 7, 3]], np.float32)
    np.testing.assert_allclose(squared(boxes), [[0, 20, 40, 60], [0, -2, 7, 5]])
    assert squared(boxes[:0]).shape == (0, 4)


CUT = {
    "inside": ((3.9, 4.2, 8.0, 9.9), (2, 3, 8, 9)),
    "over the left top corner": ((-5.0, -1.0, 6.0, 7.0), (0, 0, 6, 7)),
    "over the right bottom corner": ((50.0, 30.0, 90.0, 80.0), (49, 29, 60, 40)),
    "beyond": ((70.0, 5.0, 80.0, 15.0), None),
    "above": ((5.0, -20.0, 15.0, -10.0), None),
    "turned inside out": ((20.0, 5.0, 10.0, 15.0), None),
    "no number": ((np.nan, 5.0, 10.0, 15.0), None),
    "endless": ((5.0, 5.0, np.inf, 15.0), None),
    "huge": ((-1e30, -1e30, 1e30, 1e30), (0, 0, 60, 40)),
}


@pytest.mark.parametrize(("box", "expected"), CUT.values(), ids=CUT.keys())
def test_cut_to_the_picture(box: tuple[float, ...], expected: tuple[int, ...] | None) -> None:
    cut, usable = inside(np.array([box], np.float32), (60, 40))
    assert usable.tolist() == [expected is not None]
    assert cut.tolist() == ([] if expected is None else [list(expected)])


@settings(max_examples=60)
@given(seed=st.integers(0, 9999), count=st.integers(0, 40), most=st.sampled_from([0.3, 0.5, 0.7]), of_smaller=st.booleans())
def test_the_best_of_overlapping_ones_as_one_after_the_other(seed: int, count: int, most: float, of_smaller: bool) -> None:
    reference = pytest.importorskip("mtcnn_reference", reason="needs torch: pip install 'panops[train]'")
    dice = np.random.default_rng(seed)
    corner = dice.integers(0, 30, (count, 2))
    xyxy = np.concatenate([corner, corner + dice.integers(0, 30, (count, 2))], axis=1).astype(np.float32)
    score = dice.integers(0, 9, count).astype(np.float32)  # ties, too
    assert best_of_overlapping(xyxy, score, most, of_smaller=of_smaller).tolist() == reference.greedy(
        xyxy, score, np.float32(most), of_smaller=of_smaller
    )


def test_the_best_scores_in_their_order() -> None:
    score = np.array([0.1, 0.9, 0.5, 0.9, 0.2], np.float32)
    assert best(score, 3).tolist() == [1, 2, 3]
    assert best(score, 9).tolist() == [0, 1, 2, 3, 4]
    assert best(score[:0], 9).tolist() == []
