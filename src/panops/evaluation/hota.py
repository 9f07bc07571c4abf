"""HOTA: detection and association weighed equally, over 19 localisation thresholds.

Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021. Numbers equal TrackEval's (tested).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from panops.evaluation.comparison import EPSILON, Comparison

ALPHAS: NDArray[np.float64] = np.arange(0.05, 0.99, 0.05)
"""(19,) IoU thresholds 0.05 .. 0.95."""


@dataclass(frozen=True, slots=True, eq=False)
class Hota:
    """HOTA of one or more sequences. Every array is (19,) over `ALPHAS`; the means of them are what papers print.

    Attributes:
        true_positives: Matched boxes.
        false_negatives: True boxes without a track.
        false_positives: Track boxes without a true one.
        ass_a: Association accuracy, 0..1.
        ass_re: Association recall, 0..1.
        ass_pr: Association precision, 0..1.
        loc_a: Mean IoU of the matches, 0..1.
    """

    true_positives: NDArray[np.float64]
    false_negatives: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    ass_a: NDArray[np.float64]
    ass_re: NDArray[np.float64]
    ass_pr: NDArray[np.float64]
    loc_a: NDArray[np.float64]

    @property
    def det_a(self) -> NDArray[np.float64]:
        """Detection accuracy (19,)."""
        return self.true_positives / np.maximum(1, self.true_positives + self.false_negatives + self.false_positives)

    @property
    def det_re(self) -> NDArray[np.float64]:
        """Detection recall (19,)."""
        return self.true_positives / np.maximum(1, self.true_positives + self.false_negatives)

    @property
    def det_pr(self) -> NDArray[np.float64]:
        """Detection precision (19,)."""
        return self.true_positives / np.maximum(1, self.true_positives + self.false_positives)

    @property
    def hota(self) -> NDArray[np.float64]:
        """HOTA (19,): the geometric mean of `det_a` and `ass_a`, equation 7."""
        return np.sqrt(self.det_a * self.ass_a)

    def figures(self) -> dict[str, float]:
        """The means over the thresholds, 0..1, by TrackEval's names."""
        arrays = {
            "HOTA": self.hota,
            "DetA": self.det_a,
            "AssA": self.ass_a,
            "DetRe": self.det_re,
            "DetPr": self.det_pr,
            "AssRe": self.ass_re,
            "AssPr": self.ass_pr,
            "LocA": self.loc_a,
        }
        return {name: float(np.mean(array)) for name, array in arrays.items()}


def hota(comparison: Comparison) -> Hota:
    """HOTA of one sequence. No tracks or no truth gives 0 with all boxes false, and `loc_a` 1."""
    zeros = np.zeros(len(ALPHAS))
    if comparison.truth_boxes == 0 or comparison.track_boxes == 0:
        missed, extra = zeros + comparison.truth_boxes, zeros + comparison.track_boxes
        return Hota(zeros, missed, extra, zeros, zeros, zeros, np.ones(len(ALPHAS)))
    truth_size, track_size = _lengths(comparison)
    alignment = _alignment(comparison, truth_size, track_size)
    truth, tracks, similarity = _matches(comparison, alignment)
    columns = [_association(truth, tracks, similarity, alpha, truth_size, track_size) for alpha in ALPHAS]
    positives, ass_a, ass_re, ass_pr, located = np.array(columns).T
    return Hota(
        positives,
        comparison.truth_boxes - positives,
        comparison.track_boxes - positives,
        ass_a,
        ass_re,
        ass_pr,
        np.maximum(1e-10, located) / np.maximum(1e-10, positives),
    )


def combine_hota(parts: Sequence[Hota]) -> Hota:
    """HOTA over several sequences as one: boxes are summed, association and localisation weighted by matched boxes.

    Raises:
        ValueError: `parts` is empty.
    """
    if not parts:
        raise ValueError("expected the HOTA of at least one sequence, got none")
    weights = np.stack([part.true_positives for part in parts])
    total = np.maximum(1.0, weights.sum(axis=0))

    def weighted(name: str) -> NDArray[np.float64]:
        return np.asarray((np.stack([getattr(part, name) for part in parts]) * weights).sum(axis=0))

    return Hota(
        weights.sum(axis=0),
        np.sum([part.false_negatives for part in parts], axis=0),
        np.sum([part.false_positives for part in parts], axis=0),
        weighted("ass_a") / total,
        weighted("ass_re") / total,
        weighted("ass_pr") / total,
        np.maximum(1e-10, weighted("loc_a")) / np.maximum(1e-10, weights.sum(axis=0)),
    )


def _lengths(comparison: Comparison) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    truth = np.concatenate([frame.truth for frame in comparison.frames])
    tracks = np.concatenate([frame.tracks for frame in comparison.frames])
    return (
        np.bincount(truth, minlength=comparison.truth_count).astype(np.float64),
        np.bincount(tracks, minlength=comparison.track_count).astype(np.float64),
    )


def _alignment(comparison: Comparison, truth_size: NDArray[np.float64], track_size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jaccard alignment (G, T) of whole trajectories before any matching: it decides which matches serve association best."""
    overlap = np.zeros((comparison.truth_count, comparison.track_count))
    for frame in comparison.frames:
        similarity = frame.similarity
        union = similarity.sum(axis=0)[None] + similarity.sum(axis=1)[:, None] - similarity
        share = np.divide(similarity, union, out=np.zeros_like(similarity), where=union > EPSILON)
        overlap[frame.truth[:, None], frame.tracks[None]] += share
    return np.asarray(overlap / (truth_size[:, None] + track_size[None] - overlap))


def _matches(comparison: Comparison, alignment: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """One match a frame and object, for all thresholds at once: true indices, track indices and IoU, each (M,)."""
    truth: list[NDArray[np.int64]] = []
    tracks: list[NDArray[np.int64]] = []
    similarity: list[NDArray[np.float64]] = []
    for frame in comparison.frames:
        score = alignment[frame.truth[:, None], frame.tracks[None]] * frame.similarity
        rows, columns = linear_sum_assignment(score, maximize=True)
        truth.append(frame.truth[rows])
        tracks.append(frame.tracks[columns])
        similarity.append(frame.similarity[rows, columns])
    return np.concatenate(truth), np.concatenate(tracks), np.concatenate(similarity)


def _association(
    truth: NDArray[np.int64],
    tracks: NDArray[np.int64],
    similarity: NDArray[np.float64],
    alpha: float,
    truth_size: NDArray[np.float64],
    track_size: NDArray[np.float64],
) -> tuple[float, float, float, float, float]:
    """Matches, association accuracy, recall, precision (equations 4 to 6) and summed IoU at one threshold."""
    matched = similarity >= alpha - EPSILON
    pair, count = np.unique(truth[matched] * len(track_size) + tracks[matched], return_counts=True)
    of_truth, of_track = truth_size[pair // len(track_size)], track_size[pair % len(track_size)]
    total = float(np.count_nonzero(matched))
    scale = max(1.0, total)
    return (
        total,
        float(np.sum(count * count / (of_truth + of_track - count))) / scale,
        float(np.sum(count * count / of_truth)) / scale,
        float(np.sum(count * count / of_track)) / scale,
        float(np.sum(similarity[matched])),
    )
