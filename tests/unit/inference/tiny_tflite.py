"""Writes small TFLite files with the schema that LiteRT ships, for the LiteRT backend's suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Shape = tuple[int, ...]


class TinyTflite:
    """Collects tensors and operators of one graph, then writes them."""

    def __init__(self) -> None:
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.operatorCodes = []
        empty = schema.BufferT()
        self._model.buffers = [empty]

    def tensor(self, name: str, shape: Shape, content: np.ndarray[Any, Any] | None = None) -> int:
        """Add a tensor; -1 in `shape` varies; `content` makes it a constant. Gives its index."""
        tensor = schema.TensorT()
        tensor.name = name
        tensor.shape = [max(1, size) for size in shape]
        if -1 in shape:
            tensor.shapeSignature = list(shape)
        integers = content is not None and content.dtype == np.int32
        tensor.type = schema.TensorType.INT32 if integers else schema.TensorType.FLOAT32
        tensor.buffer = 0
        if content is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(content).tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(
        self, code: int, inputs: Sequence[int], outputs: Sequence[int], options: tuple[int, Any] | None = None, custom: str = ""
    ) -> None:
        """Add an operator; `options` is its type in the schema's union and the object."""
        entry = schema.OperatorCodeT()
        entry.builtinCode = code
        entry.deprecatedBuiltinCode = min(code, 127)
        entry.version = 1
        if custom:
            entry.customCode = custom
        self._model.operatorCodes.append(entry)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options:
            operator.builtinOptionsType, operator.builtinOptions = options
        self._graph.operators.append(operator)

    def write(self, path: Path, inputs: Sequence[int], outputs: Sequence[int]) -> Path:
        """Write the file and give its path."""
        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        self._model.subgraphs = [self._graph]
        builder = flatbuffers.Builder(4096)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def arithmetic(path: Path) -> Path:
    """`a` and `b` (2, 3) to `sum` and `product`."""
    model = TinyTflite()
    ids = {name: model.tensor(name, (2, 3)) for name in ("a", "b", "sum", "product")}
    ops = schema.BuiltinOperator
    model.operator(ops.ADD, [ids["a"], ids["b"]], [ids["sum"]], (schema.BuiltinOptions.AddOptions, schema.AddOptionsT()))
    model.operator(ops.MUL, [ids["a"], ids["b"]], [ids["product"]], (schema.BuiltinOptions.MulOptions, schema.MulOptionsT()))
    return model.write(path, [ids["a"], ids["b"]], [ids["sum"], ids["product"]])


def scaled(path: Path, scale: np.ndarray[Any, Any]) -> Path:
    """`x` (any, 4) to `y` (any, 4): times `scale`."""
    model = TinyTflite()
    x, y, constant = model.tensor("x", (-1, 4)), model.tensor("y", (-1, 4)), model.tensor("scale", (4,), scale)
    model.operator(schema.BuiltinOperator.MUL, [x, constant], [y], (schema.BuiltinOptions.MulOptions, schema.MulOptionsT()))
    return model.write(path, [x], [y])


def convolution(path: Path, weight: np.ndarray[Any, Any], bias: np.ndarray[Any, Any]) -> Path:
    """`image` (1, 3, 8, 8) to `features` (1, 2, 8, 8): NCHW outside, TFLite's own NHWC inside."""
    model = TinyTflite()
    image, features = model.tensor("image", (1, 3, 8, 8)), model.tensor("features", (1, 2, 8, 8))
    inner, linear = model.tensor("inner", (1, 8, 8, 3)), model.tensor("linear", (1, 8, 8, 2))
    kernel = model.tensor("kernel", (2, 3, 3, 3), weight.transpose(0, 2, 3, 1))
    offsets = model.tensor("bias", (2,), bias)
    to_inner = model.tensor("to_inner", (4,), np.array([0, 2, 3, 1], np.int32))
    to_outer = model.tensor("to_outer", (4,), np.array([0, 3, 1, 2], np.int32))
    options = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    transpose = (schema.BuiltinOptions.TransposeOptions, schema.TransposeOptionsT())
    model.operator(schema.BuiltinOperator.TRANSPOSE, [image, to_inner], [inner], transpose)
    model.operator(schema.BuiltinOperator.CONV_2D, [inner, kernel, offsets], [linear], (schema.BuiltinOptions.Conv2DOptions, options))
    model.operator(schema.BuiltinOperator.TRANSPOSE, [linear, to_outer], [features], transpose)
    return model.write(path, [image], [features])


def custom(path: Path, sizes: Mapping[str, Shape]) -> Path:
    """A model whose only operator nobody has."""
    model = TinyTflite()
    ids = [model.tensor(name, shape) for name, shape in sizes.items()]
    model.operator(schema.BuiltinOperator.CUSTOM, ids[:1], ids[1:], custom="NobodyHasThis")
    return model.write(path, ids[:1], ids[1:])
