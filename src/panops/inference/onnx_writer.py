"""Writes small ONNX files without the package `onnx`, which only extras have: a chain of layers, weights inside.

The format is protobuf: fields of a number and a kind, and a value. Only what these layers need is written, always in one order, so that the
same network gives the same bytes on every machine. Field numbers: onnx/onnx.proto of ONNX 1.9 to 1.20.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from panops.inference.protobuf_writer import Field, key, message

# Softmax over one axis came with 13; readers from 2021 on know both.
_OPSET, _IR_VERSION = 13, 8
_FLOAT, _INT64 = 1, 7
_FLOAT_KIND, _INT_KIND, _INTS_KIND = 1, 2, 7
# A size that varies is a word.
Dims: TypeAlias = Sequence[int | str]


@dataclass(slots=True)
class OnnxWriter:
    """Nodes and weights of one graph, in the order they are added.

    Attributes:
        name: The graph's name.
    """

    name: str
    _nodes: list[bytes] = field(default_factory=list)
    _weights: list[bytes] = field(default_factory=list)

    def weight(self, name: str, array: NDArray[np.floating[Any]]) -> str:
        """Add a tensor, as float32; returns its name."""
        plain = np.ascontiguousarray(array, "<f4")
        self._weights.append(message([*((1, size) for size in plain.shape), (2, _FLOAT), (8, name), (9, plain.tobytes())]))
        return name

    def whole_numbers(self, name: str, values: Sequence[int]) -> str:
        """Add a list of whole numbers, as int64, which some operators take instead of attributes; returns its name."""
        plain = np.asarray(values, "<i8")
        self._weights.append(message([(1, len(plain)), (2, _INT64), (8, name), (9, plain.tobytes())]))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: float | Sequence[int]) -> str:
        """Add a node of one output, named as that; returns the name.

        Args:
            operator: As ONNX calls it.
            inputs: Names of tensors.
            output: The name of what comes out.
            attributes: Whole numbers, floats, or lists of whole numbers.
        """
        head: list[tuple[int, Field]] = [*((1, name) for name in inputs), (2, output), (3, output), (4, operator)]
        self._nodes.append(message([*head, *((5, _attribute(name, attributes[name])) for name in sorted(attributes))]))
        return output

    def content(self, inputs: Mapping[str, Dims], outputs: Mapping[str, Dims]) -> bytes:
        """The file.

        Args:
            inputs: float32 inputs by name; a size that varies is a word.
            outputs: The same of what comes out.
        """
        parts: list[tuple[int, Field]] = [*((1, node) for node in self._nodes), (2, self.name), *((5, weight) for weight in self._weights)]
        parts += [(11, _tensor_info(name, dims)) for name, dims in inputs.items()]
        parts += [(12, _tensor_info(name, dims)) for name, dims in outputs.items()]
        return message([(1, _IR_VERSION), (2, "panops"), (7, message(parts)), (8, message([(1, ""), (2, _OPSET)]))])


def _attribute(name: str, value: float | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return message([(1, name), (3, value), (20, _INT_KIND)])
    if isinstance(value, float):
        return message([(1, name)]) + key(2, 5) + struct.pack("<f", value) + message([(20, _FLOAT_KIND)])
    return message([(1, name), *((8, number) for number in value), (20, _INTS_KIND)])


def _tensor_info(name: str, dims: Dims) -> bytes:
    shape = message([(1, message([(1 if isinstance(size, int) else 2, size)])) for size in dims])
    return message([(1, name), (2, message([(1, message([(1, _FLOAT), (2, shape)]))]))])
