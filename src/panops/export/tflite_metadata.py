"""What a TFLite file says of itself, as Android's tools read it: a flat buffer of its own inside the model, and files appended as a zip.

https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs, which has no Python classes
in `ai-edge-litert`: its few tables are written here by the numbers of their fields.
"""

from __future__ import annotations

import importlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from panops.domain.manifest import ModelManifest
from panops.export.descriptions import input_words, output_words
from panops.export.passport import LABELS_NAME, label_lines
from panops.vision.preprocess import Preprocessing

METADATA_NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"
_IMAGE_PROPERTIES = 2  # of the union ContentProperties
_NORMALISATION = 1  # of the union ProcessUnitOptions
_RGB = 1  # of ColorSpaceType, which has no BGR: that stays unknown, and is in the description
_AXIS_LABELS, _VALUE_LABELS = 2, 3  # of AssociatedFileType
# Zip wants a time; this one keeps the same model the same bytes.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def metadata_bytes(manifest: ModelManifest, input_name: str, output_name: str) -> bytes:
    """The metadata's flat buffer.

    Args:
        manifest: Of the model.
        input_name: The input tensor.
        output_name: The output tensor.

    Raises:
        ModelUnsupported: The manifest's preprocessing is none.
    """
    tables = _Tables()
    subgraph = tables.table(
        {
            2: tables.vector([_picture(tables, manifest, input_name)]),
            3: tables.vector([_result(tables, manifest, output_name)]),
        }
    )
    root = tables.table(
        {
            0: tables.text(manifest.name),
            1: tables.text(f"{manifest.task} by panops; not for: {manifest.not_for}" if manifest.not_for else f"{manifest.task} by panops"),
            2: tables.text(manifest.version),
            3: tables.vector([subgraph]),
            4: tables.text(manifest.credit),
            5: tables.text(manifest.licence),
            7: tables.text(_PARSER_VERSION),
        }
    )
    return tables.finish(root)


def with_labels(data: bytes, manifest: ModelManifest) -> bytes:
    """A TFLite file with `labels.txt` appended; whoever runs it does not see it, whoever opens it as a zip does."""
    whole = io.BytesIO(data)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_NAME, _LONG_AGO), label_lines(manifest))
    return whole.getvalue()


def _picture(tables: _Tables, manifest: ModelManifest, name: str) -> int:
    how = Preprocessing.of(manifest)
    width, height = how.size_wh
    size = tables.table({0: ("Uint32", width), 1: ("Uint32", height)})
    image = tables.table({0: ("Int8", 0 if how.bgr else _RGB), 1: size})
    content = tables.table({0: ("Uint8", _IMAGE_PROPERTIES), 1: image})
    # Theirs is (pixel - mean) / std.
    values = tables.table({0: tables.floats(how.mean), 1: tables.floats([1.0 / scale for scale in how.scale])})
    unit = tables.table({0: ("Uint8", _NORMALISATION), 1: values})
    told = {0: tables.text(name), 1: tables.text(input_words(manifest)), 3: content, 4: tables.vector([unit])}
    return tables.table(told)


def _result(tables: _Tables, manifest: ModelManifest, name: str) -> int:
    classifier = manifest.task == "classification"
    words = "the classes, a line each, in the order of the scores" + ("" if classifier else ", which begin with a row's sixth number")
    kind = _AXIS_LABELS if classifier else _VALUE_LABELS
    labels = tables.table({0: tables.text(LABELS_NAME), 1: tables.text(words), 2: ("Int8", kind)})
    return tables.table({0: tables.text(name), 1: tables.text(output_words(manifest)), 6: tables.vector([labels])})


class _Tables:
    """Tables by the numbers of their fields. Whatever a table holds is written before it, as FlatBuffers ask for."""

    def __init__(self) -> None:
        self._builder: Any = importlib.import_module("flatbuffers").Builder(1024)

    def text(self, value: str) -> int:
        return int(self._builder.CreateString(value))

    def vector(self, offsets: Sequence[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def floats(self, values: Sequence[float]) -> int:
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._builder.PrependFloat32(value)
        return int(self._builder.EndVector())

    def table(self, fields: Mapping[int, int | tuple[str, int]]) -> int:
        """A table: by a field's number where it was written, or a kind of number and the number."""
        self._builder.StartObject(max(fields) + 1)
        for slot, value in fields.items():
            if isinstance(value, tuple):
                kind, number = value
                getattr(self._builder, f"Prepend{kind}Slot")(slot, number, 0)
            else:
                self._builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        return int(self._builder.EndObject())

    def finish(self, root: int) -> bytes:
        self._builder.Finish(root, file_identifier=_IDENTIFIER)
        return bytes(self._builder.Output())
