"""Makes an ONNX graph fit for a GPU, in memory: the file on disk stays the one that was checked and judged.

- `freed_batch`: a file for one picture takes any number of them.
- `symmetric`: 8-bit levels as TensorRT can hold them. Its integers are signed and their zero is 0, while our files hold what comes out of a
  ReLU as unsigned ones: TensorRT would read the same scale as a signed one and cut everything above half of the range off, without a
  word. Here each such scale is stretched, so that 127 stands for what 255 stood for. That costs one of the eight bits; docs/gpu.md has
  the accuracy measured.
- `floated`: 8-bit files for onnxruntime's CUDA kernels, which have no 8-bit convolution: they would turn every tensor into integers and
  back for nothing.

The package `onnx` does the reading and writing; it comes with `pip install 'panops[gpu]'`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

BATCH = "batch"
_U8_LEVELS, _S8_LEVELS = 255, 127
# Operators that compute nothing new: TensorRT moves levels through them.
_MOVING = frozenset({"Concat", "MaxPool", "Reshape", "Resize", "Slice", "Transpose"})


def is_quantised(model: onnx.ModelProto) -> bool:
    """Whether the graph has 8-bit parts."""
    return any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in model.graph.node)


def freed_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model for any batch size, where its inputs have the fixed batch 1; another model is returned as it is.

    Whether the graph really keeps the pictures of a batch apart is found out by running it (`BatchLane.warm_up`).
    """
    inputs = _real_inputs(model)
    if not all(_dims(value) and _dims(value)[0].dim_value == 1 for value in inputs):
        return model
    free = _copy(model)
    for value in (*_real_inputs(free), *free.graph.output):
        if _dims(value):
            _dims(value)[0].dim_param = BATCH
    del free.graph.value_info[:]  # they tell the shapes for one picture
    constants = _constants(free)
    for node in free.graph.node:
        if node.op_type != "Reshape" or node.input[1] not in constants:
            continue
        target = constants[node.input[1]].ravel().tolist()
        if len(target) > 1 and target[0] == 1:
            # 0 takes the size over from the tensor that is reshaped.
            node.input[1] = _add(free, f"{node.output[0]}.batch_free", np.array([0, *target[1:]], np.int64))
            _drop_attribute(node, "allowzero")
    return free


def symmetric(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with signed levels around 0.

    Scales of unsigned tensors are stretched by 255/127. What takes bytes as its input reads them as floats, and the layers right after
    them stay in float, so that the picture itself loses nothing.

    Raises:
        ValueError: A tensor's zero is elsewhere, such as 128, which no scale can mend; an operator computes on levels itself; or as for
            `floated`.
    """
    changed = _copy(model)
    constants = _constants(changed)
    byte_inputs = {value.name for value in _real_inputs(changed) if value.type.tensor_type.elem_type == onnx.TensorProto.UINT8}
    for node in changed.graph.node:
        if node.op_type.startswith(("QLinear", "QGemm")):
            raise ValueError(f"{node.op_type} computes on levels itself; expected DequantizeLinear and an operator on floats")
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or node.input[0] in byte_inputs:
            continue
        zero = constants.get(node.input[2]) if len(node.input) > 2 else np.zeros((), np.uint8)
        if zero is None or np.any(zero):
            raise ValueError(f"the zero of {node.input[0]!r} is not 0; expected unsigned levels from 0 or signed ones around 0")
        if zero.dtype != np.uint8:
            continue
        scale = _constant(constants, node, 1)
        node.input[1] = _add(changed, f"{node.input[1]}.symmetric", (scale * (_U8_LEVELS / _S8_LEVELS)).astype(scale.dtype))
        signed_zero = _add(changed, f"{node.input[1]}.zero", np.zeros(zero.shape, np.int8))
        del node.input[2:]
        node.input.append(signed_zero)
    _read_bytes_as_floats(changed, byte_inputs)
    _float_weights(changed, lambda conv, producers: not _has_levels(conv.input[0], producers))
    return _checked(changed)


def floated(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with floats in place of levels: weights are those of the file, what flows between layers is not rounded.

    Levels that an operator takes as they are stay: `QLinearConv`, or a `MaxPool` of bytes.

    Raises:
        ValueError: A scale or zero that has to be known is computed, or what comes out is no valid graph.
    """
    changed = _copy(model)
    byte_inputs = {value.name for value in _real_inputs(changed) if value.type.tensor_type.elem_type == onnx.TensorProto.UINT8}
    _read_bytes_as_floats(changed, byte_inputs)
    _float_weights(changed, lambda *_: True)
    quantised = {node.output[0]: node.input[0] for node in changed.graph.node if node.op_type == "QuantizeLinear"}
    through: dict[str, str] = {}
    for node in changed.graph.node:  # a node comes after what it takes, so that levels of levels lead to the floats before both
        if node.op_type == "DequantizeLinear" and node.input[0] in quantised:
            source = quantised[node.input[0]]
            through[node.output[0]] = through.get(source, source)
    fixed = {value.name for value in changed.graph.output} | _used_inside(changed.graph)
    if fixed & through.keys():
        return model  # an output that is rounded itself, or a branch that uses one: rare, and not worth renaming for
    for node in changed.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = through.get(name, name)
    _keep_nodes(changed, lambda node: node.output[0] not in through)
    used = _used(changed)
    _keep_nodes(changed, lambda node: node.output[0] in used or node.output[0] not in quantised)
    return _checked(changed)


def _read_bytes_as_floats(model: onnx.ModelProto, byte_inputs: Iterable[str]) -> None:
    """`DequantizeLinear` of a byte input becomes a cast, and a multiplication where its scale is not 1."""
    constants, wanted = _constants(model), set(byte_inputs)
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in wanted:
            nodes.append(node)
            continue
        scale = _constant(constants, node, 1).astype(np.float32)
        if scale.size == 1 and float(scale.ravel()[0]) == 1.0:
            nodes.append(helper.make_node("Cast", [node.input[0]], [node.output[0]], to=onnx.TensorProto.FLOAT))
            continue
        between = f"{node.output[0]}.bytes"
        nodes.append(helper.make_node("Cast", [node.input[0]], [between], to=onnx.TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [between, node.input[1]], [node.output[0]]))
    _set_nodes(model, nodes)


def _has_levels(name: str, producers: dict[str, NodeProto]) -> bool:
    """Whether a tensor holds 8-bit levels, be it after operators that only move them."""
    node = producers.get(name)
    if node is None or node.op_type == "DequantizeLinear":
        return node is not None
    sources = node.input if node.op_type == "Concat" else node.input[:1]
    return node.op_type in _MOVING and all(_has_levels(source, producers) for source in sources)


def _float_weights(model: onnx.ModelProto, wanted: Callable[[NodeProto, dict[str, NodeProto]], bool]) -> None:
    """The weights of the wanted layers as floats, with the very values that their levels stand for."""
    constants = _constants(model)
    producers = {name: node for node in model.graph.node for name in node.output}
    weights = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in constants}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" or not any(name in weights for name in node.input) or not wanted(node, producers):
            continue
        for index, name in enumerate(node.input):
            if name in weights:
                node.input[index] = _add(model, f"{name}.float", _dequantised(weights[name], constants))
    used = _used(model)
    _keep_nodes(model, lambda node: node.output[0] not in weights or node.output[0] in used)


