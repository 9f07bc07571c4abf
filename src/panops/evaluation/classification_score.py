"""How well a classifier tells pictures apart: accuracy, figures of each class, what is taken for what, and whether it is rightly sure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15
_LEAST_SCORE = 1e-7


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class.

    Attributes:
        pictures: How many are of it.
        precision: The share of those called so that are; NaN where none was called so.
        recall: The share of its pictures that were called so; NaN where it has none.
        f1: Their harmonic mean; NaN where the class has no pictures.
    """

    pictures: int
    precision: float
    recall: float
    f1: float

    def record(self) -> dict[str, float | int | None]:
        """For JSON."""
        return {
            "pictures": self.pictures,
            "precision": _number(self.precision),
            "recall": _number(self.recall),
            "f1": _number(self.f1),
        }


@dataclass(frozen=True, slots=True, eq=False)
class ClassificationScore:
    """Figures of a classifier on labelled pictures.

    Attributes:
        classes: Names.
        pictures: How many were measured.
        accuracy: The share that was called right.
        interval: Where the accuracy lies with 95 % certainty (Wilson 1927).
        top3: The share whose class is among the three with the highest scores.
        macro_f1: The mean of the classes' F1, each weighing the same.
        loss: Mean of -log(score of the true class), nats.
        calibration_error: How far scores are from the share that is right, in bins of the top score weighed by their pictures: the
            expected calibration error of Guo et al. (2017), https://arxiv.org/abs/1706.04599.
        per_class: By name.
        confusion: (C, C) int64: row the truth, column the answer.
    """

    classes: tuple[str, ...]
    pictures: int
    accuracy: float
    interval: tuple[float, float]
    top3: float
    macro_f1: float
    loss: float
    calibration_error: float
    per_class: dict[str, ClassFigures]
    confusion: NDArray[np.int64]

    def mistakes(self, most: int = 10) -> list[tuple[str, str, int]]:
        """What is taken for what, most frequent first: truth, answer, how often."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = [np.unravel_index(int(index), wrong.shape) for index in order]
        return [(self.classes[row], self.classes[column], int(wrong[row, column])) for row, column in pairs if wrong[row, column]]

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "overall": {
                "pictures": self.pictures,
                "accuracy": _number(self.accuracy),
                "accuracy_95": [_number(end) for end in self.interval],
                "top3": _number(self.top3),
                "macro_f1": _number(self.macro_f1),
                "loss": _number(self.loss),
                "calibration_error": _number(self.calibration_error),
            },
            "classes": {name: figures.record() for name, figures in self.per_class.items()},
            "confusion": self.confusion.tolist(),
        }


def score_classification(truth: NDArray[np.int64], scores: NDArray[np.float32], classes: Sequence[str]) -> ClassificationScore:
    """The figures.

    Args:
        truth: (N,) the class of each picture.
        scores: (N, C), 0..1, rows adding up to 1.
        classes: C names.

    Raises:
        ValueError: There are no pictures, or shapes do not fit.
    """
    count = len(truth)
    if not count or scores.shape != (count, len(classes)):
        raise ValueError(f"expected scores ({count}, {len(classes)}) of at least one picture, got {scores.shape}")
    answer = scores.argmax(1)
    right = answer == truth
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (truth, answer), 1)
    per_class = {name: _class_figures(confusion, index) for index, name in enumerate(classes)}
    # As many are above the true class as keep it from the three best.
    above = (scores > scores[np.arange(count), truth][:, None]).sum(1)
    accuracy = float(right.mean())
    f1 = [figures.f1 for figures in per_class.values() if figures.pictures]
    return ClassificationScore(
        classes=tuple(classes),
        pictures=count,
        accuracy=accuracy,
        interval=wilson(int(right.sum()), count),
        top3=float((above < 3).mean()),
        macro_f1=float(np.mean(f1)),
        loss=float(-np.log(np.maximum(scores[np.arange(count), truth], _LEAST_SCORE)).mean()),
        calibration_error=calibration_error(scores.max(1), right),
        per_class=per_class,
        confusion=confusion,
    )


def calibration_error(top_score: NDArray[np.float32], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """The expected calibration error.

    Args:
        top_score: (N,) the score of the answer.
        right: (N,) whether it was right.
        bins: Of equal width over 0 to 1.
    """
    place = np.minimum((top_score * bins).astype(np.int64), bins - 1)
    total = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            total += float(inside.mean()) * abs(float(right[inside].mean()) - float(top_score[inside].mean()))
    return total


def wilson(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share that was counted as `right` of `count` (Wilson 1927)."""
    share, spread = right / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def _class_figures(confusion: NDArray[np.int64], index: int) -> ClassFigures:
    right, pictures, called = int(confusion[index, index]), int(confusion[index].sum()), int(confusion[:, index].sum())
    precision = right / called if called else math.nan
    recall = right / pictures if pictures else math.nan
    f1 = 2 * right / (pictures + called) if pictures else math.nan
    return ClassFigures(pictures, precision, recall, f1)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 5)
