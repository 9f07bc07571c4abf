"""From a cookie's or header's secret to the caller."""

from __future__ import annotations

from typing import Literal

from starlette.requests import HTTPConnection

from panops.api.proxy_login import ProxyLogin
from panops.api.security import Caller
from panops.api.settings import ApiSettings
from panops.storage.accounts import Accounts, Origin, User


class AccountResolver:
    """Looks secrets up in the accounts, and asks what a trusted proxy says.

    Args:
        accounts: Users, sessions, tokens.
        settings: Who must have a second factor, and which proxies are believed.
    """

    def __init__(self, accounts: Accounts, settings: ApiSettings) -> None:
        self._accounts = accounts
        self._required = settings.require_second_factor
        self.proxies_vouch = settings.proxy_login is not None
        self._proxies = ProxyLogin(accounts, settings.proxy_login, settings.trusted_proxies)

    def __call__(self, secret: str, via: Literal["session", "token"]) -> Caller | None:
        """The caller of a session's or token's secret."""
        if via == "session":
            user = self._accounts.session(secret)
            return None if user is None else Caller(user.username, user.role, user.scope, via, secret, self.lacks_factor(user))
        token = self._accounts.token(secret)
        return None if token is None else Caller(f"token {token.name}", token.scope.role, token.scope, via, secret)

    def proxied(self, connection: HTTPConnection) -> Caller | None:
        """Whom a trusted proxy vouches for."""
        user = self._proxies.user(connection)
        return None if user is None else Caller(user.username, user.role, user.scope, "proxy", "")

    def lacks_factor(self, user: User) -> bool:
        """Whether the user must have a second factor and has none; who signs in elsewhere has it there."""
        return user.origin is Origin.LOCAL and not user.second_factor and user.role in self._required
