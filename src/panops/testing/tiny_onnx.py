"""Writes small ONNX files without the onnx package, so that every backend's suite can make its own models.

ONNX is a protobuf message (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); the field numbers below are from there. Only what
the suites need: float32 and uint8 tensors, constants, and nodes with integer attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panops.inference.protobuf_writer import message

_ONNX_TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int64): 7}
_ATTRIBUTE_INTS = 7


@dataclass(frozen=True, slots=True)
class Node:
    """One operator.

    Attributes:
        operator: Its ONNX name, for example `Conv`.
        inputs: Names of the tensors it reads.
        outputs: Names of the tensors it writes.
        integers: Attributes that are lists of integers, for example `pads`.
        domain: Where the operator is defined; empty for ONNX itself.
    """

    operator: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    integers: Mapping[str, Sequence[int]] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of the graph; -1 in `shape` varies."""

    name: str
    shape: Sequence[int]
    dtype: np.dtype[np.generic] = field(default_factory=lambda: np.dtype(np.float32))


def write_onnx(
    path: Path,
    nodes: Sequence[Node],
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *,
    constants: Mapping[str, NDArray[np.generic]] | None = None,
    opset: int = 13,
) -> Path:
    """Write a model to `path` and give `path` back."""
    graph = b"".join(
        [
            *(_message(1, _node(node)) for node in nodes),
            _message(2, b"graph"),
            *(_message(5, _constant(name, array)) for name, array in (constants or {}).items()),
            *(_message(11, _value(tensor)) for tensor in inputs),
            *(_message(12, _value(tensor)) for tensor in outputs),
        ]
    )
    domains = dict.fromkeys(["", *(node.domain for node in nodes)])
    sets = b"".join(_message(8, _message(1, name.encode()) + _number(2, 1 if name else opset)) for name in domains)
    path.write_bytes(_number(1, 8) + _message(7, graph) + sets)  # IR version 8 goes with operator sets up to 18
    return path


def _node(node: Node) -> bytes:
    return b"".join(
        [
            *(_message(1, name.encode()) for name in node.inputs),
            *(_message(2, name.encode()) for name in node.outputs),
            _message(4, node.operator.encode()),
            *(_message(5, _attribute(name, values)) for name, values in node.integers.items()),
            *([_message(7, node.domain.encode())] if node.domain else []),
        ]
    )


def _attribute(name: str, values: Sequence[int]) -> bytes:
    return _message(1, name.encode()) + b"".join(_number(8, value) for value in values) + _number(20, _ATTRIBUTE_INTS)


def _constant(name: str, array: NDArray[np.generic]) -> bytes:
    dims = b"".join(_number(1, size) for size in array.shape)
    return dims + _number(2, _ONNX_TYPES[array.dtype]) + _message(8, name.encode()) + _message(9, np.ascontiguousarray(array).tobytes())


def _value(tensor: Tensor) -> bytes:
    dims = b"".join(
        _message(1, _message(2, f"{tensor.name}_{axis}".encode()) if size == -1 else _number(1, size))
        for axis, size in enumerate(tensor.shape)
    )
    kind = _number(1, _ONNX_TYPES[np.dtype(tensor.dtype)]) + _message(2, dims)
    return _message(1, tensor.name.encode()) + _message(2, _message(1, kind))


def _message(number: int, payload: bytes) -> bytes:
    return message([(number, payload)])


def _number(number: int, value: int) -> bytes:
    return message([(number, value)])
