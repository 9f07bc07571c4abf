"""Exports a classifier: ONNX, 8-bit ONNX behind the gate, OpenVINO IR, TFLite, Core ML or a torch program, each checked against its source.

As `exporter` does for detectors; what differs is what is compared (scores instead of boxes) and what judges 8 bits (accuracy).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.class_pictures import ClassSet
from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.export.agreement import Run, torch_run
from panops.export.class_deployed import class_tensors
from panops.export.class_gate import ClassVerdict, int8_classifier
from panops.export.exporter import (
    FLOATS_AGAINST_8_BITS,
    ExportSettings,
    Precision,
    Source,
    chosen_precision,
    float_source,
    from_8_bits,
    put_in_place,
    runs_of,
    silent,
    size_of,
    torch_network,
)
from panops.export.files import file_name, write_form, write_program
from panops.export.gate import Progress
from panops.export.onnx_source import is_quantised
from panops.export.passport import LABELS_NAME, Exported, for_file, ready_folder, write_labels, write_passport
from panops.export.tracing import onnx_from_torch

if TYPE_CHECKING:
    from torch import nn

SCORES = "scores"
# What a precision may move a score by, and the share of pictures whose answer must stay; beyond it the form is wrong, not just rounded.
_LARGEST_DIFFERENCE = {"float32": 1e-3, "float16": 0.1, "int8": float("inf")}
_SMALLEST_SHARE = {"float32": 0.99, "float16": 0.9, "int8": 0.0}


@dataclass(frozen=True, slots=True, eq=False)
class ClassExport:
    """What was written.

    Attributes:
        exported: The file.
        report: What is in `export.json`.
        verdict: Of the gate, where it went to 8 bits.
    """

    exported: Exported
    report: dict[str, Any]
    verdict: ClassVerdict | None = None


def classifier_source(network: nn.Module, manifest: ModelManifest) -> Source:
    """A torch network to export.

    Args:
        network: Pictures to scores, such as the training's `ExportedClassifier`.
        manifest: From `passport.classifier_manifest`; its `input_size_wh` is the size that is traced.

    Raises:
        ModelUnsupported: It cannot be traced.
    """
    return Source(onnx_from_torch(network, manifest.input_size_wh, output_name=SCORES), manifest, torch_run(network), network)


def export_classifier(
    source: Source,
    folder: Path,
    settings: ExportSettings,
    data: ClassSet | None = None,
    calibration: ClassSet | None = None,
    progress: Progress = silent,
) -> ClassExport:
    """Write a model folder: the file, `manifest.yaml`, `export.json`, and for phones `labels.txt`.

    Args:
        source: What to export.
        folder: Where to; made when it is not there.
        settings: How.
        data: Labelled pictures: all forms are compared on some, 8 bits are judged on all.
        calibration: Other pictures to calibrate 8 bits with; those of `data` when None.
        progress: Told what is going on: words, done, total.

    Raises:
        ExportRefused: 8 bits cost too much.
        ModelUnsupported: This source cannot become this form, the form differs too much, or 8 bits are wanted without pictures.
        ModelError: The folder cannot be written or holds another model.
    """
    precision = chosen_precision(source.model, settings)
    target = ready_folder(folder, file_name(source.manifest.name, settings.format))
    try:
        return _made(source, target, settings, precision, data, calibration, progress)
    except BaseException:
        with suppress(OSError):  # where it holds something already
            folder.rmdir()
        raise


def _made(
    source: Source,
    target: Path,
    settings: ExportSettings,
    precision: Precision,
    data: ClassSet | None,
    calibration: ClassSet | None,
    progress: Progress,
) -> ClassExport:
    """What `export_classifier` does once it is clear what and where to."""
    manifest = source.manifest
    report: dict[str, Any] = {"format": settings.format, "precision": precision, "source": manifest.name}
    model, verdict = source.model, None
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as made:
        work = Path(made)
        if precision == "int8" and not is_quantised(model):
            if data is None:
                raise ModelUnsupported("8 bits need labelled pictures to calibrate and judge with; give a folder per class with --data")
            some = few_of(calibration or data, settings.int8.pictures, settings.int8.seed)
            model, report["int8"], verdict = int8_classifier(model, manifest, work, data, some, settings.int8.limits.loss, progress)
            report["int8"]["seed"] = settings.int8.seed
        eight = source if from_8_bits(source, precision) else None
        if eight is not None:
            source = float_source(eight, work)
            model, manifest = source.model, source.manifest
        if settings.format == "pt2":
            form = write_program(torch_network(source), manifest, work / target.name)
        else:
            form = write_form(model, manifest, work / target.name, settings.format, precision)
        compared = few_of(data, settings.compared, settings.int8.seed) if data is not None else None
        report |= _checked(source, form, settings, precision, compared)
        if eight is not None and compared is not None:
            wanted, got = (_scores(side.manifest, side.run, compared) for side in (eight, source))
            report["compared"][FLOATS_AGAINST_8_BITS] = _likeness(wanted, got)
        put_in_place(work, target)
    exported = Exported(for_file(form.manifest, target), target)
    if verdict is not None and data is not None:
        figures = {f"{data.name} accuracy": round(verdict.after.score.accuracy, 4)}
        exported = replace(exported, manifest=replace(exported.manifest, accuracy=figures))
    report |= {"file": target.name, "sha256": exported.manifest.sha256, "bytes": size_of(target)}
    if settings.format in ("tflite", "coreml"):
        write_labels(target.parent, manifest)
        report["labels"] = LABELS_NAME
    write_passport(exported, report)
    return ClassExport(exported, report, verdict)


def few_of(dataset: ClassSet, count: int, seed: int) -> ClassSet:
    """So many pictures, of every class as many as of the others while there are any; the same seed chooses the same ones."""
    chance = random.Random(seed)  # noqa: S311  # a repeatable choice, not a secret
    queues = []
    for class_id in range(len(dataset.classes)):
        own = [picture for picture in dataset.pictures if picture.class_id == class_id]
        queues.append(chance.sample(own, len(own)))
    chosen = set[str]()
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.add(queue.pop().sha256)
    return dataset.where(lambda picture: picture.sha256 in chosen)


def _checked(source: Source, form: Exported, settings: ExportSettings, precision: str, pictures: ClassSet | None) -> dict[str, Any]:
    """Compare the form with its source in every runtime that is here.

    Raises:
        ModelUnsupported: It differs by more than its precision explains.
    """
    if pictures is None:
        return {"compared": {}, "note": "not compared on pictures: no folder per class was given with --data"}
    if settings.format == "coreml":
        return {"compared": {}, "note": "Core ML runs on Apple's systems only: its graph was checked, its numbers were not"}
    wanted = _scores(source.manifest, source.run, pictures)
    found: dict[str, Mapping[str, float | int]] = {}
    for name, run in runs_of(form, settings.format).items():
        scores = _scores(form.manifest, run, pictures)
        finite = scores.shape == wanted.shape and bool(np.isfinite(scores).all())
        largest = float(np.abs(scores - wanted).max(initial=0.0)) if finite else float("inf")
        same = int((scores.argmax(1) == wanted.argmax(1)).sum()) if finite else 0
        if largest > _LARGEST_DIFFERENCE[precision] or same < _SMALLEST_SHARE[precision] * len(wanted) or not finite:
            raise ModelUnsupported(
                f"{settings.format} in {name} differs from its source: by up to {largest:.3g} in a score, and {same} of {len(wanted)}"
                " answers are the same; nothing was written, please report this"
            )
        found[name] = _likeness(wanted, scores)
    return {"compared": found}


def _likeness(wanted: NDArray[np.float32], got: NDArray[np.float32]) -> dict[str, float | int]:
    """For JSON: how many answers are the same, and the largest difference of a score."""
    same = int((got.argmax(1) == wanted.argmax(1)).sum())
    return {"pictures": len(wanted), "same_answer": same, "largest": round(float(np.abs(got - wanted).max(initial=0.0)), 6)}


def _scores(manifest: ModelManifest, run: Run, pictures: ClassSet) -> NDArray[np.float32]:
    """(N, C) float32 of a form that is fed as its manifest says."""
    tensors = class_tensors(manifest, pictures.pictures, "pictures")
    return np.concatenate([run(tensor["pictures"]) for tensor in tensors])
