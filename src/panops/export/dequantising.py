"""From our 8-bit ONNX graphs back to float: for phones' GPUs and for Core ML, where only the 8-bit file is left.

The weights stay those that 8 bits can tell apart, each written out as a float; what goes is the rounding of activations. So the result is
no more exact than a network trained in float, and about as good as the 8-bit file that it is made of.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from panops.domain.errors import ModelUnsupported
from panops.export.graph_rewrites import constants


def floats_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with float weights, activations and input.

    Args:
        model: QDQ, as `quantising.quantised` gives it; not changed.

    Returns:
        A float model; its input takes the values that the 8-bit one's bytes stand for.

    Raises:
        ModelUnsupported: It has 8-bit operators of another kind, or an input whose bytes are no pixels as they are.
    """
    values = constants(model.graph)
    plain: dict[str, NDArray[np.float32]] = {}
    same: dict[str, str] = {}
    kept = list[NodeProto]()
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            same[node.output[0]] = same.get(node.input[0], node.input[0])
        elif node.op_type == "DequantizeLinear" and node.input[0] in values:
            plain[node.output[0]] = _written_out(node, values)
        elif node.op_type == "DequantizeLinear":
            _check_pixels(model.graph, node, values)
            same[node.output[0]] = same.get(node.input[0], node.input[0])
        elif node.op_type in ("QLinearConv", "ConvInteger", "MatMulInteger"):
            raise ModelUnsupported(f"{node.name}: expected 8 bits by QuantizeLinear and DequantizeLinear, got {node.op_type}")
        else:
            fresh = onnx.NodeProto()
            fresh.CopyFrom(node)
            fresh.input[:] = [same.get(name, name) for name in node.input]
            kept.append(fresh)
    return _model(model, kept, {**values, **plain})


def _written_out(node: NodeProto, values: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """A stored tensor's numbers: (integer - zero) * scale, one scale for all or one for each first index."""
    integers = np.asarray(values[node.input[0]], np.float32)
    scale = np.asarray(values[node.input[1]], np.float32)
    zero = np.asarray(values[node.input[2]], np.float32) if len(node.input) > 2 else np.zeros_like(scale)
    if scale.size > 1:
        shape = (-1, *(1 for _ in integers.shape[1:]))
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((integers - zero) * scale, np.float32)


def _check_pixels(graph: onnx.GraphProto, node: NodeProto, values: dict[str, NDArray[np.generic]]) -> None:
    """The input's bytes must mean themselves, so that a float picture of 0 to 255 is the same input."""
    if node.input[0] != graph.input[0].name:
        return
    scale, zero = float(values[node.input[1]]), float(values[node.input[2]]) if len(node.input) > 2 else 0.0
    if (scale, zero) != (1.0, 0.0):
        raise ModelUnsupported(f"{node.name}: expected an input whose bytes are the pixels, got scale {scale:g} and zero {zero:g}")


def _model(model: onnx.ModelProto, nodes: list[NodeProto], values: dict[str, NDArray[np.generic]]) -> onnx.ModelProto:
    used = dict.fromkeys(name for node in nodes for name in node.input if name in values)
    source = model.graph.input[0]
    shape = [dim.dim_value for dim in source.type.tensor_type.shape.dim]
    graph = helper.make_graph(
        nodes,
        model.graph.name,
        [helper.make_tensor_value_info(source.name, onnx.TensorProto.FLOAT, shape)],
        list(model.graph.output),
        [numpy_helper.from_array(values[name], name) for name in used],
    )
    plain = helper.make_model(graph, producer_name=model.producer_name, opset_imports=list(model.opset_import))
    plain.ir_version = model.ir_version
    return plain
