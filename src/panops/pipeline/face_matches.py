"""Whom a face resembles, of those who are known: everybody by similarity, as somebody who enrols or searches wants to see it.

Who it is, `vision.face_search` decides, for cameras and searches alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.faces import KnownFaces, KnownPerson


@dataclass(frozen=True, slots=True)
class Match:
    """Somebody whom a face resembles.

    Attributes:
        person: Who.
        similarity: To the nearest of their pictures, -1..1.
        refuted: A picture of somebody who only looks like them is at least as near.
    """

    person: KnownPerson
    similarity: float
    refuted: bool = False


def matches(known: KnownFaces, embedding: NDArray[np.float32], most: int = 3) -> tuple[Match, ...]:
    """Those whom a face resembles most, the nearest first; nobody where nobody is known.

    Args:
        known: Who is known.
        embedding: (D,) float32 of length 1, made by `known.model`.
        most: How many at most.
    """
    if not len(known):
        return ()
    similarity = known.embedding @ embedding
    best = np.full(len(known.people), -np.inf, np.float32)
    unlike = best.copy()
    np.maximum.at(best, known.person[~known.negative], similarity[~known.negative])
    np.maximum.at(unlike, known.person[known.negative], similarity[known.negative])
    order = [index for index in np.argsort(-best, kind="stable").tolist() if np.isfinite(best[index])]
    return tuple(Match(known.people[index], float(best[index]), bool(unlike[index] >= best[index])) for index in order[:most])
