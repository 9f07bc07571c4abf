"""Serves the app by uvicorn inside a running event loop, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from panops.api.connections import MOST_HEADER_BYTES, BoundedProtocol, allow_many_files
from panops.api.proxy_login import PeerNote
from panops.api.services import Services
from panops.domain.errors import ConfigError, ConfigProblem

log = logging.getLogger(__name__)

GRACE_S = 3
LARGEST_SOCKET_MESSAGE_BYTES = 64 * 1024


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the site: it has cameras to drain too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_server(app: FastAPI, host: str, port: int, stop: asyncio.Event, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until `stop` is set; then close the websockets, let requests end (3 s at most) and return.

    Args:
        app: From `create_app`.
        host: The address to listen on; `0.0.0.0` or `::` for all.
        port: The port; 0 takes a free one.
        stop: Ends the server.
        on_ready: Called with the address (`http://127.0.0.1:8440`) once connections are taken.

    Raises:
        ConfigError: The address cannot be listened on; says why.
    """
    allow_many_files()
    listener = open_listener(host, port)
    services: Services = app.state.services
    trusted = services.settings.trusted_proxies
    config = uvicorn.Config(
        # The address of the other end is noted before a proxy's word for the client takes its place.
        PeerNote(cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), list(trusted))) if trusted else app),
        # Not httptools: it has no limit for headers, and one endless header takes all memory.
        http=BoundedProtocol,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=LARGEST_SOCKET_MESSAGE_BYTES,
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # Not for uvicorn, which would put its own default there: `BoundedProtocol` asks whose connections are many people's.
        forwarded_allow_ips=list(trusted),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http-server")
    stopping = asyncio.create_task(stop.wait(), name="http-stop")
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started and on_ready is not None:
            on_ready(address_of(*listener.getsockname()[:2]))
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        services.streams.close_all()
        await services.sockets.close_all()
        await services.videos.close_all()
        server.should_exit = True
        await serving
        listener.close()


def open_listener(host: str, port: int, where: str = "server") -> socket.socket:
    """A socket that listens at `host` and `port`.

    Args:
        host: The address.
        port: The port; 0 takes a free one.
        where: The part of the site file that says so, for messages.

    Raises:
        ConfigError: It cannot; the port is taken, the address is not this machine's, or the port needs more rights.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError("server", [ConfigProblem(f"{where}.host", f"{host!r} is not an address of this machine")]) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        listener.bind(address)
        listener.listen(socket.SOMAXCONN)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError("server", [_why(error, host, port, where)]) from error
    return listener


def address_of(host: str, port: int) -> str:
    """The address to type into a browser on this machine, for a server that listens at `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _another_port(port: int) -> int:
    """One to try where `port` cannot be had."""
    return port + 1 if port < 65535 else 8440


def _why(error: OSError, host: str, port: int, where: str) -> ConfigProblem:
    option = " such as --port" if where == "server" else " such as"
    if error.errno == errno.EADDRINUSE:
        why = f"port {port} of {host} is taken by another program"
        return ConfigProblem(f"{where}.port", f"{why}; stop it, or choose another port,{option} {_another_port(port)}")
    if error.errno == errno.EACCES:
        why = f"port {port} needs more rights than this user has"
        return ConfigProblem(f"{where}.port", f"{why}; choose one from 1024 up,{option} 8440")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigProblem(f"{where}.host", f"{host} is not an address of this machine; choose one that is, or 0.0.0.0 for all")
    return ConfigProblem(f"{where}.host", f"cannot listen at {host}, port {port}: {error.strerror}")
