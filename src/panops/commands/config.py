"""`panops apply` and `panops config dump | check`: the site file into the database, back out of it, and looked over."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from panops.config.load import load_site
from panops.config.schema import SiteConfig
from panops.domain.errors import ConfigError
from panops.ingest.address import with_placeholders
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.site import ApplyReport, SiteRepository

FILE_ORIGIN = "file"
"""One site has one file: its path may change without its cameras becoming somebody else's."""

HomeOption = Annotated[Path | None, typer.Option(help="Where everything is kept; $PANOPS_HOME, else your data folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]

config_app = typer.Typer(help="The site's settings: as they are in the database, and as a file.", no_args_is_help=True)


def apply(
    site: Annotated[Path, typer.Argument(help="The site file.")],
    home: HomeOption = None,
    overwrite: Annotated[bool, typer.Option(help="Also replace what was edited on the page while the file stayed the same.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the site in the database what a file says. Doing it again changes nothing; what was added on the page stays."""
    wanted = load_site(site)
    with Database.at(Home(home).create().path) as database:
        report = SiteRepository(database).apply(wanted, FILE_ORIGIN, keep_edits=not overwrite)
    typer.echo(json.dumps(_report_values(report)) if as_json else _sentences(report))


@config_app.command()
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


@config_app.command()
def check(site: Annotated[Path, typer.Argument(help="The site file.")], as_json: JsonOption = False) -> None:
    """Look a site file over without applying it: every problem at once, with line and field."""
    try:
        wanted = load_site(site)
    except ConfigError as error:
        if not as_json:
            raise
        problems = [{"line": problem.line, "field": problem.field, "message": problem.message} for problem in error.problems]
        typer.echo(json.dumps({"ok": False, "problems": problems}))
        raise typer.Exit(2) from error
    cameras, rules = len(wanted.cameras), len(wanted.rules)
    if as_json:
        typer.echo(json.dumps({"ok": True, "cameras": cameras, "rules": rules, "problems": []}))
    else:
        typer.echo(f"{site}: fine ({_count(cameras, 'camera')}, {_count(rules, 'rule')})")


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
        values["cameras"][camera_id] = {"source": plain.pop("source"), **plain}
    for rule in values.get("rules", []):
        # `id` and `kind` first, as people write them.
        head = {name: rule.pop(name) for name in ("id", "kind") if name in rule}
        rest = dict(rule)
        rule.clear()
        rule.update({**head, **rest})
    return values


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


def _report_values(report: ApplyReport) -> dict[str, Any]:
    return {
        "revision": report.revision,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "kept_edits": report.kept_edits,
        "replaced_edits": report.replaced_edits,
    }


def _sentences(report: ApplyReport) -> str:
    lines = [
        *(f"added    {name}" for name in report.added),
        *(f"changed  {name}" for name in report.changed),
        *(f"removed  {name}" for name in report.removed),
        *(f"replaced {name}, which had been edited on the page" for name in report.replaced_edits),
        *(
            f"left     {name} as edited on the page; the file says what it said before (--overwrite replaces it)"
            for name in report.kept_edits
        ),
    ]
    return "\n".join([*lines, f"the site is at revision {report.revision}" if lines else f"nothing to change (revision {report.revision})"])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
