"""torch's files of weights, read as data: what torch itself wrote, and what somebody wrote who wants to run something."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.errors import ModelUnsupported
from panops.inference import state_dict, torch_pickle
from panops.inference.state_dict import read_state_dict

torch = pytest.importorskip("torch", reason="needs torch: pip install 'panops[train]'")


def saved(tensors: Any, *, zipped: bool, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(tensors, buffer, _use_new_zipfile_serialization=zipped, **options)
    return buffer.getvalue()


def weights() -> OrderedDict[str, Any]:
    whole = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    return OrderedDict(
        {
            "whole": whole,
            "turned": whole.permute(2, 0, 1),
            "part": whole[:, 1:],
            "one": torch.tensor(7.5),
            "none": torch.zeros(0, 3),
            "f64": torch.linspace(0, 1, 5, dtype=torch.float64),
            "f16": torch.tensor([0.5, -2.0], dtype=torch.float16),
            "i64": torch.tensor([[-1, 2**40]]),
            "i32": torch.tensor([3], dtype=torch.int32),
            "i16": torch.tensor([-4], dtype=torch.int16),
            "i8": torch.tensor([-5], dtype=torch.int8),
            "u8": torch.tensor([250], dtype=torch.uint8),
            "bool": torch.tensor([True, False]),
        }
    )


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickles"])
def test_what_torch_wrote(zipped: bool) -> None:
    expected = weights()
    found = read_state_dict("w.pt", saved(expected, zipped=zipped))
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[name], tensor.numpy())
        with pytest.raises(ValueError, match="read-only"):
            found[name][...] = 0


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickles"])
def test_a_networks_own_state_dict(zipped: bool) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.PReLU(4))
    found = read_state_dict("w.pt", saved(network.state_dict(), zipped=zipped))
    assert {name: array.shape for name, array in found.items()} == {name: tuple(t.shape) for name, t in network.state_dict().items()}


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
def test_real_weights_are_those_that_torch_reads(shared_data: Path, name: str) -> None:
    path = shared_data / "models" / f"mtcnn_{name}.pt"
    if not path.is_file():
        pytest.skip(f"needs MTCNN's weights: {path} is missing")
    expected = torch.load(path, weights_only=True)
    found = read_state_dict(path.name, path.read_bytes())
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        np.testing.assert_array_equal(found[key], tensor.numpy())


class Calls:
    """Pickles to a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.what = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.what


def as_zip(pickled: bytes, **records: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {"data.pkl": pickled, "byteorder": b"little", **records}.items():
            archive.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def as_pickles(pickled: bytes) -> bytes:
    head = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return b"".join([*head, pickled, pickle.dumps([], 2)])


@pytest.mark.parametrize("wrap", [as_zip, as_pickles])
@pytest.mark.parametrize(
    ("function", "named"),
    [(os.system, r"asks for (posix|nt)\.system"), (eval, "eval"), (getattr, "getattr"), (torch.load, r"torch\.serialization\.load")],
    ids=["system", "eval", "getattr", "load"],
)
def test_nothing_is_called(
    wrap: Callable[[bytes], bytes], function: Callable[..., Any], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(OrderedDict(a=Calls(function, "touch ran")), 2)
    with pytest.raises(ModelUnsupported, match=named):
        read_state_dict("evil.pt", wrap(pickled))
    assert not list(tmp_path.iterdir())


def pickled_storage(**changes: Any) -> bytes:
    """A tensor of 2x3 floats by hand, with some of it changed."""
    plain = {"kind": b"ctorch\nFloatStorage\n", "count": 6, "offset": 0, "shape": (2, 3), "strides": (3, 1), "key": "0"} | changes

    def body(value: Any) -> bytes:
        return pickle.dumps(value, 2)[2:-1]  # without its head and its end

    reference = b"(" + body("storage") + plain["kind"] + body(plain["key"]) + body("cpu") + body(plain["count"]) + b"tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + reference + body(plain["offset"]) + body(plain["shape"]) + body(plain["strides"])
    return b"\x80\x02}" + body("a") + tensor + b"\x89ccollections\nOrderedDict\n)RtRs."


def read_by_hand(data: bytes = bytes(24), **changes: Any) -> Any:
    return read_state_dict("hand.pt", as_zip(pickled_storage(**changes), **{"data/0": data}))


def test_the_tensor_by_hand_is_one() -> None:
    assert read_by_hand(np.arange(6, dtype="<f4").tobytes())["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


LYING: dict[str, dict[str, Any]] = {
    "longer than its storage": {"shape": (3, 3)},
    "ends beyond it": {"offset": 1},
    "strides lead beyond it": {"strides": (6, 1)},
    "much of one number": {"shape": (1 << 30, 1 << 9), "strides": (0, 0)},
    "backwards": {"strides": (-3, 1)},
    "begins before it": {"offset": -1},
    "more sizes than strides": {"strides": (1,)},
    "too many dimensions": {"shape": (1,) * 9, "strides": (1,) * 9},
    "a size that is no number": {"shape": (2, True)},
    "a huge size": {"shape": (2**70, 3)},
    "fewer numbers than it says": {"count": 7},
    "a storage of no known kind": {"kind": b"ctorch\nBFloat16Storage\n"},
    "a storage that is missing": {"key": "1"},
    "a storage named by a number": {"key": 0},
}


@pytest.mark.parametrize("changes", LYING.values(), ids=LYING.keys())
def test_tensors_that_lie_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelUnsupported, match=r"hand\.pt is damaged or no model that panops can read: .{10,}"):
        read_by_hand(**changes)


STRANGERS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "damaged"),
    "words": (b"hello", "damaged"),
    "a list": (as_zip(pickle.dumps([1], 2)), "it is no state dict"),
    "numbers by name": (as_zip(pickle.dumps({"a": 1}, 2)), "it is no state dict"),
    "no tensors": (as_zip(pickle.dumps({}, 2)), "it is no state dict"),
    "keys that are no words": (as_zip(pickle.dumps({1: 2}, 2)), "keys are no words"),
    "another protocol": (as_zip(pickle.dumps({}, 4)), "protocol 4"),
    "no description": (as_zip(b""), "damaged"),
    "a zip of other things": (as_zip(b"").replace(b"data.pkl", b"date.pkl"), "data.pkl is missing"),
    "big-endian": (as_zip(pickle.dumps({}, 2), byteorder=b"big"), "big-endian"),
    "another mark": (pickle.dumps(5, 2), "no file of torch.save"),
    "a memo that was never made": (as_zip(b"\x80\x02h\x07."), "damaged"),
    "takes more than it made": (as_zip(b"\x80\x02\x85."), "takes more"),
    "no mark": (as_zip(b"\x80\x02]t."), "takes more"),
    "a giant memo": (as_zip(b"\x80\x02}r\xff\xff\xff\xff."), "no state dict"),
    "two things": (as_zip(b"\x80\x02}}."), "ends in the middle"),
    "an object": (as_zip(b"\x80\x02ccollections\nOrderedDict\n)\x81."), "NEWOBJ"),
    "a list by keys": (as_zip(b"\x80\x02]X\x01\x00\x00\x00aNs."), "no words"),
    "a dict by items": (as_zip(b"\x80\x02}Na."), "no list"),
}


