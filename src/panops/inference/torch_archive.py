"""Reads what `torch.export.save` wrote as data, and keeps only what is plain arithmetic on tensors.

`torch.export.load` is no reader of data: it unpickles, evaluates expressions as Python text, looks functions up by any dotted name and
loads compiled libraries that lie in the archive. Whoever can make somebody open a `.pt2` could run anything there. A model in the store
comes from a file or an address, so here the archive is taken apart first, and written anew from parts that were looked at one by one:

- the graph: operators of `torch.ops.aten` and arithmetic on sizes only, and arguments that are numbers, words and tensors;
- weights as raw bytes, described by sizes and strides; nothing pickled;
- nothing compressed: torch stores as it is, and a few bytes that unpack to gigabytes are an attack;
- no example inputs (ours take their place), no notes about the source code, no compiled code.

Only what this gives is handed to torch. The layout: torch/csrc/export/schema.thrift and torch/export/pt2_archive in PyTorch 2.8 to 2.13.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from panops.inference.tensors import MissingOperator, Unreadable
from panops.inference.torch_size import is_plain_size

_OPERATOR = re.compile(r"torch\.ops\.aten\.[a-zA-Z]\w*\.\w+|_operator\.(add|sub|mul|floordiv|mod|neg|eq|ne|lt|le|gt|ge|getitem)")
# Operators that touch more than tensors.
_REFUSED = re.compile(r"file|print|load|save|record_stream|rename_", re.IGNORECASE)
_ARGUMENTS = frozenset({
    "as_none", "as_tensor", "as_tensors", "as_int", "as_ints", "as_float", "as_floats", "as_string", "as_strings", "as_bool", "as_bools",
    "as_sym_int", "as_sym_ints", "as_sym_float", "as_sym_floats", "as_sym_bool", "as_sym_bools", "as_scalar_type", "as_memory_format",
    "as_layout", "as_device", "as_optional_tensor", "as_optional_tensors", "as_name", "as_expr", "as_complex", "as_int_lists",
})  # fmt: skip
_SPECS = frozenset({"user_input", "parameter", "buffer", "tensor_constant"})
# Notes about the source code, and code: a network computes the same without them.
_DROPPED = frozenset({"metadata", "guards_code", "treespec_namedtuple_fields"})
_CONTAINERS = frozenset({None, "builtins.tuple", "builtins.list", "builtins.dict"})
_MODEL, _WEIGHTS, _CONSTANTS = "models/model.json", "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
_INPUTS = "data/sample_inputs/model.pt"
# What describes the archive itself.
_PLAIN = frozenset({"archive_format", "archive_version", "byteorder", ".data/version", "version"})
_NAME = "panops"


def plain_archive(name: str, content: bytes, sample_inputs: bytes) -> bytes:
    """An archive, written anew from what is plain arithmetic in it. The same content gives the same bytes.

    Args:
        name: The file's name, for messages.
        content: Of a `.pt2` file.
        sample_inputs: What takes the place of its example inputs, as `torch.save` writes it.

    Raises:
        Unreadable: It is no such archive, or holds what a model for pictures does not need.
        MissingOperator: It needs an operator that is not plain arithmetic.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            records = stored_records(archive, name, len(content))
            graph = json.loads(records.pop(_MODEL))
            payloads = {config: json.loads(records.pop(config)) for config in (_WEIGHTS, _CONSTANTS)}
    except (
        OSError,
        EOFError,
        ValueError,
        OverflowError,
        KeyError,
        NotImplementedError,
        zipfile.BadZipFile,
        RuntimeError,
        RecursionError,
    ) as error:
        raise Unreadable(name, "torch", f"it is no archive of torch.export ({type(error).__name__})") from error
    kept = {_MODEL: json.dumps(_plain(graph, name)).encode(), _INPUTS: sample_inputs}
    for config, payload in payloads.items():
        folder = config.rpartition("/")[0]
        kept[config] = json.dumps(payload).encode()
        for tensor in _tensors(payload, name):
            kept[f"{folder}/{tensor}"] = _found(records, f"{folder}/{tensor}", name)
    kept |= {record: data for record, data in records.items() if record in _PLAIN}
    return _written(kept)


