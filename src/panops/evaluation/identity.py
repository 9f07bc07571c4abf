"""IDF1: how long each true object keeps one identity, by the best one-to-one match of whole trajectories.

Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016. Numbers equal TrackEval's (tested).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from panops.evaluation.comparison import Comparison


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity counts of one or more sequences; they add up.

    Attributes:
        true_positives: Boxes whose track is the one matched to their object.
        false_negatives: True boxes without it.
        false_positives: Track boxes without it.
    """

    true_positives: int
    false_negatives: int
    false_positives: int

    def figures(self) -> dict[str, float]:
        """IDF1, identity recall and precision, 0..1, by TrackEval's names."""
        positives, missed, extra = self.true_positives, self.false_negatives, self.false_positives
        return {
            "IDF1": positives / max(1.0, positives + 0.5 * extra + 0.5 * missed),
            "IDR": positives / max(1.0, positives + missed),
            "IDP": positives / max(1.0, positives + extra),
            "IDTP": positives,
            "IDFN": missed,
            "IDFP": extra,
        }


def identity(comparison: Comparison, threshold: float = 0.5) -> Identity:
    """Identity counts of one sequence; a box pair agrees at an IoU of `threshold`."""
    if comparison.truth_boxes == 0 or comparison.track_boxes == 0:
        return Identity(0, comparison.truth_boxes, comparison.track_boxes)
    agreed = np.zeros((comparison.truth_count, comparison.track_count), np.int64)
    for frame in comparison.frames:
        rows, columns = np.nonzero(frame.similarity >= threshold)
        agreed[frame.truth[rows], frame.tracks[columns]] += 1
    # Every agreed box of a matched pair saves one miss and one false box, so the cheapest matching is the one that agrees most.
    rows, columns = linear_sum_assignment(agreed, maximize=True)
    positives = int(agreed[rows, columns].sum())
    return Identity(positives, comparison.truth_boxes - positives, comparison.track_boxes - positives)


def combine_identity(parts: Sequence[Identity]) -> Identity:
    """Counts of several sequences added up."""
    return Identity(*(sum(getattr(part, name) for part in parts) for name in Identity.__dataclass_fields__))
