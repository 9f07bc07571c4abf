from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.boxes import nms
from panops.vision.candidates import KeepSettings, best_indices, class_wise_nms, keep
from panops.vision.letterbox import Letterbox


def test_classes_stay_apart_beyond_the_picture() -> None:
    """OpenCV alone mixes classes up when a coordinate is negative."""
    xyxy = np.array([[-50, -50, 50, 50], [1, 1, 101, 101]], np.float32)
    assert len(class_wise_nms(xyxy - 200, np.array([0.9, 0.8], np.float32), np.array([0, 1]), 0.1)) == 2


@given(st.integers(0, 80), st.integers(1, 4), st.floats(0.1, 0.9), st.integers(0, 10_000))
def test_opencv_keeps_what_the_plain_version_keeps(count: int, classes: int, threshold: float, seed: int) -> None:
    dice = np.random.default_rng(seed)
    corner, size = dice.random((count, 2)) * 200 - 100, dice.random((count, 2)) * 80 + 1
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    score = dice.permutation(np.linspace(0.01, 1, count)).astype(np.float32)
    class_id = dice.integers(0, classes, count)
    expected = nms(xyxy, score, class_id, threshold)
    assert sorted(class_wise_nms(xyxy, score, class_id, threshold)) == sorted(expected)


def test_best_indices_bounds_a_noisy_picture() -> None:
    score = np.random.default_rng(0).random(5000).astype(np.float32)
    index = best_indices(score, KeepSettings(min_score=0.1, most_candidates=100))
    assert len(index) == 100
    assert score[index].min() >= np.sort(score)[-100]


def test_best_indices_without_any() -> None:
    assert len(best_indices(np.zeros(0, np.float32), KeepSettings())) == 0
    assert len(best_indices(np.full(5, 0.05, np.float32), KeepSettings(min_score=0.1))) == 0


def test_keep_clips_orders_and_bounds() -> None:
    box = Letterbox.fit((100, 50), (200, 200))
    xyxy = np.array([[-20, -20, 40, 40], [100, 20, 190, 90], [0, 150, 50, 190], [60, 20, 90, 60]], np.float32)
    score = np.array([0.5, 0.9, 0.8, 0.7], np.float32)
    found = keep(xyxy, score, np.array([0, 1, 1, 2]), box, KeepSettings(most=3))
    # The third lies in the padding below the picture; it still counts towards the bound of three, so the weakest box is gone.
    np.testing.assert_array_equal(found.score, np.array([0.9, 0.7], np.float32))
    np.testing.assert_allclose(found.xyxy, [[50, 10, 95, 45], [30, 10, 45, 30]])
    assert found.class_id.tolist() == [1, 2]


def test_keep_nothing() -> None:
    none = np.zeros(0, np.float32)
    assert len(keep(none.reshape(0, 4), none, none.astype(np.int64), Letterbox.fit((10, 10), (10, 10)), KeepSettings())) == 0
