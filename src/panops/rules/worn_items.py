"""Who wears what in one look: detections of hats, vests and bare heads given to the people on whom they are.

A vote is a weight in 0..1: the detection's score times how large the detector saw the item. Where it is not clear whose an item is,
nobody gets a vote: people who overlap are judged when they are apart.

Plain numbers and no arrays: a camera has a handful of people, for which a call into numpy costs more than its work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import RequiredItemConfig
from panops.domain.body_parts import BodyPart, Box, part_box
from panops.domain.tracks import Tracks
from panops.rules.scene import Rows, Scene

# A detector scales pictures to its input, so sizes are those of a picture this wide (or high, if that is its longer side), px.
REFERENCE_PX = 640
# From this size on (the root of its area, px) an item is seen as well as need be.
_CLEAR_PX = 24.0
# A second person who is as near, in shares of the body part: then it is not clear whose the item is.
_CLEARLY_NEARER = 0.35
# What is inferred from seeing nothing weighs less than what was seen.
_INFERRED = 0.5
# Of a body part so much may be covered by somebody else, and so near may a box be to the border, for "nothing seen" to mean anything.
_MOST_COVERED = 0.25
_BORDER_SHARE = 0.004

Votes = dict[tuple[int, int], tuple[float, float]]
"""What one look says: by person (0 .. P - 1) and item (0 .. R - 1) the weights for "present" and "absent"; who is not in it, nothing."""


class Sighting(NamedTuple):
    """An item that was seen: its box, px, whether it shows that the item is not worn, and its weight as a vote."""

    box: Box
    denies: bool
    weight: float


class _Requirement(NamedTuple):
    """One item as the camera's model knows it.

    Attributes:
        shows: The `class_id`s which show that the item is worn.
        denies: Those which show that it is not.
        part: Where it is.
        least_height_px: Of the part, px of the frame, for absence to be inferred.
        infers: Whether absence is inferred: the model knows the item, but has no class for its absence.
    """

    shows: frozenset[int]
    denies: frozenset[int]
    part: BodyPart
    least_height_px: float
    infers: bool


class WornItems:
    """Looks for the required items of one camera.

    Args:
        required: The items.
        scene: The camera.
    """

    def __init__(self, required: Sequence[RequiredItemConfig], scene: Scene) -> None:
        """Look the classes up."""
        # A small picture is never made larger than it is.
        self._scale = min(1.0, REFERENCE_PX / max(scene.size_wh))
        self._size_wh = scene.size_wh
        self._required = [self._requirement(one, scene.classes) for one in required]
        self._infers = any(one.infers for one in self._required)
        # One more than classes: ids that the model should not give are clipped to it, and are no item's.
        self._is_item = np.zeros(len(scene.classes) + 1, dtype=np.bool_)
        for one in self._required:
            self._is_item[sorted(one.shows | one.denies)] = True

    def look(self, tracks: Tracks, people: Rows, sighted: NDArray[np.bool_]) -> Votes:
        """The votes of one look.

        Args:
            tracks: The camera's tracks, people and items.
            people: The rows (P,) of all people.
            sighted: (N,) bool, which tracks are seen in this very frame.
        """
        if not len(people):
            return {}
        items = (sighted & self._is_item.take(tracks.class_id, mode="clip")).nonzero()[0]
        if not len(items) and not self._infers:
            return {}
        boxes: list[Box] = [(left, top, right, bottom) for left, top, right, bottom in tracks.xyxy[people].tolist()]
        parts = {part: [part_box(box, part) for box in boxes] for part in {one.part for one in self._required}}
        classes, found = tracks.class_id[items].tolist(), self._sightings(tracks, items)
        votes: Votes = {}
        for column, one in enumerate(self._required):
            mine = [
                sighting._replace(denies=class_id in one.denies)
                for sighting, class_id in zip(found, classes, strict=True)
                if class_id in one.shows or class_id in one.denies
            ]
            owner, unclear = owners(mine, parts[one.part])
            for sighting, person in zip(mine, owner, strict=True):
                if person >= 0:
                    present, absent = votes.get((person, column), (0.0, 0.0))
                    votes[person, column] = (present, sighting.weight) if sighting.denies else (sighting.weight, absent)
            if one.infers:
                self._infer(votes, column, one, boxes, parts[one.part], unclear, tracks.score[people].tolist())
        return votes

    def _requirement(self, one: RequiredItemConfig, classes: Sequence[str]) -> _Requirement:
        def ids(names: Sequence[str]) -> frozenset[int]:
            wanted = {name.strip().casefold() for name in names}
            return frozenset(index for index, name in enumerate(classes) if name.casefold() in wanted)

        shows, denies = ids(one.present), ids(one.absent)
        return _Requirement(shows, denies, one.part, one.least_height_px / self._scale, bool(shows) and not denies)

    def _sightings(self, tracks: Tracks, items: Rows) -> list[Sighting]:
        found = []
        for (left, top, right, bottom), score in zip(tracks.xyxy[items].tolist(), tracks.score[items].tolist(), strict=True):
            size_px = math.sqrt(max(right - left, 0.0) * max(bottom - top, 0.0)) * self._scale
            found.append(Sighting((left, top, right, bottom), False, min(max(score, 0.0), 1.0) * min(size_px / _CLEAR_PX, 1.0)))
        return found

    def _infer(
        self, votes: Votes, column: int, one: _Requirement, boxes: list[Box], parts: list[Box], unclear: set[int], scores: list[float]
    ) -> None:
        """Vote "absent" for those on whom nothing was seen although it would have been."""
        for person, part in enumerate(parts):
            if (person, column) in votes or person in unclear or not self._well_seen(person, boxes, part, one):
                continue
            size = min((part[3] - part[1]) / (2 * one.least_height_px), 1.0)
            votes[person, column] = 0.0, _INFERRED * min(max(scores[person], 0.0), 1.0) * size

    def _well_seen(self, person: int, boxes: list[Box], part: Box, one: _Requirement) -> bool:
        """Whether the part is large enough, inside the picture, and nobody else is in front of it, or behind."""
        left, top, right, bottom = part
        if bottom - top < one.least_height_px:
            return False
        width, height = self._size_wh
        near = _BORDER_SHARE * max(width, height)
        box = boxes[person]
        if box[0] <= near or box[1] <= near or box[2] >= width - near or (one.part != "head" and box[3] >= height - near):
            return False
        most = _MOST_COVERED * (right - left) * (bottom - top)
        return all(other == person or _shared(part, box) <= most for other, box in enumerate(boxes))


def owners(items: Sequence[Sighting], parts: Sequence[Box]) -> tuple[list[int], set[int]]:
    """Whose each item is.

    An item can be of a person in whose body part its middle lies. Nearest pairs go first; an item has one person, and a person one item of
    each sort (worn, not worn). An item that another person could as well have is nobody's, unless that person has a nearer one.

    Args:
        items: The I items of one requirement.
        parts: The body part of each person, px.

    Returns:
        The person of each item, -1 for nobody, and the people for whom it was not clear.
    """
    pairs = sorted(
        (distance, item, person)
        for item, sighting in enumerate(items)
        for person, part in enumerate(parts)
        if (distance := _distance(sighting.box, part)) < math.inf
    )
    owner, nearest = [-1] * len(items), [math.inf] * len(parts)
    taken: set[tuple[int, bool]] = set()
    for distance, item, person in pairs:
        if owner[item] < 0 and (person, items[item].denies) not in taken:
            owner[item] = person
            taken.add((person, items[item].denies))
            nearest[person] = min(nearest[person], distance)
    own = {item: distance for distance, item, person in pairs if owner[item] == person}
    unclear: set[int] = set()
    for distance, item, rival in pairs:
        if rival != owner[item] and item in own and distance < own[item] + _CLEARLY_NEARER and nearest[rival] > distance:
            unclear.update((rival, owner[item]) if owner[item] >= 0 else (rival,))
            owner[item] = -1
    return owner, unclear


def _distance(item: Box, part: Box) -> float:
    """How far the middle of an item is from that of a body part, 1 is the part's edge; infinite outside of it."""
    left, top, right, bottom = part
    across = (item[0] + item[2] - left - right) / max(right - left, 1e-3)
    down = (item[1] + item[3] - top - bottom) / max(bottom - top, 1e-3)
    return math.hypot(across, down) if abs(across) <= 1 and abs(down) <= 1 else math.inf


def _shared(first: Box, second: Box) -> float:
    """What two boxes have in common, px²."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    return wide * high if wide > 0 and high > 0 else 0.0
