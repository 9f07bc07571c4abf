"""Opens what an HLS playlist names. FFmpeg would ask any host for it; here each address is looked at before it is asked.

A playlist comes from a camera, and a camera may be somebody else's by now: it must not make this machine ask its own services, those of the
network around it, or where a cloud keeps keys.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import IntEnum
from functools import partial
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import av.error

from panops.domain.addresses import is_off_limits, is_off_limits_host, plain_ip
from panops.ingest.rtsp_login import RtspLogin
from panops.ingest.timed_http import Deadline, connection_to

_MOST_HOPS = 5
_LARGEST_REFUSAL = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _PARTIAL = 401, 403, 404, 206
# Of a server that gives whole files only, what comes before a part is read over, up to here.
_MOST_SKIPPED, _SKIPPED_AT_ONCE = 64 * 1024 * 1024, 64 * 1024
_PORTS = {"http": 80, "https": 443}

_Span: TypeAlias = tuple[int, int | None]


class _Kind(IntEnum):
    """How private a place is."""

    PUBLIC = 0
    PRIVATE = 1
    THIS_MACHINE = 2
    HIDDEN = 3


class HlsOpener:
    """Opens playlists and segments for FFmpeg: `av.open(..., io_open=HlsOpener(...))`.

    Everything may come from the host and port that the user named, as long as the name does not suddenly mean a more private place. Another
    port of that host is asked unless it is this machine; another host only at a public address. What a name resolves to counts, not the
    name. The login goes to the named host and port only.

    Args:
        url: The address of the playlist, with its login.
        timeout_s: Time for each answer with all that leads to it, and for each read, s.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._named = urlsplit(url)
        self._timeout_s = timeout_s
        self._first: _Kind | None = None
        self._lock = threading.Lock()
        self._open: dict[http.client.HTTPConnection, tuple[socket.socket | None, http.client.HTTPResponse | None]] = {}
        self._closed = False

    def __call__(self, url: str, flags: int, options: Mapping[str, object]) -> _Body:
        """What is at an address, for reading.

        Raises:
            OSError: It cannot be had in time, or is not asked for.
            FFmpegError: The server refuses it.
        """
        del flags
        wanted = _span(options)
        deadline = Deadline(self._timeout_s)
        for _ in range(_MOST_HOPS):
            where = urlsplit(url)
            connection = self._connected(where, deadline)
            try:
                connection, answer = self._answered(connection, where, wanted, deadline)
                if answer.status not in _REDIRECTS:
                    self._check(answer.status, where)
                    return _Body(partial(self._give_back, connection), answer, wanted, deadline)
            except http.client.HTTPException as error:
                self._give_back(connection)
                raise ConnectionError("it does not speak HTTP as it should") from error
            except BaseException:
                self._give_back(connection)
                raise
            self._give_back(connection)
            url = urljoin(url, answer.headers["Location"] or "")
        raise ConnectionError("it sends from one address to the next")

    def close(self) -> None:
        """End what is being read, and open nothing more. Safe to call twice, from any thread."""
        with self._lock:
            self._closed, sockets = True, [held for held, _ in self._open.values() if held is not None]
        for held in sockets:
            with suppress(OSError):  # it may be closed by now
                held.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Close what FFmpeg left open: it does not when opening failed. No thread may be reading any more."""
        with self._lock:
            connections = tuple(self._open)
        for connection in connections:
            self._give_back(connection)

    def _connected(self, where: SplitResult, deadline: Deadline) -> http.client.HTTPConnection:
        """A connection to a host that may be asked."""
        host = where.hostname or ""
        if where.scheme not in ("http", "https") or not host:
            raise PermissionError(f"{where.scheme}: addresses are not opened from a playlist")
        if self._most_private(where) is _Kind.PUBLIC and is_off_limits_host(host):
            raise _refusal(host)
        connection = connection_to(host, _place(where)[2], deadline, secure=where.scheme == "https")
        try:
            self._note(connection)
            connection.connect()
            self._note(connection)
            kind = _kind_of(str(connection.sock.getpeername()[0]))
        except BaseException:
            self._give_back(connection)
            raise
        if self._first is None:
            self._first = kind
        if kind > self._most_private(where):
            self._give_back(connection)
            raise _refusal(host)
        return connection

    def _note(self, connection: http.client.HTTPConnection) -> None:
        """Have `close` know its socket."""
        with self._lock:
            self._open[connection] = (connection.sock, None)
            if self._closed:
                raise ConnectionAbortedError("closed")

    def _most_private(self, where: SplitResult) -> _Kind:
        """How private the place of an address may be."""
        if self._first is None:
            return _Kind.HIDDEN
        if _place(where) == _place(self._named):
            return self._first
        return min(self._first, _Kind.PRIVATE) if where.hostname == self._named.hostname else _Kind.PUBLIC

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            _, answer = self._open.pop(connection, (None, None))
        if answer is not None:
            answer.close()
        connection.close()

    def _answered(
        self, connection: http.client.HTTPConnection, where: SplitResult, wanted: _Span | None, deadline: Deadline
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """The answer, and the connection that it comes by: a new one where the server closed the first when it asked for the login."""
        headers = {"User-Agent": "panops"}
        if wanted is not None:
            headers["Range"] = f"bytes={wanted[0]}-{'' if wanted[1] is None else wanted[1] - 1}"
        answer = self._ask(connection, where, headers, deadline)
        login = RtspLogin(unquote(self._named.username or ""), unquote(self._named.password or ""))
        offers = answer.headers.get_all("WWW-Authenticate", []) if answer.status == _UNAUTHORIZED else []
        if _place(where) != _place(self._named) or not login.challenged(offers):
            return connection, answer
        answer.read(_LARGEST_REFUSAL)
        if connection.sock is None or not answer.isclosed():
            self._give_back(connection)
            connection = self._connected(where, deadline)
        try:
            answer = self._ask(connection, where, {**headers, "Authorization": login.header("GET", _path(where)) or ""}, deadline)
        except BaseException:
            self._give_back(connection)
            raise
        return connection, answer

    def _ask(
        self, connection: http.client.HTTPConnection, where: SplitResult, headers: Mapping[str, str], deadline: Deadline
    ) -> http.client.HTTPResponse:
        sock = connection.sock
        sock.settimeout(deadline.left_s())
        connection.request("GET", _path(where), headers=headers)
        answer = connection.getresponse()
        with self._lock:
            self._open[connection] = (sock, answer)
        return answer

    def _check(self, status: int, where: SplitResult) -> None:
        """Refuse what is no success, in FFmpeg's own words: a login that is refused is not tried again and again."""
        text = f"the server answers {status}"
        if status in (_UNAUTHORIZED, _FORBIDDEN) and _place(where) == _place(self._named):
            kind = av.error.HTTPUnauthorizedError if status == _UNAUTHORIZED else av.error.HTTPForbiddenError
            raise kind(status, text)
        if status == _NOT_FOUND:
            raise av.error.HTTPNotFoundError(status, text)
        if not 200 <= status < 300:
            raise OSError(text)


