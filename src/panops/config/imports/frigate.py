"""Frigate's settings as cameras, zones and rules. What has no counterpart is named, with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from panops.config import yaml_reader
from panops.config.imports.frigate_zone import zone_polygon
from panops.config.imports.plan import MOST_CAMERAS, ImportPlan, LeftOut, id_for, is_id
from panops.config.problems import PathKey, nearest_line, problems_of
from panops.config.rule_schema import RuleConfig
from panops.config.schema import CameraConfig
from panops.config.sources import source_problem
from panops.domain.errors import ConfigError, ConfigProblem

_RULE: TypeAdapter[RuleConfig] = TypeAdapter(RuleConfig)
_VARIABLE = re.compile(r"\{(FRIGATE_[A-Z0-9_]+)\}")
_RESTREAM = re.compile(r"rtsp://(?:127\.0\.0\.1|localhost|\[::1\]):8554/(?P<name>[^/?#]+)")
# Frigate's own default.
_TRACKED = ["person"]
_MOST_FPS = 60.0

# What is understood at each level; anything else is named.
_TOP = {"cameras", "objects", "detect", "record", "go2rtc"}
_CAMERA = {"enabled", "friendly_name", "ffmpeg", "detect", "zones", "objects", "record", "review"}
_DETECT = {"enabled", "fps", "width", "height"}
_ZONE = {"coordinates", "objects", "loitering_time", "friendly_name"}
_OTHERWISE = {
    "mqtt": "add a sink of kind mqtt under `alerts`",
    "snapshots": "each event has a snapshot",
    "detectors": "set `model` and `device`",
    "model": "set `model`",
    "tls": "a reverse proxy does this",
    "auth": "users and tokens are made on the page",
    "birdseye": "the wall shows all cameras",
    "motion": "motion masks are not taken over; rules have `leave_out`",
    "version": "Frigate's own",
    "ui": "Frigate's own",
    "live": "the page plays the same stream",
}


def read_frigate(text: str, file_name: str, environ: Mapping[str, str]) -> ImportPlan:
    """Read Frigate's `config.yml`.

    Args:
        text: Its content.
        file_name: For messages.
        environ: Where `{FRIGATE_...}` in addresses is looked up.

    Raises:
        ConfigError: Every fault, with its line.
    """
    try:
        lines = _lines_of(yaml_reader.compose(text))
        data = yaml_reader.load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(file_name, [ConfigProblem("", f"not valid YAML: {error.problem or error.context}", line)]) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(file_name, [ConfigProblem("", f"not valid YAML: {error}")]) from error
    cameras = data.get("cameras") if isinstance(data, dict) else None
    if not isinstance(cameras, dict) or len(cameras) > MOST_CAMERAS:
        message = f"expected Frigate's settings with 1 to {MOST_CAMERAS} `cameras:`"
        raise ConfigError(file_name, [ConfigProblem("cameras", message, nearest_line(("cameras",), lines))])
    reading = _Reading(data, lines, environ)
    for name, raw in cameras.items():
        reading.camera(str(name), raw)
    if reading.problems:
        raise ConfigError(file_name, sorted(reading.problems, key=lambda problem: problem.line or 0))
    reading.rest()
    return ImportPlan(reading.cameras, tuple(reading.rules), tuple(reading.left_out), reading.camera_lines)


class _Reading:
    """One file, while it is read."""

    def __init__(self, data: dict[str, Any], lines: Mapping[PathKey, int], environ: Mapping[str, str]) -> None:
        self._data, self._lines, self._environ = data, lines, environ
        self.cameras: dict[str, CameraConfig] = {}
        self.camera_lines: dict[str, int] = {}
        self.rules: list[RuleConfig] = []
        self.problems: list[ConfigProblem] = []
        self.left_out: list[LeftOut] = []

    # --- what is said ---------------------------------------------------------------------------------------------------------

    def _wrong(self, path: PathKey, message: str) -> None:
        self.problems.append(ConfigProblem(".".join(map(str, path)), message, nearest_line(path, self._lines)))

    def _leave(self, path: PathKey, message: str) -> None:
        self.left_out.append(LeftOut(".".join(map(str, path)), message, nearest_line(path, self._lines)))

    def _unknown(self, path: PathKey, raw: Mapping[str, Any], known: Iterable[str]) -> None:
        for name in raw:
            if name not in known:
                self._leave((*path, name), _OTHERWISE.get(str(name), "not taken over"))

    def _map(self, path: PathKey, raw: Any) -> dict[str, Any]:
        """A mapping; nothing is an empty one."""
        if raw is not None and not isinstance(raw, dict):
            self._wrong(path, f"expected a mapping, got {type(raw).__name__}")
        return raw if isinstance(raw, dict) else {}

    # --- the whole ------------------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """What stands beside the cameras."""
        self._unknown((), self._data, _TOP)
        self._record(("record",), self._map(("record",), self._data.get("record")))
        self._unknown(("detect",), self._map(("detect",), self._data.get("detect")), _DETECT)
        self._filters(("objects",), self._map(("objects",), self._data.get("objects")))

    def _record(self, path: PathKey, raw: Mapping[str, Any]) -> None:
        days = [raw.get(name) for name in ("retain", "alerts", "detections", "events", "continuous", "motion")]
        found = sorted({value for one in days for value in _days_in(one)})
        if found:
            self._leave(path, f"events are kept for `retention.days` of the site (30); the file says {found[-1]:g} at most: set it there")
        elif raw:
            self._leave(path, "each event has a clip, kept for `retention.days` of the site")

    def _filters(self, path: PathKey, raw: Mapping[str, Any]) -> float | None:
        """The least `min_score` of all classes; the rest is named."""
        self._unknown(path, raw, ("track", "filters"))
        scores = []
        for label, wanted in self._map((*path, "filters"), raw.get("filters")).items():
            where = (*path, "filters", label)
            values = self._map(where, wanted)
            if (score := _number(values.get("min_score"))) is not None and 0 <= score <= 1:
                scores.append(score)
            for name in values:
                if name != "min_score":
                    self._leave((*where, name), "not taken over; `verify` of the site judges size and persistence")
        if len(set(scores)) > 1:
            self._leave((*path, "filters"), f"a camera has one `min_score`; the least one, {min(scores):g}, is taken")
        return min(scores) if scores else None

    # --- a camera -------------------------------------------------------------------------------------------------------------

    def camera(self, name: str, raw: Any) -> None:
        path: PathKey = ("cameras", name)
        values = self._map(path, raw)
        source = self._source(path, values)
        detect = {**self._map(("detect",), self._data.get("detect")), **self._map((*path, "detect"), values.get("detect"))}
        wanted: dict[str, Any] = {"source": source or "sim://yard", "enabled": values.get("enabled", True)}
        wanted["name"] = str(values.get("friendly_name") or ("" if is_id(name) else name))[:120]
        if (fps := _number(detect.get("fps"))) is not None:
            wanted["check_fps"] = min(fps, _MOST_FPS)
        own = self._filters((*path, "objects"), self._map((*path, "objects"), values.get("objects")))
        shared = self._map(("objects", "filters"), self._map(("objects",), self._data.get("objects")).get("filters"))
        scores = [own] if own is not None else [s for one in shared.values() if (s := _number(_of(one, "min_score"))) is not None]
        if scores:
            wanted["min_score"] = min(score for score in scores if score is not None)
        wanted["zones"] = self._zones(path, values, detect)
        if detect.get("enabled") is False:
            self._leave((*path, "detect", "enabled"), "is false here; the camera is added with detection on: switch it off on its page")
        self._unknown((*path, "detect"), self._map((*path, "detect"), values.get("detect")), _DETECT)
        self._unknown(path, values, _CAMERA)
        self._record((*path, "record"), self._map((*path, "record"), values.get("record")))
        camera_id = name if is_id(name) else id_for(name, self.cameras)
        self._add(path, camera_id, wanted, values, told=source is None)

    def _add(self, path: PathKey, camera_id: str, wanted: dict[str, Any], values: Mapping[str, Any], *, told: bool) -> None:
        try:
            camera = CameraConfig.model_validate(wanted)
        except ValidationError as error:
            for problem in problems_of(error):
                where = ("detect", "fps") if problem.field == "check_fps" else tuple(problem.field.split("."))
                self._wrong((*path, *where), problem.message)
            return
        if told:
            return
        if wrong := source_problem(camera):
            self._wrong((*path, "ffmpeg", "inputs"), wrong)
            return
        self.cameras[camera_id] = camera
        self.camera_lines[camera_id] = nearest_line(path, self._lines) or 1
        self._rules(path, camera_id, camera, values)

    def _source(self, path: PathKey, values: Mapping[str, Any]) -> str | None:
        """The stream for detection; None where that was told to be wrong."""
        where = (*path, "ffmpeg", "inputs")
        ffmpeg = self._map((*path, "ffmpeg"), values.get("ffmpeg"))
        inputs = [one for one in ffmpeg.get("inputs") or [] if isinstance(one, dict)]
        chosen = [(index, one) for index, one in enumerate(inputs) if "detect" in (one.get("roles") or [])]
        if not chosen or not isinstance(chosen[0][1].get("path"), str):
            self._wrong(where, "expected an input with a `path` and the role `detect`")
            return None
        index, one = chosen[0]
        for other, stream in enumerate(inputs):
            if other != index:
                self._leave((*where, other), f"a camera has one stream here, that for detect; not taken over: {', '.join(_roles(stream))}")
        self._unknown((*where, index), one, ("path", "roles"))
        self._unknown((*path, "ffmpeg"), ffmpeg, ("inputs",))
        return self._filled((*where, index, "path"), self._restreamed((*where, index, "path"), one["path"]))

    def _restreamed(self, path: PathKey, address: str) -> str:
        """The camera's own address where Frigate reads it through go2rtc, which would be gone without Frigate."""
        match = _RESTREAM.match(address)
        if match is None:
            return address
        streams = self._map(("go2rtc", "streams"), self._map(("go2rtc",), self._data.get("go2rtc")).get("streams"))
        found = streams.get(match["name"])
        first = found[0] if isinstance(found, list) and found else found
        plain = str(first).partition("#")[0] if isinstance(first, str) else ""
        if re.match(r"(rtsps?|https?)://", plain):
            self._leave(path, f"read from the camera itself, as go2rtc's stream {match['name']} does")
            return plain
        self._leave(path, "is read through Frigate's go2rtc, which has to go on running")
        return address

    def _filled(self, path: PathKey, address: str) -> str | None:
        missing = sorted({name for name in _VARIABLE.findall(address) if name not in self._environ})
        if missing:
            self._wrong(path, f"the variable {missing[0]} is not set here; set it, or write its value into the file")
            return None
        return _VARIABLE.sub(lambda match: self._environ[match[1]], address)

    def _zones(self, path: PathKey, values: Mapping[str, Any], detect: Mapping[str, Any]) -> dict[str, Any]:
        zones: dict[str, Any] = {}
        for name, raw in self._map((*path, "zones"), values.get("zones")).items():
            where = (*path, "zones", name)
            zone = self._map(where, raw)
            self._unknown(where, zone, _ZONE)
            try:
                polygon = zone_polygon(zone.get("coordinates"), _number(detect.get("width")), _number(detect.get("height")))
            except ValueError as error:
                self._wrong((*where, "coordinates"), str(error))
                continue
            zones[str(name)] = {"polygon": polygon}
        return zones

    def _rules(self, path: PathKey, camera_id: str, camera: CameraConfig, values: Mapping[str, Any]) -> None:
        tracked = _of(values.get("objects"), "track") or _of(self._data.get("objects"), "track") or _TRACKED
        review = self._map((*path, "review"), values.get("review"))
        required = _of(review.get("alerts"), "required_zones") or []
        required = [required] if isinstance(required, str) else required
        for name in review:
            if name != "alerts":
                self._leave((*path, "review", name), "not taken over")
        for zone, raw in self._map((*path, "zones"), values.get("zones")).items():
            classes = _of(raw, "objects") or tracked
            dwell = _number(_of(raw, "loitering_time")) or 0
            kind: dict[str, Any] = {"kind": "loitering", "after_s": dwell} if dwell > 0 else {"kind": "intrusion"}
            severity = "alarm" if not required or zone in required else "info"
            self._rule(path, {**kind, "id": _rule_id(camera_id, str(zone)), "zone": str(zone), "severity": severity}, camera_id, classes)
        if not required:
            severity = "info" if camera.zones else "alarm"
            self._rule(path, {"kind": "intrusion", "id": _rule_id(camera_id, "anywhere"), "severity": severity}, camera_id, tracked)

    def _rule(self, path: PathKey, values: dict[str, Any], camera_id: str, classes: Any) -> None:
        names = [str(one).replace(" ", "_") for one in ([classes] if isinstance(classes, str) else classes)]
        try:
            self.rules.append(_RULE.validate_python({**values, "cameras": [camera_id], "classes": names}))
        except ValidationError as error:
            for problem in problems_of(error):
                self._wrong(path, f"rule {values['id']}: {problem.field}: {problem.message}")


