"""`panops models remove`: delete an installed model."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from panops.commands.model_facts import sentences
from panops.commands.options import HomeOption, JsonOption
from panops.models.store import ModelStore
from panops.storage.home import Home


def remove(name: Annotated[str, typer.Argument(help="A model's name.")], home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Delete an installed model."""
    with sentences():
        ModelStore(Home(home).models).remove(name)
        typer.echo(json.dumps({"removed": name}) if as_json else f"{name} is removed.")
