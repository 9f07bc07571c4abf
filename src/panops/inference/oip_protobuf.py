"""Reads inference requests of the Open Inference Protocol's gRPC service, and writes their answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from panops.inference.oip_messages import RAW_OUTPUT_FIELD, messages
from panops.inference.oip_tensors import MOST_TENSORS, InferRequest, WantedOutput, as_dtype, dtype_of, from_bytes, shape_of, shown
from panops.inference.oip_types import RequestUnreadable, datatype
from panops.inference.protobuf_writer import varint

# Which typed contents a datatype has; FP16 has none.
_CONTENTS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
# An input with its fields, its bytes and an output for each tensor that may be there, shapes of many numbers that are not packed, and some
# parameters. Two bytes make a field, and what becomes of it takes a hundred.
_MOST_FIELDS = 2048
_Parts: TypeAlias = Mapping[int, "_Parts"]
# The parts of a request that hold fields of their own: `inputs` with their `contents`, and `outputs`.
_PARTS: _Parts = {5: {5: {}}, 6: {}}
# How long a value of each wire kind is, where that is fixed.
_FIXED_BYTES = {1: 8, 5: 4}
_VARINT, _LENGTH_FIRST = 0, 2


@dataclass(frozen=True, slots=True, eq=False)
class ProtobufRequest:
    """A request, and the model that it names: `NAME`, or `NAME@VERSION`."""

    reference: str
    request: InferRequest


def read_protobuf(body: memoryview) -> ProtobufRequest:
    """Read a `ModelInferRequest`.

    Args:
        body: The message; it is copied.

    Raises:
        RequestUnreadable: It does not follow the protocol.
    """
    message = _parsed(body)
    _refuse_parameters(message.parameters, "the request")
    if len(message.id) > 200:
        raise RequestUnreadable(f"expected an id of at most 200 characters, got {len(message.id)}")
    if not 0 < len(message.inputs) <= MOST_TENSORS:
        raise RequestUnreadable(f"expected 1 to {MOST_TENSORS} inputs, got {len(message.inputs)}")
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise RequestUnreadable(f"expected raw_input_contents for each of {len(message.inputs)} inputs, got {len(raw)}")
    inputs: dict[str, NDArray[Any]] = {}
    for index, tensor in enumerate(message.inputs):
        if not tensor.name or tensor.name in inputs:
            raise RequestUnreadable(f"expected inputs with a name of their own each, got {shown(tensor.name)}")
        inputs[tensor.name] = _array(tensor, raw[index] if raw else None)
    reference = f"{message.model_name}@{message.model_version}" if message.model_version else message.model_name
    return ProtobufRequest(reference, InferRequest(message.id, inputs, _outputs(message.outputs), all_binary=True))


def write_protobuf(
    model: str, version: str, request_id: str, outputs: Mapping[str, NDArray[Any]], wanted: Iterable[WantedOutput]
) -> list[bytes | NDArray[Any]]:
    """A `ModelInferResponse` in pieces, its tensors raw and uncopied.

    Args:
        model: The model's name.
        version: Its version.
        request_id: The caller's word for the request; empty for none.
        outputs: What the model said, by name.
        wanted: What of it is told.
    """
    head = messages()["ModelInferResponse"](model_name=model, model_version=version, id=request_id)
    raw: list[bytes | NDArray[Any]] = []
    for output in wanted:
        array = outputs[output.name]
        head.outputs.add(name=output.name, datatype=datatype(array.dtype), shape=array.shape)
        # A field of bytes: its number and kind, its length, itself. Fields that are joined make a message.
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        raw += [varint(RAW_OUTPUT_FIELD << 3 | 2) + varint(little.nbytes), little]
    return [head.SerializeToString(), *raw]


def _parsed(body: memoryview) -> Any:
    from google.protobuf.message import DecodeError  # noqa: PLC0415  # an extra

    try:
        if _count_of_fields(body, _PARTS, _MOST_FIELDS) > _MOST_FIELDS:
            raise RequestUnreadable(f"expected at most {_MOST_FIELDS} tensors, parameters and numbers that are not packed in all, got more")
        return messages()["ModelInferRequest"].FromString(bytes(body))
    except (DecodeError, IndexError):
        raise RequestUnreadable("the message is no ModelInferRequest") from None


def _count_of_fields(body: memoryview, parts: _Parts, most: int) -> int:
    """How many fields a message and those parts of it have; counting ends with the first one beyond `most`.

    Raises:
        IndexError: It ends within one, or has groups, which this protocol does not.
    """
    at = count = 0
    while at < len(body) and count <= most:
        key, at = _read_varint(body, at)
        number, kind = key >> 3, key & 7
        count += 1
        if kind in _FIXED_BYTES:
            at += _FIXED_BYTES[kind]
        elif kind == _VARINT:
            _, at = _read_varint(body, at)
        elif kind == _LENGTH_FIRST:
            length, at = _read_varint(body, at)
            if number in parts:
                count += _count_of_fields(body[at : at + length], parts[number], most - count)
            at += length
        else:
            raise IndexError
    return count


def _read_varint(body: memoryview, at: int) -> tuple[int, int]:
    """A number at `at`, and where the next thing is."""
    number = shift = 0
    while True:
        byte = body[at]
        number, at, shift = number | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return number, at
        if shift > 63:
            raise IndexError


def _array(tensor: Any, raw: bytes | None) -> NDArray[Any]:
    name, word = tensor.name, tensor.datatype
    _refuse_parameters(tensor.parameters, f"input {shown(name)}")
    dtype, shape = dtype_of(word, name), shape_of(list(tensor.shape), name)
    count = math.prod(shape)
    typed = {field.name: values for field, values in tensor.contents.ListFields()}
    if raw is not None:
        if typed:
            raise RequestUnreadable(f"input {shown(name)} has contents and raw_input_contents; expected one of them")
        if len(raw) != count * dtype.itemsize:
            wanted = f"{count * dtype.itemsize} bytes for {word} of shape {list(shape)}"
            raise RequestUnreadable(f"input {shown(name)}: expected {wanted}, got {len(raw)}")
        return from_bytes(memoryview(raw), dtype, shape)
    field = _CONTENTS.get(word)
    if field is None:
        raise RequestUnreadable(f"input {shown(name)}: {word} is sent in raw_input_contents only")
    values = typed.pop(field, ())
    if typed or len(values) != count:
        found = f"{len(values)} and {next(iter(typed))}" if typed else str(len(values))
        raise RequestUnreadable(f"input {shown(name)}: expected {count} numbers in {field} for shape {list(shape)}, got {found}")
    if dtype.kind in "iu":
        wide = np.uint64 if dtype.kind == "u" else np.int64
        return as_dtype(np.fromiter(values, wide, count), name, dtype).reshape(shape)
    return np.fromiter(values, dtype, count).reshape(shape)


def _outputs(outputs: Any) -> tuple[WantedOutput, ...] | None:
    if len(outputs) > MOST_TENSORS:
        raise RequestUnreadable(f"expected at most {MOST_TENSORS} outputs, got {len(outputs)}")
    for output in outputs:
        _refuse_parameters(output.parameters, f"output {shown(output.name)}")
    wanted = tuple(WantedOutput(output.name, binary=True) for output in outputs)
    if len({output.name for output in wanted}) < len(wanted):
        raise RequestUnreadable("an output is asked for twice")
    return wanted or None


def _refuse_parameters(parameters: Mapping[str, Any], where: str) -> None:
    """Those that would change what is answered and are not offered; all others are read over."""
    if any(key.startswith("shared_memory_") for key in parameters):
        raise RequestUnreadable(f"{where}: shared memory is not offered; send the numbers")
    if "classification" in parameters:
        raise RequestUnreadable(f"{where}: classification is not offered; take the numbers")
    if "sequence_id" in parameters:
        raise RequestUnreadable("models here keep nothing from one request to the next: leave sequence_id away")
