"""`panops models rollback`: the version before it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from panops.commands.model_facts import TAKES_EFFECT, sentences, state_record, who
from panops.commands.model_trial import need_to_run
from panops.commands.models_remote import remote_state
from panops.commands.options import HomeOption, JsonOption
from panops.commands.remote import AlsoUrlOption, CaFileOption, TokenFileOption, connect
from panops.models.promotion import roll_back
from panops.models.store import ModelStore
from panops.storage.home import Home


def rollback(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    why: Annotated[str, typer.Option(help="A word for the history.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Also to a version that cannot run on this machine.")] = False,
    home: HomeOption = None,
    url: AlsoUrlOption = "",
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the version back into use that was active before; doing it twice goes back and forth."""
    if url:
        with connect(url, token_file, ca_file) as site:
            state = remote_state(site.models.roll_back(name, force=force, why=why))
        told = f"{name}@{state['active']} is in use again, instead of version {state['previous']}. {TAKES_EFFECT}"
        typer.echo(json.dumps(state, indent=2) if as_json else told)
        return
    with sentences():
        store = ModelStore(Home(home).models)
        shelf = store.shelf(name)
        before = shelf.state.previous
        if before in shelf.places and not force:
            need_to_run(store.get(f"{name}@{before}"), store)
        roll_back(store, name, who=who(), why=why)
        shelf = store.shelf(name)
        if as_json:
            typer.echo(json.dumps(state_record(name, shelf), indent=2))
        else:
            typer.echo(f"{name}@{shelf.active} is in use again, instead of version {shelf.state.previous}. {TAKES_EFFECT}")
