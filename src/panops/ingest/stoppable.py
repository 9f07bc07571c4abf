"""Socket calls that block, within their time, until another thread asks them to stop."""

from __future__ import annotations

import select
import socket
import threading
import time

# How often a waiting thread looks whether it is to stop.
_SLICE_S = 0.1


class Stopped(Exception):
    """The wait was ended by `stop`."""


def connect(host: str, port: int, deadline_s: float, stop: threading.Event) -> socket.socket:
    """Connect to the first of a host's addresses that answers.

    Args:
        host: Name or literal address.
        port: Port.
        deadline_s: When to give up, by `time.monotonic`.
        stop: Ends it.

    Raises:
        OSError: The last address's error.
        Stopped: `stop` was set.
    """
    failure: OSError = TimeoutError()
    try:
        targets = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror from error
    for family, kind, protocol, _, target in targets:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            code = sock.connect_ex(target)
            if code and not wait_for(sock, deadline_s, stop, writable=True):
                raise TimeoutError
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return sock
            failure = OSError(code, "")
        except OSError as error:
            failure = error
        except Stopped:
            sock.close()
            raise
        sock.close()
    raise failure


def wait_for(sock: socket.socket, deadline_s: float, stop: threading.Event, *, writable: bool = False) -> bool:
    """Wait until a socket can be read or written, or a connection is made; False when `deadline_s` (by `time.monotonic`) came first.

    Raises:
        Stopped: `stop` was set.
    """
    poll = select.poll()
    poll.register(sock, select.POLLOUT if writable else select.POLLIN)
    while True:
        if stop.is_set():
            raise Stopped
        left_s = deadline_s - time.monotonic()
        if poll.poll(1000 * min(_SLICE_S, max(0.0, left_s))):
            return True
        if left_s <= 0:
            return False
