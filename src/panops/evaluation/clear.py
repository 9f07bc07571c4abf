"""CLEAR MOT: MOTA, identity switches, mostly tracked and lost.

Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008, with MOTChallenge's
conventions. Numbers equal TrackEval's (tested).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from panops.evaluation.comparison import EPSILON, Comparison, FramePair

_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Clear:
    """CLEAR counts of one or more sequences; they add up.

    Attributes:
        true_positives: Matched boxes.
        false_negatives: True boxes without a track.
        false_positives: Track boxes without a true one.
        switches: How often a true object's track changed.
        mostly_tracked: True objects matched in more than 80 % of their frames.
        partly_tracked: Those in between.
        mostly_lost: True objects matched in less than 20 %.
        fragments: How often a true object's tracking was taken up again.
        iou_sum: Summed IoU of the matches.
        frames: Frames scored.
    """

    true_positives: int
    false_negatives: int
    false_positives: int
    switches: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    fragments: int
    iou_sum: float
    frames: int

    def figures(self) -> dict[str, float]:
        """MOTA and its parts by TrackEval's names; MOTA may be below 0, and is 0 where there is no truth."""
        boxes = max(1.0, self.true_positives + self.false_negatives)
        right = self.true_positives - self.false_positives if self.true_positives + self.false_negatives else 0
        return {
            "MOTA": (right - self.switches) / boxes,
            "MOTP": self.iou_sum / max(1.0, self.true_positives),
            "MODA": right / boxes,
            "CLR_Re": self.true_positives / boxes,
            "CLR_Pr": self.true_positives / max(1.0, self.true_positives + self.false_positives),
            "CLR_TP": self.true_positives,
            "CLR_FN": self.false_negatives,
            "CLR_FP": self.false_positives,
            "IDSW": self.switches,
            "MT": self.mostly_tracked,
            "PT": self.partly_tracked,
            "ML": self.mostly_lost,
            "Frag": self.fragments,
        }


def clear(comparison: Comparison, threshold: float = 0.5) -> Clear:
    """CLEAR of one sequence; matches need an IoU of `threshold`, and last frame's match is kept where it still holds."""
    if comparison.truth_boxes == 0 or comparison.track_boxes == 0:
        # As TrackEval has it: the frames are not counted and, without tracks, everybody is mostly lost.
        lost = comparison.truth_count if comparison.track_boxes == 0 else 0
        return Clear(0, comparison.truth_boxes, comparison.track_boxes, 0, 0, 0, lost, 0, 0.0, 0)
    ledger = _Ledger(comparison.truth_count)
    for frame in comparison.frames:
        ledger.add(frame, threshold)
    return ledger.result(comparison)


def combine_clear(parts: Sequence[Clear]) -> Clear:
    """Counts of several sequences added up."""
    return Clear(*(sum(getattr(part, name) for part in parts) for name in Clear.__dataclass_fields__))


class _Ledger:
    """What must be remembered from frame to frame, one entry a true object."""

    def __init__(self, truth_count: int) -> None:
        self.present = np.zeros(truth_count, np.int64)
        self.matched = np.zeros(truth_count, np.int64)
        self.starts = np.zeros(truth_count, np.int64)
        # The last track it ever had, for switches; and the one of the frame before, which matching prefers.
        self.last_track = np.full(truth_count, _NOBODY, np.int64)
        self.previous_track = np.full(truth_count, _NOBODY, np.int64)
        self.switches = 0
        self.iou_sum = 0.0

    def add(self, frame: FramePair, threshold: float) -> None:
        self.present[frame.truth] += 1
        if len(frame.truth) == 0 or len(frame.tracks) == 0:
            return  # as TrackEval: a frame with nothing on one side does not break continuity
        rows, columns = self._match(frame, threshold)
        truth, tracks = frame.truth[rows], frame.tracks[columns]
        before = self.last_track[truth]
        self.switches += int(np.count_nonzero((before != _NOBODY) & (before != tracks)))
        self.matched[truth] += 1
        self.starts[truth[self.previous_track[truth] == _NOBODY]] += 1
        self.last_track[truth] = tracks
        self.previous_track[:] = _NOBODY
        self.previous_track[truth] = tracks
        self.iou_sum += float(frame.similarity[rows, columns].sum())

    def _match(self, frame: FramePair, threshold: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        continued = frame.tracks[None] == self.previous_track[frame.truth][:, None]
        score = np.where(frame.similarity < threshold - EPSILON, 0.0, 1000.0 * continued + frame.similarity)
        rows, columns = linear_sum_assignment(score, maximize=True)
        real = score[rows, columns] > EPSILON
        return rows[real], columns[real]

    def result(self, comparison: Comparison) -> Clear:
        ratio = self.matched / np.maximum(1, self.present)
        mostly = int(np.count_nonzero(ratio > 0.8))
        partly = int(np.count_nonzero(ratio >= 0.2)) - mostly
        positives = int(self.matched.sum())
        return Clear(
            positives,
            comparison.truth_boxes - positives,
            comparison.track_boxes - positives,
            self.switches,
            mostly,
            partly,
            comparison.truth_count - mostly - partly,
            int(np.sum(self.starts[self.starts > 0] - 1)),
            self.iou_sum,
            len(comparison.frames),
        )
