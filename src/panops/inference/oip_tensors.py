"""What a request's tensors may be, whichever way they were written: shapes, raw bytes, numbers that fit their datatype."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.inference.oip_types import DTYPES, RequestUnreadable

MOST_TENSORS = 64
_MOST_DIMENSIONS = 16
# Backends read inputs in place; they are used to numpy's own arrays, which begin at such addresses.
_ALIGNED_BYTES = 16


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """An output that was asked for. `binary` says whether its numbers come raw behind the JSON."""

    name: str
    binary: bool


@dataclass(frozen=True, slots=True, eq=False)
class InferRequest:
    """What is asked of a model.

    Attributes:
        request_id: The caller's own word for the request; empty for none.
        inputs: The arrays by name, read-only; some are views of the body.
        outputs: What is wanted, in that order; None for all that the model has.
        all_binary: Whether outputs come raw where nothing is said of them.
    """

    request_id: str
    inputs: dict[str, NDArray[Any]]
    outputs: tuple[WantedOutput, ...] | None
    all_binary: bool


def dtype_of(word: Any, name: str) -> np.dtype[Any]:
    """The dtype of a datatype.

    Raises:
        RequestUnreadable: It is none that is offered.
    """
    dtype = DTYPES.get(word) if isinstance(word, str) else None
    if dtype is None:
        raise RequestUnreadable(f"input {shown(name)}: expected one of the datatypes {', '.join(DTYPES)}, got {shown(word)}")
    return dtype


def from_bytes(data: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A tensor out of its bytes, little endian, as many as the shape needs; read-only, and a view of `data` where that is aligned."""
    array = np.frombuffer(data, np.uint8)
    if dtype == np.bool_:
        array = (array != 0).view(np.uint8)  # any other byte than 0 and 1 is no bool to C++
    if array.size and array.ctypes.data % _ALIGNED_BYTES:
        array = array.copy()
    little = array.view(dtype.newbyteorder("<"))
    return (little if sys.byteorder == "little" else little.astype(dtype)).reshape(shape)


def as_dtype(found: NDArray[Any], name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The numbers in the dtype that was declared; none is rounded to a whole one or wraps around.

    Raises:
        RequestUnreadable: One does not fit.
    """
    if not found.size:
        return np.zeros(found.shape, dtype)
    allowed = {"b": "b", "f": "iuf"}.get(dtype.kind, "iu")
    if found.dtype.kind not in allowed:
        wanted = {"b": "true and false", "f": "numbers"}.get(dtype.kind, "whole numbers in the datatype's range")
        raise RequestUnreadable(f"input {shown(name)}: expected {wanted} for {dtype}")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        least, most = int(found.min()), int(found.max())
        if least < limits.min or most > limits.max:
            raise RequestUnreadable(f"input {shown(name)}: {dtype} goes from {limits.min} to {limits.max}, got {least} to {most}")
    with np.errstate(over="ignore"):
        array = found.astype(dtype)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise RequestUnreadable(f"input {shown(name)}: a number is too large for {dtype}")
    return array


def shape_of(value: Any, name: str) -> tuple[int, ...]:
    """The shape that a request names for an input.

    Raises:
        RequestUnreadable: It is no list of sizes.
    """
    fits = isinstance(value, list) and len(value) <= _MOST_DIMENSIONS
    if not fits or any(isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**31 for size in value):
        raise RequestUnreadable(f"input {shown(name)}: expected a shape such as [1, 3, 416, 416], got {shown(value)}")
    return tuple(value)


def shown(value: Any) -> str:
    """A value for people: short, whatever it is."""
    text = ascii(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