def _dequantised(node: NodeProto, constants: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    levels, scale = constants[node.input[0]].astype(np.float32), _constant(constants, node, 1).astype(np.float32)
    zero = _constant(constants, node, 2).astype(np.float32) if len(node.input) > 2 else np.zeros_like(scale)
    if scale.ndim == 1 and scale.size > 1:
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        shape = [-1 if index == axis % levels.ndim else 1 for index in range(levels.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((levels - zero) * scale, np.float32)


def _real_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that are no weights: old files list those too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def _dims(value: onnx.ValueInfoProto) -> Any:
    return value.type.tensor_type.shape.dim


def _constants(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """Weights and constant nodes as arrays."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        for item in node.attribute if node.op_type == "Constant" else ():
            if item.name == "value":
                found[node.output[0]] = numpy_helper.to_array(item.t)
    return found


def _constant(constants: dict[str, NDArray[Any]], node: NodeProto, index: int) -> NDArray[Any]:
    """The scale (1) or the zero (2) of a node.

    Raises:
        ValueError: It is computed.
    """
    if node.input[index] not in constants:
        raise ValueError(f"the {'scale' if index == 1 else 'zero'} of {node.input[0]!r} is computed; expected a constant")
    return constants[node.input[index]]


def _used(model: onnx.ModelProto) -> set[str]:
    """The tensors that somebody takes: a node, a branch within one, or whoever runs the model."""
    taken = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    return taken | _used_inside(model.graph)


def _used_inside(graph: onnx.GraphProto) -> set[str]:
    """The tensors that the graphs within its nodes take or give: branches see the names around them."""
    names: set[str] = set()
    for inner in (graph for node in graph.node for item in node.attribute for graph in (item.g, *item.graphs)):
        names |= {name for node in inner.node for name in node.input} | {value.name for value in inner.output} | _used_inside(inner)
    return names


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def _add(model: onnx.ModelProto, name: str, array: NDArray[Any]) -> str:
    """Add a constant; its name. The same name is the same constant."""
    if all(tensor.name != name for tensor in model.graph.initializer):
        model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
    return name


def _drop_attribute(node: NodeProto, name: str) -> None:
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)


def _keep_nodes(model: onnx.ModelProto, wanted: Callable[[NodeProto], bool]) -> None:
    _set_nodes(model, [node for node in model.graph.node if wanted(node)])


def _set_nodes(model: onnx.ModelProto, nodes: Iterable[NodeProto]) -> None:
    kept = list(nodes)
    copies = []
    for node in kept:
        copied = NodeProto()
        copied.CopyFrom(node)
        copies.append(copied)
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without constants that nobody uses any more.

    Raises:
        ValueError: It is no valid graph.
    """
    used = _used(model)
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    copies = []
    for tensor in kept:
        copied = onnx.TensorProto()
        copied.CopyFrom(tensor)
        copies.append(copied)
    del model.graph.initializer[:]
    model.graph.initializer.extend(copies)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"its graph is not valid ({str(error).strip().partition(chr(10))[0][:200]})") from error
    return model
