from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.verify.thresholds import SCORES, SECONDS, threshold

FIGURES = st.floats(0.05, 400.0, allow_nan=False)


@pytest.mark.parametrize(
    ("goes", "least_true", "now", "expected"),
    [
        ([1.1, 1.2, 1.3], 3.0, 1.0, 2.0),
        ([1.1, 1.2, 1.3, 2.95], 3.0, 1.0, 2.0),  # the last one stays
        ([10.0, 20.0, 30.0], 130.0, 5.0, 60.0),
        ([0.4, 0.5, 0.6], 1.0, 0.3, None),  # no number keeps 0.3 s away from the true one and a quarter from the others
        ([0.4, 0.5, 0.6], 1.2, 0.3, 0.8),
        ([1.1, 1.2, 1.3], 3.0, 2.5, None),  # it is as high as that already
        ([1.1, 1.2, math.inf], 3.0, 1.0, None),  # two are too few
        ([1.1, 1.2, 1.3], 0.0, 1.0, None),  # of a true one nothing is known
        ([], 3.0, 1.0, None),
    ],
)
def test_times(goes: list[float], least_true: float, now: float, expected: float | None) -> None:
    assert threshold(goes, least_true, now, SECONDS, 0.3, 3) == expected


@pytest.mark.parametrize(
    ("goes", "least_true", "expected"), [([0.4, 0.41, 0.42], 0.8, 0.6), ([0.4, 0.41, 0.42], 0.5, 0.45), ([0.36] * 3, 0.4, 0.38)]
)
def test_scores(goes: list[float], least_true: float, expected: float) -> None:
    assert threshold(goes, least_true, 0.35, SCORES, 0.02, 3) == expected


@given(goes=st.lists(FIGURES, max_size=20), least_true=FIGURES, now=FIGURES)
def test_it_is_clear_of_the_true_one_and_no_threshold_with_that_room_takes_more_away(
    goes: list[float], least_true: float, now: float
) -> None:
    found = threshold(goes, least_true, now, SECONDS, 0.3, 3)
    if found is None:
        return
    gone = [most for most in goes if most < found]
    quarter = (least_true - max(gone)) / 4
    assert len(gone) >= 3
    assert now < found <= least_true - max(0.3, quarter) + 1e-5
    assert found >= max(gone) + quarter - 1e-5
    assert any(math.isclose(found / step, round(found / step), abs_tol=1e-6) for step in SECONDS)
    assert found == threshold(sorted(goes, reverse=True), least_true, now, SECONDS, 0.3, 3)
