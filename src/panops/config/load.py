"""Reads a site file: YAML with `${VARIABLES}`, checked as a whole, every problem named with its line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import ValidationError

from panops.config import yaml_reader
from panops.config.camera_needs import CAMERA_NEEDS
from panops.config.combinations import combination_problems
from panops.config.problems import PathKey, nearest_line, problems_of
from panops.config.rule_schema import POSTURE_KINDS, RULE_KINDS
from panops.config.schema import CameraConfig, SiteConfig
from panops.config.sources import source_problem
from panops.config.spelling import did_you_mean, nearest
from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.events import BUILT_IN_RULES

__all__ = ["SiteFile", "cross_check", "load_site", "parse_site", "problems_of", "read_site"]

_VARIABLE = re.compile(r"\$\{(?:(?P<env>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<file>[^}]+))(?::-(?P<default>[^}]*))?\}")
_LARGEST_SITE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A site file that was read.

    Attributes:
        site: What it says.
        lines: The line of each setting, by its path: `("cameras", "gate", "source")`.
    """

    site: SiteConfig
    lines: Mapping[PathKey, int]


def load_site(path: Path, environ: Mapping[str, str] | None = None) -> SiteConfig:
    """Read and check a site file; see `read_site`."""
    return read_site(path, environ).site


def read_site(path: Path, environ: Mapping[str, str] | None = None) -> SiteFile:
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
    return _parsed(text, str(path), environ)


def parse_site(text: str, origin: str = "site", environ: Mapping[str, str] | None = None) -> SiteConfig:
    """Check the text of a site file; see `read_site`."""
    return _parsed(text, origin, environ).site


def _parsed(text: str, origin: str, environ: Mapping[str, str] | None) -> SiteFile:
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
        # A setting whose variable is missing was told; what its remains look like is nobody's mistake.
        told = {problem.field for problem in problems}
        problems += [problem for problem in problems_of(error, lines) if problem.field not in told]
    if site is not None:
        problems += list(cross_check(site, lines))
        problems += list(_source_problems(site, lines, {problem.field for problem in problems}))
    if site is None or problems:
        raise ConfigError(origin, sorted(problems, key=lambda problem: problem.line or 0))
    return SiteFile(site, lines)


def cross_check(site: SiteConfig, lines: Mapping[PathKey, int] | None = None) -> Iterator[ConfigProblem]:
    """What no single field can know: names that point to nothing, and ids used twice."""
    known = lines or {}
    yield from _rule_problems(site, known)
    for index, message in combination_problems(site):
        yield ConfigProblem(f"rules.{index}.of", message, nearest_line(("rules", index, "of"), known))
    yield from _alert_problems(site, known)
    yield from _group_problems(site, known)
    yield from _one_alarm_problems(site, known)
    if site.timezone:
        try:
            ZoneInfo(site.timezone)
        except (KeyError, ValueError, OSError):
            guess = nearest(site.timezone, available_timezones())
            message = f"expected a time zone's name such as Europe/Berlin, got {site.timezone!r}" + (
                f"; did you mean {guess}?" if guess else ""
            )
            yield ConfigProblem("timezone", message, nearest_line(("timezone",), known))


def _rule_problems(site: SiteConfig, known: Mapping[PathKey, int]) -> Iterator[ConfigProblem]:
    seen: set[str] = set()
    for index, rule in enumerate(site.rules):
        path: PathKey = ("rules", index)
        if rule.id in seen:
            yield ConfigProblem(f"rules.{index}.id", f"the id {rule.id!r} is used twice", nearest_line((*path, "id"), known))
        if rule.id in BUILT_IN_RULES:
            message = f"the id {rule.id!r} is taken: events of cameras that are not well carry it; choose another one"
            yield ConfigProblem(f"rules.{index}.id", message, nearest_line((*path, "id"), known))
        seen.add(rule.id)
        for camera_id in rule.cameras:
            if camera_id not in site.cameras:
                message = f"no camera {camera_id!r}{did_you_mean(camera_id, site.cameras)}"
                yield ConfigProblem(f"rules.{index}.cameras", message, nearest_line((*path, "cameras"), known))
        for camera_id in [name for name in (rule.cameras or site.cameras) if name in site.cameras]:
            missing = _missing_place(rule, camera_id, site.cameras[camera_id])
            if missing:
                yield ConfigProblem(f"rules.{index}.{missing[0]}", missing[1], nearest_line((*path, missing[0]), known))
        zones = sorted({zone for name in (rule.cameras or site.cameras) if name in site.cameras for zone in site.cameras[name].zones})
        for name in rule.leave_out:
            if name not in zones:
                message = f"none of its cameras has a zone {name!r}{did_you_mean(name, zones, 'they have')}"
                yield ConfigProblem(f"rules.{index}.leave_out", message, nearest_line((*path, "leave_out"), known))


