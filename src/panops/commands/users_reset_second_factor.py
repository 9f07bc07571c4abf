"""`panops users reset-second-factor`: the way back in for whoever lost phone and recovery codes."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from panops.commands.model_facts import who
from panops.commands.options import HomeOption, JsonOption
from panops.domain.clock import SystemClock
from panops.domain.errors import PanopsError
from panops.storage.accounts import Accounts
from panops.storage.database import Database
from panops.storage.home import Home
from panops.storage.second_factor_reset import reset


def reset_second_factor(
    name: Annotated[str, typer.Argument(help="The user's name.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a user's second factor and recovery codes away, on this machine only, also while panops runs.

    For whoever lost both where no other administrator can help. All sign-ins and own tokens of the user end; the password stays. It is in
    the audit log, with the name of who is signed in on this machine.
    """
    place, clock = Home(home), SystemClock()
    if not place.database.is_file():
        raise PanopsError(f"there is no site in {place.path}; name its folder with --home, or set PANOPS_HOME")
    with Database.at(place.path) as database:
        accounts = Accounts(database, clock)
        user = accounts.user(name)
        if user is None:
            names = ", ".join(one.username for one in accounts.users()) or "nobody"
            raise PanopsError(f"there is no user {name!r}; there is {names}")
        ended = reset(database, clock, user.username, "", {"by": who()})
        if ended is None:
            raise PanopsError(f"{user.username} has no second factor; nothing was changed")
    sessions, tokens = ended
    if as_json:
        typer.echo(json.dumps({"username": user.username, "sessions_ended": sessions, "tokens_ended": tokens}))
        return
    typer.echo(f"{user.username} has no second factor any more; {sessions} sign-ins and {tokens} own tokens were ended")
    typer.echo("Sign in with the password, and set a new one up on the account page.")
