"""Makes channels equally loud before depthwise convolutions, so that one 8-bit scale serves them all.

A depthwise convolution keeps channels apart: where one channel reaches 40 and another 0.4, a common scale leaves the second one 3 levels.
Since relu(a x) = a relu(x) for a > 0, the convolution before may give each channel times a factor and the depthwise one take it back:
the network computes the same, and as weights have a scale for each output channel, they lose nothing in 8 bits. It does for one scale a
tensor, which every runtime has, what NNCF otherwise does with a scale for each channel, which onnxruntime and TFLite lack.

After M. Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction (2019), https://arxiv.org/abs/1906.04721.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from panops.export.graph_rewrites import attribute, constants

FloatArray = NDArray[np.float32]

# A channel that is always silent, or nearly: lifting it would lift its noise.
_SMALLEST_SHARE = 1e-3


def equalised(model: onnx.ModelProto, tensors: Sequence[Mapping[str, NDArray[Any]]]) -> onnx.ModelProto:
    """The model with equally loud channels before its depthwise convolutions, as far as there is a convolution and a ReLU before them.

    Args:
        model: From `tracing.onnx_from_torch`; not changed.
        tensors: Inputs of typical pictures, as the model takes them.
    """
    places = _places(model.graph)
    if not places:
        return model
    peaks = channel_peaks(model, [relu for _, relu, _ in places], tensors)
    same = onnx.ModelProto()
    same.CopyFrom(model)
    weights = constants(same.graph)
    nodes = {node.name: node for node in same.graph.node}
    changed: dict[str, FloatArray] = {}
    for conv, relu, followers in places:
        factor = _factors(peaks[relu])
        _scale(changed, weights, nodes[conv].input[1], factor[:, None, None, None])
        if len(nodes[conv].input) > 2:
            _scale(changed, weights, nodes[conv].input[2], factor)
        for follower in followers:
            _scale(changed, weights, nodes[follower].input[1], 1.0 / factor[:, None, None, None])
    for tensor in same.graph.initializer:
        if tensor.name in changed:
            tensor.CopyFrom(numpy_helper.from_array(changed[tensor.name], tensor.name))
    return same


def channel_peaks(model: onnx.ModelProto, names: Iterable[str], tensors: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, FloatArray]:
    """For each tensor of `names` (1, C, H, W) its channels' peaks (C,): the largest value in a picture, averaged over pictures."""
    names = list(names)
    session = open_session(model, names)
    sums = {name: np.zeros(0, np.float32) for name in names}
    for inputs in tensors:
        for name, value in zip(names, session.run(names, dict(inputs)), strict=True):
            peak = np.maximum(value[0].max(axis=(1, 2)), 0.0)
            sums[name] = peak if not len(sums[name]) else sums[name] + peak
    return {name: np.asarray(total / max(1, len(tensors)), np.float32) for name, total in sums.items()}


def open_session(model: onnx.ModelProto, outputs: Sequence[str] = ()) -> Any:
    """The model in onnxruntime; tensors named in `outputs` can be asked for as well."""
    import onnxruntime  # noqa: PLC0415  # only exports with pictures need it

    wider = model
    known = {value.name for value in model.graph.output}
    extra = [name for name in outputs if name not in known]
    if extra:
        wider = onnx.ModelProto()
        wider.CopyFrom(model)
        wider.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in extra)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(wider.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _places(graph: onnx.GraphProto) -> list[tuple[str, str, list[str]]]:
    """Convolution, the tensor after its ReLU, and the depthwise convolutions that alone read it."""
    producer = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {value.name for value in graph.output}
    found = []
    for relu in graph.node:
        if relu.op_type != "Relu" or relu.output[0] in outputs:
            continue
        conv = producer.get(relu.input[0])
        followers = readers.get(relu.output[0], [])
        alone = conv is not None and conv.op_type == "Conv" and len(readers[conv.output[0]]) == 1
        if conv is not None and alone and followers and all(_is_depthwise(node) for node in followers):
            found.append((conv.name, relu.output[0], [node.name for node in followers]))
    return found


def _is_depthwise(node: NodeProto) -> bool:
    group = attribute(node, "group", 1)
    return node.op_type == "Conv" and isinstance(group, int) and group > 1


def _factors(peak: FloatArray) -> FloatArray:
    """What brings each channel to the loudest one's peak."""
    loudest = float(peak.max(initial=0.0))
    if loudest <= 0.0:
        return np.ones_like(peak)
    quiet = peak < _SMALLEST_SHARE * loudest
    return np.where(quiet, 1.0, loudest / np.where(quiet, 1.0, peak)).astype(np.float32)


def _scale(changed: dict[str, FloatArray], weights: Mapping[str, NDArray[Any]], name: str, factor: FloatArray) -> None:
    value = changed.get(name, weights[name])
    changed[name] = np.ascontiguousarray(value * factor, np.float32)
