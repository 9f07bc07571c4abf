"""Cases small enough to be worked out by hand; TrackEval's numbers are in `test_trackeval_parity.py`."""

from __future__ import annotations

import numpy as np
import pytest

from panops.evaluation.comparison import compare
from panops.evaluation.hota import combine_hota, hota

from .tables import Row, table

BOX = (10.0, 10.0, 40.0, 80.0)
TRUTH: list[Row] = [(frame, 1, *BOX) for frame in range(1, 5)]
FRAMES = np.arange(1, 5)


@pytest.mark.parametrize(
    ("tracks", "figures"),
    [
        pytest.param(TRUTH, {"HOTA": 1, "DetA": 1, "AssA": 1, "LocA": 1}, id="perfect"),
        pytest.param([], {"HOTA": 0, "DetA": 0, "AssA": 0, "LocA": 1}, id="nothing"),
        pytest.param(TRUTH[:2], {"DetA": 0.5, "AssA": 0.5, "HOTA": 0.5, "DetRe": 0.5, "DetPr": 1}, id="half of it"),
        pytest.param(
            [*TRUTH[:2], *((frame, 2, *BOX) for frame in (3, 4))],
            {"DetA": 1, "AssA": 0.5, "AssRe": 0.5, "AssPr": 1, "HOTA": 0.5**0.5},
            id="an identity switch in the middle",
        ),
    ],
)
def test_by_hand(tracks: list[Row], figures: dict[str, float]) -> None:
    found = hota(compare(table(TRUTH), table(tracks), FRAMES)).figures()
    assert {name: found[name] for name in figures} == pytest.approx(figures)


def test_localisation_thresholds() -> None:
    """An IoU of 1/3 is a match at 0.05 to 0.30: six of nineteen thresholds."""
    shifted: list[Row] = [(frame, 1, 30.0, 10.0, 40.0, 80.0) for frame in range(1, 5)]
    found = hota(compare(table(TRUTH), table(shifted), FRAMES))
    assert found.true_positives.tolist() == [4] * 6 + [0] * 13
    assert found.figures()["HOTA"] == pytest.approx(6 / 19)


def test_tracks_without_truth_are_all_false() -> None:
    found = hota(compare(table([]), table(TRUTH), FRAMES))
    assert found.false_positives.tolist() == [4] * 19
    assert found.figures()["HOTA"] == 0


def test_combining_weighs_by_matches() -> None:
    good = hota(compare(table(TRUTH), table(TRUTH), FRAMES))
    none = hota(compare(table(TRUTH), table([]), FRAMES))
    together = combine_hota([good, none])
    assert together.figures()["AssA"] == pytest.approx(1)
    assert together.figures()["DetA"] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="at least one"):
        combine_hota([])
