"""What a TFLite file says of itself, read back field by field as Android's tools do."""

from __future__ import annotations

import importlib
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from panops.domain.manifest import ModelManifest
from panops.export.descriptions import input_words, output_words
from panops.export.files import write_form
from panops.export.passport import classifier_manifest
from panops.export.tflite_metadata import METADATA_NAME, metadata_bytes, with_labels
from panops.inference.backends.litert_backend import LiteRtBackend
from panops.inference.backends.openvino_backend import OpenVinoBackend


class Read:
    """A table of a flat buffer: fields by their numbers, without the schema's classes."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    @classmethod
    def root(cls, data: bytes) -> Read:
        return cls(data, struct.unpack_from("<I", data)[0])

    def _place(self, slot: int) -> int:
        table = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        size = struct.unpack_from("<H", self.data, table)[0]
        offset = struct.unpack_from("<H", self.data, table + 4 + 2 * slot)[0] if 4 + 2 * slot < size else 0
        return self.at + offset if offset else 0

    def _to(self, place: int) -> int:
        return place + struct.unpack_from("<I", self.data, place)[0]

    def number(self, slot: int, kind: str = "b") -> int:
        place = self._place(slot)
        return struct.unpack_from(f"<{kind}", self.data, place)[0] if place else 0

    def text(self, slot: int) -> str:
        start = self._to(self._place(slot))
        return self.data[start + 4 : start + 4 + struct.unpack_from("<I", self.data, start)[0]].decode()

    def table(self, slot: int) -> Read:
        return Read(self.data, self._to(self._place(slot)))

    def tables(self, slot: int) -> list[Read]:
        start = self._to(self._place(slot))
        return [Read(self.data, self._to(start + 4 + 4 * index)) for index in range(struct.unpack_from("<I", self.data, start)[0])]

    def floats(self, slot: int) -> tuple[float, ...]:
        start = self._to(self._place(slot))
        count = struct.unpack_from("<I", self.data, start)[0]
        return struct.unpack_from(f"<{count}f", self.data, start + 4)


@pytest.fixture
def signs() -> ModelManifest:
    return replace(classifier_manifest("signs", ("one", "two"), (96, 64), licence="MIT", credit="us"), not_for="gloves")


def test_a_detector_says_what_goes_in_and_comes_out(finder_manifest: ModelManifest) -> None:
    told = Read.root(metadata_bytes(finder_manifest, "pictures", "rows"))
    assert told.data[4:8] == b"M001"
    assert told.text(0) == finder_manifest.name
    assert told.text(5) == "Apache-2.0"
    (graph,) = told.tables(3)
    (picture,), (rows,) = graph.tables(2), graph.tables(3)
    assert picture.text(0) == "pictures"
    assert picture.text(1) == input_words(finder_manifest)
    assert (
        "64x64 pixels, BGR, 0 to 255; scaled with its proportions kept, in the top left corner, the rest filled with 114" in picture.text(1)
    )
    image = picture.table(3).table(1)
    assert image.number(0) == 0  # the schema knows no BGR
    assert rows.text(1) == output_words(finder_manifest)
    (labels,) = rows.tables(6)
    assert (labels.text(0), labels.number(2)) == ("labels.txt", 3)


def test_a_classifier_has_what_ready_made_libraries_want(signs: ModelManifest) -> None:
    told = Read.root(metadata_bytes(signs, "pictures", "scores"))
    assert (told.text(0), told.text(2), told.text(4), told.text(5)) == ("signs", "1", "us", "MIT")
    assert told.text(1) == "classification by panops; not for: gloves"
    (graph,) = told.tables(3)
    (picture,), (scores,) = graph.tables(2), graph.tables(3)
    content = picture.table(3)
    image = content.table(1)
    assert (content.number(0, "B"), image.number(0)) == (2, 1)  # an image, RGB
    assert (image.table(1).number(0, "I"), image.table(1).number(1, "I")) == (96, 64)
    (unit,) = picture.tables(4)
    assert unit.number(0, "B") == 1
    assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ((0.0,) * 3, (1.0,) * 3)
    (labels,) = scores.tables(6)
    assert (labels.text(0), labels.number(2)) == ("labels.txt", 2)


def test_their_normalisation_divides_where_ours_multiplies(signs: ModelManifest) -> None:
    scaled = replace(signs, preprocessing={**signs.preprocessing, "mean": 127.5, "scale": 0.25})
    (graph,) = Read.root(metadata_bytes(scaled, "pictures", "scores")).tables(3)
    (unit,) = graph.tables(2)[0].tables(4)
    assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ((127.5,) * 3, (4.0,) * 3)
    assert "(pixel - 127.5) * 0.25" in input_words(scaled)


def test_the_file_holds_both_and_still_runs(traced: onnx.ModelProto, finder_manifest: ModelManifest, tmp_path: Path) -> None:
    manifest = replace(finder_manifest, classes=("one", "two"))
    form = write_form(traced, manifest, tmp_path / "model.tflite", "tflite", "float16")
    with zipfile.ZipFile(form.path) as archive:
        assert archive.read("labels.txt") == b"one\ntwo\n"
    schema: Any = importlib.import_module("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(form.path.read_bytes(), 0))
    (note,) = model.metadata
    assert note.name in (METADATA_NAME, METADATA_NAME.encode())
    assert bytes(model.buffers[note.buffer].data) == metadata_bytes(form.manifest, "pictures", "rows")
    for backend in (LiteRtBackend, OpenVinoBackend):
        opened = backend(form.path)
        assert [spec.name for spec in opened.outputs] == ["rows"]
        opened.close()


def test_the_same_model_gives_the_same_bytes(signs: ModelManifest) -> None:
    assert with_labels(metadata_bytes(signs, "a", "b"), signs) == with_labels(metadata_bytes(signs, "a", "b"), signs)
