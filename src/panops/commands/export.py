"""`panops export`: a trained network or an ONNX file as files for the places where it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from panops.commands.evaluate_facts import data_title
from panops.commands.export_classifier import classifier_checkpoint, write_classifier
from panops.commands.export_papers import Origin, check_folder, checkpoint_origin, file_origin, write_papers
from panops.commands.options import HomeOption, JsonOption
from panops.datasets import open_dataset
from panops.datasets.problems import ReadReport
from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.export.agreement import file_run
from panops.export.exporter import ExportSettings, Source, torch_source
from panops.export.exporter import export as export_model
from panops.export.gate import ExportRefused, Limits, Progress
from panops.export.int8 import Int8Settings
from panops.export.onnx_source import read_onnx
from panops.export.passport import Exported, detector_manifest
from panops.models.manifest_file import MANIFEST_NAME, read_manifest
from panops.models.store import ModelStore
from panops.storage.home import Home

CLASSIFICATION = "classification"
_TRAINED_SIZE_PX = 416
# How many of the worst layers `--mixed` keeps in float, until the gate opens.
_MIXED = (4, 8, 16)


def export(
    model: Annotated[
        str, typer.Argument(help="A checkpoint (.pt), an .onnx with manifest.yaml beside it, a model folder, or a model's name.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write: file, manifest.yaml, export.json. `panops models add` takes it.")],
    form: Annotated[
        Literal["onnx", "int8", "openvino", "tflite", "coreml", "pt2"], typer.Option("--format", help="What to write.")
    ] = "onnx",
    data: Annotated[
        Path | None, typer.Option(help="Labelled pictures, a folder per class for classifiers: forms are compared; 8 bits are judged.")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="Other pictures to calibrate 8 bits with, such as the training's.")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="How many pictures calibrate 8 bits.")] = 200,
    seed: Annotated[int, typer.Option(help="Which pictures.")] = 0,
    precision: Annotated[
        Literal["float32", "float16", "int8"] | None, typer.Option(help="Of openvino, tflite and coreml; phones get float16 by default.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=32, help="Input, px, a multiple of 32; for checkpoints (416 by default; a classifier's own).")
    ] = None,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="ONNX of a checkpoint: leave batch and picture size open.")] = False,
    max_loss: Annotated[float, typer.Option(min=0.0, help="Points of AP, or of a classifier's accuracy, that 8 bits may cost.")] = 1.0,
    max_small_loss: Annotated[float, typer.Option(min=0.0, help="AP points that 8 bits may cost on boxes below 32x32 px.")] = 1.5,
    mixed: Annotated[bool, typer.Option("--mixed", help="Where 8 bits cost too much, keep the worst layers in float.")] = False,
    name: Annotated[str, typer.Option(help="The model's name; that of MODEL by default.")] = "",
    licence: Annotated[str, typer.Option(help="SPDX identifier of a checkpoint's weights.")] = "",
    credit: Annotated[str, typer.Option(help="Whom to credit for a checkpoint's weights.")] = "",
    not_for: Annotated[str, typer.Option(help="What a checkpoint is not good for.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a model as ONNX, 8-bit ONNX, OpenVINO IR, TFLite, Core ML or a torch program, each checked against its source.

    Where the model is from goes along: papers, recipe and figures of MODEL lie beside the new file, for `panops models card`.
    """
    known: dict[str, str] = {"licence": licence, "credit": credit, "not_for": not_for}
    source, origin, folder = _source(model, name, size, known, home, dynamic=dynamic)
    check_folder(out, folder)
    limits = Limits(max_loss, max_small_loss)
    if source.manifest.task == CLASSIFICATION:
        plain = Int8Settings(pictures, seed, limits)
        settings = ExportSettings(format=form, precision=precision, dynamic=dynamic, int8=plain)
        with _bar() as progress:
            write_classifier(source, origin, out, settings, data, calibration, progress, as_json=as_json)
        return
    opened, others = _opened(data), _opened(calibration)
    int8 = Int8Settings(pictures, seed, limits, _MIXED if mixed else (), others.dataset if others is not None else None)
    settings = ExportSettings(format=form, precision=precision, dynamic=dynamic, int8=int8)
    with _bar() as progress:
        try:
            exported, report = export_model(source, out, settings, opened.dataset if opened is not None else None, progress)
            progress("writing where it is from", 0, 1)
            report = write_papers(exported, report, origin, opened, data)
        except ExportRefused as error:
            if as_json:
                typer.echo(json.dumps({"error": str(error), **error.report}, indent=2))
            raise
    for doubt in exported.verdict.doubts if exported.verdict is not None else ():
        typer.echo(f"warning: {doubt}", err=True)
    if as_json:
        typer.echo(json.dumps({"path": str(exported.path), **report}, indent=2))
    else:
        _tell(exported, report)


