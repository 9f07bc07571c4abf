"""`panops events export`: events with their proof as a zip."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Annotated, Any

import typer

from panops.client.events import MOST_AT_ONCE
from panops.commands.events_filter import CameraOption, KindOption, RuleOption, SinceOption, StatusOption, UntilOption, moment
from panops.commands.options import JsonOption
from panops.commands.remote import DEFAULT_URL, CaFileOption, TokenFileOption, UrlOption, connect
from panops.domain.errors import PanopsError


def export(
    out: Annotated[Path, typer.Argument(help="The zip to write.")],
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="EVENT_ID", help="Which; else those that the options find.")] = None,
    camera: CameraOption = None,
    kind: KindOption = None,
    rule: RuleOption = None,
    status: StatusOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    url: UrlOption = DEFAULT_URL,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save events of a running site as a zip: clip, pictures and facts of each, with the sha256 of every file in its manifest."""
    now_s = time.time()
    span = {"since": moment(since, now_s, "--since"), "until": moment(until, now_s, "--until")}
    wanted = {"camera": camera, "kind": kind, "rule": rule, "status": status, **span}
    if bool(event_ids) == any(value for value in wanted.values()):
        raise typer.BadParameter("expected either event ids, or options that find events, such as --since 6h", param_hint="EVENT_ID")
    with connect(url, token_file, ca_file) as site:
        chosen = list(event_ids or (event.event_id for event in site.events.search(limit=MOST_AT_ONCE + 1, **wanted)))
        if not chosen:
            raise PanopsError("no event fits; nothing was written")
        if len(chosen) > MOST_AT_ONCE:
            raise PanopsError(f"expected at most {MOST_AT_ONCE} events, got more; take a shorter span")
        try:
            site.events.export(chosen, out)
        except OSError as error:
            raise PanopsError(f"cannot write {out}: {error.strerror}") from error
    manifest = _manifest(out)
    if as_json:
        typer.echo(json.dumps(manifest))
        return
    typer.echo(f"{len(chosen) - len(manifest['missing_events'])} events, {len(manifest['files'])} files in {out}")
    for what in ("missing_events", "missing_files"):
        if manifest[what]:
            typer.echo(f"not there any more: {', '.join(manifest[what])}", err=True)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
            return manifest
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise PanopsError(f"{path} is no whole archive ({error}); try again") from error
