"""Leaks are told from noise; a bad day is the same with the same seed, and is put right in the end."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.bench.belongings import Belongings, slope_per_h
from panops.bench.churn import Churn
from panops.bench.measure import LoadSettings
from panops.bench.offer import Offer
from panops.bench.soak import SoakTally, soak
from panops.domain.errors import PanopsError
from tests.unit.bench.tallies import SHAPE


@given(st.floats(-50, 50), st.integers(0, 10_000))
def test_a_slope_is_found_in_noise_and_outliers_do_not_move_it(mib_per_h: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.arange(0, 3600, 20.0)
    values = 400 + mib_per_h * times / 3600 + rng.normal(0, 0.3, times.size)
    values[rng.integers(0, times.size, 9)] += 80  # a clip is being written
    assert slope_per_h(times.tolist(), values.tolist()) == pytest.approx(mib_per_h, abs=0.6)


def test_a_day_of_readings_needs_no_gigabytes() -> None:
    times = np.arange(0, 86_400, 5.0)
    tracemalloc.start()
    assert slope_per_h(times.tolist(), (300 + 2.0 * times / 3600).tolist()) == pytest.approx(2.0)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 300 * 2**20


def test_the_slope_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def slope(times: list[float], _: list[float]) -> float:
        asked.append(len(times))
        return 2.5

    monkeypatch.setattr("panops.bench.soak.slope_per_h", slope)
    one = tally(3600.0)
    assert (one.mib_per_h, one.faults) == (2.5, ["memory grows by 2.5 MiB an hour; at most 1 is fine"])
    assert len(asked) == 1


def test_too_few_readings_have_no_slope() -> None:
    assert slope_per_h([], []) == slope_per_h([1.0], [5.0]) == slope_per_h([1.0, 1.0], [5.0, 6.0]) == 0.0


def held(at_s: float, mib: float, threads: int = 20, files: int = 30, live: int = 4) -> Belongings:
    return Belongings(at_s, {"supervisor": int(mib * 2**20)}, threads, files, live)


def tally(seconds: float, growth_mib_per_h: float = 0.0, **changed: Any) -> SoakTally:
    samples = [held(at_s, 300 + growth_mib_per_h * at_s / 3600) for at_s in np.arange(0, seconds, 5.0)]
    values: dict[str, Any] = {
        "samples": samples, "seconds": seconds, "warm_s": 0.2 * seconds, "churned": {}, "back": 4, "cameras": 4, "restarts": 0,
        "first": held(0, 300), "last": held(seconds, 300 + growth_mib_per_h * seconds / 3600),
    }  # fmt: skip
    return SoakTally(**{**values, **changed})


def test_what_is_a_fault_and_what_not() -> None:
    assert tally(3600.0).faults == []
    assert tally(3600.0, 0.9).faults == []
    assert tally(3600.0, 3.0).faults == ["memory grows by 3.0 MiB an hour; at most 1 is fine"]
    assert tally(60.0, 600.0).faults == []  # too short to tell
    assert tally(60.0, last=held(60, 400)).faults == ["memory grew by 100 MiB"]
    assert tally(3600.0, last=held(3600, 300, threads=29)).faults == ["9 threads more than before"]
    assert tally(3600.0, last=held(3600, 300, files=60)).faults == ["30 open files more than before"]
    assert tally(3600.0, back=3).faults == ["1 of 4 cameras did not come back"]
    assert tally(3600.0, restarts=2).faults == ["2 processes ended unexpectedly"]


class NoProduct:
    """A product of which half of the cameras become live."""

    models: Any = None

    def __init__(self, site: dict[str, Any], models: Path | None = None) -> None:
        type(self).models = models

    def wait_until_live(self, cameras: int, timeout_s: float) -> int:
        return cameras // 2

    def __enter__(self) -> NoProduct:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing runs."""


def test_a_day_without_all_cameras_ends_early_and_models_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.bench.soak.Product", NoProduct)
    monkeypatch.setattr("panops.bench.soak.site_of", lambda *_: {"cameras": {}})
    monkeypatch.setattr(Offer, "__init__", lambda *_: None)
    monkeypatch.setattr(Offer, "__enter__", lambda self: self)
    monkeypatch.setattr(Offer, "__exit__", lambda *_: None)
    with pytest.raises(PanopsError, match="only 2 of 4 cameras became live"):
        soak(LoadSettings(4, SHAPE), [], 3.0, models=Path("here"))
    assert NoProduct.models == Path("here")


class Site:
    """Takes the orders that go to the load server and to the API."""

    def __init__(self, status: int = 0) -> None:
        self.modes: dict[str, str] = {}
        self.cameras: set[str] = {"a", "b", "c", "d"}
        self.orders: list[tuple[str, ...]] = []
        self._status = status

    def set_mode(self, camera_id: str, mode: str) -> None:
        self.orders.append((camera_id, mode))
        self.modes[camera_id] = mode

    def put(self, path: str, content: dict[str, Any]) -> int:
        assert content == {"source": "x"}
        self.cameras.add(path.rpartition("/")[2])
        return self._status or 201

    def delete(self, path: str) -> int:
        self.orders.append((path,))
        self.cameras.discard(path.rpartition("/")[2])
        return self._status or 204


def churned(site: Site, seed: int, steps: int) -> Churn:
    churn = Churn(site, site, {name: {"source": "x"} for name in "abcd"}, random.Random(seed))  # type: ignore[arg-type]  # see the class
    for step in range(steps):
        churn.step(3.0 * step)
    return churn


def test_a_bad_day_ends_well_and_repeats() -> None:
    site, again = Site(), Site()
    churn = churned(site, 7, 200)
    churned(again, 7, 200)
    assert site.orders == again.orders
    assert set(churn.done) == {"remove", "refuse", "stall", "freeze"}
    trouble = [mode for mode in site.modes.values() if mode != "play"]
    assert len(trouble) + 4 - len(site.cameras) <= 2  # half of the site at most
    churn.restore_all()
    assert site.cameras == set("abcd")
    assert set(site.modes.values()) == {"play"}


def test_a_refused_order_is_a_sentence() -> None:
    with pytest.raises(PanopsError, match=r"expected 20[14] for the order to .* got 500"):
        churned(Site(500), 1, 60)