def _source(
    model: str, name: str, size: int | None, known: dict[str, str], home: Path | None, *, dynamic: bool
) -> tuple[Source, Origin, Path]:
    """What is exported, where it is from, and the folder in which it lies."""
    path = Path(model)
    if path.suffix == ".pt":
        return *_checkpoint(path, name, size, known, dynamic=dynamic), path.parent
    if dynamic:
        raise ModelUnsupported("--dynamic is for checkpoints: an ONNX file has the sizes that it has")
    if path.suffix == ".onnx" or path.is_dir():
        manifest, file = _described(path)
    else:
        stored = ModelStore(Home(home).models).get(model)
        manifest, file = stored.manifest, stored.path
    if file.suffix != ".onnx":
        raise ModelUnsupported(f"{file.name}: expected a checkpoint (.pt) or an ONNX file to export, got another format")
    if size is not None and (size, size) != manifest.input_size_wh:
        width, height = manifest.input_size_wh
        raise ModelUnsupported(f"{file.name} has the fixed input size {width}x{height}; export the checkpoint (.pt) for --size {size}")
    renamed = replace(manifest, name=name) if name else manifest
    return Source(read_onnx(file), renamed, file_run(file, "onnxruntime")), file_origin(manifest, file), file.parent


def _checkpoint(path: Path, name: str, size: int | None, known: dict[str, str], *, dynamic: bool) -> tuple[Source, Origin]:
    from panops.training.checkpoint import load_network, read_checkpoint  # noqa: PLC0415  # torch: only a checkpoint needs it
    from panops.training.classifier_recipe import KIND  # noqa: PLC0415  # as above
    from panops.training.network import ExportedNetwork  # noqa: PLC0415  # as above

    if read_checkpoint(path).get("kind") == KIND:
        if dynamic:
            raise ModelUnsupported("--dynamic is for detectors: a classifier's pictures have one size")
        return classifier_checkpoint(path, name, size, known)
    name, size = name or path.stem, size or _TRAINED_SIZE_PX
    network = load_network(path)
    manifest = detector_manifest(name, network.shape.classes, (size, size), **known)
    source = torch_source(ExportedNetwork(network).eval(), manifest, dynamic=dynamic)
    return source, checkpoint_origin(path, read_checkpoint(path))


def _described(path: Path) -> tuple[ModelManifest, Path]:
    """The manifest beside a file, or in a folder, and the file."""
    folder = path if path.is_dir() else path.parent
    there = folder / MANIFEST_NAME
    if not there.is_file():
        raise ModelNotFound(f"{path}: expected {MANIFEST_NAME} beside it, which says what the model is (docs/models.md); there is none")
    manifest = read_manifest(there)
    file = folder / manifest.file_name
    if not path.is_dir() and file != path:
        raise ModelNotFound(f"{path}: the {MANIFEST_NAME} beside it is of {manifest.file_name}")
    if not file.is_file():
        raise ModelNotFound(f"{file}: there is no such file")
    return manifest, file


def _opened(path: Path | None) -> ReadReport | None:
    """A data set, or as in a recipe `data.yaml#val`, one split of it; called by its file and folder."""
    if path is None:
        return None
    file, split = path, ""
    if not path.exists() and "#" in path.name:
        name, _, split = path.name.rpartition("#")
        file = path.with_name(name)
    report = open_dataset(file, split)
    return replace(report, dataset=replace(report.dataset, name=data_title(file, split)))


@contextmanager
def _bar() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("exporting", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


def _tell(exported: Exported, report: dict[str, Any]) -> None:
    """What was written and how near it is, in a few lines."""
    typer.echo(f"{exported.path}: {report['format']}, {report['precision']}, {report['bytes'] / 1e6:.2f} MB")
    for runtime, agreement in report["compared"].items():
        same = f"{agreement['found_again']} of {agreement['detections']} detections the same on {agreement['pictures']} pictures"
        typer.echo(f"  {runtime}: {same}, rows differ by at most {agreement['largest']:.2g}")
    if "note" in report:
        typer.echo(f"  {report['note']}")
    if "labels" in report:
        typer.echo(f"  the classes, a line each: {report['labels']}")
    gate = report.get("int8", {}).get("gate")
    verdict = exported.verdict
    if gate is not None and verdict is not None:
        before, after = 100 * gate["float"]["AP"], 100 * gate["int8"]["AP"]
        kept = report["int8"]["kept_float"]
        typer.echo(f"  8 bits: AP {before:.1f} -> {after:.1f}" + (f"; in float: {', '.join(kept)}" if kept else ""))
        typer.echo(f"  judged on {verdict.grounds}")
