"""`panops suggestions`: what to change so that false alarms do not come."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from panops.client.suggestions import Suggestions
from panops.commands.options import HomeOption, JsonOption
from panops.commands.remote import AlsoUrlOption, CaFileOption, TokenFileOption, connect
from panops.domain.suggestions import Suggestion
from panops.pipeline.suggesting import Suggesting
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.scope import Scope

BY = "panops suggestions"
"""Who it was, in the audit log."""


def suggestions(
    apply: Annotated[
        str, typer.Option(metavar="ID", help="Change what this one suggests; a running panops follows within two seconds.")
    ] = "",
    take_back: Annotated[str, typer.Option(metavar="ID", help="Change what was applied back to what it was before.")] = "",
    home: HomeOption = None,
    url: AlsoUrlOption = "",
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which change of one setting would have kept false alarms away and no true one, by what people said of events."""
    if apply and take_back:
        raise typer.BadParameter("expected either --apply or --take-back, got both", param_hint="--apply")
    if url:
        with connect(url, token_file, ca_file) as site:
            typer.echo(_asked(site.suggestions, apply, take_back, as_json=as_json))
        return
    with Database.at(Home(home).create().path) as database:
        suggesting = Suggesting(database)
        if apply:
            done = suggesting.apply(Scope.everything(), apply, BY, time.time())
            typer.echo(
                json.dumps(_plain(done)) if as_json else f"applied: {done.words}\nto take it back: panops suggestions --take-back {apply}"
            )
            return
        if take_back:
            back = suggesting.take_back(Scope.everything(), take_back, BY, time.time())
            typer.echo(json.dumps({**back.change.plain(), "suggestion_id": take_back}) if as_json else f"taken back: {back.words}")
            return
        found, aside = suggesting.suggestions(Scope.everything()), suggesting.put_aside()
    if as_json:
        typer.echo(json.dumps([{**_plain(one), "dismissed": one.suggestion_id in aside} for one in found], indent=2))
    else:
        typer.echo(_sentences(found, aside))


def _asked(running: Suggestions, apply: str, take_back: str, *, as_json: bool) -> str:
    """The same of a running panops."""
    if apply:
        done = running.apply(apply)
        return json.dumps(done) if as_json else f"applied: {done['words']}\nto take it back: panops suggestions --take-back {apply}"
    if take_back:
        back = running.take_back(take_back)
        return json.dumps(back) if as_json else f"taken back: {back['words']}"
    found = running.all()
    if as_json:
        return json.dumps(found, indent=2)
    return _lines([(one["suggestion_id"], one["words"], one["dismissed"]) for one in found])


def _plain(one: Suggestion) -> dict[str, Any]:
    return {"suggestion_id": one.suggestion_id, **asdict(one), "change": one.change.plain()}


def _sentences(found: Sequence[Suggestion], aside: Collection[str]) -> str:
    return _lines([(one.suggestion_id, one.words, one.suggestion_id in aside) for one in found])


def _lines(found: Sequence[tuple[str, str, bool]]) -> str:
    """Ids, words, and whether somebody said "not now"."""
    if not found:
        return "nothing to change: it takes five events marked as false alarms, one marked as true, and a setting that tells them apart"
    lines = [f"{name}  {words}{' (not now)' if dismissed else ''}" for name, words, dismissed in found]
    return "\n".join([*lines, "apply one with: panops suggestions --apply ID"])
