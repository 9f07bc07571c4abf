"""Picks few pictures out of many so that they show much: spread over cameras, sources and classes, and no two nearly the same."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.datasets.near_copies import NEAR_BITS, distances
from panops.datasets.picture_look import look_at
from panops.domain.labels import DetectionSet, LabelledPicture

# The sources that are kept even one by one, as in a splitting; all others count as one, or each picture would cost a walk over them all.
_MOST_SOURCES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Picking:
    """What was picked, and why not more.

    Attributes:
        dataset: The picked pictures, in the order of the set they come from.
        showing: How many of them show one of the wanted classes.
        without: How many were picked because they show none.
        fitting: Pictures of the whole set that show one of the wanted classes.
        fitting_without: Pictures in which all wanted classes were looked for, and none is there.
        near_copies: Pictures passed over as they are nearly the same as a picked one.
        unreadable: Pictures passed over as they cannot be decoded.
    """

    dataset: DetectionSet
    showing: int
    without: int
    fitting: int
    fitting_without: int
    near_copies: int
    unreadable: int


def pick(
    dataset: DetectionSet,
    count: int,
    *,
    classes: Sequence[str] = (),
    without: int = 0,
    seed: int = 0,
    near_bits: int = NEAR_BITS,
    progress: Callable[[int], None] | None = None,
) -> Picking:
    """Pick pictures.

    The next picture is always one of the wanted class that has the fewest so far; among those one of the camera or scene with the fewest,
    then of the source with the fewest, then by chance; the sources beyond the 100 with the most pictures are taken together. A picture
    without a group is a scene of its own. Only pictures that come into question are decoded.

    Args:
        dataset: The pictures.
        count: How many that show a wanted class, at most. A class of which there are only crowds is not shown.
        classes: The wanted classes, of the set's; none means all.
        without: How many more in which all wanted classes were looked for and none is there, at most.
        seed: The same seed picks the same pictures.
        near_bits: Bits of 64 by which near copies may differ.
        progress: Told how many more are picked.

    Returns:
        The picked pictures with their labels as they are.
    """
    wanted = [dataset.classes.index(name) for name in dict.fromkeys(classes or dataset.classes)]
    shows = _shown(dataset, wanted)
    fitting = [index for index, classes_of in enumerate(shows) if classes_of]
    empty = [
        index
        for index, picture in enumerate(dataset.pictures)
        if not shows[index] and picture.labelled[wanted].all() and not np.isin(picture.class_id, wanted).any()
    ]
    rank = np.random.default_rng(seed).permutation(len(dataset)).tolist()
    hand = _Hand(dataset.pictures, rank, near_bits, progress)
    hand.take(count, {index: [at for at in fitting if index in shows[at]] for index in wanted}, shows)
    showing = len(hand.taken)
    hand.take(without, {-1: empty}, [{-1} for _ in shows])
    pictures = tuple(dataset.pictures[index] for index in sorted(hand.taken))
    picked = DetectionSet(dataset.name, dataset.classes, pictures)
    return Picking(picked, showing, len(hand.taken) - showing, len(fitting), len(empty), hand.near_copies, hand.unreadable)


def _shown(dataset: DetectionSet, wanted: Iterable[int]) -> list[set[int]]:
    """Which of the wanted classes each picture shows, crowds left out."""
    known = set(wanted)
    return [known.intersection(picture.class_id[~picture.crowd].tolist()) for picture in dataset.pictures]


class _Queue:
    """Pictures of one class and source: the next is one of the camera with the fewest so far. Cameras are the keys of `group_of`."""

    def __init__(self, pictures: Iterable[int], group_of: Sequence[str | int], rank: Sequence[int]) -> None:
        self._rank = rank
        self._of_group: dict[str | int, list[int]] = {}
        for at in sorted(pictures, key=rank.__getitem__, reverse=True):
            self._of_group.setdefault(group_of[at], []).append(at)
        self._heap = [(0, rank[rest[-1]], group) for group, rest in self._of_group.items()]
        heapq.heapify(self._heap)

    def best(self, uses: Mapping[str | int, int], seen: Container[int]) -> tuple[int, int] | None:
        """How often its camera was used, and the picture; None where all were seen. What has changed is put right on the way."""
        while self._heap:
            *then, group = self._heap[0]
            rest = self._of_group[group]
            while rest and rest[-1] in seen:
                rest.pop()
            if not rest:
                heapq.heappop(self._heap)
                continue
            now = (uses[group], self._rank[rest[-1]])
            if now == tuple(then):
                return now[0], rest[-1]
            heapq.heapreplace(self._heap, (*now, group))  # both only ever grow
        return None


class _Hand:
    """Takes pictures one by one and remembers what it has."""

    def __init__(
        self, pictures: Sequence[LabelledPicture], rank: Sequence[int], near_bits: int, progress: Callable[[int], None] | None
    ) -> None:
        self.taken: list[int] = []
        self.near_copies = 0
        self.unreadable = 0
        self._pictures = pictures
        self._rank = rank
        self._near_bits = near_bits
        self._progress = progress
        self._group_of: list[str | int] = [picture.group or at for at, picture in enumerate(pictures)]
        self._of_class: Counter[int] = Counter()
        self._of_group: Counter[str | int] = Counter()
        counts = Counter(picture.source for picture in pictures)
        frequent = {source for source, _ in counts.most_common(_MOST_SOURCES)}
        self._source_of = [picture.source if picture.source in frequent else None for picture in pictures]
        self._rare_sources = len(counts) - len(frequent)
        self._of_source: Counter[str | None] = Counter()
        self._seen: set[int] = set()
        self._prints: NDArray[np.uint64] = np.zeros(0, np.uint64)

    def take(self, count: int, of_class: Mapping[int, Iterable[int]], shows: Sequence[set[int]]) -> None:
        """Take at most `count` of the pictures listed for each class; `shows` says which classes each counts for."""
        queues = {index: self._queues(pictures) for index, pictures in of_class.items()}
        end = len(self.taken) + count
        while len(self.taken) < end and queues:
            index = min(queues, key=lambda index: (self._of_class[index], index))
            at = self._next(queues[index])
            if at is None:
                del queues[index]
            elif self._is_new(at):
                self._add(at, shows[at])

    def _queues(self, pictures: Iterable[int]) -> dict[str | None, _Queue]:
        """By source; the rare ones together under None."""
        of_source: dict[str | None, list[int]] = {}
        for at in pictures:
            of_source.setdefault(self._source_of[at], []).append(at)
        return {source: _Queue(part, self._group_of, self._rank) for source, part in of_source.items()}

    def _next(self, queues: Mapping[str | None, _Queue]) -> int | None:
        """The best of all sources: by the uses of its camera, then of its source, then by chance."""
        found = [(best, self._taken_of(source)) for source, queue in queues.items() if (best := queue.best(self._of_group, self._seen))]
        return min(((uses, of_source, self._rank[at], at) for (uses, at), of_source in found), default=(None,))[-1]

    def _taken_of(self, source: str | None) -> int:
        """Pictures of the source so far; of the rare ones, what each of them gave on average."""
        return self._of_source[source] // (self._rare_sources if source is None else 1)

    def _is_new(self, at: int) -> bool:
        """Whether the picture can be decoded and is not nearly one of those taken; it is not asked for again."""
        self._seen.add(at)
        look = look_at(self._pictures[at].path)
        if look.size_wh is None:
            self.unreadable += 1
            return False
        if look.fingerprint is None:
            return True
        if (distances(self._prints, look.fingerprint) <= self._near_bits).any():
            self.near_copies += 1
            return False
        self._prints = np.append(self._prints, np.uint64(look.fingerprint))
        return True

    def _add(self, at: int, classes: Iterable[int]) -> None:
        self.taken.append(at)
        self._of_class.update(classes)
        self._of_group[self._group_of[at]] += 1
        self._of_source[self._source_of[at]] += 1
        if self._progress is not None:
            self._progress(1)
