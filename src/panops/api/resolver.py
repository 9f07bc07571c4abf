"""From a cookie's or header's secret to the caller."""

from __future__ import annotations

from typing import Literal

from panops.api.security import Caller, Resolver
from panops.storage.accounts import Accounts


def resolver_for(accounts: Accounts) -> Resolver:
    """Looks secrets up in the accounts."""

    def resolve(secret: str, via: Literal["session", "token"]) -> Caller | None:
        if via == "session":
            user = accounts.session(secret)
            return Caller(user.username, user.role, user.scope, via, secret) if user is not None else None
        token = accounts.token(secret)
        return Caller(f"token {token.name}", token.role, token.scope, via, secret) if token is not None else None

    return resolve
