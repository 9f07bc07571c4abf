from __future__ import annotations

from pathlib import Path

import pytest

from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.inference.formats import IR, ONNX, TFLITE, model_format


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.onnx", b"\x08\x08\x12\x07pytorch:", ONNX),
        ("a.ONNX", b"\x08\x08\x12\x07pytorch:", ONNX),
        ("a.tflite", b"\x1c\x00\x00\x00TFL3" + bytes(20), TFLITE),
        ("wrongly-named.onnx", b"\x1c\x00\x00\x00TFL3" + bytes(20), TFLITE),
        ("a.xml", b'<?xml version="1.0"?>\n<net name="m" version="11">', IR),
        ("a.engine", bytes(range(128, 192)), "engine"),
        ("nothing", bytes(range(128, 192)), ""),
    ],
)
def test_content_decides_then_the_name(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert model_format(path) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a Git LFS pointer"),
        (b"Dear reader, this is a text and no model at all, whatever it is named.", "a text file"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelUnsupported, match=words):
        model_format(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no such file"):
        model_format(tmp_path / "none.onnx")
    with pytest.raises(ModelUnsupported, match="cannot be read"):
        model_format(tmp_path)