@pytest.mark.parametrize(("content", "words"), STRANGERS.values(), ids=STRANGERS.keys())
def test_other_things_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(ModelUnsupported, match=words):
        read_state_dict("x.pt", content)


def test_names_that_double_again_and_again_are_not_written_out() -> None:
    """Each tuple holds the one before twice: a few bytes would make a message of gigabytes."""
    doubling = b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 60
    for content in (as_zip(doubling + b"."), as_pickles(doubling + b"."), as_pickles(pickle.dumps({}, 2))[:-4] + doubling[2:] + b"."):
        with pytest.raises(ModelUnsupported) as caught:
            read_state_dict("x.pt", content)
        assert len(str(caught.value)) < 300


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(weights(), zipped=False)
    monkeypatch.setattr(state_dict, "MOST_BYTES", 100)
    with pytest.raises(ModelUnsupported, match=r"bytes; expected at most 100"):
        read_state_dict("x.pt", content)
    monkeypatch.undo()
    monkeypatch.setattr(torch_pickle, "_MOST_STEPS", 50)
    with pytest.raises(ModelUnsupported, match="more than 50 steps"):
        read_state_dict("x.pt", content)
    monkeypatch.undo()
    monkeypatch.setattr(state_dict, "_MOST_TENSORS", 3)
    with pytest.raises(ModelUnsupported, match="has 13 tensors"):
        read_state_dict("x.pt", content)


def test_a_compressed_archive_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(ModelUnsupported, match="it is compressed"):
        read_state_dict("x.pt", buffer.getvalue())


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickles"])
def test_a_file_that_was_cut_is_refused_wherever_it_ends(zipped: bool) -> None:
    content = saved(OrderedDict(a=torch.ones(3), b=torch.zeros(2)), zipped=zipped)
    for length in range(0, len(content), 1 if not zipped else 7):
        with pytest.raises(ModelUnsupported, match=r"x\.pt is damaged"):
            read_state_dict("x.pt", content[:length])
    if not zipped:
        with pytest.raises(ModelUnsupported, match="4 bytes follow"):
            read_state_dict("x.pt", content + bytes(4))


def test_a_record_that_lies_beyond_all_files_is_refused() -> None:
    """Its place in the directory, as ZIP64 writes it, is more than a file can have."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        record = zipfile.ZipInfo("archive/data.pkl")
        record.extra = b"\x01\x00\x08\x00" + (2**63 + 5).to_bytes(8, "little")
        archive.writestr(record, b"\x80\x02}.")
    content = bytearray(buffer.getvalue())
    directory = content.index(b"PK\x01\x02")
    content[directory + 42 : directory + 46] = b"\xff" * 4
    with pytest.raises(ModelUnsupported, match=r"x\.pt"):
        read_state_dict("x.pt", bytes(content))


PLAIN = {zipped: saved(OrderedDict(a=torch.ones(3), b=torch.zeros(2, 2)), zipped=zipped) for zipped in (True, False)}


@settings(max_examples=300)
@given(zipped=st.booleans(), places=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_bytes_give_tensors_or_one_clear_error(zipped: bool, places: list[tuple[int, int]]) -> None:
    content = bytearray(PLAIN[zipped])
    for place, byte in places:
        content[place % len(content)] = byte
    _read_or_refuse(bytes(content))


@settings(max_examples=300)
@given(steps=st.lists(st.sampled_from([b"}", b"]", b")", b"(", b"N", b"\x88", b"K\x07", b"X\x01\x00\x00\x00a", b"q\x00", b"h\x00", b"t",
    b"\x85", b"\x86", b"\x87", b"a", b"e", b"s", b"u", b"R", b"Q", b"b", b"0", b"2", b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n", b"cos\nsystem\n"]), max_size=25))  # fmt: skip
def test_any_steps_give_tensors_or_one_clear_error(steps: list[bytes]) -> None:
    _read_or_refuse(as_zip(b"\x80\x02" + b"".join(steps) + b"."))


def _read_or_refuse(content: bytes) -> None:
    try:
        found = read_state_dict("x.pt", content)
    except ModelUnsupported as error:
        assert "\n" not in str(error)  # noqa: PT017  # either is right
    else:
        assert sum(array.nbytes for array in found.values()) <= 10_000
        for array in found.values():
            array.sum()
