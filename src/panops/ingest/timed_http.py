"""HTTP connections that have one deadline for all that they do. A socket's own time-out begins anew with every byte that comes."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

_LEAST_S = 0.001


class Deadline:
    """Until when something has to be done.

    Args:
        seconds: Time for it, s.
        monotonic_s: The time.
    """

    def __init__(self, seconds: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._monotonic_s = monotonic_s
        self.begin()

    def begin(self) -> None:
        """From now on it has its whole time again."""
        self._ends_s = self._monotonic_s() + self._seconds

    def left_s(self) -> float:
        """The time that is left, s; never 0, which would mean not to wait at all.

        Raises:
            TimeoutError: None is.
        """
        left_s = self._ends_s - self._monotonic_s()
        if left_s <= 0:
            raise TimeoutError(f"no whole answer within {self._seconds:g} s")
        return max(_LEAST_S, left_s)

    def connected(self, address: tuple[str, int], *_: object) -> socket.socket:
        """A connection to the first place of a name that takes one.

        Raises:
            OSError: None does in time.
        """
        failure = OSError(f"{address[0]} has no address")
        for *_kind, place in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            try:
                return socket.create_connection((str(place[0]), int(place[1])), self.left_s())
            except OSError as error:
                failure = error
        self.left_s()
        raise failure


def connection_to(host: str, port: int, deadline: Deadline, *, secure: bool) -> http.client.HTTPConnection:
    """A connection that is not open yet, and that does not open itself again when the other end closes it.

    Args:
        host: A name or an address.
        port: Its port.
        deadline: For all that is done with it.
        secure: By TLS. Certificates are not checked: FFmpeg does not either, and cameras sign their own.
    """
    made = http.client.HTTPConnection(host, port)
    if secure:
        made = http.client.HTTPSConnection(host, port, context=ssl._create_unverified_context())  # noqa: S323, SLF001
    made.auto_open = 0
    # By what it connects and reads; the library has no words for either.
    vars(made)["_create_connection"] = deadline.connected
    vars(made)["response_class"] = lambda sock, *args, **named: http.client.HTTPResponse(_TimedSocket(sock, deadline), *args, **named)  # type: ignore[arg-type]
    return made


class _TimedSocket:
    """As much of a socket as an `HTTPResponse` asks for."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._deadline))


class _TimedReader(io.RawIOBase):
    """Each of its reads has what time is left."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.left_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
