"""From the site file to the rules of one camera."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import tzinfo
from functools import partial
from typing import Any

import numpy as np

from panops.config.camera_needs import CAMERA_NEEDS
from panops.config.rule_schema import (
    AreaConfig,
    CombinedConfig,
    ComplianceConfig,
    IdentityConfig,
    ObjectLeftConfig,
    ObjectRemovedConfig,
)
from panops.config.schedule import Schedule
from panops.config.schema import SiteConfig
from panops.domain.area_names import covered, plain_class
from panops.domain.errors import ConfigProblem, PluginError
from panops.domain.geometry import Polygon, Tripwire
from panops.domain.ground_plane import GroundPlane
from panops.domain.protocols import Rule
from panops.rules.registry import RULES
from panops.rules.scene import ANY_CLASS, MOVING_CLASS, Scene
from panops.rules.schedule import ScheduledRule

logger = logging.getLogger(__name__)


def build_rules(
    site: SiteConfig,
    camera_id: str,
    classes: tuple[str, ...],
    size_wh: tuple[int, int],
    tz: tzinfo | None,
    *,
    wall_clock: bool = True,
) -> list[tuple[Any, Rule]]:
    """The rules that watch a camera, each with its config, in the site file's order.

    What cannot work (see `check_rules`) is left out, and each problem is logged once as a warning. A rule for all cameras leaves out
    the cameras that have no zone or line of its name.

    Args:
        site: The site.
        camera_id: A camera of the site.
        classes: Class names of the camera's model.
        size_wh: Its picture's width and height, px. When that changes, finish the engine and build again.
        tz: The site's time zone (`site_timezone(site.timezone)`); None is the machine's own.
        wall_clock: Whether `tracks.time_s` is UTC. Off (a file's own time): schedules say nothing, and every rule is on.
    """
    for problem in check_rules(site, camera_id, classes):
        logger.warning("camera %s: %s", camera_id, problem)
    camera = site.cameras[camera_id]
    ground = camera.ground
    scene = Scene(
        camera_id,
        size_wh,
        classes,
        {name: Polygon(name, np.array(zone.polygon)) for name, zone in camera.zones.items()},
        {name: Tripwire(name, np.array(line.points)) for name, line in camera.lines.items()},
        GroundPlane.of(ground.points, ground.metres) if ground is not None else None,
    )
    built: list[tuple[Any, Rule]] = []
    for config in site.camera_rules(camera_id):
        if _place_problem(site, camera_id, config) or (config.needed_classes and not scene.wanted(config.classes)):
            continue
        try:
            seen = scene.without([scene.zones[name] for name in config.leave_out if name in scene.zones])
            make = partial(RULES.load(config.kind), config, seen)
        except PluginError:
            continue  # told by check_rules
        scheduled = wall_clock and config.schedule
        built.append((config, ScheduledRule(make, Schedule(config.schedule, tz)) if scheduled else make()))
    return built


def watched_classes(site: SiteConfig, camera_id: str, classes: Sequence[str]) -> frozenset[int]:
    """The `class_id`s that any rule of a camera watches. Objects of other classes are nothing to keep the detector awake for."""
    scene = Scene(camera_id, (1, 1), classes)
    wanted = (scene.wanted(config.needed_classes) for config in site.camera_rules(camera_id) if config.needed_classes)
    return frozenset().union(*wanted)


def check_rules(site: SiteConfig, camera_id: str, classes: Sequence[str], covering: Sequence[str] | None = None) -> list[ConfigProblem]:
    """Everything in the rules of a camera that cannot work with it and its models; empty when all is well.

    Args:
        site: The site.
        camera_id: A camera of the site.
        classes: Class names of the camera's model.
        covering: Class names of its model for maps; None where they are not known.
    """
    problems: list[ConfigProblem] = []
    for config in site.camera_rules(camera_id):
        place = _place_problem(site, camera_id, config)
        if place is not None and (camera_id in config.cameras or not _exists_somewhere(site, config)):
            problems.append(place)
        problems += _class_problems(camera_id, config, classes)
        problems += _part_problems(site, camera_id, config)
        if isinstance(config, ComplianceConfig):
            problems += _item_problems(camera_id, config, classes)
        if isinstance(config, AreaConfig) and covering is not None:
            problems += _covering_problems(camera_id, config, covering)
        try:
            RULES.load(config.kind)
        except PluginError as error:
            problems.append(ConfigProblem(f"rules.{config.id}.kind", str(error)))
    return problems


def _place(config: Any) -> tuple[str, str | None]:
    """Where a rule looks: the field's name and its value."""
    line = getattr(config, "line", None)
    return ("line", line) if line is not None else ("zone", getattr(config, "zone", None))


def _place_problem(site: SiteConfig, camera_id: str, config: Any) -> ConfigProblem | None:
    camera = site.cameras[camera_id]
    need = CAMERA_NEEDS.get(config.kind)
    if need is not None and getattr(camera, need.setting) is None:
        return ConfigProblem(f"rules.{config.id}.kind", f"camera {camera_id!r} has no `{need.setting}`, so {need.so} there")
    if isinstance(config, IdentityConfig) and config.who == "spoof" and camera.faces is not None and camera.faces.live == "off":
        return ConfigProblem(f"rules.{config.id}.who", f"camera {camera_id!r} has `live: off`, so no face is taken for a picture there")
    what, name = _place(config)
    known = camera.lines if what == "line" else camera.zones
    if name is None or name in known:
        return None
    has = f"its {what}s are: {', '.join(sorted(known))}" if known else f"it has no {what}s"
    return ConfigProblem(f"rules.{config.id}.{what}", f"camera {camera_id!r} has no {what} {name!r}; {has}")


def _exists_somewhere(site: SiteConfig, config: Any) -> bool:
    what, name = _place(config)
    need = CAMERA_NEEDS.get(config.kind)
    if need is not None and not any(getattr(camera, need.setting) for camera in site.cameras.values()):
        return False
    if name is None:
        return True
    return any(name in (camera.lines if what == "line" else camera.zones) for camera in site.cameras.values())


def _part_problems(site: SiteConfig, camera_id: str, config: Any) -> list[ConfigProblem]:
    """Parts of a combined rule that do not run on the camera; the site file's check refuses those that do not exist or do not watch it."""
    if not isinstance(config, CombinedConfig):
        return []
    running = {rule.id for rule in site.camera_rules(camera_id)}
    missing = [name for name in config.of if name not in running]
    return [ConfigProblem(f"rules.{config.id}.of", f"the rule {name!r} is off, or not on camera {camera_id!r}") for name in missing]


def _class_problems(camera_id: str, config: Any, classes: Sequence[str]) -> list[ConfigProblem]:
    if tuple(classes) == (MOVING_CLASS,):
        if not isinstance(config, ObjectLeftConfig | ObjectRemovedConfig):
            return []
        message = f"camera {camera_id!r} has no model that tells objects from people, so nothing is found; choose a detector"
        return [ConfigProblem(f"rules.{config.id}.classes", message)]
    known = {name.casefold() for name in classes} | {ANY_CLASS}
    unknown = [name for name in config.named_classes if name.strip().casefold() not in known]
    return [
        ConfigProblem(
            f"rules.{config.id}.classes",
            f"the model of camera {camera_id!r} knows no class {name!r}; expected {ANY_CLASS!r} or one of: {', '.join(classes)}",
        )
        for name in unknown
    ]


def _covering_problems(camera_id: str, config: AreaConfig, covering: Sequence[str]) -> list[ConfigProblem]:
    """Classes that the model for maps does not have: how much they cover is then never known."""
    return [
        ConfigProblem(
            f"rules.{config.id}.classes",
            f"the model for maps of camera {camera_id!r} knows no class {plain_class(name)!r}; expected one of: {', '.join(covering)}",
        )
        for name in config.classes
        if covered([name], covering) is None
    ]


def _item_problems(camera_id: str, config: ComplianceConfig, classes: Sequence[str]) -> list[ConfigProblem]:
    """Items of which the model shows nothing: whether they are worn is then never known."""
    known = {name.casefold() for name in classes}
    return [
        ConfigProblem(
            f"rules.{config.id}.required",
            f"the model of camera {camera_id!r} knows no class of the item {one.item!r} ({', '.join(one.present)}), "
            "which stays not visible; choose a model that does, such as ppe",
        )
        for one in config.required
        if not known & {name.strip().casefold() for name in one.present}
    ]
