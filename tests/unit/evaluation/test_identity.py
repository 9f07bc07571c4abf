from __future__ import annotations

import numpy as np
import pytest

from panops.evaluation.comparison import compare
from panops.evaluation.identity import Identity, combine_identity, identity

from .tables import Row, table

BOX = (10.0, 10.0, 40.0, 80.0)


def rows(first: int, last: int, track_id: int) -> list[Row]:
    return [(frame, track_id, *BOX) for frame in range(first, last + 1)]


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        pytest.param(rows(1, 10, 3), (10, 0, 0), id="perfect"),
        pytest.param([], (0, 10, 0), id="nothing"),
        pytest.param(rows(1, 7, 3) + rows(8, 10, 4), (7, 3, 3), id="the longer identity counts"),
        pytest.param([(frame, 3, 500.0, 10.0, 40.0, 80.0) for frame in range(1, 11)], (0, 10, 10), id="elsewhere"),
    ],
)
def test_by_hand(tracks: list[Row], expected: tuple[int, int, int]) -> None:
    assert identity(compare(table(rows(1, 10, 1)), table(tracks), np.arange(1, 11))) == Identity(*expected)


def test_figures_and_sums() -> None:
    together = combine_identity([Identity(7, 3, 3), Identity(3, 7, 0)])
    assert together == Identity(10, 10, 3)
    assert together.figures()["IDF1"] == pytest.approx(10 / 16.5)
    assert Identity(0, 0, 0).figures()["IDF1"] == 0
