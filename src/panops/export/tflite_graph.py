"""From our ONNX graphs, float or QDQ, to TFLite: channels last, activations fused, the very levels that were calibrated and judged.

U8 activations with zero z become S8 with zero z - 128, the same numbers. A convolution whose output is not quantised (those that give
boxes and scores, and those that mixed precision keeps) is a float one with dequantised weights: TFLite has no 8-bit convolution with
float output, and the last ones cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto

from panops.domain.errors import ModelUnsupported
from panops.export.graph_rewrites import attribute, constants
from panops.export.tflite_writer import Levels, Stored, TfliteWriter

FloatType = Literal["float32", "float16"]
_U8_TO_S8 = -128


def tflite_bytes(
    model: onnx.ModelProto,
    float_type: FloatType = "float16",
    description: str = "panops model",
    metadata: Mapping[str, bytes] | None = None,
) -> bytes:
    """A TFLite file of a detector or a classifier.

    Args:
        model: From `tracing.onnx_from_torch` (float) or `quantising.quantised` (QDQ), with fixed sizes; batch 1.
        float_type: How float weights are stored; they are computed with in float32.
        description: Free text in the file.
        metadata: What else the file holds, by name.

    Returns:
        The file's bytes. Input NHWC, float32 or (QDQ) uint8; output as in the ONNX file.

    Raises:
        ModelUnsupported: The graph has operators, sizes or 8-bit forms that this does not know.
        PluginError: ai-edge-litert is not installed.
    """
    return _Translation(model, float_type).file(description, metadata)


class _Translation:
    """Walks the ONNX graph once, in its order. Tensors with channels at axis 1 are stored with channels last."""

    def __init__(self, model: onnx.ModelProto, float_type: FloatType) -> None:
        self._graph = model.graph
        self._writer = TfliteWriter()
        self._schema = self._writer.schema
        self._float_type = np.dtype(float_type)
        self._values = constants(model.graph)
        self._producer = {name: node for node in model.graph.node for name in node.output}
        self._readers: dict[str, list[NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._stored: dict[str, Stored] = {}
        self._floats: dict[int, Stored] = {}
        self._weights: dict[str, Stored] = {}
        self._emit: dict[str, Callable[[NodeProto], Stored]] = {
            "Conv": self._conv,
            "Relu": self._relu,
            "Clip": self._relu,
            "Sigmoid": self._sigmoid,
            "Add": self._add,
            "Mul": self._mul,
            "MaxPool": self._max_pool,
            "ReduceMean": self._mean,
            "Softmax": self._softmax,
            "Concat": self._concat,
            "Resize": self._resize,
            "Reshape": self._reshape,
            "Transpose": self._transpose,
            "QuantizeLinear": self._quantize,
            "DequantizeLinear": self._dequantize,
        }

    def file(self, description: str, metadata: Mapping[str, bytes] | None) -> bytes:
        source = self._input()
        for node in self._graph.node:
            emit = self._emit.get(node.op_type)
            if emit is None:
                raise ModelUnsupported(f"{node.name}: TFLite export knows {', '.join(self._emit)}; got {node.op_type}")
            if node.op_type == "DequantizeLinear" and node.input[0] in self._values:
                continue  # a weight; its convolution reads it
            self._stored[node.output[0]] = emit(node)
        output = self._as_float(self._stored[self._graph.output[0].name])
        self._writer.rename(output, self._graph.output[0].name)
        return self._writer.file([source], [output], description, metadata)

    def _input(self) -> Stored:
        value = self._graph.input[0]
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if len(shape) != 4 or min(shape) < 1 or shape[0] != 1:
            raise ModelUnsupported("TFLite export needs an ONNX graph with fixed sizes and batch 1; export it without --dynamic")
        stored_shape = (1, shape[2], shape[3], shape[1])
        if value.type.tensor_type.elem_type != onnx.TensorProto.UINT8:
            source = self._writer.tensor(value.name, stored_shape)
            self._stored[value.name] = source
            return source
        source = self._writer.tensor(value.name, stored_shape, np.uint8, Levels((1.0,), (0,)))
        self._stored[value.name] = self._requantized(source, Levels((1.0,), (_U8_TO_S8,)), f"{value.name}_levels")
        return source

    # Convolutions

    def _conv(self, node: NodeProto) -> Stored:
        x = self._stored[node.input[0]]
        fused = self._fused(node)
        levels = self._home(fused.output[0] if fused is not None else node.output[0])
        weight_node = self._producer.get(node.input[1])
        bias = np.asarray(self._values[node.input[2]], np.float32) if len(node.input) > 2 else None
        if weight_node is not None and x.levels is not None and levels is not None:
            return self._integer_conv(node, x, weight_node, bias, levels, self._activation(fused))
        if weight_node is not None:
            steps, integers = self._weight(weight_node)
            weight = (integers.astype(np.float32) * steps[:, None, None, None]).astype(np.float32)
        else:
            weight = np.asarray(self._values[node.input[1]], np.float32)
        x, padding = self._padded(self._as_float(x), node)
        stored = self._weight_layout(weight, node)
        zeros = np.zeros(len(weight), np.float32)
        inputs = [
            x,
            self._float_constant(f"{node.name}.weight", stored),
            self._float_constant(f"{node.name}.bias", zeros if bias is None else bias),
        ]
        output = self._writer.tensor(node.output[0], self._conv_shape(x, node, weight.shape, padding))
        return self._put_conv(node, 1, inputs, output, padding, self._activation(fused))

    def _integer_conv(
        self, node: NodeProto, x: Stored, weight_node: NodeProto, bias: NDArray[np.float32] | None, levels: Levels, activation: int
    ) -> Stored:
        steps, integers = self._weight(weight_node)
        x, padding = self._padded(x, node)
        assert x.levels is not None  # noqa: S101  # padding keeps the levels
        depthwise = attribute(node, "group", 1) != 1
        # TFLite's weights reach from -127 on.
        stored = self._weight_layout(np.maximum(integers, -127), node)
        weight = self._writer.constant(
            f"{node.name}.weight", stored, Levels(tuple(steps.tolist()), (0,) * len(steps), 3 if depthwise else 0)
        )
        fine = steps.astype(np.float64) * x.levels.scale[0]
        whole = np.zeros(len(steps)) if bias is None else np.round(bias / fine)
        limit = np.iinfo(np.int32)
        added = np.clip(whole, limit.min, limit.max).astype(np.int32)
        bias_stored = self._writer.constant(f"{node.name}.bias", added, Levels(tuple(fine.tolist()), (0,) * len(steps), 0))
        output = self._writer.tensor(node.output[0], self._conv_shape(x, node, integers.shape, padding), np.int8, levels)
        return self._put_conv(node, 3, [x, weight, bias_stored], output, padding, activation)

    def _put_conv(self, node: NodeProto, version: int, inputs: Sequence[Stored], output: Stored, padding: int, activation: int) -> Stored:
        depthwise = attribute(node, "group", 1) != 1
        options = self._schema.DepthwiseConv2DOptionsT() if depthwise else self._schema.Conv2DOptionsT()
        if depthwise:
            options.depthMultiplier = 1
        options.padding = padding
        options.strideH, options.strideW = self._pair(node, "strides")
        options.fusedActivationFunction = activation
        return self._writer.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", version, inputs, output, options)

    def _weight(self, node: NodeProto) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Steps (O,) and integers (O, I, kh, kw) of a quantised weight."""
        integers = self._values[node.input[0]]
        steps = np.atleast_1d(np.asarray(self._values[node.input[1]], np.float32))
        zero = self._values[node.input[2]] if len(node.input) > 2 else np.zeros(1)
        if integers.dtype != np.int8 or np.any(zero):
            raise ModelUnsupported(f"{node.name}: TFLite export needs S8 weights around 0, got {integers.dtype}")
        return np.broadcast_to(steps, (len(integers),)).copy(), np.asarray(integers, np.int8)

    def _weight_layout(self, weight: NDArray[Any], node: NodeProto) -> NDArray[Any]:
        """(O, I, kh, kw) as (O, kh, kw, I), and for a depthwise convolution (1, kh, kw, O)."""
        group = attribute(node, "group", 1)
        if group == 1:
            return np.ascontiguousarray(weight.transpose(0, 2, 3, 1))
        if group != len(weight) or weight.shape[1] != 1:
            raise ModelUnsupported(f"{node.name}: TFLite export knows plain and depthwise convolutions, got one in {group} groups")
        return np.ascontiguousarray(weight.transpose(1, 2, 3, 0))

    def _padded(self, x: Stored, node: NodeProto) -> tuple[Stored, int]:
        """The input, padded by an operator of its own where TFLite's SAME would pad otherwise; and the padding that the operator uses."""
        kernel, stride = self._pair(node, "kernel_shape"), self._pair(node, "strides")
        pads = attribute(node, "pads", [0, 0, 0, 0])
        if not isinstance(pads, list) or attribute(node, "dilations", [1, 1]) != [1, 1]:
            raise ModelUnsupported(f"{node.name}: TFLite export knows no dilated convolution")
        kinds = self._schema.Padding
        if not any(pads):
            return x, kinds.VALID
        wanted = [(pads[axis], pads[axis + 2]) for axis in (0, 1)]
        same = [_same_pads(x.shape[axis + 1], kernel[axis], stride[axis]) for axis in (0, 1)]
        if wanted == same:
            return x, kinds.SAME
        amounts = np.array([[0, 0], *wanted, [0, 0]], np.int32)
        shape = [size + int(before + after) for size, (before, after) in zip(x.shape, amounts, strict=True)]
        dtype = np.float32 if x.levels is None else np.int8
        output = self._writer.tensor(f"{node.name}.padded", shape, dtype, x.levels)
        table = self._writer.constant(f"{node.name}.pads", amounts)
        return self._writer.operator("PAD", 1 if x.levels is None else 2, [x, table], output, self._schema.PadOptionsT()), kinds.VALID

    def _conv_shape(self, x: Stored, node: NodeProto, weight: Sequence[int], padding: int) -> tuple[int, ...]:
        kernel, stride = self._pair(node, "kernel_shape"), self._pair(node, "strides")
        return (1, *(self._window_size(x.shape[axis + 1], kernel[axis], stride[axis], padding) for axis in (0, 1)), weight[0])

    def _window_size(self, size: int, kernel: int, stride: int, padding: int) -> int:
        return -(-size // stride) if padding == self._schema.Padding.SAME else (size - kernel) // stride + 1

    def _fused(self, node: NodeProto) -> NodeProto | None:
        """The ReLU or ReLU6 that alone reads a convolution, and becomes part of it."""
        readers = self._readers.get(node.output[0], [])
        return readers[0] if len(readers) == 1 and readers[0].op_type in ("Relu", "Clip") else None

    def _activation(self, fused: NodeProto | None) -> int:
        """The schema's number of it."""
        kinds = self._schema.ActivationFunctionType
        if fused is None:
            return int(kinds.NONE)
        if fused.op_type == "Relu":
            return int(kinds.RELU)
        self._check_relu6(fused)
        return int(kinds.RELU6)

    def _check_relu6(self, node: NodeProto) -> None:
        bounds = [float(self._values[name]) for name in node.input[1:] if name in self._values]
        if bounds != [0.0, 6.0]:
            raise ModelUnsupported(f"{node.name}: TFLite export knows the bounds 0 and 6, got {bounds}")

    # The rest

    def _relu(self, node: NodeProto) -> Stored:
        before = self._producer.get(node.input[0])
        if before is not None and before.op_type == "Conv" and self._fused(before) is not None:
            return self._stored[node.input[0]]
        if node.op_type == "Clip":
            self._check_relu6(node)
        return self._unary("RELU6" if node.op_type == "Clip" else "RELU", node)

    def _sigmoid(self, node: NodeProto) -> Stored:
        return self._unary("LOGISTIC", node)

    def _unary(self, kind: str, node: NodeProto) -> Stored:
        x = self._as_float(self._stored[node.input[0]])
        return self._writer.operator(kind, 1, [x], self._writer.tensor(node.output[0], x.shape))

    def _add(self, node: NodeProto) -> Stored:
        sides = [self._stored[name] for name in node.input]
        levels = self._home(node.output[0])
        options = self._schema.AddOptionsT()
        if levels is None or any(side.levels is None for side in sides):
            sides = [self._as_float(side) for side in sides]
            return self._writer.operator("ADD", 1, sides, self._writer.tensor(node.output[0], sides[0].shape), options)
        output = self._writer.tensor(node.output[0], sides[0].shape, np.int8, levels)
        return self._writer.operator("ADD", 2, sides, output, options)

    def _mul(self, node: NodeProto) -> Stored:
        sides = [self._as_float(self._stored[name]) for name in node.input]
        return self._writer.operator("MUL", 1, sides, self._writer.tensor(node.output[0], sides[0].shape), self._schema.MulOptionsT())

    def _max_pool(self, node: NodeProto) -> Stored:
        x = self._stored[node.input[0]]
        kernel, stride = self._pair(node, "kernel_shape"), self._pair(node, "strides")
        pads = attribute(node, "pads", [0, 0, 0, 0])
        plain = stride == (1, 1) and attribute(node, "dilations", [1, 1]) == [1, 1] and kernel[0] % 2 == 1
        if not plain or kernel[0] != kernel[1] or pads != [kernel[0] // 2] * 4:
            told = f"window {kernel}, strides {stride} and pads {pads}"
            raise ModelUnsupported(f"{node.name}: TFLite export knows maxima that keep the size, got {told}")
        options = self._schema.Pool2DOptionsT()
        options.padding = self._schema.Padding.SAME
        options.strideH, options.strideW = stride
        options.filterHeight, options.filterWidth = kernel
        return self._writer.operator("MAX_POOL_2D", 1 if x.levels is None else 2, [x], self._alike(node, x), options)

    def _mean(self, node: NodeProto) -> Stored:
        """The mean over all places, (1, C, H, W) to (1, C, 1, 1); stored with channels last."""
        x = self._stored[node.input[0]]
        axes = sorted(self._values[node.input[1]].tolist()) if len(node.input) > 1 else []
        if len(x.shape) != 4 or axes not in ([2, 3], [-2, -1]) or not attribute(node, "keepdims", 1):
            raise ModelUnsupported(f"{node.name}: TFLite export knows the mean over a whole map, got axes {axes}")
        levels = self._home(node.output[0])
        table = self._writer.constant(f"{node.name}.axes", np.array([1, 2], np.int32))
        options = self._schema.ReducerOptionsT()
        options.keepDims = True
        shape = (1, 1, 1, x.shape[3])
        if x.levels is None or levels is None:
            return self._writer.operator("MEAN", 1, [self._as_float(x), table], self._writer.tensor(node.output[0], shape), options)
        return self._writer.operator("MEAN", 2, [x, table], self._writer.tensor(node.output[0], shape, np.int8, levels), options)

    def _softmax(self, node: NodeProto) -> Stored:
        x = self._as_float(self._stored[node.input[0]])
        if len(x.shape) != 2:
            raise ModelUnsupported(f"{node.name}: TFLite export knows the softmax of (1, C), got {x.shape}")
        options = self._schema.SoftmaxOptionsT()
        options.beta = 1.0
        return self._writer.operator("SOFTMAX", 1, [x], self._writer.tensor(node.output[0], x.shape), options)

    def _resize(self, node: NodeProto) -> Stored:
        x = self._stored[node.input[0]]
        scales = self._values[node.input[2]].tolist() if len(node.input) > 2 and node.input[2] else []
        nearest = attribute(node, "mode", b"nearest") == b"nearest" and attribute(node, "nearest_mode", b"") == b"floor"
        plain = attribute(node, "coordinate_transformation_mode", b"") == b"asymmetric"
        if len(scales) != 4 or scales[:2] != [1.0, 1.0] or not (nearest and plain):
            raise ModelUnsupported(f"{node.name}: TFLite export knows scaling by nearest pixel and a factor, got another kind")
        height, width = int(x.shape[1] * scales[2]), int(x.shape[2] * scales[3])
        size = self._writer.constant(f"{node.name}.size", np.array([height, width], np.int32))
        output = self._alike(node, x, (1, height, width, x.shape[3]))
        version = 1 if x.levels is None else 2
        return self._writer.operator("RESIZE_NEAREST_NEIGHBOR", version, [x, size], output, self._schema.ResizeNearestNeighborOptionsT())

    def _concat(self, node: NodeProto) -> Stored:
        parts = [self._stored[name] for name in node.input]
        axis = attribute(node, "axis")
        assert isinstance(axis, int)  # noqa: S101  # ONNX asks for it
        rank = len(parts[0].shape)
        stored_axis = rank - 1 if axis == 1 else axis - 1
        levels = [part.levels for part in parts if part.levels is not None]
        if len(levels) == len(parts):
            # All parts need the same levels: those that the whole is rounded to anyway, so that nothing is rounded twice.
            common = self._home(node.output[0]) or _common_levels(levels)
            parts = [self._requantized(part, common, f"{node.name}.{index}") for index, part in enumerate(parts)]
        else:
            parts = [self._as_float(part) for part in parts]
        shape = list(parts[0].shape)
        shape[stored_axis] = sum(part.shape[stored_axis] for part in parts)
        options = self._schema.ConcatenationOptionsT()
        options.axis = stored_axis
        output = self._alike(node, parts[0], shape)
        return self._writer.operator("CONCATENATION", 1 if parts[0].levels is None else 2, parts, output, options)

    def _reshape(self, node: NodeProto) -> Stored:
        """(1, C, H, W) to (1, C, H * W), stored as (1, H * W, C); or (1, C, 1, 1) to (1, C)."""
        x = self._stored[node.input[0]]
        target = self._values[node.input[1]].tolist()
        flat = len(target) == 2 and x.shape[:3] == (1, 1, 1)
        if len(x.shape) != 4 or not (flat or (len(target) == 3 and target[1] == x.shape[3])):
            raise ModelUnsupported(f"{node.name}: TFLite export knows the reshape of a map to rows, got {target}")
        shape = (1, x.shape[3]) if flat else (1, x.shape[1] * x.shape[2], x.shape[3])
        size = self._writer.constant(f"{node.name}.shape", np.array(shape, np.int32))
        options = self._schema.ReshapeOptionsT()
        options.newShape = np.array(shape, np.int32)
        return self._writer.operator("RESHAPE", 1, [x, size], self._alike(node, x, shape), options)

    def _transpose(self, node: NodeProto) -> Stored:
        """(1, C, N) to (1, N, C), as which it is stored already."""
        if attribute(node, "perm") != [0, 2, 1] or node.output[0] != self._graph.output[0].name:
            raise ModelUnsupported(f"{node.name}: TFLite export knows the transposition of rows at the end, got another one")
        return self._stored[node.input[0]]

    # Levels

    def _quantize(self, node: NodeProto) -> Stored:
        return self._requantized(self._stored[node.input[0]], self._levels(node), node.output[0])

    def _dequantize(self, node: NodeProto) -> Stored:
        return self._stored[node.input[0]]  # whoever needs floats asks `_as_float`

    def _home(self, name: str) -> Levels | None:
        """The levels that a tensor is quantised to right away, or None."""
        for reader in self._readers.get(name, []):
            if reader.op_type == "QuantizeLinear":
                return self._levels(reader)
        return None

    def _levels(self, node: NodeProto) -> Levels:
        scale, zero = np.asarray(self._values[node.input[1]]), self._values[node.input[2]]
        if scale.size != 1 or zero.dtype != np.uint8:
            raise ModelUnsupported(f"{node.name}: TFLite export needs U8 activations with one scale a tensor")
        return Levels((float(scale),), (int(zero) + _U8_TO_S8,))

    def _requantized(self, x: Stored, levels: Levels, name: str) -> Stored:
        if x.levels == levels:
            return x
        output = self._writer.tensor(name, x.shape, np.int8, levels)
        return self._writer.operator("QUANTIZE", 1, [x], output, self._schema.QuantizeOptionsT())

    def _as_float(self, x: Stored) -> Stored:
        if x.levels is None:
            return x
        if x.index not in self._floats:
            output = self._writer.tensor(f"tensor_{x.index}_float", x.shape)
            self._floats[x.index] = self._writer.operator("DEQUANTIZE", 2, [x], output, self._schema.DequantizeOptionsT())
        return self._floats[x.index]

    def _float_constant(self, name: str, value: NDArray[np.float32]) -> Stored:
        """A float weight, in the chosen type; half floats are made float32 by an operator, which runtimes do once."""
        if name in self._weights:
            return self._weights[name]
        stored = self._writer.constant(name, value.astype(self._float_type))
        if self._float_type == np.float16:
            output = self._writer.tensor(f"{name}_float", value.shape)
            stored = self._writer.operator("DEQUANTIZE", 3, [stored], output, self._schema.DequantizeOptionsT())
        self._weights[name] = stored
        return stored

    def _alike(self, node: NodeProto, x: Stored, shape: Sequence[int] | None = None) -> Stored:
        """A tensor for the node's output, of the type and levels of `x`."""
        return self._writer.tensor(
            node.output[0], x.shape if shape is None else shape, np.float32 if x.levels is None else np.int8, x.levels
        )

    def _pair(self, node: NodeProto, name: str) -> tuple[int, int]:
        value = attribute(node, name, [1, 1])
        assert isinstance(value, list)  # noqa: S101  # ONNX's type for it
        return int(value[0]), int(value[1])


def _common_levels(levels: Sequence[Levels]) -> Levels:
    """S8 levels for all parts of a concatenation: their own where they agree, else such as reach from the lowest value to the highest."""
    if len(set(levels)) == 1:
        return levels[0]
    limits = np.iinfo(np.int8)
    low = min((limits.min - entry.zero[0]) * entry.scale[0] for entry in levels)
    high = max((limits.max - entry.zero[0]) * entry.scale[0] for entry in levels)
    scale = (high - low) / (int(limits.max) - int(limits.min))
    return Levels((float(scale),), (round(limits.min - low / scale),))


def _same_pads(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """What TFLite's SAME puts before and after."""
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def operator_counts(data: bytes) -> Mapping[str, int]:
    """How often each operator occurs in a TFLite file."""
    writer = TfliteWriter()
    model = writer.schema.ModelT.InitFromObj(writer.schema.Model.GetRootAs(data, 0))
    names = {value: name for name, value in vars(writer.schema.BuiltinOperator).items() if isinstance(value, int)}
    counts: dict[str, int] = {}
    for operator in model.subgraphs[0].operators:
        code = model.operatorCodes[operator.opcodeIndex]
        name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        counts[name] = counts.get(name, 0) + 1
    return counts
