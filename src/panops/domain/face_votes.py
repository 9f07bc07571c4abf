"""Votes on whose face it is: what many looks at one person who is followed say together.

A look says one of three things: somebody known, nobody known, or no living face. It weighs by the face's quality and by how clear the
answer was; that a face resembles nobody weighs by the root of the quality once more, for a poor picture resembles nobody, whoever is in it.
Votes fade from look to look and not with time: as long as nothing new is seen, what was decided stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from panops.domain.faces import FaceLook

# Of the weight before, what is left after one more look: six clear looks turn a decision.
_KEPT = 0.85
# Three looks at faces of such a quality are enough; poorer ones have to be more.
_LEAST_WEIGHT_A_LOOK = 0.25
_EPSILON = 1e-9


class FaceVerdict(StrEnum):
    """What looks can agree on."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    SPOOF = "spoof"


@dataclass(frozen=True, slots=True)
class FaceOpinion:
    """What looks at one face agree on.

    Attributes:
        verdict: Somebody known, nobody known, or no living face.
        person_id: Who; empty where nobody known.
        name: Their name.
        lists: What they are on, as the newest look said.
        similarity: The mean of the looks that agree, by weight; -1 where there was nobody to compare with.
        looks: How many agree.
        share: Of the weight of all looks, theirs.
    """

    verdict: FaceVerdict
    person_id: str
    name: str
    lists: tuple[str, ...]
    similarity: float
    looks: int
    share: float

    def agrees(self, look: FaceLook) -> bool:
        """Whether a look says the same."""
        return (self.verdict, self.person_id) == _said(look)


@dataclass(slots=True)
class _Side:
    """What speaks for one answer."""

    newest: FaceLook
    weight: float = 0.0
    similarity: float = 0.0
    looks: int = 0


class FaceVotes:
    """The votes on one person who is followed.

    Args:
        least_looks: So many looks must agree.
        share: Of the looks' weight, what decides, 0.5..1.
    """

    __slots__ = ("_least_looks", "_share", "_sides", "opinion")

    def __init__(self, least_looks: int = 3, share: float = 0.6) -> None:
        """Begin with nothing known."""
        self._least_looks = least_looks
        self._share = share
        self._sides: dict[tuple[FaceVerdict, str], _Side] = {}
        self.opinion: FaceOpinion | None = None
        """What was decided last; what lies between leaves it as it is."""

    def add(self, look: FaceLook) -> float:
        """Count one look; its weight, 0..1."""
        for side in self._sides.values():
            side.weight *= _KEPT
        said = _said(look)
        mine = self._sides.setdefault(said, _Side(look))
        added = weight(look)
        total = mine.weight + added
        if total > 0:
            mine.similarity += (look.similarity - mine.similarity) * added / total
        mine.newest, mine.weight, mine.looks = look, total, mine.looks + 1
        whole = sum(side.weight for side in self._sides.values())
        for (verdict, _), side in self._sides.items():
            enough = side.looks >= self._least_looks and side.weight >= _LEAST_WEIGHT_A_LOOK * self._least_looks - _EPSILON
            if enough and side.weight >= self._share * whole - _EPSILON:
                self.opinion = _opinion(verdict, side, whole)
        return added


def weight(look: FaceLook) -> float:
    """What a look counts, 0..1."""
    quality = min(max(look.quality, 0.0), 1.0)
    doubts = math.sqrt(quality) if _said(look)[0] is FaceVerdict.UNKNOWN else 1.0
    return quality * doubts * min(max(look.clear, 0.0), 1.0)


def _said(look: FaceLook) -> tuple[FaceVerdict, str]:
    if look.is_spoof:
        return FaceVerdict.SPOOF, ""
    return (FaceVerdict.KNOWN, look.person_id) if look.person_id else (FaceVerdict.UNKNOWN, "")


def _opinion(verdict: FaceVerdict, side: _Side, whole: float) -> FaceOpinion:
    known, newest = verdict is FaceVerdict.KNOWN, side.newest
    return FaceOpinion(
        verdict,
        newest.person_id if known else "",
        newest.name if known else "",
        newest.lists if known else (),
        side.similarity,
        side.looks,
        side.weight / whole,
    )
