"""Everything that is told of one model on one set: figures, thresholds, errors, speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.evaluation.detection_advice import Advice, advise
from panops.evaluation.detection_errors import Kind, Verdicts, confusion, count_kinds, judge
from panops.evaluation.detection_score import DetectionScore
from panops.evaluation.detection_summary import Definition, SummaryValue, summarise
from panops.evaluation.precision_recall import RECALL_POINTS, Curve, curve


@dataclass(frozen=True, slots=True, eq=False)
class DetectionResult:
    """One model's result.

    Attributes:
        name: The model's name.
        facts: What it is: version, sha256, size, backend ...; anything JSON can hold.
        speed: What a picture costs; the same.
        score: COCO's figures.
        curves: At IoU .50, for each class.
        advice: Thresholds for each class.
        verdicts: Every picture judged at each class's threshold of the best F1.
        kinds: How often each kind of error occurs, for each class.
        confusion: (K + 1, K + 1), see `detection_errors.confusion`.
        summary: Own means.
    """

    name: str
    facts: Mapping[str, Any]
    speed: Mapping[str, Any]
    score: DetectionScore
    curves: Mapping[str, Curve]
    advice: Mapping[str, Advice]
    verdicts: Sequence[Verdicts]
    kinds: Mapping[str, Mapping[Kind, int]]
    confusion: NDArray[np.int64]
    summary: Sequence[SummaryValue]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that are scored."""
        return self.score.cases.classes

    def record(self) -> dict[str, Any]:
        """For JSON."""
        score = self.score
        return {
            "name": self.name,
            **self.facts,
            "speed": dict(self.speed),
            "scored_classes": list(self.classes),
            "classes_not_in_data": list(score.cases.only_in_model),
            "classes_not_in_model": list(score.cases.only_in_data),
            "overall": score.overall.record(),
            "classes": {name: figures.record() for name, figures in score.classes.items()},
            "sources": {name: figures.record() for name, figures in score.sources.items()},
            "pairs": [{"source": source, "class": name, **figures.record()} for (source, name), figures in score.pairs.items()],
            "groups": {name: figures.record() for name, figures in score.groups.items()},
            "summary": {value.definition.name: value.record() for value in self.summary},
            "thresholds": {name: _advice_record(advice) for name, advice in self.advice.items()},
            "errors": {name: {str(kind): count for kind, count in kinds.items()} for name, kinds in self.kinds.items()},
            "confusion": {"classes": [*self.classes, "background"], "rows_truth_columns_said": self.confusion.tolist()},
            "curves": {name: _curve_record(curve) for name, curve in self.curves.items()},
        }


def analyse(
    name: str,
    facts: Mapping[str, Any],
    speed: Mapping[str, Any],
    score: DetectionScore,
    definitions: Sequence[Definition] = (),
    wanted_precision: float = 0.9,
) -> DetectionResult:
    """Work everything out that follows from a score.

    Args:
        name: The model's name.
        facts: What it is.
        speed: What a picture costs.
        score: Of `score_detections`.
        definitions: Own means.
        wanted_precision: For the second threshold of each class.
    """
    curves = {label: curve(matches) for label, matches in score.matches.items()}
    advice = {label: advise(one, wanted_precision) for label, one in curves.items()}
    verdicts = judge(score.cases, {label: one.best_f1.score for label, one in advice.items() if one.best_f1})
    return DetectionResult(
        name,
        facts,
        speed,
        score,
        curves,
        advice,
        verdicts,
        count_kinds(score.cases, verdicts),
        confusion(score.cases, verdicts),
        summarise(definitions, score),
    )


def _advice_record(advice: Advice) -> dict[str, Any]:
    return {
        "best_f1": advice.best_f1.record() if advice.best_f1 else None,
        "precise": advice.precise.record() if advice.precise else None,
        "wanted_precision": advice.wanted_precision,
    }


def _curve_record(curve: Curve) -> dict[str, Any]:
    """Precision at COCO's 101 recalls; None where there is nothing to find."""
    points = [round(value, 5) for value in curve.at_recall().tolist()] if curve.boxes else None
    return {"recall": [round(value, 2) for value in RECALL_POINTS.tolist()], "precision": points}
