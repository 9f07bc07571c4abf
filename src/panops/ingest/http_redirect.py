"""Where an HTTP address sends on to. FFmpeg would follow anywhere; here each hop is looked at before it is asked."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from panops.domain.addresses import ip_of, is_off_limits_host
from panops.domain.errors import SourceUnreachable
from panops.ingest.rtsp_login import RtspLogin

MOST_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNAUTHORIZED = 401


def redirected(url: str, shown: str, timeout_s: float) -> str | None:
    """The address that `url` leads to in the end; None where it leads nowhere else.

    Args:
        url: An `http://` or `https://` address, with its login.
        shown: The same for people, for messages.
        timeout_s: Time for each hop, s.

    Raises:
        SourceUnreachable: It leads to a link-local address or a cloud's own, to this machine from elsewhere, or in circles. A server that
            cannot be asked leads nowhere else.
    """
    here, elsewhere = url, False
    for _ in range(MOST_HOPS):
        try:
            location, local = _next(here, timeout_s, first=here == url, elsewhere=elsewhere)
            if location is None:
                return None if here == url else here
            there = _without_login(urljoin(here, location), here)
            scheme, host = urlsplit(there).scheme, _host(there)
        except _ForbiddenError:
            raise SourceUnreachable(f"{shown} sends to {_host(here)}, where nothing is asked") from None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        elsewhere = elsewhere or not local
        if scheme not in ("http", "https") or (elsewhere and _is_this_machine(host)):
            raise SourceUnreachable(f"{shown} sends to {scheme}://{host}, where nothing is asked")
        here = there
    raise SourceUnreachable(f"{shown} sends from one address to the next")


class _ForbiddenError(Exception):
    """The open connection leads to where nothing is asked."""


def _next(url: str, timeout_s: float, *, first: bool, elsewhere: bool) -> tuple[str | None, bool]:
    """Where one hop sends on to, or None; and whether it is on this machine. The first one was chosen by somebody who may.

    A login is sent only where it is asked for, and as it is asked for: a camera that speaks Digest never gets the password itself.
    """
    where = urlsplit(url)
    path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
    login = RtspLogin(unquote(where.username or ""), unquote(where.password or ""))
    answer, local = _ask(where, path, None, timeout_s, first=first, elsewhere=elsewhere)
    if answer.status == _UNAUTHORIZED and login.challenged(answer.headers.get_all("WWW-Authenticate", [])):
        answer, local = _ask(where, path, login.header("GET", path), timeout_s, first=first, elsewhere=elsewhere)
    return (answer.headers["Location"] if answer.status in _REDIRECTS else None), local


def _ask(
    where: SplitResult, path: str, login: str | None, timeout_s: float, *, first: bool, elsewhere: bool
) -> tuple[http.client.HTTPResponse, bool]:
    """The head of the answer, and whether it is this machine's; a name is asked only where what it resolves to may be."""
    host = where.hostname or ""
    if not first and is_off_limits_host(host):
        raise _ForbiddenError
    # Said always: without one, the end of an IPv6 address would be taken for a port.
    port = where.port or (443 if where.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    if where.scheme == "https":
        # FFmpeg does not check certificates either; cameras sign their own.
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl._create_unverified_context())  # noqa: S323, SLF001
    try:
        connection.connect()
        peer = str(connection.sock.getpeername()[0])
        local = _is_this_machine(peer)
        if (not first and is_off_limits_host(peer)) or (elsewhere and local):
            raise _ForbiddenError
        headers = {"User-Agent": "panops"} if login is None else {"User-Agent": "panops", "Authorization": login}
        connection.request("GET", path, headers=headers)
        return connection.getresponse(), local
    finally:
        connection.close()


def _without_login(there: str, here: str) -> str:
    """A password is for the host that the user named, and for nobody that it names."""
    new, old = urlsplit(there), urlsplit(here)
    plain = new.netloc.rpartition("@")[2]
    same = (new.scheme, plain) == (old.scheme, old.netloc.rpartition("@")[2])
    return new._replace(netloc=old.netloc if same else plain, fragment="").geturl()


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_this_machine(host: str) -> bool:
    """What a host says of itself: the loopback in every way of writing it, and the unspecified address, which connects to it too."""
    address = ip_of(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    name = host.casefold().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")
