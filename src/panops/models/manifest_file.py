"""A `ModelManifest` as YAML: read with every mistake at once, and written so that it reads back the same."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind

MANIFEST_NAME = "manifest.yaml"
_LARGEST_MANIFEST_BYTES = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REQUIRED = ("name", "task", "head", "licence", "source", "file_name", "sha256", "input_size_wh", "classes")
_OPTIONAL = ("version", "preprocessing", "accuracy", "not_for", "credit", "decoding", "needs", "threshold")


def is_model_name(name: str) -> bool:
    """Whether `name` may name a model: letters, digits, `_` and `-`, at most 63. Such a name is also a safe folder name."""
    return _NAME.fullmatch(name) is not None


def read_manifest(path: Path) -> ModelManifest:
    """Read `path`.

    Raises:
        ConfigError: It cannot be read, is not YAML, or has mistakes; all of them are listed with line and field.
    """
    try:
        if path.stat().st_size > _LARGEST_MANIFEST_BYTES:
            raise ConfigError(str(path), [ConfigProblem("", f"a manifest has at most {_LARGEST_MANIFEST_BYTES} bytes")])
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(path), [ConfigProblem("", f"cannot read the file: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [ConfigProblem("", "expected a UTF-8 text file in YAML, got other bytes")]) from error
    return parse_manifest(text, str(path))


def parse_manifest(text: str, origin: str = MANIFEST_NAME) -> ModelManifest:
    """Check the text of a manifest; see `read_manifest`."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(origin, [ConfigProblem("", f"not valid YAML: {error.problem or error.context}", line)]) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(origin, [ConfigProblem("", f"not valid YAML: {error}")]) from error
    lines: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return manifest_from(data, origin, lines)


