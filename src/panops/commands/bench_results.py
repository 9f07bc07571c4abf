"""Results of a bench on disk: JSON that is short enough to be read, and to be kept with the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from panops.domain.errors import PanopsError

# A list or mapping that fits into a line of this length stands in one.
_LINE = 140


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a result.

    Raises:
        PanopsError: It cannot be written.
    """
    write_text(path, compact(content) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file whose name somebody typed.

    Raises:
        PanopsError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PanopsError(f"cannot write {path}: {error.strerror}") from error


def compact(value: Any, indent: str = "") -> str:
    """JSON in which whatever fits into a line stands in one."""
    flat = json.dumps(value, allow_nan=False)
    if len(indent) + len(flat) <= _LINE or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        rows = [f"{inner}{json.dumps(key)}: {compact(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + compact(item, inner) for item in value) + f"\n{indent}]"
