"""Requests and answers of the Open Inference Protocol: what is read, what is refused, and that nothing is rounded."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from panops.domain.protocols import TensorSpec
from panops.inference.oip_answer import wanted_outputs, write_answer
from panops.inference.oip_request import WantedOutput, read_request
from panops.inference.oip_types import DTYPES, RequestUnreadable, datatype, described


def binary(*tensors: NDArray[Any], **more: Any) -> tuple[memoryview, int]:
    """A request with these inputs, `t0` and so on, behind its JSON; and how long the JSON is."""
    inputs = [
        {
            "name": f"t{number}",
            "datatype": datatype(array.dtype),
            "shape": list(array.shape),
            "parameters": {"binary_data_size": array.nbytes},
        }
        for number, array in enumerate(tensors)
    ]
    head = json.dumps({"inputs": inputs, **more}).encode()
    return memoryview(head + b"".join(array.tobytes() for array in tensors)), len(head)


def plain(**tensor: Any) -> memoryview:
    return memoryview(
        json.dumps({"inputs": [{"name": "t0", "datatype": "UINT8", "shape": [2, 2], "data": [1, 2, 3, 4], **tensor}]}).encode()
    )


@given(st.data())
def test_raw_tensors_come_as_they_were_sent(data: st.DataObject) -> None:
    dtypes = st.sampled_from([dtype for dtype in DTYPES.values() if dtype != np.bool_])
    shapes = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    sent = [data.draw(arrays.arrays(data.draw(dtypes), data.draw(shapes))) for _ in range(data.draw(st.integers(1, 3)))]
    body, head = binary(*sent)
    for array, got in zip(sent, read_request(body, head).inputs.values(), strict=True):
        assert (got.dtype, got.shape, got.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert got.ctypes.data % 16 == 0 or not got.size


@pytest.mark.parametrize("word", [word for word in DTYPES if word != "FP16"])
def test_json_numbers_keep_their_value(word: str) -> None:
    dtype = DTYPES[word]
    limits = {"b": [0, 1], "f": [-1.5, 1e-20]}.get(dtype.kind) or [np.iinfo(dtype).min, np.iinfo(dtype).max]
    values = np.array(limits, dtype)
    got = read_request(plain(datatype=word, shape=[2], data=values.tolist()), None).inputs["t0"]
    assert got.dtype == dtype
    assert got.tobytes() == values.tobytes()


def test_a_bool_is_one_bit_whatever_byte_was_sent() -> None:
    head = json.dumps({"inputs": [{"name": "a", "datatype": "BOOL", "shape": [3], "parameters": {"binary_data_size": 3}}]}).encode()
    got = read_request(memoryview(head + b"\x00\x01\xff"), len(head)).inputs["a"]
    assert got.view(np.uint8).tolist() == [0, 1, 1]


@pytest.mark.parametrize("data", [[[1, 2], [3, 4]], [1, 2, 3, 4]])
def test_lists_may_be_nested_or_flat(data: list[Any]) -> None:
    assert read_request(plain(data=data), None).inputs["t0"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("tensor", "complaint"),
    [
        ({"datatype": "BYTES"}, "one of the datatypes"),
        ({"datatype": ["UINT8"]}, "one of the datatypes"),
        ({"datatype": "FP16"}, "binary data only"),
        ({"shape": [2, -2]}, "a shape such as"),
        ({"shape": [2, 2.0]}, "a shape such as"),
        ({"shape": [True, 4]}, "a shape such as"),
        ({"shape": "2,2"}, "a shape such as"),
        ({"shape": [1] * 17}, "a shape such as"),
        ({"shape": [2, 3]}, "expected 6 numbers"),
        ({"shape": [2**30, 2**30]}, "numbers for shape"),
        ({"data": [[1, 2], [3]]}, "different lengths"),
        ({"data": [[1, 2, 3, 4]]}, "expected 4 numbers"),
        ({"data": [1, 2, 3, 256]}, "from 0 to 255"),
        ({"data": [1, 2, 3, -1]}, "from 0 to 255"),
        ({"data": [1, 2, 3, 10**30]}, "whole numbers"),
        ({"data": [1, 2, 3, 4.5]}, "whole numbers"),
        ({"data": [1, 2, 3, "4"]}, "whole numbers"),
        ({"data": [1, 2, 3, None]}, "whole numbers"),
        ({"data": {"a": 1}}, "a list of numbers"),
        ({"datatype": "FP32", "data": [1, 2, 3, 1e300]}, "too large"),
        ({"datatype": "BOOL", "data": [0, 1, 0, 1]}, "true and false"),
        ({"parameters": {"binary_data_size": 4}}, "one of them"),
        ({"parameters": {"shared_memory_region": "a"}}, "shared memory is not offered"),
        ({"parameters": 4}, "to be a JSON object"),
        ({"name": ""}, "expected a name"),
        ({"name": 4}, "expected a name"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(tensor: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RequestUnreadable, match=complaint):
        read_request(plain(**tensor), None)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "empty"),
        (b"[]", "JSON object"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [NaN]}]}', "NaN is no JSON"),
        (b'{"inputs": ' + b"9" * 5000 + b"}", "no JSON"),
        (b"{}", "a list of 1 to 64"),
        (b'{"inputs": []}', "a list of 1 to 64"),
        (b'{"inputs": [4]}', "to be a JSON object"),
        (b'{"inputs": [{"name": "a"}], "parameters": {"sequence_id": 7}}', "sequence_id"),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(RequestUnreadable, match=complaint):
        read_request(memoryview(body), None)


def test_raw_bytes_that_are_missing_or_too_many_are_refused() -> None:
    body, head = binary(np.zeros(8, np.uint8))
    for changed, complaint in (
        (body[:-1], "expected 8 bytes behind the JSON, got 7"),
        (memoryview(bytes(body) + b"x"), "belong to no input"),
    ):
        with pytest.raises(RequestUnreadable, match=complaint):
            read_request(changed, head)
    wrong = bytes(body).replace(b'"binary_data_size": 8', b'"binary_data_size": 9')
    with pytest.raises(RequestUnreadable, match="expected 8 bytes for UINT8"):
        read_request(memoryview(wrong), head)
    for length in (0, -1, len(body) + 1, 10**12):
        with pytest.raises(RequestUnreadable, match="expected the JSON to be"):
            read_request(body, length)


@given(st.binary(max_size=200), st.none() | st.integers(-5, 300))
def test_any_bytes_are_read_or_refused(body: bytes, length: int | None) -> None:
    with contextlib.suppress(RequestUnreadable):
        read_request(memoryview(body), length)


ROWS = {"rows": np.array([[0.1, np.float32(1) / 3]], np.float32), "count": np.array([7], np.int64)}
SPECS = tuple(TensorSpec(name, array.shape, array.dtype) for name, array in ROWS.items())


def test_an_answer_has_what_was_asked_for() -> None:
    request = read_request(memoryview(plain().obj[:-1] + b', "id": "7", "outputs": [{"name": "count"}]}'), None)
    answer = write_answer("net", "2", request.request_id, ROWS, wanted_outputs(request, SPECS))
    assert json.loads(answer.head) == {
        "model_name": "net", "model_version": "2", "id": "7",
        "outputs": [{"name": "count", "datatype": "INT64", "shape": [1], "data": [7]}],
    }  # fmt: skip
    assert answer.raw == ()


def test_json_holds_a_float_exactly_and_raw_ones_follow_in_order() -> None:
    wanted = (WantedOutput("count", binary=True), WantedOutput("rows", binary=False))
    answer = write_answer("net", "2", "", ROWS, wanted)
    outputs = json.loads(answer.head)["outputs"]
    assert outputs[0]["parameters"] == {"binary_data_size": 8}
    assert np.array(outputs[1]["data"], np.float32).tobytes() == ROWS["rows"].tobytes()
    assert [array.tobytes() for array in answer.raw] == [ROWS["count"].tobytes()]


def test_numbers_that_json_does_not_have_are_not_written() -> None:
    outputs = {"rows": np.array([np.nan], np.float32)}
    with pytest.raises(RequestUnreadable, match="as binary data"):
        write_answer("net", "2", "", outputs, (WantedOutput("rows", binary=False),))
    assert write_answer("net", "2", "", outputs, (WantedOutput("rows", binary=True),)).raw


def test_an_unknown_output_is_refused_and_all_come_where_none_is_named() -> None:
    body, head = binary(np.zeros(1, np.uint8), parameters={"binary_data_output": True})
    assert wanted_outputs(read_request(body, head), SPECS) == (WantedOutput("rows", binary=True), WantedOutput("count", binary=True))
    for outputs, complaint in (
        ([{"name": "boxes"}], "the model has 'rows', 'count'"),
        ([{"name": "rows"}, {"name": "rows"}], "twice"),
        ([{"name": "rows", "parameters": {"classification": 3}}], "classification is not offered"),
    ):
        body, head = binary(np.zeros(1, np.uint8), outputs=outputs)
        with pytest.raises(RequestUnreadable, match=complaint):
            wanted_outputs(read_request(body, head), SPECS)


def test_a_tensor_is_described_in_the_protocols_words() -> None:
    spec = TensorSpec("pictures", (-1, 3, 416, 416), np.dtype(np.uint8))
    assert described(spec) == {"name": "pictures", "datatype": "UINT8", "shape": [-1, 3, 416, 416]}