def _rule_id(camera_id: str, what: str) -> str:
    return f"{camera_id[:40]}-{re.sub(r'[^A-Za-z0-9_-]', '-', what)[:22]}"


def _roles(stream: Mapping[str, Any]) -> list[str]:
    return [str(role) for role in stream.get("roles") or ["no role"]]


def _of(raw: Any, name: str) -> Any:
    return raw.get(name) if isinstance(raw, dict) else None


def _number(raw: Any) -> float | None:
    return float(raw) if isinstance(raw, (int, float)) and not isinstance(raw, bool) else None


def _days_in(raw: Any) -> list[float]:
    """The days of `{days: 3}`, `{retain: {days: 3}}` and `{retain: {default: 3}}`."""
    if not isinstance(raw, dict):
        return []
    values = [raw.get("days"), raw.get("default"), _of(raw.get("retain"), "days"), _of(raw.get("retain"), "default")]
    return [days for value in values if (days := _number(value)) is not None]


def _lines_of(root: yaml.Node | None) -> dict[PathKey, int]:
    """The line of each setting. A node that stands in several places (an alias) has its first one."""
    lines: dict[PathKey, int] = {}
    seen: set[int] = set()
    todo: list[tuple[PathKey, yaml.Node]] = [] if root is None else [((), root)]
    while todo:
        path, node = todo.pop()
        lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*path, str(key.value))
                lines[inner] = key.start_mark.line + 1
                todo.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            todo += [((*path, index), value) for index, value in enumerate(node.value)]
    return lines
