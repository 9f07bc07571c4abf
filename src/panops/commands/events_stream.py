"""`panops events stream`: events as they happen."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from panops.commands.events_filter import CameraOption, KindOption, RuleOption, line_of
from panops.commands.options import JsonOption
from panops.commands.remote import DEFAULT_URL, CaFileOption, TokenFileOption, UrlOption, connect


def stream(
    camera: CameraOption = None,
    kind: KindOption = None,
    rule: RuleOption = None,
    last_id: Annotated[str, typer.Option(metavar="ID", help="Go on after this: `last_id` of the line that was read last.")] = "",
    count: Annotated[int, typer.Option(min=0, help="End after so many; 0: never.")] = 0,
    url: UrlOption = DEFAULT_URL,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell events of a running site as they begin, go on, end or are reviewed; goes on until it is stopped, also after a break.

    With --json: one line each, with `phase`, `last_id` and `event`.
    """
    told_so_far = 0
    with connect(url, token_file, ca_file) as site:
        for told in site.events.follow(last_id=last_id, camera=camera, kind=kind, rule=rule):
            if as_json:
                event = dict(told.event.data) if told.event is not None else None
                typer.echo(json.dumps({"phase": told.phase, "last_id": told.last_id, "detail": told.detail, "event": event}))
            else:
                typer.echo(line_of(told.event, told.phase) if told.event is not None else f"gap: {told.detail}")
            told_so_far += 1
            if told_so_far == count:
                return
