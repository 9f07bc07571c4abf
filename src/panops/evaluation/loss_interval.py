"""How sure a loss of AP is: the pictures are drawn anew, by chance and with repetition, and the loss of every draw is looked at.

B. Efron, Bootstrap Methods: Another Look at the Jackknife, 1979, https://doi.org/10.1214/aos/1176344552: the percentile interval, with both
models on the same draws. Pictures count as independent of each other; near copies make an interval look narrower than it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from panops.evaluation.precision_recall import RECALL_POINTS

if TYPE_CHECKING:
    from panops.evaluation.coco_matching import ClassMatches
    from panops.evaluation.detection_score import DetectionScore

Range = tuple[float, float]

# As rows of `coco_matching.AREAS`.
_ALL, _SMALL = 0, 1
_MOST_DRAWS, _FEWEST_DRAWS = 1000, 200
# Numbers that all draws may take: a few seconds of one core.
_BUDGET = 400_000_000
# Numbers that are held at a time.
_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class LossInterval:
    """Where a loss lies in 95 of 100 draws.

    Attributes:
        loss: AP points over all boxes, from and to; negative where nothing was lost.
        small_loss: The same for boxes below 32x32 px; NaN where there are none.
        draws: How many draws were made.
    """

    loss: Range
    small_loss: Range
    draws: int


def loss_interval(before: DetectionScore, after: DetectionScore, seed: int = 0, draws: int = 0) -> LossInterval:
    """How sure the difference of two models on the same pictures is.

    Args:
        before: The one.
        after: The other, in the same classes on the same pictures.
        seed: The same seed gives the same draws.
        draws: How many; 0 chooses, 200 to 1,000, by how much there is to count.
    """
    pictures = len(before.cases.cases)
    sorted_all = {area: [_pair(before.matches[name], after.matches[name], area) for name in before.matches] for area in (_ALL, _SMALL)}
    size = sum(len(one.picture) * len(one.hit) for pairs in sorted_all.values() for pair in pairs for one in pair)
    count = draws or int(np.clip(_BUDGET // max(1, size), _FEWEST_DRAWS, _MOST_DRAWS))
    chance = np.random.default_rng(seed)
    drawn = (
        chance.multinomial(pictures, np.full(pictures, 1 / pictures), size=count).astype(np.int32)
        if pictures
        else np.zeros((0, 0), np.int32)
    )
    losses = {area: 100 * _mean_difference(pairs, drawn) for area, pairs in sorted_all.items()}
    return LossInterval(_range(losses[_ALL]), _range(losses[_SMALL]), count)


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    """One class of one model in one area, all detections by falling score: T thresholds, D detections, G boxes.

    Attributes:
        picture: (D,) int64.
        hit: (T, D) bool: right.
        wrong: (T, D) bool; what is neither counts neither for nor against.
        truth: (G,) int64: the picture of each box to find.
    """

    picture: NDArray[np.int64]
    hit: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    truth: NDArray[np.int64]


def _pair(before: ClassMatches, after: ClassMatches, area: int) -> tuple[_Sorted, _Sorted]:
    return _sorted(before, area), _sorted(after, area)


def _sorted(matches: ClassMatches, area: int) -> _Sorted:
    order = np.argsort(-matches.score, kind="stable")
    counts = ~matches.ignored[area][:, order]
    hit = matches.hit[area][:, order]
    return _Sorted(matches.picture[order], hit & counts, ~hit & counts, matches.truth_picture[~matches.truth_ignored[area]])


def _mean_difference(pairs: list[tuple[_Sorted, _Sorted]], drawn: NDArray[np.int32]) -> NDArray[np.float64]:
    """(B,) for each draw the mean over the classes that have boxes in it of AP before minus AP after; NaN where none has.

    Args:
        pairs: Every class before and after.
        drawn: (B, P): how often each draw has each picture.
    """
    total, classes = np.zeros(len(drawn)), np.zeros(len(drawn))
    for before, after in pairs:
        difference = _average_precision(before, drawn) - _average_precision(after, drawn)
        there = ~np.isnan(difference)
        total[there] += difference[there]
        classes += there
    return np.asarray(np.divide(total, classes, out=np.full(len(drawn), np.nan), where=classes > 0))


def _average_precision(one: _Sorted, drawn: NDArray[np.int32]) -> NDArray[np.float64]:
    """(B,) mean over the thresholds of `Curve.average_precision` for each draw; NaN where it has no box."""
    found = np.full(len(drawn), np.nan)
    for rows in _parts(len(drawn), len(one.picture)):
        weight = drawn[rows][:, one.picture]
        boxes = drawn[rows][:, one.truth].sum(axis=1)
        by_threshold = [_areas(weight, hit, wrong, boxes) for hit, wrong in zip(one.hit, one.wrong, strict=True)]
        found[rows] = np.where(boxes > 0, np.mean(by_threshold, axis=0), np.nan)
    return found


def _areas(weight: NDArray[np.int32], hit: NDArray[np.bool_], wrong: NDArray[np.bool_], boxes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(B,) area under each draw's curve at one threshold.

    Precision has its peaks where something right is added, so only these places are looked at; a picture that comes twice adds its
    detections twice.
    """
    places = np.flatnonzero(hit)
    if not len(places):
        return np.zeros(len(weight))
    right = np.cumsum(weight[:, places], axis=1)
    # What is wrong before each of them: sums from one to the next.
    false = np.cumsum(np.where(wrong, weight, 0), axis=1)[:, places]
    precision = right / np.maximum(right + false, 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = right / np.maximum(boxes, 1)[:, None]
    found = np.zeros(len(weight))
    for row in range(len(weight)):
        index = np.searchsorted(recall[row], RECALL_POINTS, side="left")
        found[row] = best[row][index[index < len(places)]].sum() / len(RECALL_POINTS)
    return found


def _parts(draws: int, width: int) -> Iterator[slice]:
    """Draws in parts that fit into memory."""
    step = max(1, _AT_ONCE // max(1, width))
    for first in range(0, draws, step):
        yield slice(first, first + step)


def _range(losses: NDArray[np.float64]) -> Range:
    there = losses[~np.isnan(losses)]
    if not len(there):
        return math.nan, math.nan
    low, high = np.percentile(there, [2.5, 97.5])
    return float(low), float(high)
