"""The accuracy gate: 8 bits are let through only where labelled pictures say that they cost next to nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from panops.domain.errors import ModelUnsupported
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.evaluation.detection_score import DetectionScore, score_detections
from panops.evaluation.loss_interval import LossInterval
from panops.export.deployed import AP_SETTINGS, DeployedRun, run_pictures
from panops.export.passport import Exported

Progress = Callable[[str, int, int], None]

# Below this an interval is not to be trusted either: draws can only repeat what is there.
FEWEST_PICTURES = 30
FEWEST_BOXES = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be lost, in AP points (hundredths of COCO AP, the mean over IoU .50 to .95).

    Attributes:
        loss: Over all boxes.
        small_loss: Over boxes below 32x32 px.
    """

    loss: float = 1.0
    small_loss: float = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A file that was run over the labelled pictures.

    Attributes:
        manifest: The file's, with its sha256.
        size_bytes: The file's.
        score: Its figures.
        run: What it cost; the detections are in the score.
    """

    manifest: ModelManifest
    size_bytes: int
    score: DetectionScore
    run: DeployedRun


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What 8 bits cost.

    Attributes:
        before: The float file.
        after: The 8-bit file.
        limits: What was allowed.
        interval: Where the losses lie in 95 of 100 sets that are drawn from these pictures.
        dataset: The pictures that were looked at.
    """

    before: Measured
    after: Measured
    limits: Limits
    interval: LossInterval
    dataset: DetectionSet

    @property
    def loss(self) -> float:
        """AP points lost over all boxes; negative where 8 bits happen to be better."""
        return 100.0 * (self.before.score.overall.ap - self.after.score.overall.ap)

    @property
    def small_loss(self) -> float:
        """AP points lost on small boxes; NaN where there are none."""
        return 100.0 * (self.before.score.overall.small - self.after.score.overall.small)

    @property
    def pictures(self) -> int:
        """How many pictures have a box to find."""
        score = self.before.score
        found = {picture for one in score.matches.values() for picture in one.truth_picture[~one.truth_ignored[0]].tolist()}
        return len(found)

    @property
    def boxes(self) -> int:
        """How many boxes there are to find."""
        return self.before.score.overall.boxes

    @property
    def passed(self) -> bool:
        """Whether both losses are within their limits."""
        return self.loss <= self.limits.loss and (math.isnan(self.small_loss) or self.small_loss <= self.limits.small_loss)

    @property
    def grounds(self) -> str:
        """What the verdict stands on, for people."""
        stands = f"{self.pictures:,} picture{_s(self.pictures)} with {self.boxes:,} box{'es' if self.boxes != 1 else ''}"
        low, high = self.interval.loss
        sure = f"in 95 of 100 sets drawn from them 8 bits cost {_between(low, high)} points"
        if math.isnan(self.interval.small_loss[0]):
            return f"{stands}; {sure}"
        return f"{stands}; {sure}, on small boxes {_between(*self.interval.small_loss)}"

    @property
    def doubts(self) -> list[str]:
        """Why the verdict may be another one with other pictures; nothing where it stands firmly. A sentence each."""
        found = []
        if self.pictures < FEWEST_PICTURES or self.boxes < FEWEST_BOXES:
            found.append(
                f"the verdict stands on {self.pictures} picture{_s(self.pictures)} and {self.boxes} box{'es' if self.boxes != 1 else ''}:"
                f" expected at least {FEWEST_PICTURES} and {FEWEST_BOXES} to judge by; give more labelled pictures with --data"
            )
        pairs = [("all boxes", self.interval.loss, self.limits.loss), ("small boxes", self.interval.small_loss, self.limits.small_loss)]
        if self.passed:
            above = [f"{high:.1f} points on {what} ({limit:g} allowed)" for what, (_, high), limit in pairs if high > limit]
            if above:
                found.append(f"on other pictures 8 bits may cost as much as {' and '.join(above)}: these are too few to be sure")
        elif all(math.isnan(low) or low <= limit for _, (low, _), limit in pairs):
            found.append("on other pictures 8 bits may pass: these are too few to be sure")
        return found

    def sentence(self) -> str:
        """The losses for people."""
        before, after = self.before.score.overall, self.after.score.overall
        text = f"AP {100 * before.ap:.1f} -> {100 * after.ap:.1f} ({-self.loss:+.2f} points, at most {-self.limits.loss:+.1f})"
        if math.isnan(self.small_loss):
            return text
        small = f"small boxes {100 * before.small:.1f} -> {100 * after.small:.1f}"
        return f"{text}, {small} ({-self.small_loss:+.2f} points, at most {-self.limits.small_loss:+.1f})"

    def record(self) -> dict[str, Any]:
        """For JSON: figures over all, by source, and AP50 by source and class, before and after."""
        before, after = self.before.score, self.after.score
        pairs = {
            f"{source}/{name}": [_share(figures.ap50), _share(after.pairs[source, name].ap50)]
            for (source, name), figures in before.pairs.items()
        }
        intervals = {"loss_points": self.interval.loss, "small_loss_points": self.interval.small_loss}
        return {
            "passed": self.passed,
            "loss_points": round(self.loss, 3),
            "small_loss_points": None if math.isnan(self.small_loss) else round(self.small_loss, 3),
            "limits": {"loss_points": self.limits.loss, "small_loss_points": self.limits.small_loss},
            "pictures": before.overall.pictures,
            "pictures_with_boxes": self.pictures,
            "boxes": self.boxes,
            "interval_95": {name: [_share(end) for end in ends] for name, ends in intervals.items()} | {"draws": self.interval.draws},
            "doubts": self.doubts,
            "float": before.overall.record(),
            "int8": after.overall.record(),
            "sources_ap50": {
                source: [_share(figures.ap50), _share(after.sources[source].ap50)] for source, figures in before.sources.items()
            },
            "pairs_ap50": pairs,
        }


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _between(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}"


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


def measure_file(exported: Exported, dataset: DetectionSet, progress: Progress, what: str) -> Measured:
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
    run = run_pictures(exported.manifest, exported.path, dataset.pictures, AP_SETTINGS, lambda done, total: progress(what, done, total))
    score = score_detections(dataset, run.detections, exported.manifest.classes)
    if math.isnan(score.overall.ap):
        wanted = ", ".join(exported.manifest.classes[:6])
        raise ModelUnsupported(f"{dataset.name}: expected labelled boxes of {wanted} to judge by, found none; give another --data")
    return Measured(exported.manifest, exported.path.stat().st_size, score, run)
