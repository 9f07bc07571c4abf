from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.drift import LARGE, MODERATE, QUANTITIES, SAMPLES_A_BIN, Quantity, compare, psi

counts = st.lists(st.integers(0, 5000), min_size=2, max_size=16)


def psi_by_numpy(then: list[int], now: list[int]) -> float:
    """The formula as it stands in papers, on shares."""
    one, other = np.array(then) + 0.5, np.array(now) + 0.5
    one, other = one / one.sum(), other / other.sum()
    return float(((other - one) * np.log(other / one)).sum())


@given(counts, st.randoms(use_true_random=False))
def test_the_index_agrees_with_the_plain_one(then: list[int], random: object) -> None:
    now = list(np.random.default_rng(sum(then)).permutation(then))
    assert psi(then, [int(one) for one in now]) == pytest.approx(psi_by_numpy(then, now), abs=1e-9)


@given(counts)
def test_it_is_nothing_for_alike_ones_never_negative_and_the_same_both_ways(then: list[int]) -> None:
    now = then[::-1]
    assert psi(then, then) == pytest.approx(0.0, abs=1e-12)
    assert psi(then, now) >= -1e-12
    assert psi(then, now) == pytest.approx(psi(now, then))


def test_a_textbook_case() -> None:
    """Two bins, 50:50 becomes 70:30: 0.2 ln 1.4 - 0.2 ln 0.6."""
    assert psi([500_000, 500_000], [700_000, 300_000]) == pytest.approx(0.2 * math.log(1.4) - 0.2 * math.log(0.6), abs=1e-4)


def test_an_empty_bin_is_not_infinite() -> None:
    assert 0.5 < psi([1000, 0], [500, 500]) < 10


@pytest.mark.parametrize(("then", "now"), [([], []), ([1], [1, 2])])
def test_other_bins_are_refused(then: list[int], now: list[int]) -> None:
    with pytest.raises(ValueError, match="expected two lists of counts with the same bins"):
        psi(then, now)


@pytest.mark.parametrize("name", [name for name, quantity in QUANTITIES.items() if quantity.edges])
def test_every_value_has_a_bin(name: str) -> None:
    quantity = QUANTITIES[name]
    assert len(quantity.bins) == len(quantity.edges) + 1
    assert quantity.bin_of(-1.0) == quantity.bins[0]
    assert quantity.bin_of(1e9) == quantity.bins[-1]
    for place, edge in enumerate(quantity.edges):
        assert quantity.bin_of(edge) == quantity.bins[place + 1]
        assert quantity.bin_of(edge - 1e-9) == quantity.bins[place]


def days(quantity: Quantity, shares: list[float], samples: int, count: int, seed: int = 0) -> list[dict[str, int]]:
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(samples, shares, size=count)
    return [dict(zip(quantity.bins, (int(one) for one in day), strict=True)) for day in drawn]


SCORE = QUANTITIES["score"]
FLAT, LOW = [0.1] * 10, [0.25, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.04, 0.03, 0.03]


def test_with_enough_samples_chance_is_no_change() -> None:
    """At the fewest samples that count, of a hundred cameras that did not change hardly any looks as if it had."""
    indices = []
    for seed in range(100):
        fewest = SAMPLES_A_BIN * len(SCORE.bins)
        found = compare(SCORE, days(SCORE, FLAT, fewest, 1, seed), days(SCORE, FLAT, fewest, 1, 1000 + seed))
        assert found.psi is not None
        indices.append(found.psi)
    assert np.mean(indices) < 0.06
    assert sum(index >= MODERATE for index in indices) <= 3


def test_a_change_is_large_and_too_few_samples_say_nothing() -> None:
    found = compare(SCORE, days(SCORE, FLAT, 500, 7), days(SCORE, LOW, 500, 1, 5))
    assert found.psi is not None
    assert found.psi > LARGE
    assert found.level == "large"
    few = compare(SCORE, days(SCORE, FLAT, 500, 7), days(SCORE, LOW, 300, 1, 5))
    assert (few.psi, few.level) == (None, "unknown")


def test_a_camera_that_differs_from_day_to_day_has_to_differ_more() -> None:
    """Sunny and rainy days in the reference: another rainy day is no news."""
    mixed = [day for seed in range(3) for day in (*days(SCORE, FLAT, 800, 1, seed), *days(SCORE, LOW, 800, 1, 50 + seed))]
    one = compare(SCORE, [*mixed[:5], *days(SCORE, FLAT, 4000, 1, 99)], days(SCORE, LOW, 800, 1, 7))
    assert one.usual is not None
    assert one.psi is not None
    assert one.usual > MODERATE
    assert one.level != "large"


def test_words_come_as_they_come() -> None:
    then, now = [{"person": 300, "car": 100}], [{"person": 100, "dog": 300}]
    found = compare(QUANTITIES["class"], then, now)
    assert found.bins == ("car", "dog", "person")
    assert (found.then, found.now) == ((100, 0, 300), (0, 300, 100))
    assert found.level == "large"


def test_nothing_is_unknown() -> None:
    assert compare(QUANTITIES["class"], [], []).level == "unknown"
