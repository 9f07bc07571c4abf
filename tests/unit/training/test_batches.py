"""Which pictures a step sees depends on the seed and the step alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.errors import ConfigError
from panops.training.batches import BatchStream, Deck, picture_weights
from panops.training.prepare import prepare_data

from .small_data import tiny_recipe


@given(st.lists(st.floats(0, 4), min_size=1, max_size=40).filter(lambda weights: sum(weights) >= 1), st.integers(0, 1000))
@settings(max_examples=60)
def test_every_round_shows_each_picture_as_often_as_it_weighs(weights: list[float], seed: int) -> None:
    deck = Deck(np.array(weights), seed)
    scale = deck.length / sum(weights)
    for number in (0, 3):
        shown = Counter(deck.at(number * deck.length + place) for place in range(deck.length))
        for index, weight in enumerate(weights):
            # As systematic sampling does: rounded up or down.
            assert np.floor(weight * scale - 1e-6) <= shown[index] <= np.ceil(weight * scale + 1e-6)


def test_rounds_are_shuffled_differently_and_seeds_too() -> None:
    orders = [[Deck(np.ones(30), seed).at(first + place) for place in range(30)] for seed, first in ((1, 0), (1, 30), (2, 0))]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2]) == list(range(30))
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]


def test_a_deck_that_begins_in_the_middle_gives_the_round_before_as_it_was() -> None:
    """Threads make samples of two rounds at once; after a resume the older one had the cards of the newer one."""
    whole = [Deck(np.ones(10), 5).at(position) for position in range(40)]
    resumed = Deck(np.ones(10), 5)
    assert resumed.at(21) == whole[21]
    assert [resumed.at(position) for position in range(10, 20)] == whole[10:20]


def same(first: object, second: object) -> bool:
    (pictures, targets), (others, other_targets) = first, second  # type: ignore[misc]  # batches
    return (
        torch.equal(pictures, others)
        and torch.equal(targets.known, other_targets.known)
        and all(torch.equal(a, b) for a, b in zip(targets.boxes, other_targets.boxes, strict=True))
    )


def test_a_step_gives_the_same_batch_wherever_one_begins_and_with_any_threads(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, augment={"mosaic": 0.7, "mix_up": 0.5, "codec": 0.5, "night": 0.3, "rain": 0.3, "blur": 0.3})
    prepared = prepare_data(recipe)
    with BatchStream(recipe, prepared.chain, prepared.deck, 0) as stream:
        whole = [stream.next() for _ in range(6)]
    later = prepare_data(recipe)
    with BatchStream(recipe, later.chain, later.deck, 3, threads=3) as stream:
        rest = [stream.next() for _ in range(3)]
    assert all(same(first, second) for first, second in zip(whole[3:], rest, strict=True))
    assert not same(whole[0], whole[1])


def test_processes_share_the_batch_of_one(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    prepared = prepare_data(recipe)
    parts = []
    for rank, world in ((0, 1), (0, 2), (1, 2)):
        with BatchStream(recipe, prepared.chain, prepared.deck, 2, rank, world) as stream:
            parts.append(stream.next()[0])
    whole, even, odd = parts
    assert torch.equal(whole[0::2], even)
    assert torch.equal(whole[1::2], odd)


def test_an_unknown_source_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, data={"train": ["train.json"], "source_weights": {"drwan": 2.0}})
    with pytest.raises(ConfigError, match=r"no picture comes from drwan; sources: drawn"):
        prepare_data(recipe)
    train = prepare_data(tiny_recipe(tmp_path)).train
    with pytest.raises(ConfigError, match="at least one picture to learn from"):
        picture_weights(train, {"drawn": 0.0})
