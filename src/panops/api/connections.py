"""What one client, or a crowd of them, may hold of the server: header bytes, time for a request, connections, open files."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
from collections.abc import Sequence
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from panops.api.request_frame import is_loopback

log = logging.getLogger(__name__)

MOST_HEADER_BYTES = 64 * 1024
REQUEST_S = 15.0
MOST_CONNECTIONS = 512
MOST_CONNECTIONS_OF_ONE = 64

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"


class BoundedProtocol(H11Protocol):
    """One connection. h11 itself ends a request line with headers above 64 KiB (`MOST_HEADER_BYTES`), trailers and chunk sizes too.

    A request that is not there as a whole, body included, `REQUEST_S` after it began (or after the connection was made) ends the
    connection; its clock is not set back by more bytes. A connection above a limit gets 503 and is closed without being read.
    """

    _late: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Take the connection, or refuse it."""
        if self._is_one_too_many(transport):
            self._refused, self.transport = True, transport
            transport.write(_FULL)
            transport.close()
            return
        super().connection_made(transport)
        self._late = self.loop.call_later(REQUEST_S, self._too_late)

    def data_received(self, data: bytes) -> None:
        """Take bytes; start or stop the request's clock."""
        if self._refused:
            return
        super().data_received(data)
        is_whole = self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)
        if is_whole or self not in self.connections:  # uvicorn takes it out of the set when it becomes a websocket
            self._stop_clock()
        elif self._late is None:
            self._late = self.loop.call_later(REQUEST_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self._stop_clock()
        if not self._refused:
            super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; when an answer is on its way already, only close."""
        if self.conn.our_state is h11.IDLE:
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def _stop_clock(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.abort()

    def _is_one_too_many(self, transport: asyncio.Transport) -> bool:
        # uvicorn's own set: it holds websockets as well, which leave this class when they are made.
        if len(self.connections) >= MOST_CONNECTIONS:
            log.warning("%d connections are open; no more are taken now", len(self.connections))
            return True
        peer = transport.get_extra_info("peername")
        mine = _client(peer)
        if not mine or is_loopback(mine) or is_trusted(mine, self.config.forwarded_allow_ips):
            return False
        count = sum(_client(other.transport.get_extra_info("peername")) == mine for other in self.connections)
        if count >= MOST_CONNECTIONS_OF_ONE:
            log.warning("%s has %d connections open; no more are taken from there now", mine, count)
        return count >= MOST_CONNECTIONS_OF_ONE


def _client(peer: Any) -> str:
    """One client's address; the 2^64 addresses of an IPv6 network are one client. Empty where there is none."""
    try:
        address = ipaddress.ip_address(peer[0].partition("%")[0])
    except (TypeError, IndexError, AttributeError, ValueError):
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def is_trusted(address: str, proxies: Sequence[str] | str | None) -> bool:
    """Whether `address` is one of the reverse proxies, given as addresses, networks or `*`: many people share its address."""
    for proxy in [proxies] if isinstance(proxies, str) else proxies or ():
        try:
            if proxy == "*" or ipaddress.ip_address(address) in ipaddress.ip_network(proxy, strict=False):
                return True
        except ValueError:
            continue  # a name; uvicorn compares it as text, and addresses are never equal to it
    return False


def allow_many_files() -> None:
    """Raise the soft limit of open files to the hard one: each connection and camera takes some, and the usual 1024 are soon gone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as error:
        log.warning("the limit of open files stays at %d: %s", soft, error)
