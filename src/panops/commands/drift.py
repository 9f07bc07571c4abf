"""`panops drift`: which cameras are not what they were."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from panops.commands.options import HomeOption, JsonOption
from panops.config.schema import CameraConfig
from panops.domain.drift import Drift
from panops.storage.database import Database
from panops.storage.drift import DriftDays, DriftReport, day_of
from panops.storage.errors import NotFound
from panops.storage.home import Home
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository


def drift(
    camera: Annotated[str, typer.Argument(help="A camera of the site; all of them when left out.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare each camera's latest days with its reference, and say which are not what they were."""
    with Database.at(Home(home).create().path) as database:
        cameras = SiteRepository(database).load().cameras
        if camera and camera not in cameras:
            raise NotFound(f"no camera {camera!r}; there are: {', '.join(sorted(cameras)) or 'none'}")
        days = DriftDays(database)
        reports = {name: _report(days, name, config) for name, config in sorted(cameras.items()) if camera in ("", name)}
    if as_json:
        typer.echo(json.dumps({"cameras": [_plain(name, report) for name, report in reports.items()]}, indent=2))
        return
    _print(reports)


def _report(days: DriftDays, camera_id: str, config: CameraConfig) -> DriftReport:
    health = config.health
    return days.report(
        Scope.everything(),
        camera_id,
        before=day_of(time.time()),
        reference_from=health.reference_from,
        reference_days=health.reference_days,
    )


def _plain(camera_id: str, report: DriftReport) -> dict[str, Any]:
    return {
        "camera_id": camera_id,
        "reference_days": list(report.reference_days),
        "newest_days": list(report.newest_days),
        "quantities": [
            {
                "name": one.quantity,
                "bins": list(one.bins),
                "then": list(one.then),
                "now": list(one.now),
                "psi": one.psi,
                "usual": one.usual,
                "level": one.level,
            }
            for one in report.drifts
        ],
    }


def _print(reports: dict[str, DriftReport]) -> None:
    table = Table("camera", "quantity", "PSI", "change", "reference", "latest")
    for camera_id, report in reports.items():
        for place, one in enumerate(report.drifts):
            table.add_row(camera_id if place == 0 else "", *_row(one))
    Console().print(table)


def _row(one: Drift) -> tuple[str, ...]:
    index = "-" if one.psi is None else f"{one.psi:.2f}"
    word = "too few samples" if one.level == "unknown" else one.level
    return one.quantity.replace("_", " "), index, word, f"{sum(one.then)}", f"{sum(one.now)}"
