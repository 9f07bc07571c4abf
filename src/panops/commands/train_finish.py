"""What follows a training: the best weights as an ONNX file with manifest and papers, and its figures through the code that cameras run."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from rich.console import Console

from panops.commands.data_sets import writing
from panops.commands.evaluate_detector import evaluate_detector
from panops.commands.train_papers import papers_of
from panops.datasets.coco import write_coco
from panops.domain.errors import ConfigError, ModelNotFound
from panops.domain.labels import DetectionSet
from panops.domain.manifest import ModelManifest
from panops.export.exporter import ExportSettings, export, torch_source
from panops.export.passport import detector_manifest
from panops.models.manifest_file import read_manifest
from panops.models.provenance import FIGURES_FOLDER, write_provenance
from panops.training.checkpoint import load_network
from panops.training.network import ExportedNetwork
from panops.training.recipe import Recipe


def finish(recipe: Recipe, folder: Path, val: DetectionSet, console: Console) -> dict[str, Any]:
    """Export `best.pt` (`last.pt` where nothing was measured) to `folder/model`, measure that file, and write its papers beside it.

    Args:
        recipe: What was trained.
        folder: The training's.
        val: What to measure on; may be empty.
        console: Where it is told.

    Returns:
        `model`: the file's path; and where there was something to measure on, `report` and `figures`: the pages, and `deployed`: COCO's
        figures over all and by class.

    Raises:
        PanopsError: The network cannot be exported, or its file differs from it.
    """
    weights = folder / "best.pt"
    network = load_network(weights if weights.is_file() else folder / "last.pt")
    target = folder / "model"
    _make_room(target)
    settings = ExportSettings("onnx")
    with console.status("exporting to ONNX"):
        source = torch_source(ExportedNetwork(network).eval(), _manifest(recipe))
        exported, _ = export(source, target, settings, val if len(val) else None)
    told: dict[str, Any] = {"model": str(exported.path)}
    if not len(val):
        _write_papers(recipe, target)
        return told
    data = folder / "data" / "measured.json"
    with writing(data):
        data.parent.mkdir(parents=True, exist_ok=True)
        write_coco(val, data)
    page, figures = folder / "evaluation.html", folder / "evaluation.json"
    with redirect_stdout(sys.stderr):
        evaluate_detector(str(target), data, json_file=figures, report=page)
    _write_papers(recipe, target, figures)
    measured = json.loads(figures.read_text(encoding="utf-8"))["models"][0]
    deployed = {"overall": measured["overall"], "classes": measured["classes"], "speed": measured["speed"]}
    return {**told, "report": str(page), "figures": str(figures), "deployed": deployed}


def _manifest(recipe: Recipe) -> ModelManifest:
    name = "".join(letter if letter.isalnum() or letter in "_-" else "-" for letter in recipe.name)[:63]
    credit = ""
    if recipe.start is not None:
        try:
            credit = f"fine-tuned from: {read_manifest(recipe.start.parent / 'manifest.yaml').credit}"
        except (ConfigError, ModelNotFound, OSError):
            credit = f"fine-tuned from {recipe.start.name}"
    return detector_manifest(name, tuple(recipe.classes), (recipe.input_px, recipe.input_px), credit=credit)


def _write_papers(recipe: Recipe, target: Path, figures: Path | None = None) -> None:
    papers = papers_of(recipe, figures)
    with writing(target):
        write_provenance(target, papers)


def _make_room(target: Path) -> None:
    """Remove what an earlier end of this training wrote."""
    with writing(target):
        if target.is_dir():
            for path in [*target.iterdir(), *target.glob(f"{FIGURES_FOLDER}/*.json")]:
                if path.is_file():
                    path.unlink()
