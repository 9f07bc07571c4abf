"""`panops events list`: events of a running site."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from panops.commands.events_filter import (
    CameraOption,
    KindOption,
    RuleOption,
    SinceOption,
    StatusOption,
    UntilOption,
    line_of,
    moment,
)
from panops.commands.options import JsonOption
from panops.commands.remote import DEFAULT_URL, CaFileOption, TokenFileOption, UrlOption, connect


def list_events(
    camera: CameraOption = None,
    kind: KindOption = None,
    rule: RuleOption = None,
    status: StatusOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    text: Annotated[str, typer.Option(help="Part of the id, rule, class, zone or note.")] = "",
    words: Annotated[str, typer.Option(help="A question in plain words, such as 'person without helmet at the gate last night'.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    url: UrlOption = DEFAULT_URL,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List events of a running site, newest first.

    With --json: one event a line. With --words, how they were understood is told on the error output.
    """
    now_s = time.time()
    span = {"since": moment(since, now_s, "--since"), "until": moment(until, now_s, "--until")}
    wanted = {"camera": camera, "kind": kind, "rule": rule, "status": status, "text": text or None, "words": words or None, **span}
    with connect(url, token_file, ca_file) as site:
        if words.strip():
            typer.echo(f"understood: {site.events.understood(words)}", err=True)
        for event in site.events.search(limit=limit, **wanted):
            typer.echo(json.dumps(event.data) if as_json else line_of(event))
