"""A table of cameras: one a row, the first row says what the columns are."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from panops.config.imports.plan import MOST_CAMERAS, ImportPlan, LeftOut, id_for, is_id
from panops.config.problems import problems_of
from panops.config.rule_schema import RuleConfig
from panops.config.schema import CameraConfig
from panops.config.sources import source_problem
from panops.domain.errors import ConfigError, ConfigProblem

# What people call the columns -> what they are here.
_SAME = {
    "address": "source",
    "url": "source",
    "rtsp": "source",
    "stream": "source",
    "camera": "name",
    "user": "username",
    "fps": "check_fps",
    "alarm": "classes",
}
_SETTINGS = ("source", "name", "enabled", "transport", "loop", "model", "check_fps", "min_score", "stall_s", "frozen_s", "sleep")
_NUMBERS = frozenset({"check_fps", "min_score", "stall_s", "frozen_s"})
COLUMNS = ("id", *_SETTINGS, "username", "password", "classes")
_RULE: TypeAdapter[RuleConfig] = TypeAdapter(RuleConfig)


def read_csv(text: str, file_name: str, _environ: Mapping[str, str]) -> ImportPlan:
    """Read a table with commas, semicolons or tabs between its fields.

    A row needs `source`; `id` is made of `name` (or of the row's number) where it is empty. `username` and `password` go into the address.
    `classes`, such as `person car`, adds a rule `intrusion` for the whole picture.

    Raises:
        ConfigError: Every fault, with its line.
    """
    rows, first = _rows(text, file_name)
    cameras: dict[str, CameraConfig] = {}
    lines: dict[str, int] = {}
    rules: list[RuleConfig] = []
    problems: list[ConfigProblem] = []
    for line, row in rows:
        name = row.get("name") or f"camera-{line}"
        camera_id = row.get("id") or id_for(name, cameras)
        if len(cameras) >= MOST_CAMERAS:
            problems.append(ConfigProblem("", f"expected at most {MOST_CAMERAS} cameras", line))
            break
        if not is_id(camera_id):
            problems.append(ConfigProblem("id", f"expected letters, digits, `_` and `-`, at most 63, got {camera_id[:80]!r}", line))
            continue
        if camera_id in cameras:
            problems.append(ConfigProblem("id", f"{camera_id!r} is used twice; it is in line {lines[camera_id]}, too", line))
            continue
        found = _camera(row, line, problems)
        if found is not None:
            cameras[camera_id], lines[camera_id] = found, line
            classes = row.get("classes", "").replace(",", " ").replace(";", " ").split()
            if classes:
                values = {"id": f"{camera_id[:55]}-alarm", "kind": "intrusion", "cameras": [camera_id], "classes": classes}
                rules.append(_RULE.validate_python(values))
    if problems:
        raise ConfigError(file_name, sorted(problems, key=lambda problem: problem.line or 0))
    return ImportPlan(cameras, tuple(rules), tuple(first), lines)


def _rows(text: str, file_name: str) -> tuple[Iterator[tuple[int, dict[str, str]]], list[LeftOut]]:
    """Line and fields of each row that is not empty, and what is left out of all of them."""
    text = text.removeprefix("\ufeff")
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        titles = next((row for row in reader if any(field.strip() for field in row)), [])
    except csv.Error as error:
        raise ConfigError(file_name, [ConfigProblem("", f"not a table: {error}", 1)]) from error
    names = [_SAME.get(title.strip().lower(), title.strip().lower()) for title in titles]
    if "source" not in names:
        message = f"expected a first row that names the columns, source among them (all: {', '.join(COLUMNS)}), got {head[:80]!r}"
        raise ConfigError(file_name, [ConfigProblem("", message, 1)])
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if twice:
        raise ConfigError(file_name, [ConfigProblem(twice[0], "is the name of two columns", 1)])
    unknown = [title for title, name in zip(titles, names, strict=True) if name not in COLUMNS and title.strip()]
    left_out = [LeftOut(title.strip()[:80], f"no such setting; columns are {', '.join(COLUMNS)}", 1) for title in unknown]
    return _fields(reader, names, file_name), left_out


def _fields(reader: Any, names: list[str], file_name: str) -> Iterator[tuple[int, dict[str, str]]]:
    problems = []
    before = reader.line_num
    try:
        for row in reader:
            line, before = before + 1, reader.line_num
            if len(row) > len(names):
                problems.append(ConfigProblem("", f"expected {len(names)} fields, got {len(row)}", line))
            elif any(field.strip() for field in row):
                yield line, {name: value.strip() for name, value in zip(names, row, strict=False)}
    except csv.Error as error:
        problems.append(ConfigProblem("", f"cannot be read: {error}", before + 1))
    if problems:
        raise ConfigError(file_name, problems)


def _value(name: str, text: str) -> str | float:
    """A number where one belongs, so that a fault names it; anything else as it is."""
    try:
        return float(text.replace(",", ".")) if name in _NUMBERS else text
    except ValueError:
        return text


def _camera(row: Mapping[str, str], line: int, problems: list[ConfigProblem]) -> CameraConfig | None:
    values: dict[str, Any] = {name: _value(name, row[name]) for name in _SETTINGS if row.get(name)}
    user, password = row.get("username", ""), row.get("password", "")
    scheme, separator, rest = values.get("source", "").partition("://")
    if user or password:
        if not separator or "@" in rest.partition("/")[0]:
            problems.append(ConfigProblem("username", "expected an address such as rtsp://HOST/... without a login in it", line))
            return None
        values["source"] = f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
    try:
        camera = CameraConfig.model_validate(values)
    except ValidationError as error:
        problems += [ConfigProblem(problem.field, problem.message, line) for problem in problems_of(error)]
        return None
    if wrong := source_problem(camera):
        problems.append(ConfigProblem("source", wrong, line))
        return None
    return camera