def manifest_from(data: Any, origin: str, lines: Mapping[str, int] | None = None) -> ModelManifest:
    """Check parsed YAML.

    Args:
        data: What the YAML holds.
        origin: The file's name, for messages.
        lines: The line of each top-level key, where it is known.

    Raises:
        ConfigError: It has mistakes; all of them are listed.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(origin, [ConfigProblem("", f"expected a mapping with name, task, head ..., got {type(data).__name__}")])
    check = _Check(data, lines or {})
    for key in data:
        if key not in _REQUIRED and key not in _OPTIONAL:
            check.problem(str(key), f"is not known; expected one of {', '.join((*_REQUIRED, *_OPTIONAL))}")
    for key in _REQUIRED:
        if key not in data:
            check.problem(key, "is missing")
    manifest = ModelManifest(
        name=check.text("name", _NAME, "letters, digits, _ and -, at most 63"),
        task=check.text("task"),
        head=check.text("head"),
        version=check.text("version", required=False),
        licence=check.text("licence"),
        source=_source(check),
        file_name=check.text("file_name", _FILE_NAME, "a plain file name"),
        sha256=check.text("sha256", _SHA256, "64 hexadecimal digits in small letters"),
        input_size_wh=_size(check),
        classes=_classes(check),
        preprocessing=check.mapping("preprocessing"),
        accuracy=_accuracy(check),
        not_for=check.text("not_for", required=False),
        credit=check.text("credit", required=False),
        decoding=check.mapping("decoding"),
        needs=_needs(check),
        threshold=_threshold(check),
    )
    if manifest.file_name == MANIFEST_NAME:
        check.problem("file_name", f"cannot be {MANIFEST_NAME}")
    if check.problems:
        raise ConfigError(origin, check.problems)
    return manifest


def dump_manifest(manifest: ModelManifest) -> str:
    """The manifest as YAML that `parse_manifest` reads back to the same value."""
    source: dict[str, Any] = {"kind": str(manifest.source.kind), "location": manifest.source.location}
    if manifest.source.member:
        source["member"] = manifest.source.member
    if manifest.source.tags:
        source["tags"] = list(manifest.source.tags)
    data: dict[str, Any] = {
        "name": manifest.name,
        "task": manifest.task,
        "head": manifest.head,
        "version": manifest.version,
        "licence": manifest.licence,
        "source": source,
        "file_name": manifest.file_name,
        "sha256": manifest.sha256,
        "input_size_wh": list(manifest.input_size_wh),
        "classes": list(manifest.classes),
        "preprocessing": {key: list(value) if isinstance(value, tuple) else value for key, value in manifest.preprocessing.items()},
        "accuracy": dict(manifest.accuracy),
        "not_for": manifest.not_for,
        "credit": manifest.credit,
        **({"decoding": dict(manifest.decoding)} if manifest.decoding else {}),
        **({"needs": dict(manifest.needs)} if manifest.needs else {}),
        **({} if manifest.threshold is None else {"threshold": manifest.threshold}),
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=130)


class _Check:
    """Collects the problems while values are taken out."""

    def __init__(self, data: Mapping[Any, Any], lines: Mapping[str, int]) -> None:
        self.data = data
        self.problems: list[ConfigProblem] = []
        self._lines = lines

    def problem(self, field: str, message: str) -> None:
        self.problems.append(ConfigProblem(field, message, self._lines.get(field.partition(".")[0])))

    def text(self, key: str, pattern: re.Pattern[str] | None = None, expected: str = "a text", *, required: bool = True) -> str:
        """A text; a number counts as one (versions), a missing key was reported already."""
        return self.text_of(key, self.data.get(key, "" if not required else None), pattern, expected, required=required)

    def text_of(self, field: str, value: Any, pattern: re.Pattern[str] | None, expected: str, *, required: bool) -> str:
        if value is None:
            if field in self.data or "." in field:
                self.problem(field, f"expected {expected}, got nothing")
            return ""
        text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
        if text is None or (required and not text.strip()) or (pattern and not pattern.fullmatch(text)):
            self.problem(field, f"expected {expected}, got {_shown(value)}")
            return ""
        return text

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.data.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            self.problem(key, f"expected a mapping, got {_shown(value)}")
            return {}
        return dict(value)

    def listed(self, field: str, value: Any, good: Callable[[Any], bool], expected: str) -> list[Any]:
        if not isinstance(value, list) or not all(good(item) for item in value):
            self.problem(field, f"expected {expected}, got {_shown(value)}")
            return []
        return value


def _source(check: _Check) -> ModelSource:
    data = check.data.get("source")
    nothing = ModelSource(SourceKind.FILE, "")
    if "source" not in check.data:
        return nothing
    if not isinstance(data, Mapping):
        check.problem("source", f"expected kind and location, got {_shown(data)}")
        return nothing
    for key in data:
        if key not in ("kind", "location", "member", "tags"):
            check.problem(f"source.{key}", "is not known; expected kind, location, member, tags")
    kinds = [str(kind) for kind in SourceKind]
    if data.get("kind") not in kinds:
        check.problem("source.kind", f"expected one of {', '.join(kinds)}, got {_shown(data.get('kind'))}")
        return nothing
    kind = SourceKind(data["kind"])
    location = check.text_of("source.location", data.get("location"), None, "a path, an address or name==version", required=True)
    member = check.text_of(
        "source.member",
        data.get("member", ""),
        None,
        "a path inside the wheel or archive",
        required=kind in (SourceKind.WHEEL, SourceKind.SDIST),
    )
    tags = check.listed("source.tags", data.get("tags", []), lambda item: isinstance(item, str), "a list of texts")
    return ModelSource(kind, location, member, tuple(tags))


def _size(check: _Check) -> tuple[int, int]:
    value = check.data.get("input_size_wh")
    if "input_size_wh" not in check.data:
        return 0, 0
    good = isinstance(value, list) and len(value) == 2
    numbers = check.listed("input_size_wh", value if good else None, _is_size, "[width, height], each 1 to 8192")
    return (numbers[0], numbers[1]) if numbers else (0, 0)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 8192


def _classes(check: _Check) -> tuple[str, ...]:
    if "classes" not in check.data:
        return ()
    value = check.data["classes"]
    names = check.listed("classes", value, lambda item: isinstance(item, str) and bool(item.strip()), "a list of class names")
    if isinstance(value, list) and not value:
        check.problem("classes", "expected at least one class name, got none")
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        check.problem("classes", f"expected each name once, got more of {', '.join(double)}")
    return tuple(names)


def _needs(check: _Check) -> dict[str, str]:
    needs = check.mapping("needs")
    for role, name in needs.items():
        if not isinstance(name, str) or not is_model_name(name) or name == check.data.get("name"):
            check.problem(f"needs.{role}", f"expected another model's name, got {_shown(name)}")
            return {}
    return {str(role): str(name) for role, name in needs.items()}


def _threshold(check: _Check) -> float | None:
    value = check.data.get("threshold")
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not -1 <= value <= 1:
        check.problem("threshold", f"expected a similarity from -1 to 1, got {_shown(value)}")
        return None
    return float(value)


def _accuracy(check: _Check) -> dict[str, float]:
    figures = check.mapping("accuracy")
    for name, value in figures.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            check.problem(f"accuracy.{name}", f"expected a number, got {_shown(value)}")
            return {}
    return {name: float(value) for name, value in figures.items()}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
