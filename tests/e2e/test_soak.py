"""A minute of a bad day on the whole product (ten of them in the slow set): every camera comes back, nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from panops.bench.film_shape import FilmShape
from panops.bench.film_shelf import FilmShelf
from panops.bench.measure import LoadSettings
from panops.bench.soak import SoakTally, soak

SHAPE = FilmShape((320, 180), 5.0, 5.0, 2.0, 16.0)


def run(folder: Path, cameras: int, seconds: float) -> SoakTally:
    films = FilmShelf(folder).of_scenes(0.2, SHAPE, ["room"])
    return soak(LoadSettings(cameras, SHAPE, seconds, 5.0, model="motion"), films, every_s=1.5, seed=3)


def check(tally: SoakTally) -> None:
    assert tally.faults == []
    assert sum(tally.churned.values()) > 0
    assert {"remove", "refuse"} <= set(tally.churned)
    assert min(sample.live for sample in tally.samples) < tally.cameras  # something did happen


def test_a_minute_of_a_bad_day(tmp_path: Path) -> None:
    check(run(tmp_path, 6, 45.0))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_minutes_of_a_bad_day(tmp_path: Path) -> None:
    check(run(tmp_path, 12, 600.0))
