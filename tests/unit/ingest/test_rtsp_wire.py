"""Messages and packets on one stream of bytes, in any pieces."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.rtsp_message import RtspMessage, parse_message
from panops.ingest.rtsp_wire import RtspWire, make_room
from panops.ingest.stoppable import Stopped
from tests.unit.ingest.rtp_streams import interleaved

_ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\n$$$"


class Far:
    """Both ends of a connection, and what the near one hands out."""

    def __init__(self) -> None:
        near, self.sock = socket.socketpair()
        self.stop = threading.Event()
        self.wire = RtspWire(near, self.stop)
        self.got: list[tuple[str, bytes]] = []
        self.wire.on_rtp = lambda data, at, end: self.got.append(("rtp", bytes(data[at:end])))
        self.wire.on_rtcp = lambda data, at, end: self.got.append(("rtcp", bytes(data[at:end])))
        self.wire.on_message = self._message
        self.room = make_room()

    def _message(self, message: RtspMessage) -> None:
        self.got.append(("message", message.body))

    def read_all(self) -> None:
        while count := self.wire.fill(self.room):
            self.wire.split(self.room, count)

    def close(self) -> None:
        self.sock.close()
        self.wire.close()


@pytest.fixture
def far() -> Iterator[Far]:
    pair = Far()
    yield pair
    pair.close()


@given(st.data())
def test_any_pieces_give_the_same(data: st.DataObject) -> None:
    letters = random.Random(data.draw(st.integers(0, 2**32)))
    whole, expected = b"", []
    for what in data.draw(st.lists(st.sampled_from(["rtp", "rtcp", "other", "message", "line ends"]), max_size=12)):
        body = letters.randbytes(letters.choice([0, 1, 30, 1400, 9000]))
        if what == "message":
            whole, body = whole + _ANSWER, b"$$$"
        elif what == "line ends":
            whole += b"\r\n"
        else:
            whole += interleaved(body, {"rtp": 0, "rtcp": 1, "other": 2}[what])
        if what in ("rtp", "rtcp", "message"):
            expected.append((what, body))
    with contextlib.closing(Far()) as far:
        while whole:
            piece = data.draw(st.integers(1, len(whole)))
            far.sock.sendall(whole[:piece])
            whole = whole[piece:]
            far.read_all()
    assert far.got == expected


@given(st.binary(max_size=3000))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with contextlib.closing(Far()) as far, contextlib.suppress(ValueError):
        far.sock.sendall(data)
        far.read_all()


def test_junk_is_passed_over_up_to_a_bound(far: Far) -> None:
    far.sock.sendall(b"\0\1junk" + interleaved(b"abc") + b"\xff" * 10 + _ANSWER)
    far.read_all()
    assert far.got == [("rtp", b"abc"), ("message", b"$$$")]
    far.sock.sendall(b"\xff" * 100_000)
    with pytest.raises(ValueError, match="not RTSP"):
        far.read_all()


@pytest.mark.parametrize(
    ("piece", "enough"),
    [(b"\r\n", 5_000), (b"RTSP/1.0 200 OK\r\n\r\n", 1_000), (interleaved(b"", 9), 10_000), (interleaved(b"", 1), 10_000)],
)
def test_a_flood_of_crumbs_ends_it(piece: bytes, enough: int, far: Far) -> None:
    def send(count: int) -> None:
        for at in range(0, count, 500):
            far.sock.sendall(piece * min(500, count - at))
            far.read_all()

    for _ in range(2):
        send(enough)
        far.wire.tick()
    send(enough)
    with pytest.raises(ValueError, match="more messages and empty packets"):
        send(1)


def test_of_short_messages_little_is_copied(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[int] = []

    def parse(data: bytes) -> tuple[RtspMessage, int] | None:
        copied.append(len(data))
        return parse_message(data)

    monkeypatch.setattr("panops.ingest.rtsp_wire.parse_message", parse)
    answers = _ANSWER * 900
    far.sock.sendall(answers)
    far.read_all()
    assert len(far.got) == 900
    assert max(copied) <= 1024


def test_a_message_without_end_is_refused(far: Far) -> None:
    far.sock.sendall(b"RTSP/1.0 200 OK and so on" * 600)
    far.read_all()
    far.sock.sendall(b"RTSP/1.0 200 OK and so on" * 100)
    with pytest.raises(ValueError, match="without end"):
        far.read_all()


def test_one_turn_takes_so_much_at_most(far: Far) -> None:
    packets = interleaved(bytes(1000)) * 150
    far.sock.sendall(packets)
    turns = 0
    while count := far.wire.fill(far.room):
        assert count <= 66_000
        far.wire.split(far.room, count)
        turns += 1
        assert far.wire.has_more == (turns < 3)
    assert len(far.got) == 150


def test_the_end_and_a_break(far: Far) -> None:
    far.sock.close()
    with pytest.raises(EOFError):
        far.wire.fill(far.room)
    with pytest.raises(BrokenPipeError):
        far.wire.post(b"x")


def test_waiting_ends_with_data_with_time_and_with_stop(far: Far) -> None:
    began_s = time.monotonic()
    assert not far.wire.wait(began_s + 0.05)
    far.sock.sendall(b"x")
    assert far.wire.wait(began_s + 60)
    far.wire.fill(far.room)
    threading.Timer(0.05, far.stop.set).start()
    with pytest.raises(Stopped):
        far.wire.wait(began_s + 60)
    assert time.monotonic() - began_s < 5.0


def test_who_does_not_read_holds_nobody_up(far: Far) -> None:
    far.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(5000):
        far.wire.post(b"x" * 1000)
    assert len(far.wire._unsent) <= 16 * 1024
    with pytest.raises(TimeoutError):
        far.wire.send(b"x" * 10_000_000, time.monotonic() + 0.05)
    far.wire.close(b"farewell")
    far.wire.close()
    assert far.wire.fileno() == -1


def test_a_farewell_arrives(far: Far) -> None:
    far.wire.close(b"farewell")
    assert far.sock.recv(100) == b"farewell"
    assert far.sock.recv(100) == b""
