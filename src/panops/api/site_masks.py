"""The whole site at the API's edge: its secrets as `***`, and what a site means that comes back with such masks in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from panops.api.problems import FieldError, ProblemError
from panops.api.sources import masked, resolved
from panops.config.alert_schema import PluginSinkConfig
from panops.config.schema import SiteConfig
from panops.ingest.address import HIDDEN

_VARIABLE = re.compile(r"\$\{[^}]*\}")
_ADDRESSES = ("source", "record_source")
# Parts of the settings, besides cameras and sinks, that hold secrets.
_WITH_SECRETS = ("server", "recording")
# Where a sink sends to. With one of them changed a kept secret would go to somebody else.
_PLACES = ("kind", "url", "urls", "server", "host", "port", "security", "tls", "ca_file", "username")


def shown(site: SiteConfig) -> dict[str, Any]:
    """The site as a site file's values, without what is at its default; each secret is `***`."""
    values = site.model_dump(mode="json", exclude_defaults=True)
    for camera_id, camera in site.cameras.items():
        plain = camera.plain()
        values["cameras"][camera_id] = {"source": "", **plain, **{key: masked(plain[key]) for key in _ADDRESSES if key in plain}}
    veiled = _sinks(site)
    if veiled:
        values["alerts"] = [shown_sink for _, shown_sink in veiled.values()]
    return {**values, **{name: part for name in _WITH_SECRETS if (part := _part(site, name)[1])}}


def meant(body: Mapping[str, Any], stored: SiteConfig) -> tuple[dict[str, Any], list[FieldError]]:
    """The site that a request means: masks replaced by what is stored, and so is a `server` that was left out.

    Returns:
        The values, and what is wrong with them: masks for secrets that nobody knows, variables, which only `panops apply` can look up.
    """
    errors = [
        FieldError(field, "variables such as ${NAME} are looked up by `panops apply` only; send the value") for field in _variables(body)
    ]
    values = dict(body)
    if isinstance(body.get("cameras"), dict):
        values["cameras"] = {name: _camera(name, camera, stored, errors) for name, camera in body["cameras"].items()}
    for name in _WITH_SECRETS:
        plain, veiled = _part(stored, name)
        if name in body:
            values[name] = _unveiled(body[name], plain, veiled)
    values.setdefault("server", _part(stored, "server")[0])
    if isinstance(body.get("alerts"), list):
        before = _sinks(stored)
        values["alerts"] = [_sink(index, sink, before, errors) for index, sink in enumerate(body["alerts"])]
    return values, errors


def _camera(name: str, camera: Any, stored: SiteConfig, errors: list[FieldError]) -> Any:
    if not isinstance(camera, dict):
        return camera
    values, before = dict(camera), stored.cameras.get(name)
    for field in _ADDRESSES:
        given = camera.get(field)
        if not isinstance(given, str) or (field == "record_source" and not given.strip()):
            continue  # without an address of its own it is recorded from `source`
        try:
            values[field] = resolved(given, getattr(before, field).get_secret_value() or None if before is not None else None)
        except ProblemError as error:
            errors.append(FieldError(f"cameras.{name}.{field}", error.detail))
    return values


def _sink(index: int, sink: Any, before: Mapping[str, tuple[dict[str, Any], dict[str, Any]]], errors: list[FieldError]) -> Any:
    if not isinstance(sink, dict):
        return sink
    plain, veiled = before.get(str(sink.get("id")), ({}, {}))
    kept = _unveiled(sink, plain, veiled)
    went = [field for field in _PLACES if kept.get(field) != plain.get(field)]
    if kept != sink and went:
        message = f"the mask {HIDDEN} stands for a secret that is not sent elsewhere: {', '.join(went)} changed, so give the secret again"
        errors.append(FieldError(f"alerts.{index}", message))
    unknown = f"the mask {HIDDEN} stands for no secret that is stored; give the value"
    errors.extend(FieldError(f"alerts.{index}.{field}", unknown) for field in _masks(kept))
    return kept


def _part(site: SiteConfig, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a part of the settings says, and the same with masks."""
    plain = site.plain_settings().get(name, {})
    half = site.model_dump(mode="json", include={name}, exclude_defaults=True).get(name, {})
    return plain, _veiled(plain, half)


def _sinks(site: SiteConfig) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Each sink's values by its id, and the same with masks."""
    found = {}
    hidden = site.model_dump(mode="json", include={"alerts"}, exclude_defaults=True).get("alerts", [])
    for config, plain, half in zip(site.alerts, site.plain_settings().get("alerts", []), hidden, strict=True):
        # What a plug-in keeps secret is not known: none of its own texts is shown.
        own: set[str] = set(plain) - set(PluginSinkConfig.model_fields) if is_plugin(config) else set()
        veiled = {key: _text_veiled(value) if key in own else _veiled(value, half[key]) for key, value in plain.items()}
        found[config.id] = (plain, {"id": veiled.pop("id"), "kind": veiled.pop("kind"), **veiled})
    return found


def is_plugin(sink: object) -> bool:
    """Whether a sink is of a kind that a plug-in brings."""
    return isinstance(sink, PluginSinkConfig)


def _veiled(plain: Any, half: Any) -> Any:
    """`plain` with a mask in the place of each text that pydantic does not show."""
    if isinstance(plain, dict):
        return {key: _veiled(value, half[key]) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_veiled(*pair) for pair in zip(plain, half, strict=True)]
    return plain if plain == half else HIDDEN


def _text_veiled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _text_veiled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text_veiled(item) for item in value]
    return HIDDEN if isinstance(value, str) and value else value


def _unveiled(given: Any, plain: Any, veiled: Any) -> Any:
    """`given` with what is stored in the place of each mask that stands where a mask was shown."""
    if isinstance(given, dict) and isinstance(plain, dict):
        return {key: _unveiled(value, plain.get(key), veiled.get(key)) for key, value in given.items()}
    if isinstance(given, list) and isinstance(plain, list) and len(given) == len(plain):
        return [_unveiled(*three) for three in zip(given, plain, veiled, strict=True)]
    return plain if given == veiled == HIDDEN else given


def _masks(value: Any, field: str = "") -> Iterator[str]:
    """The places of masks that are left."""
    for key, item in _items(value):
        if item == HIDDEN:
            yield f"{field}{key}"
        yield from _masks(item, f"{field}{key}.")


def _variables(value: Any, field: str = "") -> Iterator[str]:
    for key, item in _items(value):
        if isinstance(item, str) and _VARIABLE.search(item) and key != "template":
            yield f"{field}{key}"
        yield from _variables(item, f"{field}{key}.")


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        yield from ((str(index), item) for index, item in enumerate(value))
