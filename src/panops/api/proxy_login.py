"""Whom a reverse proxy vouches for: headers such as `Remote-User`, believed from the proxies that the site file names and nobody else."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from panops.api.claims import rights_of
from panops.config.sign_in_schema import ProxyLoginConfig
from panops.domain.errors import StorageFull
from panops.storage.accounts import Accounts, Origin, User
from panops.storage.errors import AccountRefused

log = logging.getLogger(__name__)

PEER = "panops.peer"
"""Where `PeerNote` leaves the address of the other end of the connection, whatever headers say later."""


class PeerNote:
    """Notes who is really at the other end, before `X-Forwarded-For` puts another address in its place. Stands outside all else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note it and go on."""
        scope[PEER] = (scope.get("client") or ("", 0))[0]
        await self._app(scope, receive, send)


class ProxyLogin:
    """Finds the user that a trusted proxy names.

    Args:
        accounts: Where users are; one of the proxy's is added when they first come.
        config: The headers and what they mean; None: no header is ever believed.
        trusted: The proxies' addresses or networks.
    """

    def __init__(self, accounts: Accounts, config: ProxyLoginConfig | None, trusted: Sequence[str]) -> None:
        self._accounts = accounts
        self._config = config
        self._networks = [network for one in trusted if (network := _network(one)) is not None]

    def user(self, connection: HTTPConnection) -> User | None:
        """The user, or None: headers from elsewhere, given twice, or of somebody without a role mean nothing; what the last had ends."""
        config = self._config
        if config is None or not self._is_proxy(connection.scope.get(PEER, "")):
            return None
        names, said = (connection.headers.getlist(header) for header in (config.user_header, config.groups_header))
        # Given twice, one of them may have come through the proxy from whoever asks.
        if len(names) != 1 or len(said) > 1 or not names[0].strip():
            return None
        words = [word.strip() for word in said[0].split(config.separator)] if said else []
        rights, name = rights_of(words, config), names[0].strip()
        try:
            if rights is None:
                self._accounts.shut_out(Origin.PROXY, name.lower())
                return None
            return self._accounts.outsider(Origin.PROXY, name.lower(), name, rights.role, rights.groups)
        except AccountRefused as error:
            log.warning("whom the proxy names is not let in: %s", error)
        except StorageFull as error:
            log.warning("whom the proxy names cannot be noted: %s", error)
        return None

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self._networks)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None  # a name, or `*`: neither says who is at the other end
