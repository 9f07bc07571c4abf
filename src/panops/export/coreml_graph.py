"""From our float ONNX graphs to Core ML: an ML program built operator by operator with coremltools' own builder.

coremltools has no reader for ONNX any more, and its reader for torch would need torch at a version that it knows. It converts on Linux;
only a Mac, an iPhone or an iPad runs the result, so here the package is opened again and its graph looked over, nothing more.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import NodeProto

from panops.domain.errors import ModelUnsupported, PluginError
from panops.domain.manifest import ModelManifest
from panops.export.descriptions import input_words, output_words
from panops.export.graph_rewrites import attribute, constants

ComputeType = Literal["float32", "float16"]


@dataclass(frozen=True, slots=True)
class CoremlFacts:
    """What a written package says of itself.

    Attributes:
        inputs: Name and kind of each input: `pictures: image 416x416 BGR`.
        outputs: Name and shape of each output.
        operators: How often each operator occurs; constants left out.
        classes: The class names in its metadata.
        licence: The licence in its metadata.
        author: Whom it credits.
        told: What it says of its input and of its output.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: Mapping[str, int]
    classes: tuple[str, ...]
    licence: str
    author: str
    told: tuple[str, str]


def write_coreml(model: onnx.ModelProto, manifest: ModelManifest, path: Path, compute: ComputeType = "float16") -> None:
    """Write a `.mlpackage` for iOS 16, macOS 13 and later.

    Its input is an image (BGR or RGB as the manifest says, 0 to 255), letterboxed by the app as the metadata says; its output the rows, or
    a classifier's scores.

    Args:
        model: Float, from `tracing.onnx_from_torch`, with fixed sizes; batch 1.
        manifest: Names, classes, licence and preprocessing, which go into the metadata.
        path: The package, a folder.
        compute: What it computes in; the Neural Engine wants float16.

    Raises:
        ModelUnsupported: The graph has operators or sizes that this does not know.
        PluginError: coremltools is not installed.
    """
    ct = _import_coremltools()
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    if len(shape) != 4 or min(shape) < 1 or shape[0] != 1:
        raise ModelUnsupported("Core ML export needs an ONNX graph with fixed sizes and batch 1; export it without --dynamic")
    colour = image_colour(manifest)
    with _quietly():
        program = _program(model, shape, ct)
        package: Any = ct.convert(
            program,
            inputs=[ct.ImageType(name=model.graph.input[0].name, shape=tuple(shape), color_layout=getattr(ct.colorlayout, colour))],
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS16,
            compute_precision=ct.precision.FLOAT16 if compute == "float16" else ct.precision.FLOAT32,
            skip_model_load=True,
        )
        package.author = manifest.credit
        package.license = manifest.licence
        package.version = manifest.version
        package.short_description = f"{manifest.name}: {output_words(manifest)}"
        package.input_description[model.graph.input[0].name] = input_words(manifest)
        package.output_description[model.graph.output[0].name] = output_words(manifest)
        metadata = package.user_defined_metadata
        metadata["classes"] = ",".join(manifest.classes)
        for key, value in manifest.preprocessing.items():
            metadata[key] = str(value)
        package.save(str(path))


def image_colour(manifest: ModelManifest) -> str:
    """The order of colours in the input image, `RGB` or `BGR`."""
    return str(manifest.preprocessing.get("channels", "rgb")).upper()


def coreml_facts(path: Path) -> CoremlFacts:
    """Open a written package and read what it is.

    Raises:
        PluginError: coremltools is not installed.
    """
    ct = _import_coremltools()
    with _quietly():
        spec = ct.models.MLModel(str(path), skip_model_load=True).get_spec()
    operators: Counter[str] = Counter()
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            operators.update(operation.type for operation in block.operations if operation.type != "const")
    metadata = spec.description.metadata
    return CoremlFacts(
        inputs=tuple(_shown(entry) for entry in spec.description.input),
        outputs=tuple(_shown(entry) for entry in spec.description.output),
        operators=dict(operators),
        classes=tuple(metadata.userDefined["classes"].split(",")),
        licence=str(metadata.license),
        author=str(metadata.author),
        told=(spec.description.input[0].shortDescription, spec.description.output[0].shortDescription),
    )


def _shown(entry: Any) -> str:
    kind = entry.type.WhichOneof("Type")
    if kind == "imageType":
        image = entry.type.imageType
        colours = image.DESCRIPTOR.enum_types_by_name["ColorSpace"].values_by_number[image.colorSpace].name
        return f"{entry.name}: image {image.width}x{image.height} {colours}"
    return f"{entry.name}: {'x'.join(str(size) for size in entry.type.multiArrayType.shape)}"


def _program(model: onnx.ModelProto, shape: list[int], ct: Any) -> Any:
    """The graph as a MIL program."""
    builder: Any = ct.converters.mil.Builder
    source = model.graph.input[0].name
    translation = _Translation(model, builder)

    @builder.program(input_specs=[builder.TensorSpec(shape=tuple(shape))], opset_version=ct.target.iOS16)  # type: ignore[untyped-decorator]  # coremltools has no stubs
    def program(pictures: Any) -> Any:
        return translation.walk({source: pictures})

    # The builder takes the parameter's name for the input.
    (function,) = program.functions.values()
    if source not in function.inputs:
        raise ModelUnsupported(f"Core ML export needs an input called pictures, got {source}")
    return program


