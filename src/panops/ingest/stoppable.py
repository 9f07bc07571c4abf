"""Socket calls that block, within their time, until another thread asks them to stop."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
import time

# How often a waiting thread looks whether it is to stop.
_SLICE_S = 0.1
_UNDER_WAY = {errno.EINPROGRESS, errno.EWOULDBLOCK}


class Stopped(Exception):
    """The wait was ended by `stop`."""


def connect(host: str, port: int, deadline_s: float, stop: threading.Event) -> socket.socket:
    """Connect to the first of a host's addresses that answers. They share the time, lest one that nobody answers at takes all of it.

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
    for index, (family, kind, protocol, _, target) in enumerate(targets):
        now_s = time.monotonic()
        try:
            return _connect(socket.socket(family, kind, protocol), target, now_s + (deadline_s - now_s) / (len(targets) - index), stop)
        except OSError as error:
            failure = error
    raise failure


def _connect(sock: socket.socket, target: tuple[object, ...], deadline_s: float, stop: threading.Event) -> socket.socket:
    """Connect a socket, which is closed where that fails.

    Raises:
        OSError: It failed.
        Stopped: `stop` was set.
    """
    with contextlib.ExitStack() as undo:
        undo.callback(sock.close)
        sock.setblocking(False)
        code = sock.connect_ex(target)
        if code in _UNDER_WAY:
            if not wait_for(sock, deadline_s, stop, writable=True):
                raise TimeoutError
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        undo.pop_all()
    return sock


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
