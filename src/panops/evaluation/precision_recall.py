"""Precision over recall, and the area under it, as COCO computes them; on arrays, for any part of the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from panops.evaluation.coco_matching import ClassMatches

RECALL_POINTS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One class at one IoU threshold: what holds when every detection down to a score is taken.

    Attributes:
        score: (D,) float64, falling.
        precision: (D,) float64, as measured (not made monotonic).
        recall: (D,) float64.
        boxes: How many boxes there are to find; without one, precision and recall mean nothing.
    """

    score: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    boxes: int

    def at_recall(self, points: NDArray[np.float64] = RECALL_POINTS) -> NDArray[np.float64]:
        """Precision at these recalls: the best one at that recall or beyond, 0 where it is not reached."""
        best = np.maximum.accumulate(self.precision[::-1])[::-1]
        index = np.searchsorted(self.recall, points, side="left")
        return np.where(index < len(best), np.append(best, 0.0)[np.minimum(index, len(best))], 0.0)

    def average_precision(self) -> float:
        """The mean of `at_recall`; NaN where there is nothing to find."""
        return float(np.mean(self.at_recall())) if self.boxes else float("nan")


def curve(matches: ClassMatches, threshold: int = 0, area: int = 0, pictures: NDArray[np.bool_] | None = None) -> Curve:
    """The curve of one class.

    Args:
        matches: The class.
        threshold: Index of the IoU threshold.
        area: Index of the area.
        pictures: (P,) bool: which pictures count; None takes all.
    """
    ignored = matches.ignored[area, threshold]
    taken = ~ignored if pictures is None else ~ignored & pictures[matches.picture]
    truth = ~matches.truth_ignored[area] if pictures is None else ~matches.truth_ignored[area] & pictures[matches.truth_picture]
    boxes = int(np.count_nonzero(truth))
    score = matches.score[taken]
    # Stable, over pictures in order: the order in which pycocotools breaks ties.
    order = np.argsort(-score, kind="stable")
    hits = matches.hit[area, threshold][taken][order]
    found = np.cumsum(hits).astype(np.float64)
    wrong = np.cumsum(~hits).astype(np.float64)
    return Curve(score[order], found / (found + wrong + np.spacing(1)), found / max(boxes, 1), boxes)
