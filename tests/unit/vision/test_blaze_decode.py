from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from panops.vision.blaze_anchors import AnchorLayout, blaze_anchors
from panops.vision.blaze_decode import Candidates, decode, probability, weighted_nms

LAYOUT = AnchorLayout(32, (8, 16), fixed_size=False)
ANCHORS = blaze_anchors(LAYOUT)


def decoded_by_loops(rows: np.ndarray, anchors: np.ndarray, side: int) -> tuple[list[list[float]], list[list[list[float]]]]:
    boxes, points = [], []
    for row, (x, y, width, height) in zip(rows.tolist(), anchors.tolist(), strict=True):
        middle_x, middle_y = row[0] * width + x * side, row[1] * height + y * side
        half_w, half_h = row[2] * width / 2, row[3] * height / 2
        boxes.append([middle_x - half_w, middle_y - half_h, middle_x + half_w, middle_y + half_h])
        points.append([[row[i] * width + x * side, row[i + 1] * height + y * side] for i in range(4, len(row), 2)])
    return boxes, points


def overlap(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = sum(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0) for box in (a, b))
    return common / (areas - common) if areas > common else 0.0


def merged_by_loops(found: Candidates, threshold: float) -> list[tuple[list[float], float]]:
    """BlazeFace's blending, one candidate after the other: each result is numbers of the box and points, and the score."""
    rows = [
        (box.tolist() + points.ravel().tolist(), float(score))
        for box, points, score in zip(found.xyxy, found.points, found.score, strict=True)
    ]
    rows.sort(key=lambda row: -row[1])
    results = []
    while rows:
        best = rows[0]
        heap, rest = [best], []
        for row in rows[1:]:
            (heap if overlap(best[0][:4], row[0][:4]) > threshold else rest).append(row)
        total = sum(score for _, score in heap)
        results.append(([sum(numbers[i] * score for numbers, score in heap) / total for i in range(len(best[0]))], best[1]))
        rows = rest
    return results


@given(arrays(np.float32, (len(ANCHORS), 10), elements=st.floats(-50, 50, width=32)))
def test_decoding_as_by_loops(rows: np.ndarray) -> None:
    boxes, points = decode(rows, ANCHORS, LAYOUT)
    expected_boxes, expected_points = decoded_by_loops(rows, ANCHORS, 32)
    assert (boxes.dtype, points.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(boxes, expected_boxes, atol=1e-3)
    np.testing.assert_allclose(points, expected_points, atol=1e-3)


def test_nothing_decoded_and_nothing_merged() -> None:
    boxes, points = decode(np.zeros((0, 16), np.float32), ANCHORS[:0], LAYOUT)
    assert (boxes.shape, points.shape) == ((0, 4), (0, 6, 2))
    merged = weighted_nms(Candidates(boxes, points, np.zeros(0, np.float32)), 0.3)
    assert (merged.xyxy.shape, merged.points.shape, merged.score.shape) == ((0, 4), (0, 6, 2), (0,))


@pytest.mark.parametrize(
    ("logit", "expected"), [(0.0, 0.5), (2.0, 1 / (1 + math.exp(-2))), (1e30, 1.0), (-1e30, 0.0), (math.inf, 1.0), (-math.inf, 0.0)]
)
def test_scores(logit: float, expected: float) -> None:
    assert probability(np.array([logit], np.float32))[0] == pytest.approx(expected, abs=1e-7)


@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.floats(0.05, 0.9))
def test_weighted_nms_as_by_loops(count: int, seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    xyxy = np.concatenate([corner, corner + rng.uniform(5, 40, (count, 2))], axis=1).astype(np.float32)
    # Scores all apart, as which of two equal ones leads is a matter of order only.
    score = (rng.permutation(count) + 1.0).astype(np.float32) / (count + 1)
    found = Candidates(xyxy, rng.uniform(0, 99, (count, 3, 2)).astype(np.float32), score)
    merged, expected = weighted_nms(found, threshold), merged_by_loops(found, threshold)
    assert len(merged.score) == len(expected)
    np.testing.assert_allclose(merged.score, [one for _, one in expected])
    numbers = np.concatenate([merged.xyxy, merged.points.reshape(len(merged.score), 6)], axis=1)
    np.testing.assert_allclose(numbers.ravel(), [value for row, _ in expected for value in row], rtol=1e-4, atol=1e-3)


def test_a_heap_is_one_box_that_hardly_moves_when_the_winner_changes() -> None:
    xyxy = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]], np.float32)
    points = np.zeros((3, 1, 2), np.float32)
    one = weighted_nms(Candidates(xyxy, points, np.array([0.81, 0.80, 0.6], np.float32)), 0.3)
    other = weighted_nms(Candidates(xyxy, points, np.array([0.80, 0.81, 0.6], np.float32)), 0.3)
    assert len(one.score) == len(other.score) == 2
    assert np.abs(one.xyxy - other.xyxy).max() < 0.05
    np.testing.assert_allclose(one.xyxy[0], [1, 0, 11, 10], atol=0.05)


def test_boxes_without_an_area_and_scores_of_0_end_too() -> None:
    found = Candidates(np.zeros((3, 4), np.float32), np.zeros((3, 2, 2), np.float32), np.zeros(3, np.float32))
    merged = weighted_nms(found, 0.3)
    assert len(merged.score) == 3
    assert np.isfinite(merged.xyxy).all()