class _Translation:
    """One ONNX node, one MIL operator."""

    def __init__(self, model: onnx.ModelProto, builder: Any) -> None:
        self._graph = model.graph
        self._mb = builder
        self._values = constants(model.graph)
        self._emit: dict[str, Callable[[NodeProto, list[Any]], Any]] = {
            "Conv": self._conv,
            "Relu": lambda node, x: self._mb.relu(x=x[0], name=node.output[0]),
            "Clip": self._relu6,
            "ReduceMean": lambda node, x: self._mb.reduce_mean(
                x=x[0], axes=self._values[node.input[1]].tolist(), keep_dims=bool(attribute(node, "keepdims", 1)), name=node.output[0]
            ),
            "Softmax": lambda node, x: self._mb.softmax(x=x[0], axis=attribute(node, "axis", -1), name=node.output[0]),
            "Sigmoid": lambda node, x: self._mb.sigmoid(x=x[0], name=node.output[0]),
            "Add": lambda node, x: self._mb.add(x=x[0], y=x[1], name=node.output[0]),
            "Mul": lambda node, x: self._mb.mul(x=x[0], y=x[1], name=node.output[0]),
            "MaxPool": self._max_pool,
            "Concat": lambda node, x: self._mb.concat(values=x, axis=attribute(node, "axis"), name=node.output[0]),
            "Resize": self._resize,
            "Reshape": self._reshape,
            "Transpose": lambda node, x: self._mb.transpose(x=x[0], perm=attribute(node, "perm"), name=node.output[0]),
        }

    def walk(self, tensors: dict[str, Any]) -> Any:
        for node in self._graph.node:
            emit = self._emit.get(node.op_type)
            if emit is None:
                raise ModelUnsupported(f"{node.name}: Core ML export knows {', '.join(self._emit)}; got {node.op_type}")
            tensors[node.output[0]] = emit(node, [tensors[name] for name in node.input if name in tensors])
        return tensors[self._graph.output[0].name]

    def _conv(self, node: NodeProto, x: list[Any]) -> Any:
        weight = np.asarray(self._values[node.input[1]], np.float32)
        bias = np.asarray(self._values[node.input[2]], np.float32) if len(node.input) > 2 else np.zeros(len(weight), np.float32)
        return self._mb.conv(
            x=x[0],
            weight=weight,
            bias=bias,
            strides=attribute(node, "strides", [1, 1]),
            groups=attribute(node, "group", 1),
            dilations=attribute(node, "dilations", [1, 1]),
            pad_type="custom",
            pad=_pads(node),
            name=node.output[0],
        )

    def _relu6(self, node: NodeProto, x: list[Any]) -> Any:
        bounds = [float(self._values[name]) for name in node.input[1:]]
        if bounds != [0.0, 6.0]:
            raise ModelUnsupported(f"{node.name}: Core ML export knows the bounds 0 and 6, got {bounds}")
        return self._mb.relu6(x=x[0], name=node.output[0])

    def _max_pool(self, node: NodeProto, x: list[Any]) -> Any:
        return self._mb.max_pool(
            x=x[0],
            kernel_sizes=attribute(node, "kernel_shape"),
            strides=attribute(node, "strides", [1, 1]),
            pad_type="custom",
            pad=_pads(node),
            name=node.output[0],
        )

    def _resize(self, node: NodeProto, x: list[Any]) -> Any:
        scales = self._values[node.input[2]].tolist() if len(node.input) > 2 and node.input[2] else []
        nearest = attribute(node, "mode") == b"nearest" and attribute(node, "nearest_mode", b"") == b"floor"
        plain = nearest and attribute(node, "coordinate_transformation_mode", b"") == b"asymmetric"
        if len(scales) != 4 or scales[:2] != [1.0, 1.0] or any(scale != int(scale) for scale in scales) or not plain:
            raise ModelUnsupported(f"{node.name}: Core ML export knows scaling by nearest pixel and a whole factor, got another kind")
        height, width = (int(scale) for scale in scales[2:])
        return self._mb.upsample_nearest_neighbor(x=x[0], scale_factor_height=height, scale_factor_width=width, name=node.output[0])

    def _reshape(self, node: NodeProto, x: list[Any]) -> Any:
        target = self._values[node.input[1]].tolist()
        return self._mb.reshape(x=x[0], shape=[1 if size == 0 else size for size in target], name=node.output[0])


def _pads(node: NodeProto) -> list[int]:
    """ONNX's top, left, bottom, right as MIL's top, bottom, left, right."""
    pads = attribute(node, "pads", [0, 0, 0, 0])
    assert isinstance(pads, list)  # noqa: S101  # ONNX's type for it
    top, left, bottom, right = pads
    return [top, bottom, left, right]


def _import_coremltools() -> Any:
    try:
        with _quietly():
            import coremltools  # noqa: PLC0415  # heavy, and only here
    except ImportError as error:
        raise PluginError("writing Core ML needs coremltools, which is not installed; get it with: pip install 'panops[phones]'") from error
    return coremltools


@contextmanager
def _quietly() -> Iterator[None]:
    """Without its notes on what only a Mac has, its progress bars and its deprecations."""
    names = ("coremltools", "coremltools.converters.mil")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        # Its progress bars go straight to standard error.
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
