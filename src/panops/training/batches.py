"""The stream of batches. What each step sees is a function of the seed and the step alone, so a resumed training sees the same."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.labels import DetectionSet
from panops.training.augment.chain import AugmentChain
from panops.training.recipe import Recipe
from panops.training.sample import Sample, TargetBatch, collate

# Streams of chance that must not meet.
_DECK, _SIZE, _SAMPLE = 1, 2, 3


class Deck:
    """Draws pictures by weight: in every round each picture comes as often as its weight says, rounded up or down by chance.

    Args:
        weights: (N,) of each picture.
        seed: The training's.
    """

    def __init__(self, weights: NDArray[np.float64], seed: int) -> None:
        self._weights = weights
        self._seed = seed
        self.length = max(1, round(float(weights.sum())))
        self._rounds: dict[int, NDArray[np.int64]] = {}

    def at(self, position: int) -> int:
        """The picture that is shown as number `position` of the training."""
        number, place = divmod(position, self.length)
        cards = self._rounds.get(number)
        if cards is None:
            cards = self._shuffled(number)
            # The round before is kept: another thread may still be making the last samples of it.
            before = self._rounds.get(number - 1)
            self._rounds = {number: cards} if before is None else {number - 1: before, number: cards}
        return int(cards[place])

    def _shuffled(self, number: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([self._seed, _DECK, number])
        order = rng.permutation(len(self._weights))
        ends = np.cumsum(self._weights[order])
        marks = (np.arange(self.length) + rng.random()) * (ends[-1] / self.length)
        return np.asarray(
            order[np.searchsorted(ends, marks, side="right").clip(max=len(order) - 1)][rng.permutation(self.length)], np.int64
        )


def picture_weights(dataset: DetectionSet, source_weights: dict[str, float]) -> NDArray[np.float64]:
    """Each picture's weight by its source.

    Raises:
        ConfigError: A source is named that no picture has, or nothing is left to learn from.
    """
    sources = {picture.source for picture in dataset.pictures}
    unknown = sorted(set(source_weights) - sources)
    if unknown:
        known = ", ".join(sorted(sources)) or "none"
        raise ConfigError(
            dataset.name, [ConfigProblem("data.source_weights", f"no picture comes from {', '.join(unknown)}; sources: {known}")]
        )
    weights = np.array([source_weights.get(picture.source, 1.0) for picture in dataset.pictures], np.float64)
    if not len(weights) or weights.sum() <= 0:
        raise ConfigError(dataset.name, [ConfigProblem("data", "expected at least one picture to learn from, there is none")])
    return weights


class BatchStream:
    """Batches of one training from `first_step` on, made ahead by threads. Use it in a `with` statement.

    Args:
        recipe: The training.
        chain: Makes the samples.
        deck: Chooses the pictures.
        first_step: The step to begin with.
        rank: This process among `world` that share each batch.
        world: How many processes there are.
        threads: How many samples are made at once.
    """

    def __init__(
        self, recipe: Recipe, chain: AugmentChain, deck: Deck, first_step: int, rank: int = 0, world: int = 1, threads: int = 1
    ) -> None:
        self._recipe = recipe
        self._chain = chain
        self._deck = deck
        self._next = first_step
        self._slots = range(rank, recipe.batch, world)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="panops-sample")
        self._ahead: deque[list[Future[Sample]]] = deque()
        self._depth = 2 + threads // max(1, len(self._slots))

    def __enter__(self) -> Self:
        """Ready."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def next(self) -> tuple[Tensor, TargetBatch]:
        """Pictures (B, 3, H, W) uint8 and targets of the next step."""
        while len(self._ahead) < self._depth:
            self._ahead.append([self._pool.submit(self.sample, self._next, slot) for slot in self._slots])
            self._next += 1
        return collate([future.result() for future in self._ahead.popleft()], len(self._recipe.classes))

    def sample(self, step: int, slot: int) -> Sample:
        """The sample in place `slot` of a step's batch."""
        recipe = self._recipe
        sizes = recipe.sizes_px or [recipe.input_px]
        size_px = sizes[int(np.random.default_rng([recipe.seed, _SIZE, step]).integers(len(sizes)))]
        position = step * recipe.batch + slot
        plain = step >= recipe.steps * (1.0 - recipe.augment.plain_last)
        rng = np.random.default_rng([recipe.seed, _SAMPLE, position])

        def draw(chance: np.random.Generator) -> int:
            return self._deck.at(position // self._deck.length * self._deck.length + int(chance.integers(self._deck.length)))

        return self._chain.sample(rng, self._deck.at(position), draw, size_px, plain=plain)
