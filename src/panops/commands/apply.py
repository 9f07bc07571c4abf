"""`panops apply`: the site file into the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.client.values import AppliedSite
from panops.commands.options import HomeOption, JsonOption
from panops.commands.remote import AlsoUrlOption, CaFileOption, TokenFileOption, connect
from panops.config.load import load_site
from panops.config.schema import SiteConfig
from panops.domain.clock import SystemClock
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.site import ApplyReport, SiteRepository

FILE_ORIGIN = "file"
"""One site has one file: its path may change without its cameras becoming somebody else's."""


def apply(
    site: Annotated[Path, typer.Argument(help="The site file.")],
    home: HomeOption = None,
    url: AlsoUrlOption = "",
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    overwrite: Annotated[bool, typer.Option(help="Also replace what was edited on the page while the file stayed the same.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the site in the database what a file says; doing it again changes nothing.

    Cameras and rules that were added on the page stay. With --url: in the database of a running panops, also on another machine; variables
    are looked up on this one.
    """
    wanted = load_site(site)
    report: ApplyReport | AppliedSite
    if url:
        with connect(url, token_file, ca_file) as running:
            report = running.site.apply(_plain(wanted), overwrite=overwrite)
        typer.echo(json.dumps(_report_values(report)) if as_json else _sentences(report))
        return
    with Database.at(Home(home).create().path) as database:
        report = apply_noted(database, wanted, keep_edits=not overwrite)
    typer.echo(json.dumps(_report_values(report)) if as_json else _sentences(report))


def apply_noted(database: Database, wanted: SiteConfig, *, keep_edits: bool = True) -> ApplyReport:
    """Make the site what its file says, and note in the audit log what that changed, if anything."""
    sites = SiteRepository(database)
    before = sites.revision()
    report = sites.apply(wanted, FILE_ORIGIN, keep_edits=keep_edits)
    if report.revision != before:
        AuditLog(database).record(SystemClock().utc_s(), "", "site.apply", "", _report_values(report))
    return report


def _plain(site: SiteConfig) -> dict[str, Any]:
    """The whole site with its secrets, for the server."""
    cameras = {name: camera.plain() for name, camera in site.cameras.items()}
    rules = [rule.model_dump(mode="json", exclude_defaults=True) for rule in site.rules]
    return {**site.plain_settings(), "cameras": cameras, "rules": rules}


def _report_values(report: ApplyReport | AppliedSite) -> dict[str, Any]:
    return {
        "revision": report.revision,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "kept_edits": report.kept_edits,
        "replaced_edits": report.replaced_edits,
    }


def _sentences(report: ApplyReport | AppliedSite) -> str:
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
