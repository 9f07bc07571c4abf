"""Reads what `torch.save(network.state_dict(), file)` wrote: names and arrays, without torch and without running anything of the file.

`torch_archive` is for `.pt2`, a whole network; this is for weights alone (`.pt`, `.pth`), whose network is ours to know. Two layouts:

- since torch 1.6: a zip archive, nothing compressed, of one pickle and a record of raw numbers for each storage;
- before: five pickles in a row (a mark, a version, the machine, the state dict, the storages' order), then the numbers of each storage.

Pickles are read as data (`torch_pickle`). Layouts: torch/serialization.py in PyTorch 0.4 to 2.13.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from panops.inference.tensors import Unreadable
from panops.inference.torch_archive import stored_records
from panops.inference.torch_pickle import Refused, StorageNote, TensorNote, read_pickle

MOST_BYTES = 1 << 30
_MOST_TENSORS = 10_000
_OLD_MARK, _OLD_VERSION = 0x1950A86A20F9469CFC6C, 1001


def read_state_dict(name: str, content: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a file by name, in its order.

    Args:
        name: The file's name, for messages.
        content: Of the file.

    Returns:
        Read-only views of `content`, little-endian, in the tensors' own dtypes and shapes; nothing is copied but a zip's records.

    Raises:
        Unreadable: It is damaged, larger than `MOST_BYTES`, or holds more than plain tensors.
    """
    if len(content) > MOST_BYTES:
        raise Unreadable(name, "panops", f"it has {len(content)} bytes; expected at most {MOST_BYTES}")
    try:
        if content.startswith(b"PK"):
            tensors, storages = _from_zip(name, content)
        else:
            tensors, storages = _from_pickles(content)
        return {key: _view(note, storages) for key, note in tensors.items()}
    except Refused as error:
        raise Unreadable(name, "panops", str(error)) from error


def _from_zip(name: str, content: bytes) -> tuple[dict[str, TensorNote], Mapping[str, memoryview]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            records = stored_records(archive, name, len(content))
    except (OSError, EOFError, ValueError, OverflowError, NotImplementedError, zipfile.BadZipFile, RuntimeError) as error:
        raise Refused(f"its archive is damaged ({type(error).__name__})") from error
    if "data.pkl" not in records:
        raise Refused("it is no archive of torch.save: data.pkl is missing in it")
    if records.get("byteorder", b"little") != b"little":
        raise Refused("its numbers are big-endian; write it anew on another machine")
    tensors = _checked(read_pickle(io.BytesIO(records["data.pkl"])))
    return tensors, {key.removeprefix("data/"): memoryview(data) for key, data in records.items() if key.startswith("data/")}


def _from_pickles(content: bytes) -> tuple[dict[str, TensorNote], Mapping[str, memoryview]]:
    stream = io.BytesIO(content)
    if read_pickle(stream) != _OLD_MARK or read_pickle(stream) != _OLD_VERSION:
        raise Refused("it is no file of torch.save")
    machine = read_pickle(stream)
    if type(machine) is not dict or machine.get("little_endian") is not True:
        raise Refused("its numbers are big-endian; write it anew on another machine")
    tensors = _checked(read_pickle(stream))
    order = read_pickle(stream)
    kinds = {note.storage.key: note.storage for note in tensors.values()}
    if type(order) is not list or not all(type(key) is str for key in order) or sorted(order) != sorted(kinds):
        raise Refused("its list of storages is not that of its tensors")
    storages, at = {}, stream.tell()
    for key in order:
        # A storage is how many numbers it has, in eight bytes, and the numbers.
        begin, size = at + 8, kinds[key].count * kinds[key].dtype.itemsize
        if int.from_bytes(content[at:begin], "little") != kinds[key].count or begin + size > len(content):
            raise Refused("it ends in the middle of its numbers, or they are others than it says")
        storages[key], at = memoryview(content)[begin : begin + size], begin + size
    if at != len(content):
        raise Refused(f"{len(content) - at} bytes follow after its last number")
    return tensors, storages


def _checked(found: Any) -> dict[str, TensorNote]:
    """A state dict, and no more.

    Raises:
        Refused: It is something else, or two of its storages have one name.
    """
    if type(found) is not dict or not found or not all(type(note) is TensorNote for note in found.values()):
        raise Refused("it is no state dict: expected tensors by name and nothing else")
    if len(found) > _MOST_TENSORS:
        raise Refused(f"it has {len(found)} tensors; expected at most {_MOST_TENSORS}")
    kinds: dict[str, StorageNote] = {}
    for note in found.values():
        if kinds.setdefault(note.storage.key, note.storage) != note.storage:
            raise Refused("two of its tensors disagree about the storage they are in")
    return found


def _view(note: TensorNote, storages: Mapping[str, memoryview]) -> NDArray[Any]:
    """A tensor's numbers in place; `torch_pickle` made sure that it lies inside its storage."""
    data, dtype = storages.get(note.storage.key), note.storage.dtype
    if data is None or len(data) != note.storage.count * dtype.itemsize:
        raise Refused("a tensor's numbers are missing in it, or not as many as it says")
    flat = np.frombuffer(data, dtype)[note.offset :]
    strides = tuple(stride * dtype.itemsize for stride in note.strides)
    return as_strided(flat, note.shape, strides, writeable=False)
