"""The accuracy gate of classifiers: 8 bits are let through only where labelled pictures say that they cost next to nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from panops.domain.class_pictures import ClassSet
from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.evaluation.classification_score import ClassificationScore, score_classification
from panops.export.class_deployed import ClassRun, class_tensors, classify_pictures
from panops.export.files import write_form
from panops.export.gate import ExportRefused, Progress
from panops.export.passport import Exported
from panops.export.quantising import quantised, quantised_layers

# Below this a point of accuracy is less than one picture.
FEWEST_PICTURES = 100


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredClasses:
    """A classifier's file that was run over labelled pictures.

    Attributes:
        manifest: The file's, with its sha256.
        size_bytes: The file's.
        score: Its figures.
        run: What it said, and what it cost.
    """

    manifest: ModelManifest
    size_bytes: int
    score: ClassificationScore
    run: ClassRun


@dataclass(frozen=True, slots=True, eq=False)
class ClassVerdict:
    """What 8 bits cost.

    Attributes:
        before: The float file.
        after: The 8-bit file.
        limit: Points of accuracy that may be lost.
    """

    before: MeasuredClasses
    after: MeasuredClasses
    limit: float

    @property
    def loss(self) -> float:
        """Points of accuracy lost; negative where 8 bits happen to be better."""
        return 100.0 * (self.before.score.accuracy - self.after.score.accuracy)

    @property
    def passed(self) -> bool:
        """Whether the loss is within its limit."""
        return self.loss <= self.limit + 1e-9

    @property
    def changed(self) -> tuple[int, int]:
        """How many pictures were right and are wrong now, and the other way round."""
        truth = self.before.run.truth
        first, second = (one.run.scores.argmax(1) == truth for one in (self.before, self.after))
        return int((first & ~second).sum()), int((second & ~first).sum())

    @property
    def doubts(self) -> list[str]:
        """Why the verdict may be another one with other pictures; a sentence each."""
        count = self.before.score.pictures
        found = []
        if count < FEWEST_PICTURES:
            found.append(f"the verdict stands on {count} pictures: expected at least {FEWEST_PICTURES}; give more with --data")
        worse, better = self.changed
        # The changes are coin throws between the two: where they lie in 95 of 100 sets (McNemar's test in its normal form).
        high = 100.0 * (worse - better + 1.96 * math.sqrt(worse + better)) / count
        if self.passed and high > self.limit:
            found.append(
                f"on other pictures 8 bits may cost as much as {high:.1f} points ({self.limit:g} allowed): these are too few to be sure"
            )
        return found

    def sentence(self) -> str:
        """The loss for people."""
        before, after = (100 * one.score.accuracy for one in (self.before, self.after))
        return f"accuracy {before:.1f} -> {after:.1f} % ({-self.loss:+.2f} points, at most {-self.limit:+.1f})"

    def record(self) -> dict[str, Any]:
        """For JSON."""
        worse, better = self.changed
        return {
            "passed": self.passed,
            "loss_points": round(self.loss, 3),
            "limits": {"loss_points": self.limit},
            "pictures": self.before.score.pictures,
            "became_wrong": worse,
            "became_right": better,
            "doubts": self.doubts,
            "float": self.before.score.record()["overall"],
            "int8": self.after.score.record()["overall"],
        }


def measure_classes(exported: Exported, dataset: ClassSet, progress: Progress, what: str, preferred: str = "") -> MeasuredClasses:
    """The figures of a classifier's file on labelled pictures, through the code of live cameras.

    Args:
        exported: The file.
        dataset: The labelled pictures.
        progress: Told how far it is.
        what: What to call it there.
        preferred: The backend to try first.

    Raises:
        ModelError: The file cannot be run.
        SourceCorrupt: No picture can be decoded.
    """
    manifest = exported.manifest
    run = classify_pictures(manifest, exported.path, dataset, lambda done, total: progress(what, done, total), preferred=preferred)
    return MeasuredClasses(manifest, exported.path.stat().st_size, score_classification(run.truth, run.scores, manifest.classes), run)


def int8_classifier(
    model: onnx.ModelProto,
    manifest: ModelManifest,
    work: Path,
    judge: ClassSet,
    calibration: ClassSet,
    limit: float,
    progress: Progress,
) -> tuple[onnx.ModelProto, dict[str, Any], ClassVerdict]:
    """Quantise and judge.

    Args:
        model: Float.
        manifest: Of the model.
        work: A folder for the files that are measured.
        judge: Labelled pictures that decide.
        calibration: Pictures that the levels are fitted to.
        limit: Points of accuracy that may be lost.
        progress: Told what is going on.

    Returns:
        The 8-bit model, what was measured, and the verdict that let it through.

    Raises:
        ExportRefused: It costs too much.
        ModelUnsupported: There are no pictures to calibrate with.
    """
    tensors = class_tensors(manifest, calibration.pictures, model.graph.input[0].name)
    if not tensors:
        raise ModelUnsupported("expected pictures to calibrate 8 bits with, got none; give a folder per class with --data")
    progress("quantising", 0, 1)
    found = quantised(model, tensors)
    progress("quantising", 1, 1)
    before = measure_classes(write_form(model, manifest, work / "gate.before.onnx", "onnx", "float32"), judge, progress, "measuring float")
    after = measure_classes(write_form(found, manifest, work / "gate.after.onnx", "int8", "int8"), judge, progress, "measuring int8")
    verdict = ClassVerdict(before, after, limit)
    report = {"calibration_pictures": len(tensors), "layers": len(quantised_layers(found)), "kept_float": [], "gate": verdict.record()}
    if not verdict.passed:
        raise ExportRefused(
            f"8 bits cost too much on {judge.name}: {verdict.sentence()}; nothing was written. Calibrate with more of the training's"
            " pictures (--calibration, --pictures), or allow more with --max-loss",
            {"refused": verdict.record()},
        )
    return found, report, verdict


def top_agreement(one: ClassRun, other: ClassRun) -> tuple[float, float]:
    """How near two forms of a classifier are: the share of pictures with the same answer, and the largest difference of a score."""
    same = float((one.scores.argmax(1) == other.scores.argmax(1)).mean())
    return same, float(np.abs(one.scores - other.scores).max(initial=0.0))
