"""Tells model formats apart by their content; the file's name decides only where the content has no mark."""

from __future__ import annotations

from pathlib import Path

from panops.domain.errors import ModelNotFound, ModelUnsupported

ONNX = "onnx"
TFLITE = "tflite"
IR = "openvino-ir"
PT2 = "pt2"

_BY_SUFFIX = {".onnx": ONNX, ".tflite": TFLITE, ".xml": IR, ".pt2": PT2}
_NOT_A_MODEL = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"<!do": "a web page; download the file itself",
    b"<htm": "a web page; download the file itself",
    b"vers": "a Git LFS pointer; fetch the file itself with git lfs pull",
}


def model_format(path: Path) -> str:
    """The format of a model file: `onnx`, `tflite`, `openvino-ir`, `pt2`, or its suffix where only a plug-in can know it.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: The file is empty, a folder, or plainly something else.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise ModelNotFound(f"{path}: there is no such file") from error
    except OSError as error:
        raise ModelUnsupported(f"{path}: cannot be read: {error.strerror or error}") from error
    if not head:
        raise ModelUnsupported(f"{path.name} is empty; expected an ONNX, TFLite or OpenVINO model")
    by_content = _by_content(head)
    if by_content:
        return by_content
    _reject_strangers(path, head)
    suffix = path.suffix.lower()
    return _BY_SUFFIX.get(suffix, suffix.lstrip("."))


def _by_content(head: bytes) -> str:
    if head[4:8] == b"TFL3":
        return TFLITE
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"<?xml", b"<net")) and b"<net" in text:
        return IR
    return ""


def _reject_strangers(path: Path, head: bytes) -> None:
    """Refuse what is plainly no model. Zip archives pass: `.pt2` is one, and plug-ins read `.task` and the like."""
    for mark, what in _NOT_A_MODEL.items():
        if head[: len(mark)].lower() == mark.lower():
            raise ModelUnsupported(f"{path.name} is no model but {what}")
    # Every format known here is binary (IR was told apart above); 64 printable bytes in a row are a text file.
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head[:64]):
        raise ModelUnsupported(f"{path.name} is a text file; expected an ONNX, TFLite or OpenVINO model")
