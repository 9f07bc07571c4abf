"""What follows a training: the best weights as an ONNX file with manifest and papers, and its figures through the code that cameras run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from panops.commands.data_sets import writing
from panops.commands.evaluate_detector import measure
from panops.commands.evaluate_facts import data_title
from panops.commands.export_papers import clear_papers
from panops.commands.train_papers import papers_of
from panops.datasets.coco import write_coco
from panops.domain.errors import ConfigError, ModelNotFound, PanopsError
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.export.exporter import ExportSettings, export, torch_source
from panops.export.passport import detector_manifest
from panops.models.checksum import sha256_of
from panops.models.figures import figures_name, own_figures
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.provenance import read_json, read_provenance, write_provenance
from panops.training.checkpoint import load_network
from panops.training.folder_lock import FolderLock
from panops.training.network import ExportedNetwork
from panops.training.recipe import Recipe

EVALUATION_PAGE, EVALUATION_JSON = "evaluation.html", "evaluation.json"
# The recipe's `data.val` as one set in its classes: what the exported file is measured on.
MEASURED = Path("data") / "measured.json"
NOTE = "finish.json"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is there of a training's end.

    Attributes:
        exported: The ONNX file of these weights.
        measured: Its figures and papers, on the recipe's `data.val`; only papers where the recipe has none.
    """

    exported: bool
    measured: bool


def ending_of(recipe: Recipe, folder: Path) -> Ending:
    """What an earlier `finish` left in the folder that is of these very weights."""
    target, weights = folder / "model", weights_of(folder)
    try:
        manifest = read_manifest(target / MANIFEST_NAME)
        file = target / manifest.file_name
        whole = manifest.name == model_name(recipe) and sha256_of(file) == manifest.sha256
        of_these, on = _noted(folder, weights, target / MANIFEST_NAME)
        if not (whole and of_these):
            return Ending(exported=False, measured=False)
        papers = read_provenance(target)
        pages = (folder / EVALUATION_PAGE).is_file() and (folder / EVALUATION_JSON).is_file()
        own = all(own_figures(record, manifest.sha256) is not None for record in papers.figures.values())
    except (PanopsError, OSError):  # missing or damaged: it is made anew
        return Ending(exported=False, measured=False)
    val = [str(path) for path in recipe.data.val]
    told = bool(papers.recipe) and own
    return Ending(exported=True, measured=told and (not val or (pages and bool(papers.figures) and on in (None, val))))


def weights_of(folder: Path) -> Path:
    """The weights that a training gives: the best ones, the last ones where nothing was measured."""
    return folder / "best.pt" if (folder / "best.pt").is_file() else folder / "last.pt"


def finish(recipe: Recipe, folder: Path, val: Callable[[], DetectionSet], console: Console) -> dict[str, Any]:
    """Export the best weights to `folder/model`, measure that file, and write its papers beside it; what is there already is kept.

    Args:
        recipe: What was trained.
        folder: The training's.
        val: Gives what to measure on, which may be empty; called where something is to be done.
        console: Where it is told.

    Returns:
        `model`: the file's path; and where there was something to measure on, `report` and `figures`: the pages, and `deployed`: COCO's
        figures over all and by class.

    Raises:
        PanopsError: The network cannot be exported, its file differs from it, or another training is running in the folder.
    """
    with FolderLock(folder):
        ending = ending_of(recipe, folder)
        if not ending.measured:
            _end(recipe, folder, val(), console, export_it=not ending.exported)
    return told_of(folder)


def told_of(folder: Path) -> dict[str, Any]:
    """What `finish` gives, read from the folder."""
    target = folder / "model"
    told: dict[str, Any] = {"model": str(target / read_manifest(target / MANIFEST_NAME).file_name)}
    figures = folder / EVALUATION_JSON
    if not read_provenance(target).figures or not figures.is_file():
        return told
    measured = json.loads(figures.read_text(encoding="utf-8"))["models"][0]
    deployed = {"overall": measured["overall"], "classes": measured["classes"], "speed": measured["speed"]}
    return {**told, "report": str(folder / EVALUATION_PAGE), "figures": str(figures), "deployed": deployed}


def _end(recipe: Recipe, folder: Path, val: DetectionSet, console: Console, *, export_it: bool) -> None:
    target, weights = folder / "model", weights_of(folder)
    if export_it:
        make_room(target)
        with console.status("exporting to ONNX"):
            network = load_network(weights)
            source = torch_source(ExportedNetwork(network).eval(), _manifest(recipe))
            export(source, target, ExportSettings("onnx"), val if len(val) else None)
        _note(folder, weights, None)
    figures: dict[str, Path] = {}
    if len(val):
        # Measured as it was learnt: in the recipe's classes, all sets together.
        data = folder / MEASURED
        with writing(data):
            data.parent.mkdir(parents=True, exist_ok=True)
            write_coco(val, data)
        page, record = folder / EVALUATION_PAGE, folder / EVALUATION_JSON
        title = " + ".join(_title(path) for path in recipe.data.val)
        with redirect_stdout(sys.stderr):
            measure(str(target), data, json_file=record, report=page, title=title)
        figures = {figures_name("+".join(path.stem for path in recipe.data.val)): record}
    with writing(target):
        clear_papers(target)
        write_provenance(target, papers_of(recipe, figures))
    _note(folder, weights, [str(path) for path in recipe.data.val])


def _title(path: Path) -> str:
    """The data's name; `data.yaml#val` is one split of it."""
    if not path.exists() and "#" in path.name:
        file, _, split = path.name.rpartition("#")
        return data_title(path.with_name(file), split)
    return data_title(path)


def _note(folder: Path, weights: Path, on: list[str] | None) -> None:
    """Write down which weights lie in `model/`, and on what they were measured; None for not yet."""
    note = folder / NOTE
    with writing(note):
        note.write_text(json.dumps({"weights": sha256_of(weights), "measured_on": on}, indent=2) + "\n", encoding="utf-8")


def _noted(folder: Path, weights: Path, manifest: Path) -> tuple[bool, list[str] | None]:
    """Whether `model/` is of these weights, and what it was measured on; None where that is not known."""
    note = folder / NOTE
    if not note.is_file():
        # Trainings of before wrote none: what is younger than the weights is of them.
        return manifest.stat().st_mtime_ns >= weights.stat().st_mtime_ns, None
    told = read_json(note)
    on = told.get("measured_on")
    return told.get("weights") == sha256_of(weights), [str(path) for path in on] if isinstance(on, list) else []


def model_name(recipe: Recipe) -> str:
    """What the recipe's model is called in the store."""
    return "".join(letter if letter.isalnum() or letter in "_-" else "-" for letter in recipe.name)[:63]


def _manifest(recipe: Recipe) -> ModelManifest:
    credit = ""
    if recipe.start is not None:
        try:
            credit = f"fine-tuned from: {read_manifest(recipe.start.parent / 'manifest.yaml').credit}"
        except (ConfigError, ModelNotFound, OSError):
            credit = f"fine-tuned from {recipe.start.name}"
    return detector_manifest(model_name(recipe), tuple(recipe.classes), (recipe.input_px, recipe.input_px), credit=credit)


def make_room(target: Path) -> None:
    """Remove what an earlier end of this training wrote."""
    with writing(target):
        clear_papers(target)
        for path in target.iterdir() if target.is_dir() else ():
            if path.is_file():
                path.unlink()
