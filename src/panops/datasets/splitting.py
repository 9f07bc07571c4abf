"""Splits a data set: never a camera or scene in two splits, near copies together, classes and sources as even as that allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.datasets.near_copies import components, in_order
from panops.domain.labels import DetectionSet

# Single moves after the first choice; each takes the best of all, and it rarely needs more than a few hundred.
_MAX_MOVES = 2000
# The sources that are kept even; where each picture names its own, evenness of all means nothing and takes gigabytes.
_MOST_SOURCES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Splitting:
    """Where each picture goes, and how well it went.

    Attributes:
        sets: Split name -> its pictures.
        wanted: Split name -> the wanted share.
        unit_count: Into how many inseparable parts the set fell.
        largest_unit: Pictures in the largest of them.
        ungrouped: Pictures without a group: near copies stood in for it.
        joined_groups: Groups that near copies tied to another one.
    """

    sets: Mapping[str, DetectionSet]
    wanted: Mapping[str, float]
    unit_count: int
    largest_unit: int
    ungrouped: int
    joined_groups: int

    def reached(self, split: str) -> float:
        """The split's share of the pictures."""
        return len(self.sets[split]) / max(1, sum(map(len, self.sets.values())))


def units_of(dataset: DetectionSet, copies: NDArray[np.int64]) -> NDArray[np.int64]:
    """The inseparable part each picture belongs to.

    Args:
        dataset: N pictures.
        copies: (N,) int64: the group of near copies of each (`copy_groups`).

    Returns:
        (N,) int64, from 0 in the order of appearance: pictures of one group, or of one group of copies, are together.
    """
    names: dict[str, int] = {}
    count = len(dataset)
    tied = [(index, names.setdefault(picture.group, len(names))) for index, picture in enumerate(dataset.pictures) if picture.group]
    of_group = np.array(tied, np.int64).reshape(-1, 2) + np.array([0, count])
    of_copies = np.stack([np.arange(count), copies + count + len(names)], axis=1)
    nodes = count + len(names) + int(copies.max(initial=-1)) + 1
    return in_order(components(nodes, np.concatenate([of_group, of_copies]))[:count])


def split_set(dataset: DetectionSet, copies: NDArray[np.int64], shares: Mapping[str, float], seed: int) -> Splitting:
    """Split by parts that cannot be parted.

    The parts are dealt, large ones first, to the split that lacks most of what they hold, then moved one by one while that brings the
    shares of pictures, of each class's boxes and of each source closer to what is wanted.

    Args:
        dataset: What to split.
        copies: (N,) int64: the group of near copies of each picture.
        shares: Split name -> share above 0; together 1.
        seed: The same seed gives the same splits.

    Returns:
        The splits, in the order of `shares`; a split is empty where there are too few parts.
    """
    unit = units_of(dataset, copies)
    features = _features(dataset, unit)
    wanted = np.array(list(shares.values()), np.float64)
    place = _dealt(features, wanted, np.random.default_rng(seed))
    _moved(features, wanted, place)
    of_picture = place[unit] if len(unit) else np.zeros(0, np.int64)
    sets = {
        name: DetectionSet(name, dataset.classes, tuple(dataset.pictures[at] for at in np.flatnonzero(of_picture == index).tolist()))
        for index, name in enumerate(shares)
    }
    sizes = np.bincount(unit)
    groups = {picture.group for picture in dataset.pictures if picture.group}
    grouped_units = {int(unit[at]) for at, picture in enumerate(dataset.pictures) if picture.group}
    return Splitting(
        sets,
        dict(shares),
        len(sizes),
        int(sizes.max(initial=0)),
        sum(not picture.group for picture in dataset.pictures),
        len(groups) - len(grouped_units),
    )


def _features(dataset: DetectionSet, unit: NDArray[np.int64]) -> NDArray[np.float64]:
    """(U, K): each unit's share of all pictures, of each class's boxes, of each source; pictures weigh as much as the rest together."""
    frequent = Counter(picture.source for picture in dataset.pictures).most_common(_MOST_SOURCES)
    sources = {source: index for index, source in enumerate(sorted(source for source, _ in frequent))}
    classes = len(dataset.classes)
    table = np.zeros((len(dataset), 1 + classes + len(sources)), np.float64)
    for row, picture in zip(table, dataset.pictures, strict=True):
        row[0] = 1
        row[1 : 1 + classes] = np.bincount(picture.class_id, minlength=classes)
        if picture.source in sources:
            row[1 + classes + sources[picture.source]] = 1
    units = np.zeros((int(unit.max(initial=-1)) + 1, table.shape[1]), np.float64)
    np.add.at(units, unit, table)
    total = units.sum(axis=0)
    units = units[:, total > 0] / total[total > 0]
    weight = np.ones(units.shape[1])
    weight[:1] = max(1, units.shape[1] - 1)
    return np.asarray(units * np.sqrt(weight), np.float64)


def _dealt(features: NDArray[np.float64], wanted: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """(U,) int64: a first choice of split for each unit, the large ones first."""
    # Nearly by size: the chance in it is what makes one seed's sets differ from another's.
    order = np.argsort(-features.sum(axis=1) * rng.uniform(0.5, 1.5, len(features)))
    lacking = np.outer(wanted, features.sum(axis=0))
    place = np.zeros(len(features), np.int64)
    for unit in order.tolist():
        best = int(_cost_of_adding(features[unit : unit + 1], lacking, wanted)[0].argmin())
        place[unit] = best
        lacking[best] -= features[unit]
    return place


def _cost_of_adding(features: NDArray[np.float64], lacking: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(U, S): the change of the sum over splits of |lacking|^2 / share when a unit is added to a split."""
    own = (features**2).sum(axis=1)[:, None]
    return np.asarray((own - 2 * features @ lacking.T) / wanted, np.float64)


def _moved(features: NDArray[np.float64], wanted: NDArray[np.float64], place: NDArray[np.int64]) -> None:
    """Move single units, in place, as long as the best move helps."""
    if not len(features):
        return
    rows = np.arange(len(features))
    lacking = np.outer(wanted, features.sum(axis=0))
    for split in range(len(wanted)):
        lacking[split] -= features[place == split].sum(axis=0)
    own = (features**2).sum(axis=1)
    for _ in range(_MAX_MOVES):
        adding = _cost_of_adding(features, lacking, wanted)
        removing = (own + 2 * (features @ lacking.T)[rows, place]) / wanted[place]
        change = adding + removing[:, None]
        change[rows, place] = 0
        unit, split = divmod(int(change.argmin()), len(wanted))
        if change[unit, split] > -1e-12:
            return
        lacking[place[unit]] += features[unit]
        lacking[split] -= features[unit]
        place[unit] = split
