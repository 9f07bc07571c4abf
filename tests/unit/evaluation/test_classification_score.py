"""Figures of a classifier, against numbers worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from panops.evaluation.classification_score import calibration_error, score_classification, wilson

CLASSES = ("a", "b", "c", "d")
TRUTH = np.array([0, 0, 0, 1, 1, 2], np.int64)
SCORES = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.4, 0.3, 0.2, 0.1],
        [0.2, 0.6, 0.1, 0.1],
        [0.1, 0.8, 0.1, 0.0],
        [0.3, 0.25, 0.25, 0.2],
        [0.5, 0.3, 0.05, 0.15],
    ],
    np.float32,
)


def test_by_hand() -> None:
    score = score_classification(TRUTH, SCORES, CLASSES)
    assert score.accuracy == pytest.approx(3 / 6)
    assert score.confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    a, c, d = (score.per_class[name] for name in "acd")
    assert (a.pictures, a.precision, a.recall) == (3, pytest.approx(2 / 4), pytest.approx(2 / 3))
    assert a.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    assert math.isnan(c.precision)
    assert (c.recall, c.f1) == (0.0, 0.0)
    assert math.isnan(d.recall)
    assert score.macro_f1 == pytest.approx((a.f1 + score.per_class["b"].f1 + 0.0) / 3)
    assert score.top3 == pytest.approx(5 / 6)
    assert score.mistakes() == [("a", "b", 1), ("b", "a", 1), ("c", "a", 1)]
    assert score.loss == pytest.approx(-np.log([0.7, 0.4, 0.2, 0.8, 0.25, 0.05]).mean(), rel=1e-5)


def test_the_record_is_json_without_nan() -> None:
    record = score_classification(TRUTH, SCORES, CLASSES).record()
    assert json.loads(json.dumps(record, allow_nan=False))["classes"]["c"]["precision"] is None


def test_calibration_error_is_zero_where_scores_are_shares() -> None:
    right = np.array([True] * 8 + [False] * 2)
    assert calibration_error(np.full(10, 0.8, np.float32), right) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(np.full(10, 1.0, np.float32), right) == pytest.approx(0.2)


def test_the_interval_by_wilson() -> None:
    # Newcombe (1998), table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        score_classification(TRUTH[:0], SCORES[:0], CLASSES)
    with pytest.raises(ValueError, match="expected scores"):
        score_classification(TRUTH, SCORES[:, :3], CLASSES)
