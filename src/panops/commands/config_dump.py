"""`panops config dump`: the site in the database as a site file, which `panops apply` takes back."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

import typer
import yaml

from panops.commands.options import HomeOption, JsonOption
from panops.config.schema import SiteConfig
from panops.ingest.address import with_placeholders
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.site import SiteRepository


def dump(
    home: HomeOption = None,
    secrets: Annotated[bool, typer.Option(help="Show passwords instead of ${VARIABLES}.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the site in the database as a site file; `panops apply` takes it back.

    Passwords are replaced by variables such as ${GATE_PASSWORD}, so that the output can be shared.
    """
    with Database.at(Home(home).create().path) as database:
        values = site_values(SiteRepository(database).load(), secrets=secrets)
    if as_json:
        typer.echo(json.dumps(values, indent=2))
    else:
        typer.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120), nl=False)


def site_values(site: SiteConfig, *, secrets: bool) -> dict[str, Any]:
    """The site as the YAML file's values, without what is at its default.

    Args:
        site: The site.
        secrets: Whether passwords stand in it; else variables do, one for each secret: `${GATE_PASSWORD}`.
    """
    values = site.model_dump(mode="json", exclude_defaults=True)
    for camera_id, camera in site.cameras.items():
        plain = camera.plain()
        if not secrets:
            plain["source"] = without_secrets(plain["source"], camera_id)
            if "record_source" in plain:
                plain["record_source"] = without_secrets(plain["record_source"], f"{camera_id}_record")
        values["cameras"][camera_id] = {"source": plain.pop("source"), **plain}
    for index, sink in enumerate(site.plain_settings().get("alerts", [])):
        shown = values["alerts"][index]
        values["alerts"][index] = sink if secrets else _with_variables(sink, shown, _stem(sink["id"]))
    server = site.plain_settings().get("server")
    if server is not None:
        values["server"] = server if secrets else _with_variables(server, values["server"], "SERVER")
    for entry in [*values.get("rules", []), *values.get("alerts", [])]:
        # `id` and `kind` first, as people write them.
        head = {name: entry.pop(name) for name in ("id", "kind") if name in entry}
        rest = dict(entry)
        entry.clear()
        entry.update({**head, **rest})
    return values


def _with_variables(plain: Any, shown: Any, name: str) -> Any:
    """`plain` with a variable in the place of each text that is not shown."""
    if isinstance(plain, dict):
        return {key: _with_variables(value, shown[key], f"{name}_{_variable(key)}") for key, value in plain.items()}
    if isinstance(plain, list):
        return [_with_variables(value, shown[place], f"{name}_{place + 1}") for place, value in enumerate(plain)]
    return plain if plain == shown else f"${{{name}}}"


def _stem(name: str) -> str:
    """The beginning of a variable's name, after a camera or sink."""
    stem = _variable(name)
    return stem if not stem[0].isdigit() else f"ALERT_{stem}"


def without_secrets(source: str, camera_id: str) -> str:
    """An address whose password and secret parameters are replaced by variables named after the camera."""
    stem = _variable(camera_id)
    stem = stem if not stem[0].isdigit() else f"CAMERA_{stem}"
    taken: dict[str, str] = {}

    def variable(key: str, secret: str) -> str:
        wanted = name = f"{stem}_{_variable(key)}"
        number = 1
        while taken.setdefault(name, secret) != secret:
            number += 1
            name = f"{wanted}_{number}"
        return f"${{{name}}}"

    return with_placeholders(source, variable)


def _variable(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", text).upper()