class _Body:
    """The body of an answer, as a file that is read from its beginning to its end."""

    def __init__(self, give_back: Callable[[], None], answer: http.client.HTTPResponse, wanted: _Span | None, deadline: Deadline) -> None:
        self._give_back, self._answer, self._deadline = give_back, answer, deadline
        self._left = None if wanted is None or wanted[1] is None else wanted[1] - wanted[0]
        if wanted is not None and answer.status != _PARTIAL:
            self._skip(wanted[0])

    def _skip(self, size: int) -> None:
        if size > _MOST_SKIPPED:
            raise OSError(f"the server gives no parts of files, and what is wanted begins {size} bytes in: more than is read over")
        while size and (passed := len(self._take(min(size, _SKIPPED_AT_ONCE)))):
            size -= passed

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end."""
        if self._left is not None:
            size = self._left if size < 0 else min(size, self._left)
        self._deadline.begin()
        data = self._take(size) if size else b""
        if self._left is not None:
            self._left -= len(data)
        return data

    def _take(self, size: int) -> bytes:
        try:
            return self._answer.read(size) if size >= 0 else self._answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError("the answer was cut off") from error

    def close(self) -> None:
        """Give the connection back."""
        self._give_back()


def _span(options: Mapping[str, object]) -> _Span | None:
    """The part of a file that FFmpeg wants: `offset` and `end_offset` of its HTTP options."""
    first, end = (str(options.get(name, "") or "") for name in ("offset", "end_offset"))
    if not first.isdigit() or (first == "0" and not end.isdigit()):
        return None
    return int(first), int(end) if end.isdigit() and int(end) > int(first) else None


def _place(where: SplitResult) -> tuple[str, str | None, int]:
    return where.scheme, where.hostname, where.port or _PORTS.get(where.scheme, 0)


def _path(where: SplitResult) -> str:
    return f"{where.path or '/'}{'?' + where.query if where.query else ''}"


def _kind_of(peer: str) -> _Kind:
    """How private the address of the other end is."""
    address = plain_ip(ipaddress.ip_address(peer.partition("%")[0]))
    if is_off_limits(address):
        return _Kind.HIDDEN
    if address.is_loopback or address.is_unspecified:
        return _Kind.THIS_MACHINE
    return _Kind.PUBLIC if address.is_global else _Kind.PRIVATE


def _refusal(host: str) -> PermissionError:
    return PermissionError(f"a playlist names {host}, where nothing is asked")
