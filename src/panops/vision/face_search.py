"""Whose face is nearest among those that are known: exact, all of them in one product, and with nobody as an answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panops.domain.faces import KnownFaces

NOBODY = -1
# So many faces at once: 25 against 100,000 are 10 MB of similarities.
_MOST_AT_ONCE = 25
# Rows of the gallery a product: larger ones are spread over all cores, which the machine needs for its cameras, and gain nothing by it.
_ROWS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class FaceMatches:
    """Who N faces are. Arrays are read-only.

    Attributes:
        person: (N,) int64, an index into `KnownFaces.people`; `NOBODY` where it is nobody who is known.
        similarity: (N,) float32, to that person's nearest picture; where it is nobody, to the nearest picture of anybody. -1 where none is.
    """

    person: NDArray[np.int64]
    similarity: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        self.person.setflags(write=False)
        self.similarity.setflags(write=False)

    def __len__(self) -> int:
        """How many faces."""
        return len(self.person)


class FaceSearch:
    """Looks faces up. Keeps the arrays of the gallery as they are; any thread may ask.

    Args:
        known: The gallery.
    """

    def __init__(self, known: KnownFaces) -> None:
        self.known = known
        self._positive = ~known.negative
        # One product needs rows that lie one after the other.
        self._embedding = np.ascontiguousarray(known.embedding, np.float32)

    def find(self, embedding: NDArray[np.float32], threshold: float) -> FaceMatches:
        """Who each face is: the person with the nearest picture of at least `threshold`.

        Nobody is taken for a person one of whose negatives, pictures of somebody else who looks like them, is at least as near as the
        nearest of their own; then the next person has their turn.

        Args:
            embedding: (N, D) float32 of length 1, of the model that made the gallery; a row with NaN is nobody.
            threshold: The similarity, -1..1.

        Raises:
            ValueError: The rows have another length than the gallery's.
        """
        count, known = len(embedding), len(self.known)
        person = np.full(count, NOBODY, np.int64)
        similarity = np.full(count, -1.0, np.float32)
        if not count or not known:
            return FaceMatches(person, similarity)
        if embedding.shape[1:] != self._embedding.shape[1:]:
            raise ValueError(f"expected faces of {self._embedding.shape[1]} numbers as in the gallery, got {embedding.shape[1:]}")
        rows = np.flatnonzero(np.isfinite(embedding).all(axis=1))
        for start in range(0, len(rows), _MOST_AT_ONCE):
            part = rows[start : start + _MOST_AT_ONCE]
            for row, near in zip(part.tolist(), self._near(embedding[part]), strict=True):
                person[row], similarity[row] = self._one(near, threshold)
        return FaceMatches(person, similarity)

    def _near(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, F) similarities of each face to each picture."""
        near = np.empty((len(embedding), len(self._embedding)), np.float32)
        for start in range(0, len(self._embedding), _ROWS):
            known = self._embedding[start : start + _ROWS]
            # One face is a product with a vector, which takes a third of the time.
            near[:, start : start + _ROWS] = known @ embedding[0] if len(embedding) == 1 else embedding @ known.T
        return near

    def _one(self, near: NDArray[np.float32], threshold: float) -> tuple[int, float]:
        """Who one face is, from its similarities (F,) to all pictures."""
        close = np.flatnonzero(near >= threshold)
        refused: set[int] = set()
        for index in close[np.argsort(-near[close], kind="stable")].tolist():
            who = int(self.known.person[index])
            if who in refused:
                continue
            if self.known.negative[index] or self._denied(who, float(near[index]), close, near):
                refused.add(who)
                continue
            return who, min(float(near[index]), 1.0)
        nearest = float(near.max(where=self._positive, initial=-1.0))
        return NOBODY, min(nearest, 1.0)

    def _denied(self, who: int, similarity: float, close: NDArray[np.int64], near: NDArray[np.float32]) -> bool:
        """Whether a negative of a person is just as near; those that are nearer came before."""
        against = close[self.known.negative[close] & (self.known.person[close] == who)]
        return bool(len(against)) and float(near[against].max()) >= similarity
