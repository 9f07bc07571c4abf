"""From a float ONNX graph to 8 bits by NNCF: QDQ nodes, activations U8 with one scale a tensor, weights S8 with one a channel.

The outputs stay float: the last convolutions take 8-bit inputs and weights, but boxes and scores leave them unrounded. The input becomes
uint8: a picture's 256 values are the levels themselves, so nothing is lost and nobody has to make floats first.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import rich
from numpy.typing import NDArray
from onnx import numpy_helper

from panops.domain.errors import ModelUnsupported, PluginError
from panops.export.equalising import equalised
from panops.export.graph_rewrites import constants
from panops.inference.openvino_import import import_openvino

_S8_TO_U8 = 128
_LARGEST_S8 = 127
# Of the layer's largest filter. Dead filters need some scale, and the bias, which is counted in steps of it, must fit 32 bits.
_SMALLEST_FILTER = 1e-5


def quantised(model: onnx.ModelProto, tensors: Sequence[Mapping[str, NDArray[Any]]], keep_float: Collection[str] = ()) -> onnx.ModelProto:
    """Quantise after training.

    Args:
        model: Float, from `tracing.onnx_from_torch`; not changed.
        tensors: Inputs of typical pictures, as the model takes them (float32 pixel values); a few hundred.
        keep_float: Names of convolutions that are not quantised.

    Returns:
        The QDQ model; its input is uint8.

    Raises:
        ModelUnsupported: There are no pictures, or a name in `keep_float` is no layer of the model.
        PluginError: NNCF is not installed.
    """
    if not tensors:
        raise ModelUnsupported("expected pictures to calibrate 8 bits with, got none; give a data set with --data")
    names = {node.name for node in model.graph.node}
    strangers = sorted(set(keep_float) - names)
    if strangers:
        raise ModelUnsupported(f"expected layers of the model to keep in float, got {', '.join(strangers)}")
    level = equalised(model, tensors)
    nncf = _import_nncf()
    parameters = nncf.AdvancedQuantizationParameters(
        activations_quantization_params=nncf.quantization.advanced_parameters.QuantizationParameters(per_channel=False),
        # Full 8-bit weights: the pairwise sums of VNNI, DOT and XNNPACK do not overflow; old AVX2 kernels are onnxruntime's to mind.
        overflow_fix=nncf.quantization.advanced_parameters.OverflowFix.DISABLE,
    )
    with _quietly():
        found: onnx.ModelProto = nncf.quantize(
            level,
            nncf.Dataset(list(tensors)),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(tensors),
            ignored_scope=nncf.IgnoredScope(names=sorted(keep_float)) if keep_float else None,
            advanced_parameters=parameters,
        )
    result = onnx.ModelProto()
    result.CopyFrom(found)
    _fine_weights(result.graph, level.graph)
    _take_bytes(result.graph)
    _unsigned_activations(result.graph)
    del result.metadata_props[:], result.graph.value_info[:]
    result.producer_name = model.producer_name
    onnx.checker.check_model(result)
    return result


def quantised_layers(model: onnx.ModelProto) -> list[str]:
    """The convolutions whose weights are 8-bit."""
    produced = {node.output[0]: node for node in model.graph.node}
    return [node.name for node in model.graph.node if node.op_type == "Conv" and _is_dequantised(produced.get(node.input[1]))]


def _is_dequantised(node: onnx.NodeProto | None) -> bool:
    return node is not None and node.op_type == "DequantizeLinear"


def _fine_weights(graph: onnx.GraphProto, source: onnx.GraphProto) -> None:
    """Give each filter the scale of its own largest weight.

    NNCF lets no filter's scale be below a hundredth of the layer's largest. Folded normalisation and equalising spread filters wider
    than that, and the small ones would be left a few levels.
    """
    wanted = constants(source)
    values = {tensor.name: tensor for tensor in graph.initializer}
    produced = {node.output[0]: node for node in graph.node}
    readers = {node.name: node for node in source.node}
    for node in graph.node:
        weight_node = produced.get(node.input[1]) if node.op_type == "Conv" else None
        if weight_node is None:
            continue
        weight = wanted[readers[node.name].input[1]]
        scale = np.abs(weight).reshape(len(weight), -1).max(axis=1) / _LARGEST_S8
        if not scale.any():
            continue  # a dead layer; NNCF's scale is as good as any
        scale = np.maximum(scale, scale.max() * _SMALLEST_FILTER).astype(np.float32)
        integers = np.clip(np.round(weight / scale[:, None, None, None]), -_LARGEST_S8, _LARGEST_S8).astype(np.int8)
        shape = tuple(values[weight_node.input[1]].dims)
        for name, value in ((weight_node.input[0], integers), (weight_node.input[1], scale.reshape(shape))):
            values[name].CopyFrom(numpy_helper.from_array(value, name))


def _take_bytes(graph: onnx.GraphProto) -> None:
    """Drop the quantiser of the input: pixel values 0 to 255 become the levels themselves, with scale 1."""
    name = graph.input[0].name
    readers = [node for node in graph.node if name in node.input]
    if len(readers) != 1 or readers[0].op_type != "QuantizeLinear":
        return  # its first layer is kept in float
    quantiser = readers[0]
    dequantisers = [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] == quantiser.output[0]]
    scale, zero = f"{name}.scale", f"{name}.zero"
    graph.initializer.extend(
        [numpy_helper.from_array(np.array(1.0, np.float32), scale), numpy_helper.from_array(np.array(0, np.uint8), zero)]
    )
    for node in dequantisers:
        node.input[:] = [name, scale, zero]
    graph.node.remove(quantiser)
    graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    used = {entry for node in graph.node for entry in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _unsigned_activations(graph: onnx.GraphProto) -> None:
    """S8 activations become U8: the same levels counted from 0, so exactly the same numbers."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    points = {node.input[2] for node in graph.node if node.op_type == "QuantizeLinear"}
    for name in points:
        zero = numpy_helper.to_array(values[name])
        if zero.dtype == np.int8:
            moved = (zero.astype(np.int16) + _S8_TO_U8).astype(np.uint8)
            values[name].CopyFrom(numpy_helper.from_array(moved, name))


def _import_nncf() -> Any:
    import_openvino()  # first, because it keeps NNCF from reporting its use
    try:
        import nncf  # noqa: PLC0415  # heavy, and only here
    except ImportError as error:
        raise PluginError("quantising needs NNCF, which is not installed; get it with: pip install 'panops[train]'") from error
    return nncf


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the progress bars, notes and deprecations of NNCF and of the sessions it opens."""
    import onnxruntime  # noqa: PLC0415  # NNCF needs it, and so it is there

    onnxruntime.set_default_logger_severity(4)
    logger, console = logging.getLogger("nncf"), rich.get_console()
    level, quiet = logger.level, console.quiet
    logger.setLevel(logging.ERROR)
    console.quiet = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        console.quiet = quiet
        logger.setLevel(level)
