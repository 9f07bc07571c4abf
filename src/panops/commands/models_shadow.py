"""`panops models shadow`: let a version look on beside the one in use."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from panops.commands.model_facts import TAKES_EFFECT, sentences, state_record, who
from panops.commands.model_trial import trouble_with
from panops.commands.models_remote import remote_state
from panops.commands.options import HomeOption, JsonOption
from panops.commands.remote import AlsoUrlOption, CaFileOption, TokenFileOption, connect
from panops.domain.errors import ModelUnsupported
from panops.models.promotion import shadow as shadow_version
from panops.models.state import SHADOW_EVERY
from panops.models.store import ModelStore
from panops.storage.home import Home


def shadow(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    version: Annotated[str, typer.Argument(help="Which version.")] = "",
    off: Annotated[bool, typer.Option("--off", help="No shadow any more.")] = False,
    every: Annotated[int, typer.Option(min=1, help="It sees one in so many of the frames that the version in use sees.")] = SHADOW_EVERY,
    why: Annotated[str, typer.Option(help="A word for the history.")] = "",
    home: HomeOption = None,
    url: AlsoUrlOption = "",
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a version look on beside the one in use, on live cameras, without any event; `models compare` tells how they agree."""
    if bool(version) == off:
        raise typer.BadParameter("expected a version, or --off", param_hint="VERSION")
    if url:
        with connect(url, token_file, ca_file) as site:
            state = remote_state(site.models.shadow(name, version or None, every=every, why=why))
        on = f"{name}@{version} looks on beside {name}@{state['active']}, at one in {every} frames. {TAKES_EFFECT}"
        told = f"{name} has no shadow any more; what was counted stays" if off else on
        typer.echo(json.dumps(state, indent=2) if as_json else told)
        return
    with sentences():
        store = ModelStore(Home(home).models)
        if version in store.shelf(name).places:
            trouble = trouble_with(store.get(f"{name}@{version}"), store)
            if trouble:
                raise ModelUnsupported(f"{name}@{version} cannot run here: {trouble}")
        shadow_version(store, name, version, every=every, who=who(), why=why)
        shelf = store.shelf(name)
        if as_json:
            typer.echo(json.dumps(state_record(name, shelf), indent=2))
        elif off:
            typer.echo(f"{name} has no shadow any more; what was counted stays: panops models compare {name}")
        else:
            typer.echo(f"{name}@{version} looks on beside {name}@{shelf.active}, at one in {every} frames. {TAKES_EFFECT}")
            typer.echo(f"How they agree: panops models compare {name}. Into use: panops models promote {name}")
