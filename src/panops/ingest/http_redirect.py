"""Where an HTTP address sends on to. FFmpeg would follow anywhere; here each hop is looked at before it is asked."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
from base64 import b64encode
from urllib.parse import unquote, urljoin, urlsplit

from panops.domain.addresses import is_off_limits, is_off_limits_host
from panops.domain.errors import SourceUnreachable

MOST_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
    here = url
    for _ in range(MOST_HOPS):
        try:
            location, local = _next(here, timeout_s, first=here == url)
        except _ForbiddenError:
            raise SourceUnreachable(f"{shown} sends to {_host(here)}, where nothing is asked") from None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        if location is None:
            return None if here == url else here
        there = _without_login(urljoin(here, location), here)
        if urlsplit(there).scheme not in ("http", "https") or (_is_loopback_name(_host(there)) and not local):
            raise SourceUnreachable(f"{shown} sends to {urlsplit(there).scheme}://{_host(there)}, where nothing is asked")
        here = there
    raise SourceUnreachable(f"{shown} sends from one address to the next")


class _ForbiddenError(Exception):
    """The open connection leads to where nothing is asked."""


def _next(url: str, timeout_s: float, *, first: bool) -> tuple[str | None, bool]:
    """Where one hop sends on to, or None; and whether it is on this machine. The first one was chosen by somebody who may."""
    where = urlsplit(url)
    host = where.hostname or ""
    if not first and is_off_limits_host(host):
        raise _ForbiddenError
    kind = http.client.HTTPConnection
    connection = kind(host, where.port, timeout=timeout_s)
    if where.scheme == "https":
        # FFmpeg does not check certificates either; cameras sign their own.
        connection = http.client.HTTPSConnection(host, where.port, timeout=timeout_s, context=ssl._create_unverified_context())  # noqa: S323, SLF001
    try:
        connection.connect()
        peer = ipaddress.ip_address(str(connection.sock.getpeername()[0]).partition("%")[0])
        if not first and is_off_limits(peer):
            raise _ForbiddenError
        headers = {"User-Agent": "panops"}
        if where.username is not None:
            login = f"{unquote(where.username)}:{unquote(where.password or '')}"
            headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        connection.request("GET", f"{where.path or '/'}{'?' + where.query if where.query else ''}", headers=headers)
        answer = connection.getresponse()
        return (answer.headers["Location"] if answer.status in _REDIRECTS else None), peer.is_loopback
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


def _is_loopback_name(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
