"""`panops evaluate classifier`: how well a model tells labelled pictures apart, as it runs on cameras."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from panops.commands.class_facts import class_record, class_row
from panops.commands.evaluate_classifier_table import print_classification
from panops.commands.evaluate_facts import data_title
from panops.commands.evaluate_model import find_model
from panops.commands.options import HomeOption
from panops.datasets.chart import Figure, matrix, raster, svg
from panops.datasets.class_folders import read_class_folders, split_folders
from panops.domain.errors import PanopsError
from panops.evaluation.classification_score import ClassificationScore, score_classification
from panops.export.class_deployed import classify_pictures
from panops.models.store import ModelStore
from panops.storage.home import Home

logger = logging.getLogger(__name__)

_PLOTS = (".png", ".jpg", ".webp", ".svg")


def evaluate_classifier(
    model: Annotated[str, typer.Argument(help="A model's name, a manifest or its folder, or a file with its manifest beside it.")],
    data: Annotated[Path, typer.Option(help="A folder with a folder of pictures for each class; its val/ where it has one.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the confusion matrix as a picture: .png, .jpg, .webp or .svg.")] = None,
    backend: Annotated[str, typer.Option(help="openvino, onnxruntime or litert; the one that cameras use otherwise.")] = "",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the network.")] = 1,
    home: HomeOption = None,
) -> None:
    """Accuracy of a classifier, through the code that cameras run: by class, what is taken for what, and how far to trust its scores.

    Measure on pictures that it did not learn from. A picture that cannot be decoded is named and left out.
    """
    measure_classifier(model, data, json_file=json_file, plot=plot, backend=backend, threads=threads, home=home, console=Console())


def measure_classifier(
    model: str,
    data: Path,
    *,
    json_file: Path | None = None,
    plot: Path | None = None,
    backend: str = "",
    threads: int = 1,
    home: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """What the command does, for other commands too.

    Returns:
        The JSON.

    Raises:
        PanopsError: The model or the pictures cannot be used, or nothing can be written.
    """
    console = console or Console(stderr=True)
    if plot is not None and plot.suffix.lower() not in _PLOTS:
        raise typer.BadParameter(f"expected a name that ends in {', '.join(_PLOTS)}, got {plot}", param_hint="--plot")
    found = find_model(model, ModelStore(Home(home).models))
    _, val = split_folders(data)
    folder = val or data
    report = read_class_folders(folder)
    if report.problems:
        first = report.problems[0]
        logger.warning("%s: %d problems, the first: %s", folder, len(report.problems), first)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(found.manifest.name, total=len(report.dataset))
        run = classify_pictures(
            found.manifest,
            found.path,
            report.dataset,
            lambda done, _: progress.update(task, completed=done),
            preferred=backend,
            threads=threads,
        )
    score = score_classification(run.truth, run.scores, found.manifest.classes)
    row = class_row(found.manifest.name, found.manifest, found.path, run, score)
    told = class_record(folder, report.dataset, len(report.problems), [row], run.broken)
    print_classification(console, score, run, f"{found.manifest.name} on {data_title(folder)}")
    if json_file is not None:
        _write(json_file, (json.dumps(told, indent=2, allow_nan=False) + "\n").encode())
    if plot is not None:
        _write(plot, _drawn(confusion_figure(score), plot.suffix.lower()))
        console.print(f"confusion: {plot}", highlight=False)
    return told


def confusion_figure(score: ClassificationScore) -> Figure:
    """The confusion matrix: a row for each class, a column for what it was called."""
    title = f"truth (row) and answer (column), {score.pictures:,} pictures, accuracy {100 * score.accuracy:.1f} %"
    return matrix(title, score.classes, score.classes, score.confusion.tolist())


def _drawn(figure: Figure, suffix: str) -> bytes:
    if suffix == ".svg":
        return svg(figure).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).encode()
    return cv2.imencode(suffix, raster([figure]))[1].tobytes()


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error
