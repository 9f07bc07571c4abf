"""Exports a network: ONNX, 8-bit ONNX behind the gate, OpenVINO IR, TFLite, Core ML or a torch program, each checked against its source.

`export` is what the command calls; the training calls it too. A file appears in its folder only when every check has passed.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import onnx

from panops.domain.errors import ModelUnsupported
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.domain.manifest import ModelManifest
from panops.export.agreement import Agreement, Run, compare, file_run, torch_run
from panops.export.calibration import chosen_pictures
from panops.export.deployed import readable
from panops.export.dequantising import floats_of
from panops.export.files import file_name, write_form, write_program
from panops.export.gate import Progress
from panops.export.int8 import Int8Settings, int8_file
from panops.export.onnx_source import is_quantised
from panops.export.passport import LABELS_NAME, Exported, for_file, ready_folder, write_labels, write_passport
from panops.export.tracing import onnx_from_torch

if TYPE_CHECKING:
    from torch import nn

Format = Literal["onnx", "int8", "openvino", "tflite", "coreml", "pt2"]
Precision = Literal["float32", "float16", "int8"]

# What a precision may move the numbers of a row by; beyond it the form is wrong, not just rounded.
_LARGEST_DIFFERENCE = {"float32": 1e-2, "float16": 1.0, "int8": float("inf")}
_SMALLEST_SHARE = {"float32": 0.99, "float16": 0.9, "int8": 0.0}
FLOATS_AGAINST_8_BITS = "floats against the 8-bit source"


def silent(_what: str, _done: int, _total: int) -> None:
    """Told nothing."""


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How to export.

    Attributes:
        format: Which file.
        precision: Of TFLite, OpenVINO and Core ML; empty takes float16 for phones and float32 for OpenVINO, or int8 where the
            source is 8-bit already. Floats of an 8-bit source are its levels, written out; Core ML gets those of itself.
        dynamic: ONNX only: leave batch and picture size open.
        compared: How many pictures every form is compared on.
        int8: Calibration, gate and mixed precision.
    """

    format: Format
    precision: Precision | None = None
    dynamic: bool = False
    compared: int = 16
    int8: Int8Settings = field(default_factory=Int8Settings)


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported.

    Attributes:
        model: The ONNX graph, float or QDQ.
        manifest: What is known of it; its file does not count.
        run: What its forms are compared with.
        network: The torch network, where it comes from one; a torch program is made of that only.
    """

    model: onnx.ModelProto
    manifest: ModelManifest
    run: Run
    network: nn.Module | None = None


def torch_source(network: nn.Module, manifest: ModelManifest, *, dynamic: bool = False) -> Source:
    """A torch network to export.

    Args:
        network: Pictures to rows, such as the training's `ExportedNetwork`.
        manifest: From `passport.detector_manifest`; its `input_size_wh` is the size that is traced.
        dynamic: Leave batch and picture size open.

    Raises:
        ModelUnsupported: It cannot be traced.
    """
    return Source(onnx_from_torch(network, manifest.input_size_wh, dynamic=dynamic), manifest, torch_run(network), network)


def export(
    source: Source,
    folder: Path,
    settings: ExportSettings,
    dataset: DetectionSet | None = None,
    progress: Progress = silent,
) -> tuple[Exported, dict[str, Any]]:
    """Write a model folder: the file, `manifest.yaml`, `export.json`, and for phones `labels.txt`.

    Args:
        source: What to export.
        folder: Where to; made when it is not there.
        settings: How.
        dataset: Labelled pictures: all forms are compared on some, 8 bits are calibrated and judged with them.
        progress: Told what is going on: words, done, total.

    Returns:
        The file, and the report that is in `export.json`.

    Raises:
        ExportRefused: 8 bits cost too much.
        ModelUnsupported: This source cannot become this form, the form differs too much, or 8 bits are wanted without pictures.
        ModelError: The folder cannot be written or holds another model.
    """
    precision = chosen_precision(source.model, settings)
    target = ready_folder(folder, file_name(source.manifest.name, settings.format))
    try:
        return _made(source, target, settings, precision, dataset, progress)
    except BaseException:
        with suppress(OSError):  # where it holds something already
            folder.rmdir()
        raise


def _made(
    source: Source, target: Path, settings: ExportSettings, precision: Precision, dataset: DetectionSet | None, progress: Progress
) -> tuple[Exported, dict[str, Any]]:
    """What `export` does once it is clear what and where to."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as made:
        work = Path(made)
        report: dict[str, Any] = {"format": settings.format, "precision": precision, "source": source.manifest.name}
        if precision == "int8" and not is_quantised(source.model):
            if dataset is None:
                raise ModelUnsupported("8 bits need labelled pictures to calibrate and judge with; give a data set with --data")
            quantised, report["int8"], verdict = int8_file(source.model, source.manifest, work, dataset, settings.int8, progress)
        else:
            quantised, verdict = source.model, None
        pictures = readable(chosen_pictures(dataset, settings.compared, settings.int8.seed)) if dataset is not None else []
        eight = source if from_8_bits(source, precision) else None
        if eight is not None:
            source = float_source(eight, work)
            quantised = source.model
        if settings.format == "pt2":
            form = write_program(torch_network(source), source.manifest, work / target.name)
        else:
            form = write_form(quantised, source.manifest, work / target.name, settings.format, precision)
        report |= _checked(source, form, settings.format, precision, pictures, given=dataset is not None)
        if eight is not None and pictures:
            both = compare((eight.manifest, eight.run), (source.manifest, source.run), pictures)
            report["compared"][FLOATS_AGAINST_8_BITS] = both.record()
        put_in_place(work, target)
    exported = Exported(for_file(form.manifest, target), target, verdict)
    exported = replace(exported, manifest=replace(exported.manifest, accuracy=_figures(report, dataset) or exported.manifest.accuracy))
    report |= {"file": target.name, "sha256": exported.manifest.sha256, "bytes": size_of(target)}
    if settings.format in ("tflite", "coreml"):
        write_labels(target.parent, source.manifest)
        report["labels"] = LABELS_NAME
    write_passport(exported, report)
    return exported, report


