"""`panops evaluate detector`: how well a model finds what is labelled, as it runs on cameras."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from panops.commands.evaluate_detector_table import print_results
from panops.commands.evaluate_facts import data_facts, data_title, model_facts, setting_facts
from panops.commands.evaluate_model import at_size, find_model, told_apart
from panops.commands.evaluate_thumbnail import thumbnail
from panops.commands.options import HomeOption
from panops.datasets.opening import open_dataset
from panops.domain.detections import Detections
from panops.domain.errors import PanopsError, SourceCorrupt
from panops.domain.labels import DetectionSet
from panops.evaluation.detection_page import detection_page
from panops.evaluation.detection_result import DetectionResult, analyse
from panops.evaluation.detection_score import score_detections
from panops.evaluation.detection_summary import read_definitions
from panops.export.deployed import AP_SETTINGS, DeployedRun, run_pictures
from panops.models.store import ModelStore, StoredModel
from panops.storage.home import Home

logger = logging.getLogger(__name__)


def evaluate_detector(
    model: Annotated[str, typer.Argument(help="A model's name, a manifest or its folder, or a file with its manifest beside it.")],
    data: Annotated[Path, typer.Option(help="Labelled pictures: a COCO .json, a YOLO or VOC folder, or a dataset.yaml.")],
    split: Annotated[str, typer.Option(help="Which split of the data; all of it where it is not given.")] = "",
    beside: Annotated[str, typer.Option(help="A second model, measured in the same run and shown beside the first.")] = "",
    summary: Annotated[Path | None, typer.Option(help="A YAML file of means of one's own over sources and classes.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure as JSON.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report: curves, confusion, the worst pictures.")] = None,
    size: Annotated[int | None, typer.Option(min=32, max=4096, help="Side of the network's input, px; its own otherwise.")] = None,
    backend: Annotated[str, typer.Option(help="openvino, onnxruntime or litert; the one that cameras use otherwise.")] = "",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the network.")] = 1,
    precision: Annotated[float, typer.Option(min=0.01, max=1.0, help="The second threshold of each class is for this precision.")] = 0.9,
    home: HomeOption = None,
) -> None:
    """COCO AP of a detector, through the code that cameras run: by source, class, size and group, with thresholds and speed.

    Labels may be partial: a class counts only in pictures that labelled it. Means are over classes, each weighing the same.
    """
    measure(
        model,
        data,
        split=split,
        beside=beside,
        summary=summary,
        json_file=json_file,
        report=report,
        size=size,
        backend=backend,
        threads=threads,
        precision=precision,
        home=home,
    )


def measure(
    model: str,
    data: Path,
    *,
    split: str = "",
    beside: str = "",
    summary: Path | None = None,
    json_file: Path | None = None,
    report: Path | None = None,
    size: int | None = None,
    backend: str = "",
    threads: int = 1,
    precision: float = 0.9,
    home: Path | None = None,
    title: str = "",
) -> None:
    """What `panops evaluate detector` does, for other commands too; `title` is what the data is called, from its path where it is empty.

    Raises:
        PanopsError: The model or the data cannot be used, or nothing can be written.
    """
    console = Console()
    title = title or data_title(data, split)
    definitions = read_definitions(summary) if summary else ()
    store = ModelStore(Home(home).models)
    typed = [name for name in (model, beside) if name]
    models = [find_model(name, store) for name in typed]
    opened = open_dataset(data, split)
    if opened.problems:
        logger.warning("%s: %d problems, the first: %s; all: panops data check", data, len(opened.problems), opened.problems[0])
    runs = [_run(one, opened.dataset, size, backend, threads, console) for one in models]
    dataset, detections, broken = _usable(opened.dataset, runs)
    if not len(dataset):
        raise SourceCorrupt(f"{data}: expected labelled pictures, found none that can be used; see: panops data check {data}")
    results = []
    for called, one, run, found in zip(told_apart(models, typed), models, runs, detections, strict=True):
        with console.status(f"scoring {called}"):
            score = score_detections(dataset, found, one.manifest.classes)
            results.append(analyse(called, model_facts(one, run), run.speed.record(), score, definitions, precision))
    told = data_facts(data, split, dataset, len(opened.problems), broken)
    print_results(console, results, f"{title}: {len(dataset):,} pictures, {dataset.box_count:,} boxes")
    if json_file is not None:
        _write(json_file, json.dumps(_record(results, told), indent=2, allow_nan=False) + "\n")
    if report is not None:
        shown = {"data": title, **{f"data {name}": value for name, value in told.items()}}
        _write(report, detection_page(results, {**shown, **setting_facts()}, thumbnail))
        console.print(f"report: {report}", highlight=False)


def _run(model: StoredModel, dataset: DetectionSet, size: int | None, backend: str, threads: int, console: Console) -> DeployedRun:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with at_size(model, (size, size) if size else None) as sized, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(model.manifest.name, total=len(dataset))
        return run_pictures(
            sized.manifest,
            sized.path,
            dataset.pictures,
            AP_SETTINGS,
            lambda done, _: progress.update(task, completed=done),
            preferred=backend,
            threads=threads,
            skip_broken=True,
        )


def _usable(dataset: DetectionSet, runs: Sequence[DeployedRun]) -> tuple[DetectionSet, list[list[Detections]], dict[str, str]]:
    """The pictures that could be decoded, what each model found there, and what was left out and why."""
    broken = runs[0].broken
    for reason in broken.values():
        logger.warning("%s; left out", reason)
    kept = [index for index in range(len(dataset)) if index not in broken]
    pictures = tuple(dataset.pictures[index] for index in kept)
    # By name; where two folders have one of that name, by the whole path.
    names = Counter(dataset.pictures[index].path.name for index in broken)
    paths = {index: dataset.pictures[index].path for index in broken}
    reasons = {path.name if names[path.name] == 1 else str(path): broken[index] for index, path in paths.items()}
    return replace(dataset, pictures=pictures), [[run.detections[index] for index in kept] for run in runs], reasons


def _record(results: Sequence[DetectionResult], data: dict[str, Any]) -> dict[str, Any]:
    return {"evaluation": "detection", "data": data, **setting_facts(), "models": [one.record() for one in results]}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error
