"""Which judged pictures belong together, so that none is learnt from while its twin is measured on: near copies, and visits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panops.datasets.feedback_labels import FeedbackPicture
from panops.datasets.near_copies import NEAR_BITS, components, in_order
from panops.datasets.picture_look import fingerprint
from panops.domain import places

# Events of a camera that are no farther apart belong to one visit: the same people, the same light.
VISIT_S = 60.0
# So many of a group of near copies are learnt from: more of the same would outweigh everything else.
MOST_COPIES = 3
_SAME_PLACE_IOU = 0.5
# Around the box as much of the picture as makes its look: half of its sides on each side.
_ROOM = 0.5


class Look(NamedTuple):
    """How a judged thing looks.

    Attributes:
        box: Its first box, px.
        fingerprint: Of the part of the picture around it; None where that is one flat tone.
    """

    box: places.Box
    fingerprint: int | None


def look_of(luma: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> Look:
    """The look of what was judged.

    Args:
        luma: (H, W) uint8, the whole picture.
        xyxy: (N, 4) px, at least one box; the first one counts.
    """
    height, width = luma.shape
    left, top, right, bottom = (float(edge) for edge in xyxy[0])
    wide = places.widened((left, top, right, bottom), _ROOM, 4.0)
    x1, y1 = max(0, int(wide[0])), max(0, int(wide[1]))
    x2, y2 = min(width, int(np.ceil(wide[2]))), min(height, int(np.ceil(wide[3])))
    part = luma[y1:y2, x1:x2]
    return Look((left, top, right, bottom), fingerprint(part) if part.size else None)


def copies_of(pictures: Sequence[FeedbackPicture], looks: Sequence[Look], bits: int = NEAR_BITS) -> NDArray[np.int64]:
    """(N,) int64, from 0 in the order of appearance: the group of near copies of each.

    Near copies are of one camera, verdict and class, stand at the same place, and look the same there. The whole picture does not
    tell: on a fixed camera all of them are alike.
    """
    pairs = [
        (one, other)
        for places_of_one in _alike(pictures).values()
        for number, one in enumerate(places_of_one)
        for other in places_of_one[number + 1 :]
        if _is_copy(looks[one], looks[other], bits)
    ]
    return in_order(components(len(pictures), np.array(pairs, np.int64).reshape(-1, 2)))


def units_of_visits(pictures: Sequence[FeedbackPicture], copies: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """(N,) int64: what must not be parted: pictures of a visit, of one track, and near copies where `copies` (N,) names them."""
    pairs: list[tuple[int, int]] = []
    by_camera: dict[str, list[int]] = defaultdict(list)
    first_of: dict[tuple[str, int], int] = {}
    times_s = [picture.event.pictured_at_s for picture in pictures]
    for index, picture in enumerate(pictures):
        by_camera[picture.event.camera_id].append(index)
        pairs += [(first_of.setdefault((picture.event.run, track), index), index) for track in picture.event.track_ids]
    for own in by_camera.values():
        own.sort(key=times_s.__getitem__)
        pairs += [(one, other) for one, other in pairwise(own) if times_s[other] - times_s[one] <= VISIT_S]
    if copies is not None:
        first = {int(copy): index for index, copy in reversed(list(enumerate(copies)))}
        pairs += [(first[int(copy)], index) for index, copy in enumerate(copies)]
    return in_order(components(len(pictures), np.array(pairs, np.int64).reshape(-1, 2)))


def thinned(pictures: Sequence[FeedbackPicture], copies: NDArray[np.int64], most: int = MOST_COPIES) -> NDArray[np.bool_]:
    """(N,) bool: which stay when at most `most` of a group of near copies do: spread over its time, the first and the newest among them."""
    keep = np.zeros(len(pictures), bool)
    groups: dict[int, list[int]] = defaultdict(list)
    for index, copy in enumerate(copies.tolist()):
        groups[copy].append(index)
    for own in groups.values():
        own.sort(key=lambda index: pictures[index].event.pictured_at_s)
        steps = min(most, len(own))
        keep[[own[len(own) - 1 - (len(own) - 1) * step // max(1, steps - 1)] for step in range(steps)]] = True
    return keep


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Which pictures are measured on and never learnt from.

    Attributes:
        held: (N,) bool.
        units: Into how many inseparable parts all fell.
    """

    held: NDArray[np.bool_]
    units: int

    def count(self, pictures: Sequence[FeedbackPicture], *, held: bool, false_alarm: bool) -> int:
        """How many pictures of a kind stand on a side."""
        return sum(bool(at) is held and one.event.false_alarm is false_alarm for at, one in zip(self.held, pictures, strict=True))


def hold_back(pictures: Sequence[FeedbackPicture], unit: NDArray[np.int64], share: float) -> HeldBack:
    """Hold back the newest parts until a share of either kind is there; no kind gives more than half.

    The newest, because what is asked is whether the alarms of the days to come are better.

    Args:
        pictures: All of them.
        unit: (N,) int64: the inseparable part of each.
        share: Of the false alarms, and of the true ones, that is wanted.
    """
    false = np.array([one.event.false_alarm for one in pictures], bool)
    kinds = (false, ~false)
    wanted = [max(1, round(share * int(kind.sum()))) for kind in kinds]
    most = [int(kind.sum()) // 2 for kind in kinds]
    held = np.zeros(len(pictures), bool)
    newest: dict[int, float] = {}
    for number, picture in zip(unit.tolist(), pictures, strict=True):
        newest[number] = max(newest.get(number, picture.event.pictured_at_s), picture.event.pictured_at_s)
    for one in sorted(newest, key=lambda number: -newest[number]):
        rows = unit == one
        counts = [int((held & kind).sum()) for kind in kinds]
        adds = [int((rows & kind).sum()) for kind in kinds]
        helps = any(add and have < want for add, have, want in zip(adds, counts, wanted, strict=True))
        fits = all(not add or have + add <= limit for add, have, limit in zip(adds, counts, most, strict=True))
        if helps and fits:
            held |= rows
    return HeldBack(held, len(newest))


def _alike(pictures: Sequence[FeedbackPicture]) -> dict[tuple[str, bool, str], list[int]]:
    """Indices by camera, verdict and class: only these can be copies of each other."""
    groups: dict[tuple[str, bool, str], list[int]] = defaultdict(list)
    for index, one in enumerate(pictures):
        groups[(one.event.camera_id, one.event.false_alarm, one.event.class_name)].append(index)
    return groups


def _is_copy(one: Look, other: Look, bits: int) -> bool:
    if one.fingerprint is None or other.fingerprint is None:
        return False
    return (one.fingerprint ^ other.fingerprint).bit_count() <= bits and places.iou(one.box, other.box) >= _SAME_PLACE_IOU
