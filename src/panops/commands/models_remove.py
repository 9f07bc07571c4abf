"""`panops models remove`: delete an installed model, or one version of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from panops.commands.model_facts import sentences, who
from panops.commands.options import HomeOption, JsonOption
from panops.models.store import ModelStore
from panops.storage.home import Home


def remove(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    version: Annotated[str, typer.Argument(help="Which version; all of them where it is not said.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Also the version in use.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete an installed model, or one version of it. What comes with panops stays, and the version in use goes only with --force."""
    with sentences():
        store = ModelStore(Home(home).models)
        gone = store.remove(name, version, force=force, who=who())
        left = store.shelf(name)
        active = left.active_or_none
        if as_json:
            typer.echo(json.dumps({"removed": name, "versions": list(gone), "active": active}))
            return
        typer.echo(f"{name} is removed." if not left.places else f"{name}: removed {', '.join(gone)}; {active or 'no version'} is in use.")
