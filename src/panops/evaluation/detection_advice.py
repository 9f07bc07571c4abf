"""From which score on a detection is worth believing: advice for each class, from its own curve at IoU .50."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from panops.evaluation.precision_recall import Curve


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What holds when every detection of at least `score` is believed.

    Attributes:
        score: The threshold.
        precision: Share of them that is right.
        recall: Share of the boxes that is found.
        f1: Harmonic mean of both.
    """

    score: float
    precision: float
    recall: float
    f1: float

    def record(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Advice:
    """Two thresholds of one class.

    Attributes:
        best_f1: Where precision and recall balance best; None where nothing is ever right.
        precise: The lowest threshold with the wanted precision; None where none has it.
        wanted_precision: That precision.
    """

    best_f1: OperatingPoint | None
    precise: OperatingPoint | None
    wanted_precision: float


def advise(curve: Curve, wanted_precision: float = 0.9) -> Advice:
    """Thresholds for one class.

    Args:
        curve: Its curve at IoU .50.
        wanted_precision: 0 to 1.
    """
    score, precision, recall = _steps(curve)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    best = int(np.argmax(f1)) if len(f1) and f1.max() > 0 else None
    good = np.flatnonzero((precision >= wanted_precision) & (recall > 0))

    def point(index: int) -> OperatingPoint:
        return OperatingPoint(float(score[index]), float(precision[index]), float(recall[index]), float(f1[index]))

    return Advice(None if best is None else point(best), point(int(good[-1])) if len(good) else None, wanted_precision)


def _steps(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The curve at the scores that a threshold can tell apart: of equal scores, only the last row is one."""
    if not curve.boxes:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    last = np.append(curve.score[:-1] != curve.score[1:], True) if len(curve.score) else np.zeros(0, bool)
    return curve.score[last], curve.precision[last], curve.recall[last]
