"""What an import would add, what is there already, and what has no counterpart here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from panops.config.fields import NAME_PATTERN
from panops.config.rule_schema import RuleConfig
from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.errors import ConfigError, ConfigProblem

LARGEST_BYTES = 768 * 1024
MOST_CAMERAS = 2000

State = Literal["new", "same", "different"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the file that panops does otherwise or not at all.

    Attributes:
        field: Where it stands in the file.
        message: What becomes of it.
        line: 1-based, or None.
    """

    field: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        """`line 12: cameras.back.motion: ...`."""
        return f"{f'line {self.line}: ' if self.line else ''}{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What a file says, in panops' own settings.

    Attributes:
        cameras: Id -> settings, in the file's order.
        rules: Rules of these cameras.
        left_out: What has no counterpart, and what is done otherwise.
        lines: The line of each camera.
    """

    cameras: Mapping[str, CameraConfig]
    rules: tuple[RuleConfig, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """An import beside a site that is there.

    Attributes:
        cameras: Id -> whether it is new, the same already, or there with other settings, which stay.
        rules: The same of rules.
        left_out: As in the plan, and what follows from the site.
    """

    cameras: Mapping[str, State]
    rules: Mapping[str, State]
    left_out: tuple[LeftOut, ...]

    def new_cameras(self, plan: ImportPlan) -> dict[str, CameraConfig]:
        """Those to add."""
        return {name: camera for name, camera in plan.cameras.items() if self.cameras[name] == "new"}

    def new_rules(self, plan: ImportPlan) -> list[RuleConfig]:
        """Those to add."""
        return [rule for rule in plan.rules if self.rules[rule.id] == "new"]


def compare(plan: ImportPlan, site: SiteConfig) -> Preview:
    """What of a plan is new to a site. Nothing that is there is changed, so doing it twice adds nothing."""
    cameras = {name: _state(camera, site.cameras.get(name)) for name, camera in plan.cameras.items()}
    stored = {rule.id: rule for rule in site.rules}
    rules: dict[str, State] = {rule.id: _state(rule, stored.get(rule.id)) for rule in plan.rules}
    notes = []
    by_address = {camera.source.get_secret_value(): name for name, camera in site.cameras.items()}
    for name, camera in plan.cameras.items():
        where, line = f"cameras.{name}", plan.lines.get(name)
        other = by_address.get(camera.source.get_secret_value(), name)
        if cameras[name] == "different":
            notes.append(LeftOut(where, "is there with other settings, which stay as they are", line))
        elif cameras[name] == "new" and other != name:
            notes.append(LeftOut(where, f"has the same address as the camera {other}, which is there; it is added beside it", line))
    # A rule for a camera whose own settings stay may name a zone that it does not have.
    for rule in plan.rules:
        kept = [name for name in rule.cameras if cameras.get(name) == "different"]
        zone = getattr(rule, "zone", None)
        if rules[rule.id] == "new" and zone and any(zone not in site.cameras[name].zones for name in kept):
            rules[rule.id] = "different"
            notes.append(LeftOut(f"rules.{rule.id}", f"is left out: the camera {kept[0]} stays as it is and has no zone {zone}"))
        elif rules[rule.id] == "different":
            notes.append(LeftOut(f"rules.{rule.id}", "is there with other settings, which stay as they are"))
    return Preview(cameras, rules, (*plan.left_out, *notes))


def _state(wanted: Any, stored: Any) -> State:
    if stored is None:
        return "new"
    return "same" if stored == wanted else "different"


def read_import(text: str, file_name: str, environ: Mapping[str, str]) -> ImportPlan:
    """Read a file of cameras.

    Args:
        text: Its content, `LARGEST_BYTES` at most.
        file_name: `.yml` and `.yaml` are Frigate's settings; anything else is a table.
        environ: Where variables such as `{FRIGATE_PASSWORD}` are looked up.

    Raises:
        ConfigError: It has faults; all of them, with their lines.
    """
    from panops.config.imports.csv_file import read_csv  # noqa: PLC0415 - they are made of what stands here
    from panops.config.imports.frigate import read_frigate  # noqa: PLC0415 - see above

    if len(text.encode()) > LARGEST_BYTES:
        raise ConfigError(file_name, [ConfigProblem("", f"expected a file of at most {LARGEST_BYTES // 1024} KiB, got a larger one")])
    reader: Callable[[str, str, Mapping[str, str]], ImportPlan] = (
        read_frigate if file_name.lower().endswith((".yml", ".yaml")) else read_csv
    )
    plan = reader(text, file_name, environ)
    if not plan.cameras:
        raise ConfigError(file_name, [ConfigProblem("", "expected at least one camera, got none")])
    return plan


def id_for(name: str, taken: Collection[str]) -> str:
    """An id made of a name: `Gate 2 (north)` is `gate-2-north`. Of one that is taken, the next free number follows."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:55] or "camera"
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found


def is_id(text: str) -> bool:
    """Whether it can be a camera's id as it is."""
    return re.fullmatch(NAME_PATTERN, text) is not None
