"""The part of `panops export` that is for classifiers: a folder per class instead of boxes, accuracy instead of AP."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from panops.commands.class_facts import class_record, class_row
from panops.commands.evaluate_facts import versions
from panops.commands.export_papers import Origin, leave_papers
from panops.datasets.class_folders import read_class_folders, split_folders
from panops.domain.class_pictures import ClassSet
from panops.export.class_exporter import ClassExport, classifier_source, export_classifier
from panops.export.exporter import ExportSettings, Source
from panops.export.gate import ExportRefused, Progress
from panops.export.passport import classifier_manifest
from panops.models.figures import figures_name, own_figures
from panops.models.provenance import Provenance, read_provenance

_TOOLS = {"int8": ("nncf", "openvino"), "openvino": ("openvino",), "tflite": ("ai-edge-litert",), "coreml": ("coremltools",)}


def classifier_checkpoint(path: Path, name: str, size: int | None, known: dict[str, str]) -> tuple[Source, Origin]:
    """A classifier's checkpoint as something to export.

    Args:
        path: The checkpoint.
        name: What the model is called; the recipe's name where it is empty.
        size: Input, px; the training's where it is None.
        known: Licence, credit and what it is not for.

    Raises:
        ModelUnsupported: It is damaged, or cannot be traced.
    """
    from panops.training.classifier_trainer import load_classifier  # noqa: PLC0415  # torch: only a checkpoint needs it
    from panops.training.mobilenet_folded import ExportedClassifier  # noqa: PLC0415  # as above

    network, content = load_classifier(path)
    recipe = content["recipe"]
    side = size or int(recipe["input_px"])
    manifest = classifier_manifest(name or str(recipe["name"]).replace(".", "-"), network.shape.classes, (side, side), **known)
    source = classifier_source(ExportedClassifier(network).eval(), manifest)
    beside = path.parent / "model"
    papers = replace(read_provenance(beside), export={}, figures={}) if beside.is_dir() else Provenance()
    return source, Origin(papers, path.name)


def write_classifier(
    source: Source,
    origin: Origin,
    out: Path,
    settings: ExportSettings,
    data: Path | None,
    calibration: Path | None,
    progress: Progress,
    *,
    as_json: bool,
) -> ClassExport:
    """Export, and write the papers beside the file.

    Raises:
        ExportRefused: 8 bits cost too much.
        PanopsError: It cannot be exported or written.
    """
    classes = source.manifest.classes
    judge = _pictures(data, classes, learnt=False)
    others = _pictures(calibration, classes, learnt=True)
    try:
        made = export_classifier(source, out, settings, judge, others, progress)
    except ExportRefused as error:
        if as_json:
            typer.echo(json.dumps({"error": str(error), **error.report}, indent=2))
        raise
    report = _with_papers(made, origin, judge)
    for doubt in made.verdict.doubts if made.verdict is not None else ():
        sys.stderr.write(f"warning: {doubt}\n")
    made = replace(made, report=report)
    if as_json:
        typer.echo(json.dumps({"path": str(made.exported.path), **report}, indent=2))
    else:
        _tell(made)
    return made


def _pictures(path: Path | None, classes: tuple[str, ...], *, learnt: bool) -> ClassSet | None:
    """A folder per class; of one with splits, `val` to judge on and `train` to calibrate with."""
    if path is None:
        return None
    train, val = split_folders(path)
    return read_class_folders(train if learnt or val is None else val, classes).dataset


def _with_papers(made: ClassExport, origin: Origin, judge: ClassSet | None) -> dict[str, Any]:
    """Write where it is from; gives the report with it."""
    exported, verdict, papers = made.exported, made.verdict, origin.papers
    report = {**made.report, "made_from": {key: value for key, value in (("file", origin.file_name), ("sha256", origin.sha256)) if value}}
    if report["precision"] == "int8" and "int8" not in report and "int8" in papers.export:
        report["int8"] = papers.export["int8"]  # the very levels that were judged
    figures: dict[str, Any] = {}
    if verdict is not None and judge is not None:
        after = verdict.after
        row = class_row(exported.manifest.name, exported.manifest, exported.path, after.run, after.score)
        figures[figures_name(judge.name)] = class_record(Path(judge.name), judge, 0, [row], after.run.broken)
    else:
        for name, record in papers.figures.items():
            own = own_figures(record, exported.manifest.sha256)
            if own is not None:  # the same file written again
                figures[name] = record
    tools = versions(("panops", "onnx", *_TOOLS.get(report["format"], ()), *(_TOOLS["int8"] if verdict is not None else ())))
    told = replace(
        papers, tools={**{name: one for name, one in tools.items() if one != "not installed"}, **papers.tools}, export={}, figures=figures
    )
    leave_papers(exported, told, report)
    return report


def _tell(made: ClassExport) -> None:
    """What was written and how near it is, in a few lines."""
    report = made.report
    typer.echo(f"{made.exported.path}: {report['format']}, {report['precision']}, {report['bytes'] / 1e6:.2f} MB")
    for runtime, found in report["compared"].items():
        typer.echo(
            f"  {runtime}: {found['same_answer']} of {found['pictures']} answers the same, scores differ by at most {found['largest']:.2g}"
        )
    if "note" in report:
        typer.echo(f"  {report['note']}")
    if "labels" in report:
        typer.echo(f"  the classes, a line each: {report['labels']}")
    if made.verdict is not None:
        worse, better = made.verdict.changed
        typer.echo(
            f"  8 bits: {made.verdict.sentence()}; of {made.verdict.before.score.pictures} pictures {worse} became wrong, {better} right"
        )
