"""The accuracy gate: 8 bits are let through only where labelled pictures say that they cost next to nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from panops.domain.errors import ModelUnsupported
from panops.domain.labels import DetectionSet
from panops.evaluation.detection_score import DetectionScore, score_detections
from panops.export.deployed import detect_pictures
from panops.export.passport import Exported

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be lost, in AP points (hundredths of COCO AP, the mean over IoU .50 to .95).

    Attributes:
        loss: Over all boxes.
        small_loss: Over boxes below 32x32 px.
    """

    loss: float = 1.0
    small_loss: float = 1.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What 8 bits cost.

    Attributes:
        before: The float file's figures.
        after: The 8-bit file's.
        limits: What was allowed.
    """

    before: DetectionScore
    after: DetectionScore
    limits: Limits

    @property
    def loss(self) -> float:
        """AP points lost over all boxes; negative where 8 bits happen to be better."""
        return 100.0 * (self.before.overall.ap - self.after.overall.ap)

    @property
    def small_loss(self) -> float:
        """AP points lost on small boxes; NaN where there are none."""
        return 100.0 * (self.before.overall.small - self.after.overall.small)

    @property
    def passed(self) -> bool:
        """Whether both losses are within their limits."""
        return self.loss <= self.limits.loss and (math.isnan(self.small_loss) or self.small_loss <= self.limits.small_loss)

    def sentence(self) -> str:
        """The losses for people."""
        before, after = self.before.overall, self.after.overall
        text = f"AP {100 * before.ap:.1f} -> {100 * after.ap:.1f} ({-self.loss:+.2f} points, at most {-self.limits.loss:+.1f})"
        if math.isnan(self.small_loss):
            return text
        small = f"small boxes {100 * before.small:.1f} -> {100 * after.small:.1f}"
        return f"{text}, {small} ({-self.small_loss:+.2f} points, at most {-self.limits.small_loss:+.1f})"

    def record(self) -> dict[str, Any]:
        """For JSON: figures over all, by source, and AP50 by source and class, before and after."""
        pairs = {
            f"{source}/{name}": [_share(figures.ap50), _share(self.after.pairs[source, name].ap50)]
            for (source, name), figures in self.before.pairs.items()
        }
        return {
            "passed": self.passed,
            "loss_points": round(self.loss, 3),
            "small_loss_points": None if math.isnan(self.small_loss) else round(self.small_loss, 3),
            "limits": {"loss_points": self.limits.loss, "small_loss_points": self.limits.small_loss},
            "pictures": self.before.overall.pictures,
            "float": self.before.overall.record(),
            "int8": self.after.overall.record(),
            "sources_ap50": {
                source: [_share(figures.ap50), _share(self.after.sources[source].ap50)] for source, figures in self.before.sources.items()
            },
            "pairs_ap50": pairs,
        }


def _share(value: float) -> float | None:
    """For JSON: null for NaN."""
    return None if math.isnan(value) else round(value, 5)


class ExportRefused(ModelUnsupported):
    """8 bits cost too much; nothing was written.

    Attributes:
        report: What was measured, for JSON.
    """

    def __init__(self, message: str, report: Mapping[str, Any]) -> None:
        """Say what was lost and what may be done."""
        self.report = report
        super().__init__(message)


def score_file(exported: Exported, dataset: DetectionSet, progress: Progress, what: str) -> DetectionScore:
    """The figures of a model file on labelled pictures, through the code of live cameras.

    Args:
        exported: The file.
        dataset: The labelled pictures.
        progress: Told how far it is.
        what: What to call it there.

    Raises:
        ModelUnsupported: No class of the model has a box in these pictures, so there is nothing to judge by.
        ModelError: The file cannot be run.
        SourceCorrupt: A picture cannot be decoded.
    """
    found = detect_pictures(exported.manifest, exported.path, dataset.pictures, progress=lambda done, total: progress(what, done, total))
    score = score_detections(dataset, found, exported.manifest.classes)
    if math.isnan(score.overall.ap):
        wanted = ", ".join(exported.manifest.classes[:6])
        raise ModelUnsupported(f"{dataset.name}: expected labelled boxes of {wanted} to judge by, found none; give another --data")
    return score
