"""Reads a TFLite file: its tensors, the values that are in it, and its operators; needs nothing but numpy.

A flat buffer is a table of tables. Each begins with the distance back to its list of field offsets; what is at the default is left out.
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs names the fields, whose numbers are used here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelNotFound, ModelUnsupported

_IDENTIFIER = b"TFL3"
# The schema's numbers of the operators and types that are asked for here.
OPERATORS = {0: "ADD", 1: "AVERAGE_POOL_2D", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE", 9: "FULLY_CONNECTED", 22: "RESHAPE"}
OPERATORS |= {25: "SOFTMAX", 40: "MEAN", 114: "QUANTIZE"}
_TYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}


@dataclass(frozen=True, slots=True, eq=False)
class TfliteTensor:
    """A tensor of the file.

    Attributes:
        name: Its name.
        shape: Its shape.
        values: What it holds, None where an operator fills it.
        scale: One number, or one for each index of `axis`; empty where its numbers are meant as they are.
        zero: The integer that means 0, as many as `scale`.
        axis: To which dimension several scales belong.
    """

    name: str
    shape: tuple[int, ...]
    values: NDArray[np.generic] | None
    scale: tuple[float, ...]
    zero: tuple[int, ...]
    axis: int

    def real(self) -> NDArray[np.float32]:
        """What the values mean: (integer - zero) * scale, of its shape, float32.

        Raises:
            ModelUnsupported: The file holds no values for it.
        """
        if self.values is None:
            raise ModelUnsupported(f"{self.name}: expected a tensor with values in the file, got one that an operator fills")
        if not self.scale:
            return np.asarray(self.values, np.float32)
        along = [1] * len(self.shape)
        if len(self.scale) > 1:
            if (
                not 0 <= self.axis < len(self.shape)
                or self.shape[self.axis] != len(self.scale)
                or len(self.zero) not in (1, len(self.scale))
            ):
                raise ModelUnsupported(
                    f"{self.name}: expected a scale for each of {self.shape}, got {len(self.scale)} for axis {self.axis}"
                )
            along[self.axis] = len(self.scale)
        scale, zero = (
            np.reshape(self.scale, along if len(self.scale) > 1 else ()),
            np.reshape(self.zero, along if len(self.zero) > 1 else ()),
        )
        return np.asarray((self.values.astype(np.float64) - zero) * scale, np.float32)


@dataclass(frozen=True, slots=True)
class TfliteOperator:
    """An operator of the file.

    Attributes:
        kind: Its name in the schema, or its number as text.
        inputs: Indices of its tensors; -1 for one that is left away.
        outputs: The same.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TfliteFile:
    """A whole file: its first graph."""

    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]


def read_tflite(path: Path) -> TfliteFile:
    """A file's first graph.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is no TFLite file, or it is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelNotFound(f"{path}: expected a TFLite file, but it cannot be read: {error.strerror}") from error
    if data[4:8] != _IDENTIFIER:
        raise ModelUnsupported(f"{path}: expected a TFLite file, got another kind of file")
    try:
        return _file(_Table(data, struct.unpack_from("<I", data, 0)[0]))
    except (struct.error, IndexError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise ModelUnsupported(f"{path}: expected a TFLite file, but it is damaged") from error


def _file(model: _Table) -> TfliteFile:
    kinds = [max(code.number(0, "b"), code.number(3, "i")) for code in model.tables(1)]
    buffers = list(model.tables(4))
    graph = next(iter(model.tables(2)), None)
    if graph is None:
        raise ValueError("there is no graph in it")
    tensors = tuple(_tensor(entry, buffers) for entry in graph.tables(0))
    operators = []
    for entry in graph.tables(3):
        kind = kinds[entry.number(0, "I")]
        inputs, outputs = (tuple(entry.array(field, np.int32).tolist()) for field in (1, 2))
        operators.append(TfliteOperator(OPERATORS.get(kind, str(kind)), inputs, outputs))
    return TfliteFile(tensors, tuple(operators))


def _tensor(entry: _Table, buffers: list[_Table]) -> TfliteTensor:
    shape = tuple(entry.array(0, np.int32).tolist())
    raw = buffers[entry.number(2, "I")].array(0, np.uint8)
    kind = _TYPES.get(entry.number(1, "b"))
    values = raw.view(kind).reshape(shape) if len(raw) and kind is not None else None
    levels = entry.table(4)
    scale = tuple(levels.array(2, np.float32).tolist()) if levels is not None else ()
    zero = tuple(levels.array(3, np.int64).tolist()) if levels is not None else ()
    return TfliteTensor(entry.text(3), shape, values, scale, zero or (0,) * len(scale), levels.number(6, "i") if levels is not None else 0)


class _Table:
    """One table: where it begins, and where its fields are."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._fields = at - struct.unpack_from("<i", data, at)[0]
        self._count = (struct.unpack_from("<H", data, self._fields)[0] - 4) // 2

    def _place(self, field: int) -> int:
        """Where a field's value lies; 0 where it is left out."""
        if field >= self._count:
            return 0
        (offset,) = struct.unpack_from("<H", self._data, self._fields + 4 + 2 * field)
        return self._at + int(offset) if offset else 0

    def _target(self, place: int) -> int:
        return place + int(struct.unpack_from("<I", self._data, place)[0])

    def number(self, field: int, kind: str) -> int:
        """A whole number; 0 where it is left out."""
        place = self._place(field)
        return int(struct.unpack_from(f"<{kind}", self._data, place)[0]) if place else 0

    def table(self, field: int) -> _Table | None:
        place = self._place(field)
        return _Table(self._data, self._target(place)) if place else None

    def tables(self, field: int) -> Iterator[_Table]:
        place = self._place(field)
        if not place:
            return
        first = self._target(place)
        (count,) = struct.unpack_from("<I", self._data, first)
        for index in range(count):
            yield _Table(self._data, self._target(first + 4 + 4 * index))

    def array(self, field: int, kind: type[np.generic]) -> NDArray[np.generic]:
        """A vector of numbers, empty where it is left out."""
        place = self._place(field)
        if not place:
            return np.zeros(0, kind)
        first = self._target(place)
        (count,) = struct.unpack_from("<I", self._data, first)
        return np.frombuffer(self._data, kind, count, first + 4)

    def text(self, field: int) -> str:
        return self.array(field, np.uint8).tobytes().decode()
