"""Writes a TFLite file: tensors, operators and buffers into the flat buffer that LiteRT reads.

Only the schema is taken from elsewhere: the classes that the FlatBuffers compiler made from it, which come with `ai-edge-litert`.
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import PluginError

_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_ALIGNMENT = 16


@dataclass(frozen=True, slots=True)
class Levels:
    """How integers stand for numbers: value = (integer - zero) * scale, one scale for all or one for each index of `axis`."""

    scale: tuple[float, ...]
    zero: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in the file.

    Attributes:
        index: Its number in the file.
        shape: As stored: channels last.
        levels: How its integers are meant; None for floats.
    """

    index: int
    shape: tuple[int, ...]
    levels: Levels | None = None


class TfliteWriter:
    """Collects a graph, then gives the file's bytes.

    Raises:
        PluginError: ai-edge-litert, which brings the schema, is not installed.
    """

    def __init__(self) -> None:
        try:
            self.schema: Any = importlib.import_module("ai_edge_litert.schema_py_generated")
            self._flatbuffers: Any = importlib.import_module("flatbuffers")
        except ImportError as error:
            raise PluginError(
                "writing TFLite needs ai-edge-litert, which is not installed; get it with: pip install 'panops[phones]'"
            ) from error
        self._types = {
            np.dtype(np.float32): self.schema.TensorType.FLOAT32,
            np.dtype(np.float16): self.schema.TensorType.FLOAT16,
            np.dtype(np.int32): self.schema.TensorType.INT32,
            np.dtype(np.int8): self.schema.TensorType.INT8,
            np.dtype(np.uint8): self.schema.TensorType.UINT8,
        }
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [self.schema.BufferT()]  # the first one is empty by convention
        self._operators: list[Any] = []
        self._codes: list[Any] = []
        self._code_index: dict[tuple[int, int], int] = {}

    def tensor(self, name: str, shape: Sequence[int], dtype: Any = np.float32, levels: Levels | None = None) -> Stored:
        """A tensor that an operator fills, or the model's input."""
        return self._add(name, tuple(int(size) for size in shape), np.dtype(dtype), levels, 0)

    def constant(self, name: str, value: NDArray[Any], levels: Levels | None = None) -> Stored:
        """A tensor whose values are in the file."""
        self._buffers.append(_AlignedBuffer(self.schema, np.ascontiguousarray(value).tobytes()))
        return self._add(name, value.shape, value.dtype, levels, len(self._buffers) - 1)

    def operator(self, kind: str, version: int, inputs: Sequence[Stored], output: Stored, options: Any = None) -> Stored:
        """Append an operator.

        Args:
            kind: The operator's name in the schema: `CONV_2D` ...
            version: The first version of it that knows these types.
            inputs: Its inputs in the schema's order.
            output: Its output, which is given back.
            options: Its options, an object of the schema.
        """
        code = getattr(self.schema.BuiltinOperator, kind)
        entry = self.schema.OperatorT()
        entry.opcodeIndex = self._code(code, version)
        entry.inputs = np.array([tensor.index for tensor in inputs], np.int32)
        entry.outputs = np.array([output.index], np.int32)
        if options is not None:
            entry.builtinOptionsType = getattr(self.schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            entry.builtinOptions = options
        self._operators.append(entry)
        return output

    def rename(self, tensor: Stored, name: str) -> None:
        """Give a tensor another name: that by which callers ask for an output."""
        self._tensors[tensor.index].name = name

    def file(
        self, inputs: Sequence[Stored], outputs: Sequence[Stored], description: str, metadata: Mapping[str, bytes] | None = None
    ) -> bytes:
        """The whole file, with what `metadata` holds under its names."""
        graph = self.schema.SubGraphT()
        graph.name = "main"
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs = np.array([tensor.index for tensor in inputs], np.int32)
        graph.outputs = np.array([tensor.index for tensor in outputs], np.int32)
        model = self.schema.ModelT()
        model.version = _SCHEMA_VERSION
        model.description = description
        model.operatorCodes, model.subgraphs, model.buffers = self._codes, [graph], self._buffers
        if metadata:
            model.metadata = [self._note(name, content) for name, content in metadata.items()]
        builder = self._flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def _note(self, name: str, content: bytes) -> Any:
        self._buffers.append(_AlignedBuffer(self.schema, content))
        entry = self.schema.MetadataT()
        entry.name, entry.buffer = name, len(self._buffers) - 1
        return entry

    def _add(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], levels: Levels | None, buffer: int) -> Stored:
        entry = self.schema.TensorT()
        entry.name, entry.buffer, entry.type = name, buffer, self._types[dtype]
        entry.shape = np.array(shape, np.int32)
        entry.hasRank = True
        if levels is not None:
            entry.quantization = self.schema.QuantizationParametersT()
            entry.quantization.scale = np.array(levels.scale, np.float32)
            entry.quantization.zeroPoint = np.array(levels.zero, np.int64)
            entry.quantization.quantizedDimension = levels.axis
        self._tensors.append(entry)
        return Stored(len(self._tensors) - 1, shape, levels)

    def _code(self, code: int, version: int) -> int:
        key = (code, version)
        if key not in self._code_index:
            entry = self.schema.OperatorCodeT()
            # Readers before 2020 know the old field only, which ends at 127.
            entry.deprecatedBuiltinCode, entry.builtinCode, entry.version = min(code, 127), code, version
            self._codes.append(entry)
            self._code_index[key] = len(self._codes) - 1
        return self._code_index[key]


class _AlignedBuffer:
    """A buffer that begins at a multiple of 16 bytes.

    The schema asks for it (`force_align: 16`), and processors without unaligned reads need it; the Python classes that are made from the
    schema do not heed it.
    """

    def __init__(self, schema: Any, data: bytes) -> None:
        self._schema = schema
        self._data = data

    def Pack(self, builder: Any) -> Any:  # noqa: N802  # the schema's classes call it so
        """Write it; what the packing of the whole model calls."""
        builder.StartVector(1, len(self._data), _ALIGNMENT)
        builder.head -= len(self._data)
        builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
        data = builder.EndVector()
        self._schema.BufferStart(builder)
        self._schema.BufferAddData(builder, data)
        return self._schema.BufferEnd(builder)
