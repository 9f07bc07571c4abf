"""`panops restore`: a backup in the place of a home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from panops.commands.backup_progress import progress
from panops.commands.options import HomeOption, JsonOption
from panops.domain.clock import SystemClock
from panops.storage.backup.restoring import RestoreReport
from panops.storage.backup.restoring import restore as put_back
from panops.storage.database import Database
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.home import Home


def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `panops backup` wrote.")],
    home: HomeOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also into a folder that is not empty; what is there is put aside.")] = False,
    keep_codes: Annotated[
        bool, typer.Option("--keep-recovery-codes", help="Let recovery codes of the backup count, also those that were used since.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a backup back: it is looked over first, and what was there before is put aside.

    A database of an earlier panops is brought up to date. Sign-ins and recovery codes of the backup do not count any more. Stop panops
    first.
    """
    place = Home(home)
    with progress() as told:
        report = put_back(file, place, replace=replace, clock=SystemClock(), told=told, keep_codes=keep_codes)
    with Database.at(place.path) as database:
        faces, problem = Gallery(database, KeyPlace(place.faces_key)).sealed()
    if as_json:
        typer.echo(json.dumps({**_plain(report, place), "sealed_faces": faces, "sealed_problem": problem}))
        return
    typer.echo(_sentences(report, place))
    if faces:
        typer.echo(
            "note: people are known as they were then: who was deleted since the backup has to be deleted again (panops people list)"
        )
    if problem:
        typer.echo(f"note: {problem}")


def _plain(report: RestoreReport, home: Home) -> dict[str, object]:
    return {
        "home": str(home.path),
        "files": len(report.manifest.files),
        "schema_before": report.manifest.schema,
        "schema": report.schema,
        "aside": None if report.aside is None else str(report.aside),
        "linked": report.linked,
        "sessions_ended": report.sessions,
        "tokens": list(report.tokens),
        "recovery_codes_voided": list(report.recovery_codes),
        "findings": [f"{finding.name}: {finding.message}" for finding in report.findings],
    }


def _sentences(report: RestoreReport, home: Home) -> str:
    lines = [f"{home.path}: {len(report.manifest.files)} files restored"]
    if report.schema != report.manifest.schema:
        lines.append(f"the database was brought from schema {report.manifest.schema} to {report.schema}")
    if report.aside is not None:
        lines.append(f"what was there before is in {report.aside}; delete it when you need it no more")
    if report.linked:
        lines.append(f"{report.linked} pieces of evidence were taken over from there: the backup holds none")
    if report.sessions:
        lines.append(f"{report.sessions} sign-ins of the backup were ended: everybody signs in anew")
    if report.tokens:
        lines.append(f"tokens of the backup that give access again: {', '.join(report.tokens)}; revoke those that you had revoked")
    if report.recovery_codes:
        lines.append(
            f"recovery codes of the backup count no more, for some may have been used since: {', '.join(report.recovery_codes)} make new "
            "ones on their account page; who has lost the app, too: panops users reset-second-factor NAME"
        )
    lines += [f"note: {finding.name}: {finding.message}" for finding in report.findings]
    return "\n".join([*lines, "start it with: panops run"])
