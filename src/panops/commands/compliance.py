"""`panops compliance`: who wore what is required, as a table, CSV or JSON."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from panops.commands.options import HomeOption, JsonOption
from panops.config.schedule import site_timezone
from panops.domain.compliance import Worn
from panops.domain.errors import PanopsError
from panops.storage.compliance import ComplianceRepository
from panops.storage.compliance_rates import Bucket, Calendar, Rate, rates, rates_csv
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository

_DAY_S = 86400.0
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


def compliance(
    since: Annotated[
        datetime | None, typer.Option("--from", formats=_FORMATS, help="From when, site's time; 7 days ago if left out.")
    ] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=_FORMATS, help="Until when; now if left out.")] = None,
    camera: Annotated[list[str] | None, typer.Option(help="Only this camera; may be given several times.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="Only this zone; may be given several times.")] = None,
    bucket: Annotated[Bucket, typer.Option(help="What one row stands for.")] = "day",
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write CSV here.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who wore what is required: people seen, with, without and not visible, by camera, zone and item."""
    with Database.at(Home(home).create().path) as database:
        site = SiteRepository(database).load()
        timezone = site_timezone(site.timezone)
        to_s = time.time() if to is None else _utc_s(to, timezone)
        from_s = to_s - 7 * _DAY_S if since is None else _utc_s(since, timezone)
        if from_s >= to_s:
            raise typer.BadParameter("expected a time before --to", param_hint="--from")
        counts = ComplianceRepository(database).counts(Scope.everything(), from_s, to_s, camera or (), zone or ())
    found = rates(counts, Calendar(bucket, timezone, site.shifts))
    names = {camera_id: config.name or camera_id for camera_id, config in site.cameras.items()}
    if csv_file is not None:
        try:
            csv_file.write_text(rates_csv(found, names, timezone), encoding="utf-8", newline="")
        except OSError as error:
            raise PanopsError(f"cannot write {csv_file}: {error.strerror}") from error
    if as_json:
        typer.echo(json.dumps([_record(one) for one in found], indent=2))
    elif csv_file is None:
        _print(found, names)
    else:
        typer.echo(f"{csv_file}: {len(found)} rows")


def _utc_s(local: datetime, timezone: tzinfo | None) -> float:
    return local.replace(tzinfo=timezone).timestamp()


def _record(one: Rate) -> dict[str, str | int | float | None]:
    return {
        "from": datetime.fromtimestamp(one.span.start_s, UTC).isoformat(),
        "to": datetime.fromtimestamp(one.span.end_s, UTC).isoformat(),
        "camera_id": one.camera_id,
        "rule_id": one.rule_id,
        "zone": one.zone,
        "item": one.item,
        "seen": one.seen,
        **{worn.value: people for worn, people in one.people.items()},
        "rate": one.rate,
    }


def _print(found: list[Rate], names: dict[str, str]) -> None:
    console = Console()
    if not found:
        console.print("nobody was seen where something must be worn; rules of kind compliance say where that is")
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("when", "camera", "zone", "item"):
        table.add_column(name, overflow="fold")
    for name in ("seen", "with", "without", "not visible", "rate"):
        table.add_column(name, justify="right")
    for one in found:
        people = (one.seen, one.people[Worn.PRESENT], one.people[Worn.ABSENT], one.people[Worn.NOT_VISIBLE])
        rate = "-" if one.rate is None else f"{100 * one.rate:.0f} %"
        table.add_row(
            one.span.label, names.get(one.camera_id, one.camera_id), one.zone or "whole picture", one.item, *map(str, people), rate
        )
    console.print(table)
