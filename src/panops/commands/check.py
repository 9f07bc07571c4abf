"""`panops check`: is a backup, or a home, what it was when it was written?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from panops.commands.backup_progress import progress
from panops.commands.options import HomeOption, JsonOption
from panops.storage.backup.checking import CheckReport, check_archive, check_home
from panops.storage.home import Home

_SHOWN = 50


def check(
    file: Annotated[Path | None, typer.Argument(help="A backup. Without one the home is looked over.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look a backup over, or a home: the database to its last page, and every file against its sha256.

    What is missing or altered is listed. Exit code 1 when something is wrong. Nothing is changed, and a running panops is not disturbed.
    """
    if file is not None and home is not None:
        raise typer.BadParameter("expected either a file or --home, got both", param_hint="--home")
    with progress() as told:
        report = check_archive(file, told) if file is not None else check_home(Home(home), told)
    if as_json:
        typer.echo(json.dumps(_plain(report), indent=2))
    else:
        _print(report, str(file or Home(home).path))
    raise typer.Exit(0 if report.ok else 1)


def _plain(report: CheckReport) -> dict[str, object]:
    manifest = report.manifest
    return {
        "ok": report.ok,
        "schema": report.schema,
        "files": report.files,
        "size_bytes": report.size_bytes,
        "findings": [asdict(finding) for finding in report.findings],
        "made_at_s": None if manifest is None else manifest.made_at_s,
        "left_out": {} if manifest is None else dict(manifest.left_out),
    }


def _print(report: CheckReport, what: str) -> None:
    for finding in report.findings[:_SHOWN]:
        typer.echo(f"{finding.kind:<10} {finding.name}: {finding.message}")
    if len(report.findings) > _SHOWN:
        typer.echo(f"and {len(report.findings) - _SHOWN} more (--json lists all)")
    for name, why in {} if report.manifest is None else dict(report.manifest.left_out).items():
        typer.echo(f"note       {name}: {why}")
    verdict, size_mib = "all is well" if report.ok else f"{len(report.findings)} findings", report.size_bytes / 2**20
    typer.echo(f"{what}: {report.files} files compared, {size_mib:.1f} MiB, schema {report.schema or 'unknown'}: {verdict}")
