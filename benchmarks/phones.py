"""The models that come with panops as files for phones: how large, how near their source, how quick.

Run it as `python -m benchmarks.phones [--data LABELS] [--signs FOLDER] [--models NAME ...]`. LABELS are labelled pictures for the
detectors (COCO, YOLO, VOC), FOLDER has a folder of pictures for each class of `sign_digits`. Without LABELS pictures of the simulated site
are looked at, which tells how near a form is to its source, and nothing of how right it is on photographs.

    source     the built-in file: 8-bit ONNX, run by onnxruntime
    int8       TFLite with the same levels; float16: TFLite of the levels written out, see docs/export.md; both run by LiteRT
    coreml     runs on Apple's systems only: size and graph are known here, and what its graph computes, by onnxruntime in float32
    the same   boxes of one class at IoU .95 and more, of those at scores from .25; a classifier's answers
    cpu_ms     CPU time of the network alone on one thread, by turns, so that ratios hold on a busy machine
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from panops.commands.bench_inference_contest import Contender, contenders, contest
from panops.commands.evaluate_facts import versions
from panops.datasets import open_dataset
from panops.datasets.class_folders import read_class_folders, split_folders
from panops.datasets.cropping import CropSettings, cut_crops
from panops.domain.boxes import iou
from panops.domain.class_pictures import ClassSet
from panops.domain.detections import Detections
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.evaluation.detection_score import score_detections
from panops.export.agreement import file_run
from panops.export.class_deployed import classify_pictures
from panops.export.class_exporter import export_classifier
from panops.export.deployed import run_pictures
from panops.export.exporter import ExportSettings, Format, Precision, Source, export, size_of
from panops.export.onnx_source import read_onnx
from panops.models.store import ModelStore, StoredModel, package_builtin

_SAME_IOU, _NEAR_IOU, _SCORE = 0.95, 0.5, 0.25
_CLOSE = "ppe_close"  # looks at one person, cut out
_SIMULATED = 120


@dataclass(frozen=True, slots=True)
class Form:
    """A form to write.

    Attributes:
        name: What it is called in the table.
        format: Of `panops export`.
        precision: Likewise.
        runtime: The backend that runs it here; empty where none does.
    """

    name: str
    format: Format
    precision: Precision
    runtime: str


# The float ONNX file has the graph that Core ML's is made of: what can be known of its numbers without an Apple.
FORMS = (
    Form("tflite float16", "tflite", "float16", "litert"),
    Form("tflite int8", "tflite", "int8", "litert"),
    Form("coreml float16", "coreml", "float16", ""),
    Form("onnx float32", "onnx", "float32", "onnxruntime"),
)


@dataclass(frozen=True, slots=True)
class Material:
    """What is looked at.

    Attributes:
        whole: For detectors.
        close: For `ppe_close`: people, cut out; None where nobody is in the pictures.
        signs: For `sign_digits`; None for no labelled pictures.
    """

    whole: DetectionSet
    close: DetectionSet | None
    signs: ClassSet | None


class Bench:
    """All models, one after the other; then all files that LiteRT runs, in turns.

    Args:
        work: Where the files go.
        material: What is looked at.
        seconds: How long each file is timed.
    """

    def __init__(self, work: Path, material: Material, seconds: float) -> None:
        self._work, self._material, self._seconds = work, material, seconds
        self._timed: list[tuple[dict[str, Any], Contender]] = []

    def run(self, models: Sequence[StoredModel]) -> dict[str, Any]:
        """The figures by model and form."""
        told = {model.manifest.name: self._model(model) for model in models}
        rounds = contest([contender for _, contender in self._timed], self._seconds)
        for row, contender in self._timed:
            row["cpu_ms"] = round(contender.cpu_ms, 2)
            contender.backend.close()
        return {"rounds": rounds, "models": told}

    def _model(self, model: StoredModel) -> dict[str, Any]:
        manifest, look = model.manifest, self._looker(model.manifest)
        sys.stderr.write(f"{manifest.name} ...\n")
        truth = look(manifest, model.path, "onnxruntime", None)
        forms: dict[str, Any] = {}
        for form in FORMS:
            try:
                forms[form.name] = self._form(model, form, look, truth)
            except PanopsError as error:
                forms[form.name] = {"refused": str(error)}
        figures = {key: value for key, value in truth.items() if key != "seen"}
        return {"input_size_wh": list(manifest.input_size_wh), "source": {"bytes": size_of(model.path), **figures}, "forms": forms}

    def _form(self, model: StoredModel, form: Form, look: Any, truth: dict[str, Any]) -> dict[str, Any]:
        source = Source(read_onnx(model.path), model.manifest, file_run(model.path, "onnxruntime"))
        folder = self._work / f"{model.manifest.name}-{form.name.replace(' ', '-')}"
        settings = ExportSettings(format=form.format, precision=form.precision)
        if model.manifest.task == "classification":
            exported = export_classifier(source, folder, settings).exported
        else:
            exported, _ = export(source, folder, settings)
        row: dict[str, Any] = {"bytes": size_of(exported.path), "labels": (folder / "labels.txt").is_file()}
        if not form.runtime:
            return row | {"note": "runs on Apple's systems only; its graph was checked when it was written"}
        row |= {key: value for key, value in look(exported.manifest, exported.path, form.runtime, truth).items() if key != "seen"}
        if form.runtime == "litert":
            stored = StoredModel(exported.manifest, exported.path)
            self._timed += [(row, contender) for contender in contenders(stored, 1, ("litert",))]
        return row

    def _looker(self, manifest: ModelManifest) -> Any:
        if manifest.task == "classification":
            return self._classes
        return self._boxes

    def _boxes(self, manifest: ModelManifest, path: Path, runtime: str, truth: dict[str, Any] | None) -> dict[str, Any]:
        """A detector's figures, and where there is a source, how near they are."""
        dataset = self._material.close if manifest.name == _CLOSE else self._material.whole
        if dataset is None:
            raise PanopsError("nobody is labelled in these pictures, so nobody can be cut out")
        run = run_pictures(manifest, path, dataset.pictures, preferred=runtime, skip_broken=True)
        score = score_detections(dataset, run.detections, manifest.classes).overall
        row: dict[str, Any] = {"pictures": len(dataset), "ap": _rounded(score.ap), "ap50": _rounded(score.ap50), "seen": run.detections}
        return row if truth is None else row | likeness(truth["seen"], run.detections)

    def _classes(self, manifest: ModelManifest, path: Path, runtime: str, truth: dict[str, Any] | None) -> dict[str, Any]:
        """A classifier's."""
        if self._material.signs is None:
            raise PanopsError("no pictures of signs were given with --signs")
        run = classify_pictures(manifest, path, self._material.signs, preferred=runtime)
        answers = run.scores.argmax(1)
        row: dict[str, Any] = {"pictures": len(answers), "accuracy": _rounded(float((answers == run.truth).mean())), "seen": run.scores}
        if truth is None:
            return row
        gaps = np.abs(run.scores - truth["seen"])
        return row | {
            "same": int((answers == truth["seen"].argmax(1)).sum()),
            "of": len(answers),
            "score_most": _rounded(float(gaps.max())),
        }


