"""`panops cameras import`: many cameras from a table, or from Frigate's settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.commands.options import HomeOption, JsonOption
from panops.config.imports.plan import LARGEST_BYTES, ImportPlan, Preview, compare, read_import
from panops.domain.errors import ConfigError, ConfigProblem
from panops.ingest.address import parse_address
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.site import SiteRepository

_WORDS = {"new": "add      ", "same": "there    ", "different": "different"}


def import_cameras(
    file: Annotated[Path, typer.Argument(help="A table (.csv) or Frigate's settings (.yml, .yaml).")],
    apply: Annotated[bool, typer.Option("--apply", help="Add them; a running panops follows within two seconds.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the cameras of a table or of Frigate's settings. Without --apply it only says what would be added.

    Cameras and rules that are there stay as they are, so doing it twice adds nothing. A file with a fault adds nothing; all faults are
    told, each with its line. What of Frigate's settings has no counterpart is listed.
    """
    plan = read_import(_text(file), str(file), os.environ)
    with Database.at(Home(home).create().path) as database:
        sites = SiteRepository(database)
        preview = compare(plan, sites.load())
        cameras, rules = preview.new_cameras(plan), preview.new_rules(plan)
        if apply and (cameras or rules):
            sites.put_all(cameras, rules)
    typer.echo(json.dumps(_plain(plan, preview, apply), indent=2) if as_json else _sentences(plan, preview, file, applied=apply))


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise ConfigError(str(file), [ConfigProblem("", f"expected a file of at most {LARGEST_BYTES // 1024} KiB")])
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(file), [ConfigProblem("", f"cannot read the file: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(file), [ConfigProblem("", "expected UTF-8 text, got other bytes")]) from error


def _plain(plan: ImportPlan, preview: Preview, applied: bool) -> dict[str, Any]:
    return {
        "applied": applied,
        "cameras": {name: {"address": _address(plan, name), "state": preview.cameras[name]} for name in plan.cameras},
        "rules": dict(preview.rules),
        "left_out": [{"field": one.field, "line": one.line, "message": one.message} for one in preview.left_out],
    }


def _address(plan: ImportPlan, name: str) -> str:
    return parse_address(plan.cameras[name].source.get_secret_value()).masked


def _sentences(plan: ImportPlan, preview: Preview, file: Path, *, applied: bool) -> str:
    lines = [f"{_WORDS[preview.cameras[name]]} camera {name}  {_address(plan, name)}" for name in plan.cameras]
    lines += [f"{_WORDS[preview.rules[rule.id]]} rule   {rule.id}  {rule.kind}: {', '.join(rule.classes)}" for rule in plan.rules]
    lines += [f"note      {one}" for one in preview.left_out]
    new = len(preview.new_cameras(plan)), len(preview.new_rules(plan))
    counted = f"{new[0]} camera{'s' if new[0] != 1 else ''} and {new[1]} rule{'s' if new[1] != 1 else ''}"
    if applied:
        lines.append(f"added {counted}")
    elif any(new):
        lines.append(f"would add {counted}; add them with: panops cameras import {file} --apply")
    else:
        lines.append("nothing to add")
    return "\n".join(lines)
