"""Connecting to a host of several addresses, of which some are dead."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from panops.ingest.stoppable import Stopped, connect

# Connecting to it fails at once, for a TCP socket cannot.
_BROADCAST = ("255.255.255.255", 9)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def blackhole() -> Iterator[tuple[str, int]]:
    """An address that answers nothing: its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        full = []
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            full.append(sock)
        time.sleep(0.05)
        yield listener.getsockname()
        for sock in full:
            sock.close()


def _resolve(monkeypatch: pytest.MonkeyPatch, *targets: tuple[str, int]) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", target) for target in targets]
    monkeypatch.setattr("panops.ingest.stoppable.socket.getaddrinfo", lambda *_, **__: found)


def test_an_address_that_fails_at_once_is_passed_over(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, _BROADCAST, server.getsockname())
    with connect("x", 1, time.monotonic() + 5, threading.Event()) as sock:
        assert sock.getpeername() == server.getsockname()
    _resolve(monkeypatch, _BROADCAST)
    with pytest.raises(OSError, match=r"\w") as caught:
        connect("x", 1, time.monotonic() + 5, threading.Event())
    assert caught.value.errno in {errno.EACCES, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL}


def test_a_dead_address_leaves_time_for_the_next(
    server: socket.socket, blackhole: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolve(monkeypatch, blackhole, server.getsockname())
    began_s = time.monotonic()
    with connect("x", 1, began_s + 0.6, threading.Event()) as sock:
        assert sock.getpeername() == server.getsockname()
    assert 0.25 < time.monotonic() - began_s < 0.6
    _resolve(monkeypatch, blackhole)
    with pytest.raises(TimeoutError):
        connect("x", 1, time.monotonic() + 0.2, threading.Event())


def test_stop_ends_it(blackhole: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, blackhole)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        connect("x", 1, time.monotonic() + 5, stop)