def torch_network(source: Source) -> nn.Module:
    """The network that a torch program is made of.

    Raises:
        ModelUnsupported: The source is a file.
    """
    if source.network is None:
        raise ModelUnsupported("a torch program is made of a torch network; give the checkpoint (.pt), not an ONNX file")
    return source.network


def chosen_precision(model: onnx.ModelProto, settings: ExportSettings) -> Precision:
    """The precision asked for, or the one that comes of itself."""
    if settings.format == "int8":
        return "int8"
    if settings.format == "pt2":
        if settings.precision not in (None, "float32"):
            raise ModelUnsupported("a torch program is written in float32")
        return "float32"
    if is_quantised(model) and settings.precision is None and settings.format != "coreml":
        return "int8"
    if settings.precision is not None:
        if settings.format == "onnx" and settings.precision != "float32":
            if settings.precision == "int8" and is_quantised(model):
                return "int8"  # as it is
            raise ModelUnsupported("ONNX is written in float32; take --format int8 for 8 bits")
        if settings.format == "coreml" and settings.precision == "int8":
            raise ModelUnsupported("Core ML is written in float16 or float32: nothing here could judge 8 bits there")
        return settings.precision
    return "float16" if settings.format in ("tflite", "coreml") else "float32"


def from_8_bits(source: Source, precision: Precision) -> bool:
    """Whether floats are wanted of a model that has 8 bits only."""
    return precision != "int8" and is_quantised(source.model)


def float_source(source: Source, work: Path) -> Source:
    """An 8-bit source's levels written out as floats, to export that.

    Args:
        source: 8-bit.
        work: Where its file may lie while it is compared with.

    Raises:
        ModelUnsupported: Its 8 bits are of another kind than ours.
    """
    model = floats_of(source.model)
    path = work / "floats-of-8-bits.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    plain = {key: value for key, value in source.manifest.preprocessing.items() if key != "dtype"}
    return Source(model, replace(source.manifest, preprocessing=plain), file_run(path, "onnxruntime"))


def _checked(
    source: Source, form: Exported, form_format: Format, precision: Precision, pictures: list[LabelledPicture], *, given: bool
) -> dict[str, Any]:
    """Compare the form with its source in every runtime that is here.

    Raises:
        ModelUnsupported: It differs by more than its precision explains.
    """
    if not pictures:
        return {"compared": {}, "note": f"not compared on pictures: {'none of them could be used' if given else 'no data set was given'}"}
    if form_format == "coreml":
        return {"compared": {}, "note": "Core ML runs on Apple's systems only: its graph was checked, its numbers were not"}
    found: dict[str, Agreement] = {}
    runs = runs_of(form, form_format)
    for name, run in runs.items():
        found[name] = compare((source.manifest, source.run), (form.manifest, run), pictures)
        _refuse_strangers(name, found[name], precision, form_format)
    if len(runs) == 2:
        (one, first), (other, second) = runs.items()
        found[f"{other} against {one}"] = compare((form.manifest, first), (form.manifest, second), pictures)
    return {"compared": {name: agreement.record() for name, agreement in found.items()}}


def runs_of(form: Exported, form_format: Format) -> Mapping[str, Run]:
    """What runs a form, by the runtime's name."""
    if form_format == "tflite":
        return {"LiteRT": file_run(form.path, "litert")}
    if form_format == "pt2":
        return {"torch": file_run(form.path, "torch")}
    if form_format == "openvino":
        return {"OpenVINO": file_run(form.path, "openvino")}
    return {
        "onnxruntime": file_run(form.path, "onnxruntime"),
        "OpenVINO": file_run(form.path, "openvino"),
    }


def _refuse_strangers(runtime: str, agreement: Agreement, precision: Precision, form_format: Format) -> None:
    wild = not math.isfinite(agreement.largest)
    if wild or agreement.largest > _LARGEST_DIFFERENCE[precision] or agreement.share < _SMALLEST_SHARE[precision]:
        raise ModelUnsupported(
            f"{form_format} in {runtime} differs from its source: by up to {agreement.largest:.3g} in a row, and"
            f" {agreement.found_again} of {agreement.detections} detections are the same; nothing was written, please report this"
        )


def put_in_place(work: Path, target: Path) -> None:
    """The finished files to where they belong; what was there goes first."""
    for path in sorted(work.iterdir()):
        if path.stem != target.stem:
            continue
        there = target.parent / path.name
        if there.is_dir():
            shutil.rmtree(there)
        path.rename(there)


def _figures(report: Mapping[str, Any], dataset: DetectionSet | None) -> dict[str, float]:
    gate = report.get("int8", {}).get("gate")
    if gate is None or dataset is None:
        return {}
    return {f"{dataset.name} AP": round(gate["int8"]["AP"], 4), f"{dataset.name} AP50": round(gate["int8"]["AP50"], 4)}


def size_of(path: Path) -> int:
    """Bytes of a file, of a package's files, or of IR's two files."""
    if path.is_dir():
        return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
    beside = path.with_suffix(".bin")
    return path.stat().st_size + (beside.stat().st_size if path.suffix == ".xml" and beside.is_file() else 0)
