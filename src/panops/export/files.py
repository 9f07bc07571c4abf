"""Writes one form of a model: the file and the manifest that fits it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.export.coreml_graph import ComputeType, coreml_facts, image_colour, write_coreml
from panops.export.passport import Exported, for_file
from panops.export.tflite_graph import FloatType, tflite_bytes
from panops.export.tflite_metadata import METADATA_NAME, metadata_bytes, with_labels
from panops.export.torch_program import program_bytes
from panops.inference.openvino_import import import_openvino

if TYPE_CHECKING:
    from torch import nn

_SUFFIXES = {"onnx": ".onnx", "int8": ".onnx", "openvino": ".xml", "tflite": ".tflite", "coreml": ".mlpackage", "pt2": ".pt2"}


def file_name(name: str, form: str) -> str:
    """What a model's file is called in a form."""
    return name + _SUFFIXES[form]


def write_form(model: onnx.ModelProto, manifest: ModelManifest, path: Path, form: str, precision: str) -> Exported:
    """Write `model` to `path`.

    Args:
        model: Float or QDQ.
        manifest: Of the model.
        path: From `file_name`.
        form: `onnx`, `int8`, `openvino`, `tflite` or `coreml`.
        precision: `float32`, `float16` or `int8`.

    Raises:
        ModelUnsupported: The model cannot take this form.
        PluginError: What writes it is not installed.
    """
    told = _told(model)
    if form == "tflite":
        # QDQ has its last convolutions in float; they are few, and stay exact.
        floats: FloatType = "float16" if precision == "float16" else "float32"
        fed = replace(manifest, preprocessing={**manifest.preprocessing, **told, "layout": "nhwc"})
        notes = {METADATA_NAME: metadata_bytes(fed, model.graph.input[0].name, model.graph.output[0].name)}
        path.write_bytes(with_labels(tflite_bytes(model, floats, manifest.name, notes), manifest))
        return Exported(for_file(fed, path), path)
    if form == "coreml":
        compute: ComputeType = "float16" if precision == "float16" else "float32"
        write_coreml(model, manifest, path, compute)
        _check_coreml(model, manifest, path)
        return Exported(for_file(manifest, path, **told), path)
    if form == "openvino":
        openvino = import_openvino()
        graph = openvino.Core().read_model(model.SerializeToString())
        openvino.save_model(graph, str(path), compress_to_fp16=precision == "float16")
        return Exported(for_file(manifest, path, **told), path)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return Exported(for_file(manifest, path, **told), path)


def write_program(network: nn.Module, manifest: ModelManifest, path: Path) -> Exported:
    """Write a torch network to `path` as a program of torch.

    Raises:
        ModelUnsupported: It cannot become one.
    """
    content, input_name = program_bytes(network, manifest.input_size_wh, path.name)
    path.write_bytes(content)
    return Exported(for_file(manifest, path, input=input_name), path)


def _told(model: onnx.ModelProto) -> dict[str, Any]:
    """What the manifest says of the input: its name, and uint8 where the graph takes bytes."""
    value = model.graph.input[0]
    told: dict[str, Any] = {"input": value.name}
    if value.type.tensor_type.elem_type == onnx.TensorProto.UINT8:
        told["dtype"] = "uint8"
    return told


def _check_coreml(model: onnx.ModelProto, manifest: ModelManifest, path: Path) -> None:
    """Open the package again and hold it against the graph it was made from.

    Raises:
        ModelUnsupported: An operator, the input, the output or the metadata is not what it should be.
    """
    facts = coreml_facts(path)
    wanted = Counter(node.op_type for node in model.graph.node)
    width, height = manifest.input_size_wh
    rows = "x".join(str(dim.dim_value) for dim in model.graph.output[0].type.tensor_type.shape.dim)
    checks = {
        "convolutions": (facts.operators.get("conv", 0), wanted["Conv"]),
        "maxima": (facts.operators.get("max_pool", 0), wanted["MaxPool"]),
        "input": (facts.inputs, (f"{model.graph.input[0].name}: image {width}x{height} {image_colour(manifest)}",)),
        "output": (facts.outputs, (f"{model.graph.output[0].name}: {rows}",)),
        "classes": (facts.classes, manifest.classes),
        "licence": (facts.licence, manifest.licence),
    }
    for what, (got, expected) in checks.items():
        if got != expected:
            raise ModelUnsupported(f"Core ML's {what}: expected {expected}, got {got}; nothing was written, please report this")
