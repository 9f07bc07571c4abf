from __future__ import annotations

import pytest

from panops.inference.latency import LatencyModel

SIZES = (1, 2, 4, 8, 16)


def test_nothing_is_predicted_before_anything_was_measured() -> None:
    model = LatencyModel(SIZES)
    assert (model.likely_s(8), model.cautious_s(8)) == (0.0, 0.0)


def test_it_settles_on_what_a_device_takes_and_follows_it() -> None:
    model = LatencyModel(SIZES)
    for took_s in [0.010] * 30:
        model.learn(4, took_s)
    assert model.likely_s(4) == pytest.approx(0.010)
    assert model.cautious_s(4) == pytest.approx(0.010, rel=0.01)
    for took_s in [0.030] * 60:  # another program moved in
        model.learn(4, took_s)
    assert model.likely_s(4) == pytest.approx(0.030, rel=0.01)


def test_what_varies_is_predicted_more_cautiously() -> None:
    even, uneven = LatencyModel(SIZES), LatencyModel(SIZES)
    for index in range(200):
        even.learn(4, 0.010)
        uneven.learn(4, 0.005 if index % 2 else 0.015)
    assert uneven.cautious_s(4) > 1.5 * even.cautious_s(4)


def test_a_hiccup_is_not_the_rule() -> None:
    model = LatencyModel(SIZES)
    for _ in range(30):
        model.learn(4, 0.010)
    model.learn(4, 2.0)
    assert model.likely_s(4) < 0.015
    for _ in range(30):
        model.learn(4, 0.010)
    assert model.cautious_s(4) < 0.012


@pytest.mark.parametrize(("size", "expected_s"), [(1, 0.004), (2, 0.004), (4, 0.008), (6, 0.010), (8, 0.012), (16, 0.024)])
def test_sizes_in_between_and_beyond(size: int, expected_s: float) -> None:
    model = LatencyModel(SIZES)
    for known, took_s in ((2, 0.004), (8, 0.012), (4, 0.008)):
        model.learn(known, took_s)
    assert model.likely_s(size) == pytest.approx(expected_s)
