"""Turns errors of FFmpeg, sockets and servers into the kinds of `SourceError`, each with one sentence for people and no password."""

from __future__ import annotations

import errno
import socket

import av.error

from panops.domain.errors import SourceCorrupt, SourceError, SourceStalled, SourceUnauthorized, SourceUnreachable, SourceUnsupported
from panops.ingest.address import Address, scrub

_NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
_BROKEN = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN}


def open_failure(error: BaseException, address: Address, took_s: float, limit_s: float) -> SourceError:
    """What to tell when a source does not open.

    Args:
        error: What the library raised.
        address: The source.
        took_s: How long the try took, s.
        limit_s: The time it had, s; FFmpeg reports a try that was cut off with whatever error it met then.
    """
    where = address.masked
    if isinstance(error, (av.error.ExitError, TimeoutError)) or took_s >= limit_s:
        return SourceUnreachable(f"{where} did not answer within {limit_s:g} s; check the address, the network and that the camera is on")
    if isinstance(error, socket.gaierror):
        return _unknown_host(address)
    return _by_class(error, address) or _by_code(error, address) or _unknown(error, address)


def read_failure(error: BaseException, address: Address, limit_s: float) -> SourceError:
    """What to tell when an open source breaks.

    Args:
        error: What the library raised.
        address: The source.
        limit_s: The stall limit, s.
    """
    where = address.masked
    if isinstance(error, (av.error.ExitError, TimeoutError)):
        return SourceStalled(f"{where} is connected, but sent nothing for {limit_s:g} s")
    if isinstance(error, av.error.InvalidDataError):
        return SourceCorrupt(f"{where} sends data that is not valid video")
    return _by_class(error, address) or _by_code(error, address) or _unknown(error, address)


def refusal(status: int, address: Address) -> SourceError:
    """What to tell when a server answers with a status that is no success.

    Args:
        status: The code of its answer.
        address: The source.
    """
    where = address.masked
    if status in {401, 403}:
        return _refused_login(address, status)
    text = _NOT_FOUND if status == 404 else _SERVER_ERROR if status >= 500 else _CLIENT_ERROR
    return SourceUnreachable(where + text)


def closed_by_peer(address: Address) -> SourceError:
    """What to tell when a live stream ends."""
    return SourceUnreachable(f"{address.masked} ended the stream")


def _refused_login(address: Address, code: int) -> SourceError:
    if address.secrets or "@" in address.masked:
        return SourceUnauthorized(f"{address.masked} refuses the user name or password ({code})")
    return SourceUnauthorized(f"{address.masked} asks for a user name and password ({code}); write them as scheme://user:password@host/...")


_NOT_FOUND = ": it answers, but does not know this path (404); check what follows the host name"
_SERVER_ERROR = ": the server answers with an error of its own (5xx)"
_CLIENT_ERROR = ": the server does not accept the request (4xx)"

# The library's error -> the kind, and what to say after the address.
_CLASSES: tuple[tuple[type[BaseException], type[SourceError], str], ...] = (
    (av.error.HTTPNotFoundError, SourceUnreachable, _NOT_FOUND),
    (av.error.HTTPServerError, SourceUnreachable, _SERVER_ERROR),
    (av.error.HTTPClientError, SourceUnreachable, _CLIENT_ERROR),
    (av.error.InvalidDataError, SourceCorrupt, " is not video that can be read, or it is damaged"),
    (av.error.ProtocolNotFoundError, SourceUnsupported, ": this protocol is not supported"),
    (av.error.DemuxerNotFoundError, SourceUnsupported, ": this container format is not supported"),
    (av.error.DecoderNotFoundError, SourceUnsupported, ": there is no decoder for its codec"),
    (av.error.PatchWelcomeError, SourceUnsupported, " uses a feature of its format that cannot be read"),
)
_CODES: dict[int, tuple[type[SourceError], str]] = {
    errno.ECONNREFUSED: (SourceUnreachable, ": the connection is refused; check the port and that the camera's service is on"),
    **dict.fromkeys(_NO_ROUTE, (SourceUnreachable, ": there is no route to it; check the network")),
    **dict.fromkeys(_BROKEN, (SourceUnreachable, " broke the connection")),
    errno.ENOENT: (SourceUnreachable, " does not exist"),
    errno.ENODEV: (SourceUnreachable, " does not exist; is the camera plugged in?"),
    errno.EACCES: (SourceUnauthorized, " may not be read by this user"),
    errno.EBUSY: (SourceUnreachable, " is in use by another program"),
    errno.EINVAL: (SourceUnsupported, " cannot be read in this way"),
}


def _by_class(error: BaseException, address: Address) -> SourceError | None:
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return _refused_login(address, 401)
    if isinstance(error, av.error.HTTPForbiddenError):
        return _refused_login(address, 403)
    for kind, ours, text in _CLASSES:
        if isinstance(error, kind):
            return ours(address.masked + text)
    return None


def _by_code(error: BaseException, address: Address) -> SourceError | None:
    code = getattr(error, "errno", None)
    if code == errno.EIO and address.host and not _resolves(address.host):
        return _unknown_host(address)
    if code not in _CODES:
        return None
    ours, text = _CODES[code]
    return ours(address.masked + text)


def _unknown_host(address: Address) -> SourceError:
    return SourceUnreachable(f"{address.masked}: there is no host named {address.host}")


def _unknown(error: BaseException, address: Address) -> SourceError:
    text = scrub(str(getattr(error, "strerror", None) or error) or type(error).__name__, address.secrets)
    return SourceUnreachable(f"{address.masked} cannot be read: {text}")


def _resolves(host: str) -> bool:
    """Whether the name is known; FFmpeg says "input/output error" when it is not."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
