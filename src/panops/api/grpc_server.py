"""The gRPC server beside the HTTP one, in the same process and on the same event loop; off unless the site file has `server.grpc`."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from panops.api.connections import REQUEST_S
from panops.api.inference_service import MOST_BODY_BYTES
from panops.api.serve import GRACE_S, open_listener
from panops.api.services import Services
from panops.config.grpc_schema import GrpcConfig
from panops.domain.errors import ConfigError, ConfigProblem

log = logging.getLogger(__name__)

_WHERE = "server.grpc"
_MOST_CALLS = 256
_OPTIONS = {
    # Also of a message once it is unpacked: the library goes no further.
    "grpc.max_receive_message_length": MOST_BODY_BYTES,
    # Otherwise two servers share one port without a word.
    "grpc.so_reuseport": 0,
    # Of one connection.
    "grpc.max_concurrent_streams": 64,
    "grpc.max_allowed_incoming_connections": 128,
    "grpc.max_connection_idle_ms": 300_000,
    "grpc.server_handshake_timeout_ms": int(1000 * REQUEST_S),
}


@asynccontextmanager
async def grpc_served(services: Services, config: GrpcConfig | None) -> AsyncIterator[str]:
    """Serve while the block runs; calls that are being answered at its end have 3 s.

    Args:
        services: What routes use.
        config: Where; None for not at all.

    Yields:
        Where it listens, as clients want it (`127.0.0.1:8441`); empty where it does not.

    Raises:
        ConfigError: It cannot; the port is taken, the certificate cannot be used, the extra is missing.
    """
    if config is None:
        yield ""
        return
    library, methods = _loaded()
    server = library.aio.server(options=list(_OPTIONS.items()), maximum_concurrent_rpcs=_MOST_CALLS)
    server.add_generic_rpc_handlers([methods(services).handler()])
    credentials = None if not config.certificate else _credentials(library, config)
    open_listener(config.host, config.port, _WHERE).close()  # it says better why an address cannot be had
    address = f"[{config.host}]:{config.port}" if ":" in config.host else f"{config.host}:{config.port}"
    try:
        port = server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise _fault("host", f"cannot listen at {address}") from error
    await server.start()
    log.info("gRPC for programs on port %d of %s, %s", port, config.host, "with TLS" if credentials is not None else "in the clear")
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        await server.stop(GRACE_S)


def _loaded() -> tuple[Any, Any]:
    """The library and our methods, which need it."""
    try:
        import grpc  # noqa: PLC0415  # an extra

        from panops.api.grpc_methods import InferenceMethods  # noqa: PLC0415
    except ImportError as error:
        problem = ConfigProblem(_WHERE, f"needs the extra `grpc`, of which {error.name} is missing: pip install 'panops[grpc]'")
        raise ConfigError("server", [problem]) from error
    return grpc, InferenceMethods


def _credentials(library: Any, config: GrpcConfig) -> Any:
    """Those of the two files, which are looked at again at each handshake: certificates are renewed while the site runs."""
    files = (Path(config.key), Path(config.certificate))
    last: tuple[Any, ...] = ()

    def stamp() -> tuple[Any, ...]:
        return tuple((status.st_mtime_ns, status.st_size) for status in (file.stat() for file in files))

    def read() -> Any:
        # gRPC takes any bytes and tells nobody; this says whether they are a pair, and asks nobody for a password.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.certificate, config.key, password="")
        key, certificate = (file.read_bytes() for file in files)
        return library.ssl_server_certificate_configuration([(key, certificate)])

    def fetch() -> Any:
        nonlocal last
        try:
            now = stamp()
            if now == last:
                return None
            found = read()
        except OSError as error:  # half renewed, perhaps: the old ones go on, and the next handshake looks again
            log.warning("the certificate for gRPC cannot be used: %s", error)
            return None
        last = now
        return found

    try:
        last, first = stamp(), read()
    except OSError as error:
        wanted = f"expected a certificate in {config.certificate} and its key in {config.key}, both PEM"
        raise _fault("certificate", f"{wanted}: {error.strerror or error}") from error
    return library.dynamic_ssl_server_credentials(first, fetch)


def _fault(field: str, message: str) -> ConfigError:
    return ConfigError("server", [ConfigProblem(f"{_WHERE}.{field}", message)])
