"""How well faces are told apart: how often two people are taken for one, and one person for two, from threshold to threshold.

A false accept is a pair of two people with a similarity of at least the threshold, a false reject one of a single person below it. Pairs
share pictures, so they are not independent of each other: intervals (Wilson 1927) are narrower than the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.evaluation.classification_score import wilson

_STEP = 0.01


@dataclass(frozen=True, slots=True)
class FaceErrors:
    """What goes wrong at one threshold.

    Attributes:
        threshold: The similarity.
        false_accepts: Pairs of two people taken for one.
        different: How many pairs of two people there are.
        false_rejects: Pairs of one person taken for two.
        same: How many pairs of one person there are.
    """

    threshold: float
    false_accepts: int
    different: int
    false_rejects: int
    same: int

    @property
    def far(self) -> float:
        """The share of pairs of two people taken for one; NaN without such pairs."""
        return self.false_accepts / self.different if self.different else float("nan")

    @property
    def frr(self) -> float:
        """The share of pairs of one person taken for two; NaN without such pairs."""
        return self.false_rejects / self.same if self.same else float("nan")

    def record(self) -> dict[str, Any]:
        """For JSON, with how high each rate may really be (95 %)."""
        return {
            "threshold": round(self.threshold, 4),
            "false_accepts": self.false_accepts,
            "far": round(self.far, 6),
            "far_at_most": round(wilson(self.false_accepts, self.different)[1], 4),
            "false_rejects": self.false_rejects,
            "frr": round(self.frr, 6),
            "frr_at_most": round(wilson(self.false_rejects, self.same)[1], 4),
        }


@dataclass(frozen=True, slots=True, eq=False)
class FaceScore:
    """Figures of faces whose people are known.

    Attributes:
        people: How many people.
        pictures: How many pictures.
        same: (S,) float32 similarities of pairs of one person, the lowest first.
        same_pairs: (S, 2) int64 which pictures.
        different: (D,) float32 similarities of pairs of two people, the highest first.
        different_pairs: (D, 2) int64.
    """

    people: int
    pictures: int
    same: NDArray[np.float32]
    same_pairs: NDArray[np.int64]
    different: NDArray[np.float32]
    different_pairs: NDArray[np.int64]

    def at(self, threshold: float) -> FaceErrors:
        """What goes wrong at a threshold."""
        accepted, rejected = int((self.different >= threshold).sum()), int((self.same < threshold).sum())
        return FaceErrors(threshold, accepted, len(self.different), rejected, len(self.same))

    def curve(self) -> list[FaceErrors]:
        """Every hundredth from a little below the lowest similarity to a little above the highest."""
        low = min(float(self.same[0]), float(self.different[-1]))
        high = max(float(self.same[-1]), float(self.different[0]))
        return [self.at(round(step * _STEP, 2)) for step in range(int(np.floor(low / _STEP)), int(np.ceil(high / _STEP)) + 2)]

    def equal(self) -> tuple[float, float]:
        """The threshold at which both rates are nearest to each other, and their mean there, the equal error rate."""
        if self.same[0] > self.different[0]:
            return (float(self.same[0]) + float(self.different[0])) / 2, 0.0
        candidates = np.unique(np.concatenate([self.same, self.different, self.same + 1e-6, self.different + 1e-6]))
        errors = [self.at(float(threshold)) for threshold in candidates]
        best = min(errors, key=lambda one: (abs(one.far - one.frr), one.far + one.frr))
        return best.threshold, (best.far + best.frr) / 2

    def advised(self, most_far: float = 0.0) -> FaceErrors:
        """The threshold to take: the middle of the gap, or where there is none the lowest whose rate of false accepts is `most_far`."""
        lowest, highest = float(self.same[0]), float(self.different[0])
        if lowest > highest:
            return self.at(round((lowest + highest) / 2, 2))
        allowed = int(most_far * len(self.different))
        above = float(self.different[allowed]) if allowed < len(self.different) else float(self.different[-1])
        return self.at(float(np.ceil((above + 1e-6) * 100) / 100))


def score_faces(embedding: NDArray[np.float32], person: NDArray[np.int64]) -> FaceScore:
    """All pairs of faces.

    Args:
        embedding: (N, D) float32 of length 1.
        person: (N,) int64, whose each is.

    Raises:
        ValueError: There is no pair of one person, or none of two.
    """
    first, second = np.triu_indices(len(person), 1)
    similarity = (embedding @ embedding.T)[first, second].astype(np.float32)
    is_same = person[first] == person[second]
    if is_same.all() or not is_same.any():
        raise ValueError("expected two pictures of one person at least, and two people")
    pairs = np.stack([first, second], axis=1).astype(np.int64)
    same, different = np.flatnonzero(is_same), np.flatnonzero(~is_same)
    same = same[np.argsort(similarity[same], kind="stable")]
    different = different[np.argsort(-similarity[different], kind="stable")]
    return FaceScore(len(np.unique(person)), len(person), similarity[same], pairs[same], similarity[different], pairs[different])
