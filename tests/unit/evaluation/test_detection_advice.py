"""The advised thresholds are the best there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.evaluation.detection_advice import advise
from panops.evaluation.precision_recall import Curve


def curve_of(rows: list[tuple[float, bool]], boxes: int) -> Curve:
    rows = sorted(rows, key=lambda row: -row[0])
    hits = np.cumsum([hit for _, hit in rows])
    return Curve(np.array([score for score, _ in rows]), hits / np.arange(1, len(rows) + 1), hits / max(boxes, 1), boxes)


def test_by_hand() -> None:
    curve = curve_of([(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.2, False), (0.1, False)], boxes=4)
    advice = advise(curve, 0.9)
    assert advice.best_f1 is not None
    assert advice.best_f1.record() == pytest.approx({"score": 0.6, "precision": 0.75, "recall": 0.75, "f1": 0.75})
    assert advice.precise is not None
    assert (advice.precise.score, advice.precise.recall) == (0.8, 0.5)


def test_equal_scores_cannot_be_told_apart() -> None:
    advice = advise(curve_of([(0.5, True), (0.5, False), (0.5, False)], boxes=1), 0.9)
    assert advice.precise is None
    assert advice.best_f1 is not None
    assert advice.best_f1.precision == pytest.approx(1 / 3)


@pytest.mark.parametrize("curve", [curve_of([], 3), curve_of([(0.5, False)], 3), curve_of([(0.5, False)], 0)])
def test_nothing_right_has_no_advice(curve: Curve) -> None:
    assert advise(curve).best_f1 is None
    assert advise(curve).precise is None


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.4, 0.5, 0.8]), st.booleans()), max_size=30), st.integers(0, 3), st.floats(0.1, 1.0))
def test_no_other_threshold_is_better(rows: list[tuple[float, bool]], missed: int, wanted: float) -> None:
    boxes = sum(hit for _, hit in rows) + missed
    advice = advise(curve_of(rows, boxes), wanted)
    best_f1, precise = 0.0, None
    for threshold in sorted({score for score, _ in rows}, reverse=True):
        taken = [hit for score, hit in rows if score >= threshold]
        precision, recall = sum(taken) / len(taken), sum(taken) / max(boxes, 1)
        if sum(taken):
            best_f1 = max(best_f1, 2 * precision * recall / (precision + recall))
            if precision >= wanted:
                precise = threshold
    assert (advice.best_f1.f1 if advice.best_f1 else 0.0) == pytest.approx(best_f1)
    assert (advice.precise.score if advice.precise else None) == precise
