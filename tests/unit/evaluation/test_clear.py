from __future__ import annotations

import numpy as np
import pytest

from panops.evaluation.clear import clear, combine_clear
from panops.evaluation.comparison import compare

from .tables import Row, table

BOX, FAR = (10.0, 10.0, 40.0, 80.0), (500.0, 10.0, 40.0, 80.0)
TRUTH: list[Row] = [(frame, 1, *BOX) for frame in range(1, 11)]
FRAMES = np.arange(1, 11)


def renamed(first: int, last: int, track_id: int) -> list[Row]:
    return [(frame, track_id, *BOX) for frame in range(first, last + 1)]


@pytest.mark.parametrize(
    ("tracks", "figures"),
    [
        pytest.param(renamed(1, 10, 4), {"MOTA": 1, "IDSW": 0, "MT": 1, "Frag": 0, "MOTP": 1}, id="perfect"),
        pytest.param([], {"MOTA": 0, "CLR_FN": 10, "ML": 1}, id="nothing"),
        pytest.param(renamed(1, 5, 4) + renamed(6, 10, 5), {"MOTA": 0.9, "IDSW": 1, "MT": 1, "Frag": 0}, id="a switch"),
        pytest.param(
            renamed(1, 3, 4) + renamed(5, 10, 4) + [(4, 9, *FAR)],
            {"MOTA": 0.8, "IDSW": 0, "CLR_FN": 1, "CLR_FP": 1, "Frag": 1},
            id="a gap with a false box",
        ),
        pytest.param(renamed(1, 1, 4), {"CLR_TP": 1, "ML": 1, "MT": 0, "PT": 0}, id="mostly lost"),
        pytest.param(renamed(1, 5, 4), {"PT": 1, "MT": 0, "ML": 0}, id="partly tracked"),
    ],
)
def test_by_hand(tracks: list[Row], figures: dict[str, float]) -> None:
    found = clear(compare(table(TRUTH), table(tracks), FRAMES)).figures()
    assert {name: found[name] for name in figures} == pytest.approx(figures)


def test_a_match_is_kept_before_a_better_one() -> None:
    """In frame 2 another track fits better, yet the one that had the object keeps it."""
    truth = table([(1, 1, *BOX), (2, 1, *BOX)])
    tracks = table([(1, 7, *BOX), (2, 7, 14.0, 10.0, 40.0, 80.0), (2, 8, *BOX)])
    assert clear(compare(truth, tracks, np.array([1, 2]))).switches == 0


def test_counts_add_up() -> None:
    one = clear(compare(table(TRUTH), table(renamed(1, 5, 4)), FRAMES))
    both = combine_clear([one, one])
    assert both.figures()["MOTA"] == pytest.approx(0.5)
    assert (both.true_positives, both.partly_tracked, both.frames) == (10, 2, 20)
