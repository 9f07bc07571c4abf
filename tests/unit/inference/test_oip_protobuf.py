"""Requests and answers of the gRPC service: as NVIDIA's own messages have them, whatever is wrong with them, and nothing rounded."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tritonclient.grpc import service_pb2

from panops.inference.oip_messages import messages
from panops.inference.oip_protobuf import read_protobuf, write_protobuf
from panops.inference.oip_tensors import WantedOutput
from panops.inference.oip_types import DTYPES, RequestUnreadable, datatype

CONTENTS = {"INT8": "int", "INT16": "int", "INT32": "int", "UINT8": "uint", "UINT16": "uint", "UINT32": "uint"}


def request(**tensor: Any) -> Any:
    """A request with one input of four numbers."""
    message = service_pb2.ModelInferRequest(model_name="street")
    values = {"name": "t0", "datatype": "UINT8", "shape": [2, 2], **tensor}
    message.inputs.add(**values)
    return message


def read(message: Any) -> Any:
    return read_protobuf(memoryview(message.SerializeToString()))


def test_the_fields_are_those_of_the_protocol() -> None:
    theirs = {message.full_name: message for message in service_pb2.DESCRIPTOR.message_types_by_name.values()}
    nested = {inner.name: inner for message in theirs.values() for inner in message.nested_types}
    checked = 0
    for name, ours in messages().items():
        their = theirs.get(f"inference.{name}") or nested[name]
        for field in ours.DESCRIPTOR.fields:
            other = their.fields_by_name[field.name]
            assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated), f"{name}.{field.name}"
            checked += 1
    assert checked > 40


@given(st.data())
def test_raw_tensors_come_as_they_were_sent(data: st.DataObject) -> None:
    dtypes = st.sampled_from([dtype for dtype in DTYPES.values() if dtype != np.bool_])
    shapes = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    sent = [data.draw(arrays.arrays(data.draw(dtypes), data.draw(shapes))) for _ in range(data.draw(st.integers(1, 3)))]
    message = service_pb2.ModelInferRequest(model_name="street", model_version="2", id="7")
    for number, array in enumerate(sent):
        message.inputs.add(name=f"t{number}", datatype=datatype(array.dtype), shape=array.shape)
        message.raw_input_contents.append(array.tobytes())
    got = read(message)
    assert (got.reference, got.request.request_id) == ("street@2", "7")
    for array, back in zip(sent, got.request.inputs.values(), strict=True):
        assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert back.ctypes.data % 16 == 0 or not back.size


@pytest.mark.parametrize("word", [word for word in DTYPES if word != "FP16"])
def test_typed_numbers_keep_their_value(word: str) -> None:
    dtype = DTYPES[word]
    limits = {"b": [0, 1], "f": [-1.5, np.inf]}.get(dtype.kind) or [np.iinfo(dtype).min, np.iinfo(dtype).max]
    values = np.array(limits, dtype)
    field = f"{CONTENTS.get(word, word.lower())}_contents"
    got = read(request(datatype=word, shape=[2], contents={field: values.tolist()})).request.inputs["t0"]
    assert (got.dtype, got.tobytes()) == (dtype, values.tobytes())


def test_answers_are_read_by_nvidias_messages() -> None:
    outputs = {"rows": np.arange(300, dtype=np.float32).reshape(3, 100), "count": np.array([2**40]), "empty": np.zeros((0, 2), np.uint8)}
    wanted = [WantedOutput(name, binary=True) for name in ("count", "rows", "empty")]
    pieces = write_protobuf("street", "2", "7", outputs, wanted)
    answer = service_pb2.ModelInferResponse.FromString(b"".join(bytes(piece) for piece in pieces))
    assert (answer.model_name, answer.model_version, answer.id) == ("street", "2", "7")
    told = [(output.name, output.datatype, list(output.shape)) for output in answer.outputs]
    assert told == [("count", "INT64", [1]), ("rows", "FP32", [3, 100]), ("empty", "UINT8", [0, 2])]
    assert list(answer.raw_output_contents) == [outputs[one.name].tobytes() for one in wanted]


def raw(*contents: bytes, **tensor: Any) -> Any:
    message = request(**tensor)
    message.raw_input_contents.extend(contents)
    return message


def changed(message: Any, **fields: Any) -> Any:
    message.MergeFrom(service_pb2.ModelInferRequest(**fields))
    return message


FOUR = {"uint_contents": [1, 2, 3, 4]}
SOME = service_pb2.InferParameter(string_param="x")


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (service_pb2.ModelInferRequest(), "expected 1 to 64 inputs, got 0"),
        (request(), "expected 4 numbers in uint_contents for shape [2, 2], got 0"),
        (request(contents={"uint_contents": [1, 2, 3]}), "got 3"),
        (request(contents={"uint_contents": [1, 2, 3, 256]}), "uint8 goes from 0 to 255, got 1 to 256"),
        (request(contents={"int_contents": [1, 2, 3, 4]}), "got 0 and int_contents"),
        (request(contents={**FOUR, "fp32_contents": [1.0]}), "got 4 and fp32_contents"),
        (request(datatype="BYTES", contents={"bytes_contents": [b"x"] * 4}), "expected one of the datatypes BOOL, UINT8"),
        (request(datatype="FP16"), "FP16 is sent in raw_input_contents only"),
        (request(shape=[2, -1], contents=FOUR), "expected a shape such as"),
        (request(name="", contents=FOUR), "a name of their own"),
        (raw(b"123"), "expected 4 bytes for UINT8 of shape [2, 2], got 3"),
        (raw(b"1234", b"5"), "expected raw_input_contents for each of 1 inputs, got 2"),
        (raw(b"1234", contents=FOUR), "has contents and raw_input_contents"),
        (changed(raw(b"1234"), id="7" * 201), "an id of at most 200 characters"),
        (changed(raw(b"1234"), parameters={"sequence_id": SOME}), "leave sequence_id away"),
        (changed(raw(b"1234"), outputs=[{"name": "rows", "parameters": {"classification": SOME}}]), "classification is not offered"),
        (changed(raw(b"1234"), outputs=[{"name": "rows"}, {"name": "rows"}]), "asked for twice"),
        (raw(b"1234", parameters={"shared_memory_region": SOME}), "shared memory is not offered"),
    ],
)
def test_a_request_that_is_wrong_is_told_why(message: Any, complaint: str) -> None:
    with pytest.raises(RequestUnreadable) as caught:
        read(message)
    assert complaint in str(caught.value)


def test_a_message_of_a_great_many_empty_parts_is_not_parsed() -> None:
    for part in (b"\x2a\x00", b"\x3a\x00", b"\x22\x02\x0a\x00"):
        with pytest.raises(RequestUnreadable, match="at most 2048 tensors, parameters"):
            read_protobuf(memoryview(part * 1_000_000))


def inside(number: int, part: bytes, times: int) -> memoryview:
    """A message with one field that holds a great many."""
    held = part * times
    return memoryview(bytes([number << 3 | 2]) + _length(len(held)) + held)


def _length(size: int) -> bytes:
    pieces = []
    while size > 0x7F:
        pieces.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*pieces, size])


PARAMETER = b"\x22\x07\x0a\x01a\x12\x02\x08\x01"
OUTPUT_PARAMETER = b"\x12" + PARAMETER[1:]


@pytest.mark.parametrize("where", ["input", "output", "contents"])
def test_nor_is_one_whose_inputs_or_outputs_hold_a_great_many(where: str) -> None:
    body = {
        "input": inside(5, PARAMETER, 300_000),
        "output": inside(6, OUTPUT_PARAMETER, 300_000),
        "contents": inside(5, bytes(inside(5, b"\x42\x00", 500_000)), 1),
    }[where]
    with pytest.raises(RequestUnreadable, match="at most 2048 tensors, parameters"):
        read_protobuf(body)


def test_groups_do_not_hide_what_follows() -> None:
    # Read as a number, the group's first field would be its value, and what follows the length of a part that never ends.
    hidden = b"\x0b\x08\x0a\xf8\xff\xff\xff\x0f\x00\x0c" + b"\x2a\x00" * 100_000
    with pytest.raises(RequestUnreadable, match="no ModelInferRequest"):
        read_protobuf(memoryview(hidden))


def test_as_many_tensors_and_dimensions_as_may_be_are_read() -> None:
    # Shapes that are not packed: each of their numbers is a field.
    rest = b"\x12\x05UINT8" + b"\x18\x01" * 16 + b"\x2a\x03\x22\x01\x07"
    inputs = b"".join(bytes(inside(5, b"\x0a\x03t%02d" % number + rest, 1)) for number in range(64))
    outputs = b"".join(b"\x32\x05\x0a\x03o%02d" % number for number in range(64))
    got = read_protobuf(memoryview(b"\x0a\x06street" + inputs + outputs)).request
    assert [(array.shape, int(array.max())) for array in got.inputs.values()] == [((1,) * 16, 7)] * 64
    assert got.outputs is not None
    assert len(got.outputs) == 64


@given(st.binary(max_size=200))
def test_nothing_but_a_sentence_comes_of_nonsense(body: bytes) -> None:
    with contextlib.suppress(RequestUnreadable):
        read_protobuf(memoryview(body))
