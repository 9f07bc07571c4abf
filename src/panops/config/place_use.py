"""Which rules hang on a camera's zones and lines, and what becomes of them when one gets another name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panops.config.schema import CameraConfig, SiteConfig


def users_of(site: SiteConfig, camera_id: str, place: str) -> list[Any]:
    """The rules that watch a camera and name a zone or line of it: as the place they watch, or as one they leave out."""
    return [rule for rule in site.rules if (not rule.cameras or camera_id in rule.cameras) and place in _named(rule)]


def uses(site: SiteConfig, camera_id: str) -> dict[str, list[str]]:
    """The ids of the rules that hang on each zone and line of a camera; the names that no rule uses are left out.

    A rule that measures speed hangs on the camera's ground, which has the name `ground` here where no zone or line has it.
    """
    found: dict[str, list[str]] = {}
    for place in _places(site.cameras[camera_id]):
        users = [rule.id for rule in users_of(site, camera_id, place)]
        if users:
            found[place] = users
    measuring = [rule.id for rule in site.rules if rule.kind == "speed" and (not rule.cameras or camera_id in rule.cameras)]
    if measuring and site.cameras[camera_id].ground is not None:
        found.setdefault("ground", measuring)
    return found


def renamed_rules(site: SiteConfig, camera_id: str, names: Mapping[str, str]) -> tuple[list[Any], dict[str, list[str]]]:
    """The rules as they have to be once zones and lines of a camera have other names.

    Args:
        site: The site as it is.
        camera_id: The camera.
        names: New names by the old ones.

    Returns:
        The rules that change, and by old name the ids of those that cannot follow: they use that name on other cameras, too.
    """
    changed: list[Any] = []
    stuck: dict[str, list[str]] = {}
    for rule in site.rules:
        if rule.cameras and camera_id not in rule.cameras:
            continue
        others = [name for name in (rule.cameras or site.cameras) if name != camera_id and name in site.cameras]
        elsewhere = {place for name in others for place in _places(site.cameras[name])}
        update: dict[str, Any] = {}
        for field in ("zone", "line"):
            old = getattr(rule, field, None)
            if old not in names:
                continue
            if others:
                stuck.setdefault(str(old), []).append(rule.id)
            else:
                update[field] = names[str(old)]
        if any(place in names for place in rule.leave_out):
            kept = [place for place in rule.leave_out if place not in names or place in elsewhere]
            new = [names[place] for place in rule.leave_out if place in names]
            update["leave_out"] = list(dict.fromkeys([*kept, *new]))
        if update:
            changed.append(rule.model_copy(update=update))
    return changed, stuck


def _places(camera: CameraConfig) -> list[str]:
    return [*camera.zones, *camera.lines]


def _named(rule: Any) -> set[str]:
    return {name for name in (getattr(rule, "zone", None), getattr(rule, "line", None), *rule.leave_out) if name is not None}
