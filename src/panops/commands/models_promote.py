"""`panops models promote`: put a version into use."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from panops.commands.model_facts import TAKES_EFFECT, sentences, state_record, who
from panops.commands.model_trial import need_to_run
from panops.commands.models_remote import remote_state
from panops.commands.options import HomeOption, JsonOption
from panops.commands.remote import AlsoUrlOption, CaFileOption, TokenFileOption, connect
from panops.models.promotion import meant_version
from panops.models.promotion import promote as promote_version
from panops.models.shelf import Shelf
from panops.models.store import ModelStore
from panops.storage.home import Home


def promote(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    version: Annotated[str, typer.Argument(help="Which version; its shadow, or the only other one, where it is not said.")] = "",
    why: Annotated[str, typer.Option(help="A word for the history.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Also a version that cannot run on this machine.")] = False,
    home: HomeOption = None,
    url: AlsoUrlOption = "",
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a version of a model into use. The one before it is remembered: panops models rollback NAME."""
    if url:
        with connect(url, token_file, ca_file) as site:
            state = remote_state(site.models.promote(name, version or None, force=force, why=why))
        back = f"\nBack to version {state['previous']}: panops models rollback {name} --url {url}" if state["previous"] else ""
        typer.echo(json.dumps(state, indent=2) if as_json else f"{name}@{state['active']} is in use now. {TAKES_EFFECT}{back}")
        return
    with sentences():
        store = ModelStore(Home(home).models)
        places = store.shelf_without_state(name).places
        if places and not version:
            version = meant_version(store.shelf(name))
        if version in places and not force:
            need_to_run(store.get(f"{name}@{version}"), store)
        promote_version(store, name, version, who=who(), why=why)
        shelf = store.shelf(name)
        if as_json:
            typer.echo(json.dumps(state_record(name, shelf), indent=2))
            return
        typer.echo(f"{name}@{shelf.active} is in use now. {TAKES_EFFECT}")
        for line in _changed_classes(shelf):
            typer.echo(line)
        if shelf.state.previous:
            typer.echo(f"Back to version {shelf.state.previous}: panops models rollback {name}")


def _changed_classes(shelf: Shelf) -> list[str]:
    """What rules should know: a class that is gone is never found again."""
    previous = shelf.state.previous
    if previous not in shelf.places:
        return []
    before, now = (shelf.read(version).manifest.classes for version in (previous, shelf.active))
    gone, come = ([name for name in first if name not in second] for first, second in ((before, now), (now, before)))
    said = [f"It does not find {', '.join(gone)} any more: rules that name them see nothing."] if gone else []
    return [*said, f"It also finds {', '.join(come)}."] if come else said
