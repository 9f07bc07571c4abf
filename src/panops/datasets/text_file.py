"""Label files as text, whatever editor wrote them: UTF-8 with or without mark, UTF-16, or an old Windows code page; and their YAML."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import yaml

from panops.config.yaml_reader import load
from panops.datasets.problems import ProblemLog


def read_text(path: Path, log: ProblemLog) -> str | None:
    """The file's text with plain line ends; None, with a `broken_file` problem, where it cannot be read.

    A byte-order mark decides; without one it is UTF-8, and where that fails Latin-1, which is told as `encoding`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        log.add("broken_file", path, f"the file cannot be read: {error.strerror or error}")
        return None
    text = decoded(data)
    if text is None:
        text = data.decode("latin-1")
        log.add("encoding", path, "expected UTF-8 text; read as Latin-1, so letters outside ASCII may be wrong", "mended")
    if "\x00" in text:
        log.add("broken_file", path, "expected text; the file holds zero bytes")
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(data: bytes) -> str | None:
    """The bytes by their byte-order mark, or as UTF-8; None where they are not that."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def yaml_of(text: str) -> Any:
    """The document as plain values, `yes` and `18:00` as the words they are.

    Raises:
        ValueError: It is not YAML, told in one line.
    """
    try:
        return load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise ValueError(f"expected YAML: {' '.join(str(error).split())}") from error
