"""Where a version comes from and what was measured of it: the papers beside its manifest.

- `provenance.yaml`: purpose, parent, data with fingerprints, versions of the tools, when it was made.
- `recipe.yaml`: the training's recipe, byte by byte.
- `export.json`: what `panops export` measured on the way, the 8-bit gate above all.
- `figures/NAME.json`: what `panops evaluate detector --json` wrote, one file a data set.

All of them are optional: a model from elsewhere has none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from panops.domain.errors import ConfigError, ConfigProblem

PROVENANCE_NAME = "provenance.yaml"
RECIPE_NAME = "recipe.yaml"
EXPORT_NAME = "export.json"
FIGURES_FOLDER = "figures"
LARGEST_PAPER_BYTES = 16 * 1024 * 1024
_KEYS = ("purpose", "parent", "data", "tools", "created_at")
_PARENT_KEYS = ("name", "version", "sha256")
_DATA_KEYS = ("name", "fingerprint", "pictures", "boxes", "licence", "credit")


@dataclass(frozen=True, slots=True)
class Parent:
    """The model that a version was made from.

    Attributes:
        name: Its name.
        version: Its version, or empty.
        sha256: Its file's digest, or empty.
    """

    name: str
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class DataUsed:
    """A data set that a version learnt from.

    Attributes:
        name: What it is called.
        fingerprint: `panops.evaluation.data_fingerprint` of it, or empty.
        pictures: How many pictures; 0 where it is not known.
        boxes: How many labelled boxes; the same.
        licence: SPDX identifier, or what its publisher says.
        credit: Whom to credit.
    """

    name: str
    fingerprint: str = ""
    pictures: int = 0
    boxes: int = 0
    licence: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """All papers of a version. Everything may be empty.

    Attributes:
        purpose: What it is for, in a sentence.
        parent: What it was made from, or None.
        data: What it learnt from.
        tools: Versions of the tools that made it.
        created_at: When, ISO 8601.
        recipe: The recipe, verbatim.
        export: The report of `panops export`.
        figures: The JSON of `panops evaluate detector`, by the data set's name.
    """

    purpose: str = ""
    parent: Parent | None = None
    data: tuple[DataUsed, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    created_at: str = ""
    recipe: str = ""
    export: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_provenance(folder: Path) -> Provenance:
    """The papers in a version's folder; empty ones where there are none.

    Raises:
        ConfigError: A paper cannot be read or has mistakes; all of `provenance.yaml` are listed.
    """
    told = parse_provenance(_text(folder / PROVENANCE_NAME), str(folder / PROVENANCE_NAME))
    figures = {path.stem: read_json(path) for path in sorted((folder / FIGURES_FOLDER).glob("*.json"))}
    export = read_json(folder / EXPORT_NAME) if (folder / EXPORT_NAME).is_file() else {}
    return Provenance(
        purpose=told.purpose,
        parent=told.parent,
        data=told.data,
        tools=told.tools,
        created_at=told.created_at,
        recipe=_text(folder / RECIPE_NAME),
        export=export,
        figures=figures,
    )


def write_provenance(folder: Path, papers: Provenance) -> None:
    """Write the papers into a folder that nobody reads yet; `read_provenance` gives the same value.

    Raises:
        OSError: They cannot be written.
    """
    text = dump_provenance(papers)
    if text:
        (folder / PROVENANCE_NAME).write_text(text, encoding="utf-8")
    if papers.recipe:
        (folder / RECIPE_NAME).write_bytes(papers.recipe.encode())
    if papers.export:
        (folder / EXPORT_NAME).write_text(json.dumps(papers.export, indent=2) + "\n", encoding="utf-8")
    if papers.figures:
        (folder / FIGURES_FOLDER).mkdir(exist_ok=True)
    for name, figures in papers.figures.items():
        # Thousands of numbers for programs; people read the card that is made of them.
        compact = json.dumps(figures, separators=(",", ":")) + "\n"
        (folder / FIGURES_FOLDER / f"{name}.json").write_text(compact, encoding="utf-8")


def dump_provenance(papers: Provenance) -> str:
    """`provenance.yaml`; empty where there is nothing to tell."""
    record: dict[str, Any] = {"purpose": papers.purpose}
    if papers.parent is not None:
        record["parent"] = _filled({key: getattr(papers.parent, key) for key in _PARENT_KEYS})
    record["data"] = [_filled({key: getattr(one, key) for key in _DATA_KEYS}) for one in papers.data]
    record |= {"tools": dict(papers.tools), "created_at": papers.created_at}
    told = _filled(record)
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=130) if told else ""


def parse_provenance(text: str, origin: str = PROVENANCE_NAME) -> Provenance:
    """Check the text of `provenance.yaml`; see `read_provenance`."""
    try:
        record = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(origin, [ConfigProblem("", f"not valid YAML: {' '.join(str(error).split())}")]) from error
    if record is None:
        return Provenance()
    check = _Check()
    top = check.mapping("", record, _KEYS)
    parent = None
    if "parent" in top:
        said = check.mapping("parent", top["parent"], _PARENT_KEYS, needed=("name",))
        parent = Parent(*(check.text(f"parent.{key}", said.get(key, "")) for key in _PARENT_KEYS))
    rows = top.get("data", [])
    if not isinstance(rows, list):
        check.problem("data", f"expected a list, got {type(rows).__name__}")
        rows = []
    data = tuple(_data(check, f"data[{index}]", row) for index, row in enumerate(rows))
    tools = {str(key): check.text(f"tools.{key}", value) for key, value in check.mapping("tools", top.get("tools", {})).items()}
    purpose, created_at = (check.text(key, top.get(key, "")) for key in ("purpose", "created_at"))
    if check.problems:
        raise ConfigError(origin, check.problems)
    return Provenance(purpose=purpose, parent=parent, data=data, tools=tools, created_at=created_at)


def read_json(path: Path) -> dict[str, Any]:
    """A paper in JSON.

    Raises:
        ConfigError: It cannot be read, is no JSON, or no object.
    """
    try:
        record = json.loads(_text(path, missing=False), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), [ConfigProblem("", f"not valid JSON: {error}")]) from error
    if not isinstance(record, dict):
        raise ConfigError(str(path), [ConfigProblem("", f"expected an object, got {type(record).__name__}")])
    return record


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _text(path: Path, *, missing: bool = True) -> str:
    try:
        if path.stat().st_size > LARGEST_PAPER_BYTES:
            raise ConfigError(str(path), [ConfigProblem("", f"expected at most {LARGEST_PAPER_BYTES} bytes")])
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        if missing:
            return ""
        raise ConfigError(str(path), [ConfigProblem("", "there is no such file")]) from error
    except OSError as error:
        raise ConfigError(str(path), [ConfigProblem("", f"cannot read the file: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [ConfigProblem("", "expected UTF-8 text, got other bytes")]) from error


def _filled(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value not in ("", 0, [], {})}


class _Check:
    """Collects the problems while values are taken out."""

    def __init__(self) -> None:
        self.problems: list[ConfigProblem] = []

    def problem(self, where: str, message: str) -> None:
        self.problems.append(ConfigProblem(where, message))

    def mapping(self, where: str, value: Any, keys: tuple[str, ...] = (), needed: tuple[str, ...] = ()) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self.problem(where, f"expected {', '.join(keys) or 'names'} with values, got {type(value).__name__}")
            return {}
        dot = f"{where}." if where else ""
        for key in value:
            if keys and key not in keys:
                self.problem(f"{dot}{key}", f"is not known; expected one of {', '.join(keys)}")
        for key in needed:
            if not value.get(key):
                self.problem(f"{dot}{key}", "is missing")
        return {str(key): item for key, item in value.items()}

    def text(self, where: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            # YAML reads an unquoted time as one.
            if hasattr(value, "isoformat"):
                return str(value.isoformat())
            self.problem(where, f"expected a text, got {value!r}")
            return ""
        return str(value)

    def count(self, where: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0 or value != int(value):
            self.problem(where, f"expected a whole number, got {value!r}")
            return 0
        return int(value)


def _data(check: _Check, where: str, row: Any) -> DataUsed:
    said = check.mapping(where, row, _DATA_KEYS, needed=("name",))
    name, fingerprint, licence, credit = (
        check.text(f"{where}.{key}", said.get(key, "")) for key in ("name", "fingerprint", "licence", "credit")
    )
    pictures, boxes = (check.count(f"{where}.{key}", said.get(key, 0)) for key in ("pictures", "boxes"))
    return DataUsed(name, fingerprint, pictures, boxes, licence, credit)