def stored_records(archive: zipfile.ZipFile, name: str, most_bytes: int) -> dict[str, bytes]:
    """Every record by its path below the archive's one folder. `torch.save` and `torch.export.save` lay them out alike.

    Args:
        archive: The archive.
        name: The file's name, for messages.
        most_bytes: The file's size.

    Raises:
        Unreadable: They are compressed, or would take more memory than the file.
    """
    infos = [info for info in archive.infolist() if not info.filename.endswith("/")]  # `is_dir` fails for one without a name
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise Unreadable(name, "torch", "it is compressed, which torch's own archives never are; write it anew with torch")
    if sum(info.file_size for info in infos) > most_bytes:
        raise Unreadable(name, "torch", "its records overlap: they are larger together than the file")
    return {info.filename.partition("/")[2]: archive.read(info) for info in infos}


def _plain(value: Any, name: str) -> Any:
    """A copy of the graph without what is not needed.

    Raises:
        Unreadable: There is something in it that is no plain arithmetic.
    """
    if isinstance(value, list):
        return [_plain(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, item in value.items():
        _check(key, item, name)
        kept[key] = _emptied(item) if key in _DROPPED else _plain(item, name)
    return kept


def _check(key: str, item: Any, name: str) -> None:
    """Look at one entry of the graph.

    Raises:
        Unreadable: It is no plain arithmetic.
        MissingOperator: It is another operator.
    """
    if key.startswith("as_") and key not in _ARGUMENTS:
        raise Unreadable(name, "torch", f"its graph holds {key[3:].replace('_', ' ')}, which is no arithmetic on tensors")
    if key == "target" and isinstance(item, str) and (not _OPERATOR.fullmatch(item) or _REFUSED.search(item)):
        raise MissingOperator("torch as panops runs it", item.removeprefix("torch.ops."))
    symbols = list(item) if key == "range_constraints" else [item] if key == "expr_str" else []
    if not all(is_plain_size(symbol) for symbol in symbols):
        raise Unreadable(name, "torch", "a size in it is no plain expression")
    if key in ("in_spec", "out_spec") and not _is_plain_spec(json.loads(item)):
        raise Unreadable(name, "torch", "it takes or gives more than tensors")
    if key == "input_specs" and any(set(spec) - _SPECS for spec in item):
        raise Unreadable(name, "torch", "it takes more than tensors")


def _is_plain_spec(spec: Any) -> bool:
    """Whether a description of nested inputs or outputs has tuples, lists and dicts only."""
    if isinstance(spec, list):
        return all(_is_plain_spec(item) for item in spec)
    if not isinstance(spec, dict):
        return isinstance(spec, int)
    context = spec.get("context")
    plain_context = context is None or re.fullmatch(r"null|\[(?:\"\w*\"(?:, )?)*\]", context)
    return spec.get("type") in _CONTAINERS and bool(plain_context) and _is_plain_spec(spec.get("children_spec", []))


def _emptied(value: Any) -> Any:
    """Nothing, of the same kind."""
    return type(value)() if isinstance(value, (dict, list, str)) else value


def _tensors(payload: Any, name: str) -> Iterator[str]:
    """The records that hold a payload's tensors.

    Raises:
        Unreadable: One of them is more than raw bytes.
    """
    config = payload.get("config") if isinstance(payload, dict) else None
    if not isinstance(config, dict):
        raise Unreadable(name, "torch", "its list of weights cannot be read")
    for entry in config.values():
        record = entry.get("path_name") if isinstance(entry, dict) else None
        raw = isinstance(record, str) and re.fullmatch(r"(?:weight|tensor)_\d+", record)
        if not raw or entry.get("use_pickle") is not False or not isinstance(entry.get("tensor_meta"), dict):
            raise Unreadable(name, "torch", "its weights are not plain numbers; write it with torch 2.8 or later, on the CPU")
        yield str(record)


def _found(records: dict[str, bytes], name: str, model: str) -> bytes:
    if name not in records:
        raise Unreadable(model, "torch", f"{name} is missing in it")
    return records[name]


def _written(records: dict[str, bytes]) -> bytes:
    """An archive of these records, not compressed, as torch reads it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records.items():
            archive.writestr(zipfile.ZipInfo(f"{_NAME}/{name}"), data)
    return buffer.getvalue()
