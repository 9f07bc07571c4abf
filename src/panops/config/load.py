"""Reads a site file: YAML with `${VARIABLES}`, checked as a whole, every problem named with its line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from panops.config import yaml_reader
from panops.config.schema import BUILTIN_RULES, CameraConfig, SiteConfig
from panops.domain.errors import ConfigError, ConfigProblem

PathKey = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\{(?:(?P<env>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<file>[^}]+))(?::-(?P<default>[^}]*))?\}")
_LARGEST_SITE_BYTES = 4 * 1024 * 1024


def load_site(path: Path, environ: Mapping[str, str] | None = None) -> SiteConfig:
    """Read and check a site file.

    Args:
        path: A YAML file; `docs/site-file.md` describes it.
        environ: Where `${NAME}` is looked up; the process's environment when None.

    Raises:
        ConfigError: The file is missing, is not YAML, or has problems; all of them are listed with line and field.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_SITE_BYTES:
            raise ConfigError(str(path), [ConfigProblem("", f"a site file has at most {_LARGEST_SITE_BYTES} bytes, got {size}")])
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(path), [ConfigProblem("", f"cannot read the file: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [ConfigProblem("", "expected a UTF-8 text file in YAML, got other bytes")]) from error
    return parse_site(text, origin=str(path), environ=environ)


def parse_site(text: str, origin: str = "site", environ: Mapping[str, str] | None = None) -> SiteConfig:
    """Check the text of a site file; see `load_site`."""
    lines: dict[PathKey, int] = {}
    problems: list[ConfigProblem] = []
    try:
        node = yaml_reader.compose(text)
        _note_lines(node, (), lines, problems)
        data = yaml_reader.load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(origin, [ConfigProblem("", f"not valid YAML: {error.problem or error.context}", line)]) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(origin, [ConfigProblem("", f"not valid YAML: {error}")]) from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(origin, [ConfigProblem("", f"expected a mapping with `cameras:` and `rules:`, got {type(data).__name__}", 1)])
    data = _expanded(data, (), os.environ if environ is None else environ, lines, problems)
    site: SiteConfig | None = None
    try:
        site = SiteConfig.model_validate(data)
    except ValidationError as error:
        problems += list(problems_of(error, lines))
    if site is not None:
        problems += list(cross_check(site, lines))
    if site is None or problems:
        raise ConfigError(origin, sorted(problems, key=lambda problem: problem.line or 0))
    return site


def problems_of(error: ValidationError, lines: Mapping[PathKey, int] | None = None, prefix: PathKey = ()) -> Iterator[ConfigProblem]:
    """Pydantic's findings as problems; values of secrets are never repeated.

    Args:
        error: What pydantic raised.
        lines: Line of each path, from the YAML file, if there is one.
        prefix: Where the checked object sits in the whole.
    """
    for item in error.errors(include_url=False, include_context=True):
        # A discriminated union puts the kind's name into the path; the user's file has no such level.
        location = prefix + tuple(part for part in item["loc"] if part not in BUILTIN_RULES)
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "no such setting here; check the spelling"
        elif item["type"] == "missing":
            message = "is required and missing"
        elif isinstance(item.get("input"), (int, float)) and item["type"] != "value_error":
            # Texts are not repeated: any of them may be an address with a password, put in the wrong place.
            message += f", got {item['input']!r}"
        yield ConfigProblem(".".join(str(part) for part in location), message, _nearest_line(location, lines or {}))


def cross_check(site: SiteConfig, lines: Mapping[PathKey, int] | None = None) -> Iterator[ConfigProblem]:
    """What no single field can know: names that point to nothing, and ids used twice."""
    known = lines or {}
    seen: set[str] = set()
    for index, rule in enumerate(site.rules):
        path: PathKey = ("rules", index)
        if rule.id in seen:
            yield ConfigProblem(f"rules.{index}.id", f"the id {rule.id!r} is used twice", _nearest_line((*path, "id"), known))
        seen.add(rule.id)
        for camera_id in rule.cameras:
            if camera_id not in site.cameras:
                message = f"no camera {camera_id!r}; there are: {', '.join(site.cameras) or 'none'}"
                yield ConfigProblem(f"rules.{index}.cameras", message, _nearest_line((*path, "cameras"), known))
        for camera_id in [name for name in (rule.cameras or site.cameras) if name in site.cameras]:
            missing = _missing_place(rule, camera_id, site.cameras[camera_id])
            if missing:
                yield ConfigProblem(f"rules.{index}.{missing[0]}", missing[1], _nearest_line((*path, missing[0]), known))
    if site.timezone:
        try:
            ZoneInfo(site.timezone)
        except (KeyError, ValueError, OSError):
            message = f"expected an IANA time zone such as Europe/Berlin, got {site.timezone!r}"
            yield ConfigProblem("timezone", message, _nearest_line(("timezone",), known))


def _missing_place(rule: Any, camera_id: str, camera: CameraConfig) -> tuple[str, str] | None:
    line, zone = getattr(rule, "line", None), getattr(rule, "zone", None)
    if line is not None and line not in camera.lines:
        return "line", f"camera {camera_id!r} has no line {line!r}; it has: {', '.join(camera.lines) or 'none'}"
    if zone is not None and zone not in camera.zones:
        return "zone", f"camera {camera_id!r} has no zone {zone!r}; it has: {', '.join(camera.zones) or 'none'}"
    return None


def _note_lines(node: yaml.Node | None, path: PathKey, lines: dict[PathKey, int], problems: list[ConfigProblem]) -> None:
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                problems.append(ConfigProblem(".".join(map(str, (*path, name))), "is given twice", line))
            seen.add(name)
            lines[(*path, name)] = line
            _note_lines(value, (*path, name), lines, problems)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*path, index), lines, problems)


def _nearest_line(path: PathKey, lines: Mapping[PathKey, int]) -> int | None:
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return lines.get(())


def _expanded(value: Any, path: PathKey, environ: Mapping[str, str], lines: Mapping[PathKey, int], problems: list[ConfigProblem]) -> Any:
    """`value` with every `${NAME}` and `${file:PATH}` in its strings replaced."""
    if isinstance(value, dict):
        return {str(key): _expanded(item, (*path, str(key)), environ, lines, problems) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, (*path, index), environ, lines, problems) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        try:
            found = _lookup(match, environ)
        except OSError as error:
            field = ".".join(map(str, path))
            problems.append(ConfigProblem(field, f"cannot read {match['file']}: {error.strerror}", _nearest_line(path, lines)))
            return ""
        if found is None:
            message = f"the environment variable {match['env']} is not set"
            problems.append(ConfigProblem(".".join(map(str, path)), message, _nearest_line(path, lines)))
            return ""
        before, after = value[: match.start()], value[match.end() :]
        # A password in an address may hold @ : or /; between :// and @ it is encoded so that users need not.
        inside_login = "://" in before and "@" in after and "/" not in before.split("://", 1)[1]
        return quote(found, safe="") if inside_login else found

    return _VARIABLE.sub(replacement, value)


def _lookup(match: re.Match[str], environ: Mapping[str, str]) -> str | None:
    if match["file"] is not None:
        return Path(match["file"]).read_text(encoding="utf-8").rstrip("\r\n")
    return environ.get(match["env"], match["default"])
