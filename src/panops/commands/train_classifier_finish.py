"""What follows a classifier's training: the best weights as ONNX and as 8-bit ONNX, both measured on pictures that were kept apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TextColumn

from panops.commands.class_facts import class_record, class_row
from panops.commands.data_sets import writing
from panops.commands.evaluate_classifier_table import print_classification
from panops.commands.evaluate_facts import versions
from panops.commands.train_finish import make_room
from panops.commands.train_papers import parent_of
from panops.domain.class_pictures import ClassSet
from panops.evaluation.data_fingerprint import class_fingerprint
from panops.export.class_exporter import ClassExport, classifier_source, export_classifier
from panops.export.class_gate import MeasuredClasses, measure_classes
from panops.export.exporter import ExportSettings, Source
from panops.export.gate import ExportRefused, Limits
from panops.export.int8 import Int8Settings
from panops.export.passport import classifier_manifest, write_passport
from panops.models.checksum import sha256_of
from panops.models.figures import figures_name
from panops.models.provenance import DataUsed, Provenance, write_provenance
from panops.training.classifier_recipe import ClassifierRecipe, portable_recipe
from panops.training.classifier_session import ClassifierPictures
from panops.training.classifier_trainer import load_classifier
from panops.training.folder_lock import FolderLock
from panops.training.mobilenet_folded import ExportedClassifier

EVALUATION_JSON, NOTE = "evaluation.json", "finish.json"
_TOOLS = ("panops", "torch", "numpy", "onnx", "nncf", "openvino", "opencv-python-headless")


def finish_classifier(
    recipe: ClassifierRecipe,
    folder: Path,
    pictures: ClassifierPictures,
    console: Console,
    *,
    max_loss: float = 1.0,
    licence: str = "",
    credit: str = "",
) -> dict[str, Any]:
    """Export the best weights to `folder/model` and, where 8 bits cost little enough, to `folder/model-int8`; measure both.

    What an earlier end of these very weights left is not made again.

    Args:
        recipe: What was trained.
        folder: The training's.
        pictures: What it learnt from, and what to measure on.
        console: Where it is told.
        max_loss: Points of accuracy that 8 bits may cost.
        licence: SPDX identifier of the weights.
        credit: Whom to credit.

    Returns:
        `best_model`: the folder to install; `files`: what each file is, its size and accuracy; `refused`: why there is no 8-bit file.

    Raises:
        PanopsError: The network cannot be exported, or another training is running in the folder.
    """
    weights = folder / "best.pt"
    asked = {"weights": sha256_of(weights), "max_loss": max_loss, "licence": licence, "credit": credit, "name": recipe.name}
    note = folder / NOTE
    with FolderLock(folder):
        if note.is_file():
            told = json.loads(note.read_text(encoding="utf-8"))
            if told.get("asked") == asked and Path(told["told"]["best_model"]).is_dir():
                console.print("this training's files are there already: nothing was made anew", soft_wrap=True)
                return dict(told["told"])
        told_now = _End(recipe, folder, pictures, console).made(max_loss, licence, credit)
        with writing(note):
            note.write_text(json.dumps({"asked": asked, "told": told_now}, indent=2) + "\n", encoding="utf-8")
    return told_now


class _End:
    def __init__(self, recipe: ClassifierRecipe, folder: Path, pictures: ClassifierPictures, console: Console) -> None:
        self._recipe, self._folder, self._pictures, self._console = recipe, folder, pictures, console

    def made(self, max_loss: float, licence: str, credit: str) -> dict[str, Any]:
        recipe, pictures = self._recipe, self._pictures
        network, _ = load_classifier(self._folder / "best.pt")
        size = (recipe.input_px, recipe.input_px)
        credit = credit or (f"fine-tuned from {recipe.start.name}" if recipe.start else "")
        manifest = classifier_manifest(recipe.name.replace(".", "-"), tuple(recipe.classes), size, licence=licence, credit=credit)
        source = classifier_source(ExportedClassifier(network).eval(), manifest)
        for name in ("model", "model-int8"):
            make_room(self._folder / name)
        told: dict[str, Any] = {"best_model": str(self._folder / "model"), "files": []}
        with Progress(TextColumn("{task.description}"), console=self._console, transient=True) as bar:
            task = bar.add_task("exporting to ONNX", total=None)

            def tell(what: str, done: int, total: int) -> None:
                bar.update(task, description=f"{what}: {done} of {total}" if total > 1 else what)

            plain = export_classifier(source, self._folder / "model", ExportSettings("onnx"), pictures.val, progress=tell)
            measured = measure_classes(plain.exported, pictures.val, tell, "measuring")
            self._papers(plain, measured, told)
            rounded = self._rounded(source, max_loss, tell, told)
        print_classification(self._console, measured.score, measured.run, f"{recipe.name}, {pictures.how}")
        if rounded is not None:
            told["best_model"] = str(self._folder / "model-int8")
        return told

    def _rounded(self, source: Source, max_loss: float, tell: Any, told: dict[str, Any]) -> ClassExport | None:
        settings = ExportSettings("int8", int8=Int8Settings(seed=self._recipe.seed, limits=Limits(loss=max_loss)))
        try:
            made = export_classifier(source, self._folder / "model-int8", settings, self._pictures.val, self._pictures.learn, tell)
        except ExportRefused as error:
            told["refused"] = str(error)
            return None
        assert made.verdict is not None  # noqa: S101  # it went to 8 bits
        self._papers(made, made.verdict.after, told)
        return made

    def _papers(self, made: ClassExport, measured: MeasuredClasses, told: dict[str, Any]) -> None:
        """Write them beside the file, and its figures into what is told."""
        exported, pictures = made.exported, self._pictures
        val = pictures.val
        name = figures_name(val.name)
        row = class_row(exported.manifest.name, exported.manifest, exported.path, measured.run, measured.score)
        record = class_record(Path(val.name), val, len(pictures.problems), [row], measured.run.broken)
        accuracy = {f"{name} accuracy": round(measured.score.accuracy, 4)}
        manifest = replace(exported.manifest, accuracy=accuracy)
        exported = replace(exported, manifest=manifest)
        folder = exported.path.parent
        with writing(folder):
            write_passport(exported, made.report)
            write_provenance(folder, classifier_papers(self._recipe, (pictures.learn, pictures.held), {name: record}))
            if folder.name == "model":
                (self._folder / EVALUATION_JSON).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        told["files"].append(
            {
                "what": "8 bits" if made.report["precision"] == "int8" else "float",
                "path": str(exported.path),
                "mb": made.report["bytes"] / 1e6,
                "accuracy": measured.score.accuracy,
                "calibration_error": measured.score.calibration_error,
                "mistakes": [list(mistake) for mistake in measured.score.mistakes()],
            }
        )


def classifier_papers(recipe: ClassifierRecipe, learnt: tuple[ClassSet, ...], figures: Mapping[str, Mapping[str, Any]]) -> Provenance:
    """The papers of what a recipe made.

    Args:
        recipe: What was trained. Its paths are told by their last parts: they are of this machine.
        learnt: The pictures that had a say in the weights.
        figures: Evaluations of the result, by the name of the data.
    """
    used = replace(learnt[0], pictures=tuple(picture for part in learnt for picture in part.pictures))
    data = DataUsed("/".join(recipe.data.train.parts[-2:]), class_fingerprint(used), len(used))
    return Provenance(
        purpose=f"Tells pictures of {len(recipe.classes)} classes apart.",
        parent=parent_of(recipe.start) if recipe.start is not None else None,
        data=(data,),
        tools={name: version for name, version in versions(_TOOLS).items() if version != "not installed"},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=portable_recipe(recipe),
        figures=figures,
    )
