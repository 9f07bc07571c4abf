"""Reads an inference request of the Open Inference Protocol: JSON, and raw tensors behind it.

With the binary tensor extension the body is a JSON object, whose length a header names, and then the bytes of the inputs that have a
`binary_data_size`, one after the other, in the order of the inputs, little endian. The arrays made of them are views of the body.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from panops.inference.oip_tensors import MOST_TENSORS, InferRequest, WantedOutput, as_dtype, dtype_of, from_bytes, shape_of, shown
from panops.inference.oip_types import RequestUnreadable


def read_request(body: memoryview, header_bytes: int | None) -> InferRequest:
    """Read a request's body.

    Args:
        body: All of it; it must stay as it is while the arrays are used.
        header_bytes: How long the JSON is; None where all of the body is JSON.

    Raises:
        RequestUnreadable: It does not follow the protocol.
    """
    if header_bytes is not None and not 0 < header_bytes <= len(body):
        raise RequestUnreadable(f"expected the JSON to be 1 to {len(body)} bytes long, as the body is, got {header_bytes}")
    head = body if header_bytes is None else body[:header_bytes]
    content = _object(_parsed(head), "the request")
    parameters = _parameters(content, "the request")
    if parameters.get("sequence_id"):
        raise RequestUnreadable("models here keep nothing from one request to the next: leave sequence_id away")
    all_binary = parameters.get("binary_data_output", False) is True
    tensors = _list(content.get("inputs"), "inputs")
    raw = _Raw(body[len(head) :])
    inputs: dict[str, NDArray[Any]] = {}
    for tensor in tensors:
        name = _name(tensor, "inputs")
        if name in inputs:
            raise RequestUnreadable(f"the input {shown(name)} is there twice")
        inputs[name] = _array(_object(tensor, "an input"), name, raw)
    raw.end()
    return InferRequest(_id(content), inputs, _outputs(content, all_binary=all_binary), all_binary)


class _Raw:
    """The bytes behind the JSON, taken from the front."""

    def __init__(self, rest: memoryview) -> None:
        self._rest = rest

    def take(self, count: int, name: str) -> memoryview:
        if count > len(self._rest):
            raise RequestUnreadable(f"input {shown(name)}: expected {count} bytes behind the JSON, got {len(self._rest)}")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def end(self) -> None:
        if len(self._rest):
            raise RequestUnreadable(f"{len(self._rest)} bytes at the end of the body belong to no input")


def _parsed(head: memoryview) -> Any:
    if not len(head):
        raise RequestUnreadable("the body is empty; expected a JSON object with inputs")
    try:
        return json.loads(bytes(head), parse_constant=_no_constant)
    except RecursionError:
        raise RequestUnreadable("the JSON is nested too deeply") from None
    except ValueError as error:  # also bytes that are no UTF-8, and whole numbers of thousands of digits
        raise RequestUnreadable(f"the body is no JSON: {str(error)[:120]}") from None


def _no_constant(word: str) -> NoReturn:
    raise RequestUnreadable(f"{word} is no JSON; send such numbers as binary data")


def _array(tensor: Mapping[str, Any], name: str, raw: _Raw) -> NDArray[Any]:
    """The tensor as an array of its shape and dtype."""
    word, shape = tensor.get("datatype"), shape_of(tensor.get("shape"), name)
    dtype = dtype_of(word, name)
    count, size = math.prod(shape), _parameters(tensor, f"input {shown(name)}").get("binary_data_size")
    if size is None:
        return _from_json(tensor, name, dtype, shape)
    if "data" in tensor:
        raise RequestUnreadable(f"input {shown(name)} has data and a binary_data_size; expected one of them")
    if isinstance(size, bool) or not isinstance(size, int) or size != count * dtype.itemsize:
        wanted = count * dtype.itemsize
        raise RequestUnreadable(f"input {shown(name)}: expected {wanted} bytes for {word} of shape {list(shape)}, got {shown(size)}")
    return from_bytes(raw.take(size, name), dtype, shape)


def _from_json(tensor: Mapping[str, Any], name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    data = tensor.get("data")
    if not isinstance(data, list):
        raise RequestUnreadable(f"input {shown(name)}: expected a list of numbers as data, or a binary_data_size")
    if dtype == np.float16:
        raise RequestUnreadable(f"input {shown(name)}: FP16 is sent as binary data only")
    try:
        found = np.asarray(data)
    except ValueError:
        raise RequestUnreadable(f"input {shown(name)}: its lists are of different lengths") from None
    count = math.prod(shape)
    if found.size != count or (found.ndim > 1 and found.shape != shape):
        raise RequestUnreadable(f"input {shown(name)}: expected {count} numbers for shape {list(shape)}, got shape {list(found.shape)}")
    if dtype == np.uint64 and found.dtype.kind == "f":  # where small numbers stand beside those above 2^63, numpy makes floats of both
        exact = np.asarray(data, object).ravel()
        if all(isinstance(value, int) and 0 <= value < 2**64 for value in exact):
            return exact.astype(np.uint64).reshape(shape)
    return as_dtype(found, name, dtype).reshape(shape)


def _outputs(content: Mapping[str, Any], *, all_binary: bool) -> tuple[WantedOutput, ...] | None:
    if content.get("outputs") in (None, []):
        return None
    wanted = []
    for output in _list(content["outputs"], "outputs"):
        name = _name(output, "outputs")
        parameters = _parameters(output, f"output {shown(name)}")
        if parameters.get("classification"):
            raise RequestUnreadable(f"output {shown(name)}: classification is not offered; take the numbers")
        wanted.append(WantedOutput(name, parameters.get("binary_data", all_binary) is True))
    if len({output.name for output in wanted}) < len(wanted):
        raise RequestUnreadable("an output is asked for twice")
    return tuple(wanted)


def _id(content: Mapping[str, Any]) -> str:
    value = content.get("id", "")
    if not isinstance(value, str) or len(value) > 200:
        raise RequestUnreadable(f"expected an id of at most 200 characters, got {shown(value)}")
    return value


def _name(item: Any, where: str) -> str:
    name = _object(item, f"each of {where}").get("name")
    if not isinstance(name, str) or not name:
        raise RequestUnreadable(f"expected a name for each of {where}, got {shown(name)}")
    return name


def _parameters(item: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    parameters = _object(item.get("parameters", {}), f"the parameters of {where}")
    if any(key.startswith("shared_memory_") for key in parameters):
        raise RequestUnreadable(f"{where}: shared memory is not offered; send the numbers")
    return parameters


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RequestUnreadable(f"expected {what} to be a JSON object, got {shown(value)}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_TENSORS:
        raise RequestUnreadable(f"expected {what} to be a list of 1 to {MOST_TENSORS} tensors")
    return value