def _alert_problems(site: SiteConfig, known: Mapping[PathKey, int]) -> Iterator[ConfigProblem]:
    seen: set[str] = set()
    rule_ids = [*(rule.id for rule in site.rules), *BUILT_IN_RULES]
    for index, sink in enumerate(site.alerts):
        path: PathKey = ("alerts", index)
        if sink.id in seen:
            yield ConfigProblem(f"alerts.{index}.id", f"the id {sink.id!r} is used twice", nearest_line((*path, "id"), known))
        seen.add(sink.id)
        for field, names, there in (("cameras", sink.cameras, list(site.cameras)), ("rules", sink.rules, rule_ids)):
            for name in names:
                if name not in there:
                    message = f"no {field.removesuffix('s')} {name!r}{did_you_mean(name, there)}"
                    yield ConfigProblem(f"alerts.{index}.{field}", message, nearest_line((*path, field), known))


def _group_problems(site: SiteConfig, known: Mapping[PathKey, int]) -> Iterator[ConfigProblem]:
    for name, cameras in site.groups.items():
        for camera_id in cameras:
            if camera_id not in site.cameras:
                message = f"no camera {camera_id!r}{did_you_mean(camera_id, site.cameras)}"
                yield ConfigProblem(f"groups.{name}", message, nearest_line(("groups", name), known))


def _one_alarm_problems(site: SiteConfig, known: Mapping[PathKey, int]) -> Iterator[ConfigProblem]:
    config, found = site.one_alarm, list[tuple[str, str]]()
    for name in config.groups:
        if name not in site.groups:
            found.append(("groups", f"no group {name!r}{did_you_mean(name, site.groups)}"))
    for kind in config.kinds:
        if kind not in RULE_KINDS.names():
            found.append(("kinds", f"no kind of rule {kind!r}{did_you_mean(kind, RULE_KINDS.names())}"))
    model = site.evidence.find_again
    if config.groups and model and model != config.model:
        found.append(("model", f"expected {model!r}, for that is what evidence.find_again names and an event's person is looked at once"))
    for field, message in found:
        yield ConfigProblem(f"one_alarm.{field}", message, nearest_line(("one_alarm", field), known))


def _missing_place(rule: Any, camera_id: str, camera: CameraConfig) -> tuple[str, str] | None:
    """The field that names a zone or line which the camera does not have, and what to say of it."""
    need = CAMERA_NEEDS.get(rule.kind)
    # Rules about postures are told of, and not refused: their cameras run as ever.
    if need is not None and rule.kind not in POSTURE_KINDS and getattr(camera, need.setting) is None:
        return "kind", f"camera {camera_id!r} has no `{need.setting}`, so {need.so} there; {need.advice}"
    if rule.kind == "identity" and rule.who == "spoof" and camera.faces is not None and camera.faces.live == "off":
        return "who", f"camera {camera_id!r} never takes a face for a picture of one; set `live: required` in its `faces`"
    for what, known in (("line", camera.lines), ("zone", camera.zones)):
        name = getattr(rule, what, None)
        if name is not None and name not in known:
            return what, f"camera {camera_id!r} has no {what} {name!r}{did_you_mean(name, known, 'it has')}"
    return None


def _source_problems(site: SiteConfig, lines: Mapping[PathKey, int], told: set[str]) -> Iterator[ConfigProblem]:
    for camera_id, camera in site.cameras.items():
        field = f"cameras.{camera_id}.source"
        message = "" if field in told else source_problem(camera)
        if message:
            yield ConfigProblem(field, message, nearest_line(("cameras", camera_id, "source"), lines))
        if camera.record_source.get_secret_value():
            message = source_problem(camera.model_copy(update={"source": camera.record_source}))
            if message:
                line = nearest_line(("cameras", camera_id, "record_source"), lines)
                yield ConfigProblem(f"cameras.{camera_id}.record_source", message, line)


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
            problems.append(ConfigProblem(field, f"cannot read {match['file']}: {error.strerror}", nearest_line(path, lines)))
            return ""
        if found is None:
            name = match["env"]
            message = (
                f"the environment variable {name} is not set; set it where panops is started (export {name}=...), or give a default:"
                f" ${{{name}:-...}}"
            )
            problems.append(ConfigProblem(".".join(map(str, path)), message, nearest_line(path, lines)))
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