def likeness(source: Sequence[Detections], form: Sequence[Detections]) -> dict[str, Any]:
    """How many boxes are the same, and how far those that belong together are apart, px of the picture and scores."""
    of = extra = same = near = 0
    edges, scores = list[float](), list[float]()
    for all_wanted, all_got in zip(source, form, strict=True):
        wanted, got = all_wanted.select(all_wanted.score >= _SCORE), all_got.select(all_got.score >= _SCORE)
        pairs = _pairs(wanted, got)
        of, extra, near = of + len(wanted), extra + len(got) - len(pairs), near + len(pairs)
        same += sum(overlap >= _SAME_IOU for _, _, overlap in pairs)
        edges += [float(np.abs(wanted.xyxy[one] - got.xyxy[other]).max()) for one, other, _ in pairs]
        scores += [abs(float(wanted.score[one] - got.score[other])) for one, other, _ in pairs]
    return {
        "of": of,
        "same": same,
        "near": near,
        "extra": extra,
        "edge_px_mean": _mean(edges),
        "edge_px_most": _rounded(max(edges, default=0.0)),
        "score_mean": _mean(scores),
        "score_most": _rounded(max(scores, default=0.0)),
    }


def _pairs(wanted: Detections, got: Detections) -> list[tuple[int, int, float]]:
    """Boxes of one class that belong together, best first, with their IoU."""
    overlap = iou(wanted.xyxy, got.xyxy) * (wanted.class_id[:, None] == got.class_id[None, :])
    found = []
    while overlap.size and overlap.max() >= _NEAR_IOU:
        row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
        found.append((int(row), int(column), float(overlap[row, column])))
        overlap[row, :] = overlap[:, column] = 0.0
    return found


def _mean(values: Sequence[float]) -> float | None:
    return _rounded(float(np.mean(values))) if values else None


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def material(data: Path | None, signs: Path | None, work: Path) -> Material:
    """What is looked at; the simulated site where no labels were given."""
    if data is None:
        command = [sys.executable, "-m", "panops.cli", "data", "simulate", "--pictures", str(_SIMULATED), "--out", str(work / "simulated")]
        subprocess.run(command, check=True, capture_output=True)
        (data,) = (work / "simulated").glob("*.json")
    whole = open_dataset(data, "").dataset
    classes = ModelStore(work / "models").get(_CLOSE).manifest.classes
    close = None
    if "person" in whole.classes:
        kept = tuple(name for name in classes if name in whole.classes)
        close = cut_crops(whole, CropSettings("person", kept, 24, 320), work / "crops", lambda _: None).dataset
    if signs is None:
        return Material(whole, close, None)
    train, val = split_folders(signs)
    return Material(whole, close, read_class_folders(train if val is None else val).dataset)


def main() -> None:
    """Measure, and print JSON."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--data", type=Path)
    reader.add_argument("--signs", type=Path)
    reader.add_argument("--models", nargs="+", default=[], help="only these; all that come with panops otherwise")
    reader.add_argument("--seconds", type=float, default=4.0)
    asked = reader.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        store = ModelStore(work / "models")
        models = [
            store.get(path.name)
            for path in sorted(package_builtin().iterdir())
            if path.is_dir() and path.name in (asked.models or [path.name])
        ]
        told = Bench(work, material(asked.data, asked.signs, work), asked.seconds).run(models)
    tools = versions(("ai-edge-litert", "coremltools", "onnx", "onnxruntime"))
    looked_at = {"data": asked.data.name if asked.data else "simulated", "signs": asked.signs.name if asked.signs else None}
    sys.stdout.write(
        json.dumps({"bench": "phones", "machine": describe(), "tools": tools, "looked_at": looked_at, **told}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
