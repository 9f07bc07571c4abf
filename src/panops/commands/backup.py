"""`panops backup`: everything that a site is, in one file, while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from panops.commands.backup_progress import progress
from panops.commands.options import HomeOption, JsonOption
from panops.domain.clock import SystemClock
from panops.storage.backup.making import BackupPlan, make_backup
from panops.storage.backup.snapshot import sealed_faces_in
from panops.storage.face_seal import KeyPlace
from panops.storage.home import Home


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it ends in .tar.gz or .tar.zst.")],
    home: HomeOption = None,
    evidence: Annotated[bool, typer.Option("--evidence", help="Also snapshots and clips of events.")] = False,
    recordings: Annotated[bool, typer.Option("--recordings", help="Also what was recorded all the time.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a backup of a site into one file, also while it runs.

    Events, cameras, rules, users and models are in it; evidence and recordings when asked for. Passwords of cameras are in it as well: it
    is readable by you only. The faces of known people are in it as they are stored, sealed; their key never is. The file is there when it
    is whole.
    """
    place = Home(home)
    with progress() as told:
        manifest = make_backup(place, file, BackupPlan(evidence, recordings, replace), SystemClock(), told)
    size_bytes, faces = file.stat().st_size, sealed_faces_in(place.database)
    if as_json:
        found = {
            "file": str(file.absolute()),
            "size_bytes": size_bytes,
            "schema": manifest.schema,
            "files": len(manifest.files),
            "evidence": manifest.evidence,
            "recordings": manifest.recordings,
            "left_out": dict(manifest.left_out),
            "sealed_faces": faces,
        }
        typer.echo(json.dumps(found))
        return
    typer.echo(f"{file}: {len(manifest.files)} files, {size_bytes / 2**20:.1f} MiB, schema {manifest.schema}")
    for name, why in manifest.left_out.items():
        typer.echo(f"note: {name}: {why}")
    if faces:
        key = KeyPlace(place.faces_key).label
        typer.echo(f"{faces} faces of known people are in it, sealed. Their key ({key}) is not: keep a copy of it in another place.")
    typer.echo("The cameras' passwords are in it; only you can read it (mode 0600). Keep it where nobody else can.")
