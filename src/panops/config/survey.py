"""What `panops config check` asks of a site beyond what it needs to run: do its models, classes and files exist?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from panops.config.load import SiteFile
from panops.config.problems import nearest_line
from panops.config.rule_schema import AreaConfig, GestureConfig
from panops.config.schema import CameraConfig, SiteConfig
from panops.config.signs import sign_problems
from panops.config.sources import nameless_source_problem
from panops.config.spelling import did_you_mean
from panops.domain.area_names import covered, plain_class
from panops.domain.body_parts import UNSEEN
from panops.domain.errors import ConfigProblem

ANY_CLASS = "any"
"""As `panops.rules` has it; a test holds the two together."""


@dataclass(frozen=True, slots=True)
class KnownModels:
    """The models that are here or can be had.

    Attributes:
        classes: Class names by model name. None stands for a detector that takes every name, such as `motion`.
        default: The model of cameras that name none.
        more: Further names that hold for those cameras.
    """

    classes: Mapping[str, tuple[str, ...] | None]
    default: str
    more: tuple[str, ...] = ()


def survey(file: SiteFile, models: KnownModels) -> list[ConfigProblem]:
    """All of it, in the order of the file's lines.

    Args:
        file: A site file without faults.
        models: The models that are known here.
    """
    found = [*_sources(file), *_models(file, models), *_classes(file, models), *_covering(file, models), *_signs(file, models)]
    return sorted(found, key=lambda problem: problem.line or 0)


def _sources(file: SiteFile) -> Iterator[ConfigProblem]:
    for camera_id, camera in file.site.cameras.items():
        message = nameless_source_problem(camera)
        if message:
            line = nearest_line(("cameras", camera_id, "source"), file.lines)
            yield ConfigProblem(f"cameras.{camera_id}.source", message, line)


def _models(file: SiteFile, models: KnownModels) -> Iterator[ConfigProblem]:
    named: list[tuple[tuple[str, ...], str]] = [(("model",), file.site.model)]
    named.append((("evidence", "find_again"), file.site.evidence.find_again))
    named.append((("one_alarm", "model"), file.site.one_alarm.model if file.site.one_alarm.groups else ""))
    for key, camera in file.site.cameras.items():
        named += [(("cameras", key, *path), name) for path, name in _models_of(camera)]
    for path, name in named:
        if name and name not in models.classes:
            message = f"no model {name!r} is installed or in the catalogue{did_you_mean(name, models.classes)}"
            yield ConfigProblem(".".join(path), message, nearest_line(path, file.lines))


def _models_of(camera: CameraConfig) -> Iterator[tuple[tuple[str, ...], str]]:
    """The models that a camera's settings name, each with the way to it."""
    yield ("model",), camera.model
    if camera.secondary is not None:
        yield ("secondary", "model"), camera.secondary.model
        for part, name in camera.secondary.parts.items():
            yield ("secondary", "parts", part), name
    for field in ("pose", "maps"):
        wanted = getattr(camera, field)
        if wanted is not None:
            yield (field, "model"), wanted.model
    if camera.gestures is not None:
        yield ("gestures", "model"), camera.gestures.model
        yield ("gestures", "classifier"), camera.gestures.classifier
    if camera.faces is not None:
        yield ("faces", "detector"), camera.faces.detector
        yield ("faces", "embedding"), camera.faces.embedding
        if camera.faces.live == "required":
            yield ("faces", "liveness"), camera.faces.liveness
    if camera.privacy.blur_faces:
        yield ("privacy", "detector"), camera.privacy.detector
    if camera.privacy.mask_persons:
        yield ("privacy", "person_model"), camera.privacy.person_model


def _classes(file: SiteFile, models: KnownModels) -> Iterator[ConfigProblem]:
    for index, rule in enumerate(file.site.rules):
        for name in rule.named_classes:
            message = _class_problem(file.site, rule, name, models)
            if message:
                yield ConfigProblem(f"rules.{index}.classes", message, nearest_line(("rules", index, "classes"), file.lines))


def _covering(file: SiteFile, models: KnownModels) -> Iterator[ConfigProblem]:
    """Classes of rules about areas, which the models for maps must have."""
    for index, rule in enumerate(file.site.rules):
        if not isinstance(rule, AreaConfig):
            continue
        watched = [file.site.cameras[camera_id] for camera_id in rule.cameras or file.site.cameras]
        used = dict.fromkeys(camera.maps.model for camera in watched if camera.maps is not None)
        known = dict.fromkeys(name for model in used for name in models.classes.get(model) or ())
        if not known or any(model not in models.classes for model in used):
            continue  # there is no such model, which was told
        for name in rule.classes:
            if covered([name], known) is None:
                message = f"no class {plain_class(name)!r} in {', '.join(used)}{did_you_mean(plain_class(name), known, 'it has')}"
                yield ConfigProblem(f"rules.{index}.classes", message, nearest_line(("rules", index, "classes"), file.lines))


def _signs(file: SiteFile, models: KnownModels) -> Iterator[ConfigProblem]:
    """Signs that a camera's classifier does not know."""
    for index, rule in enumerate(file.site.rules):
        if not isinstance(rule, GestureConfig):
            continue
        field = "signs" if rule.signs else "sequence"
        for camera_id in rule.cameras or file.site.cameras:
            camera = file.site.cameras[camera_id]
            classes = models.classes.get(camera.gestures.classifier) if camera.gestures is not None else None
            for message in () if classes is None else sign_problems(rule, camera_id, camera, classes):
                yield ConfigProblem(f"rules.{index}.{field}", message, nearest_line(("rules", index, field), file.lines))


def _class_problem(site: SiteConfig, rule: Any, name: str, models: KnownModels) -> str:
    """A rule may watch cameras with different models: a class is wrong where none of them has it."""
    folded = name.strip().casefold()
    watched = [site.cameras[camera_id] for camera_id in rule.cameras or site.cameras]
    used = dict.fromkeys(camera.model or site.model for camera in watched)
    used |= dict.fromkeys(camera.secondary.model for camera in watched if camera.secondary is not None and camera.secondary.model)
    parts = dict.fromkeys(part for camera in watched if camera.secondary is not None for part in camera.secondary.parts.values())
    if folded == ANY_CLASS or not used:
        return ""
    known: dict[str, None] = {}
    for model in used:
        classes = models.classes.get(model or models.default)
        if classes is None:
            return ""  # it takes every name, or it is unknown itself, which was told
        known |= dict.fromkeys(classes if model else (*classes, *models.more))
    known |= dict.fromkeys(told for model in parts for told in models.classes.get(model) or () if told != UNSEEN)
    if folded in {known_name.casefold() for known_name in known}:
        return ""
    names = ", ".join(dict.fromkeys(model or models.default for model in used))
    return f"no class {name!r} in {'the model' if len(used) == 1 else 'any of the models'} {names}{did_you_mean(name, known, 'it has')}"
