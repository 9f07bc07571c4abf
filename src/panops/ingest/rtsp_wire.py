"""One RTSP connection as bytes: messages and video packets on the same TCP stream (RFC 2326, 10.12), taken apart where they lie.

Reads are few and large: a system call and a wake-up cost more than all the work on a picture. Everything that waits is bounded.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from panops.ingest.rtsp_message import LONGEST_BODY_BYTES, LONGEST_HEAD_BYTES, RtspMessage, parse_message
from panops.ingest.stoppable import wait_for

# One turn of a camera: so much at most, so that one that floods does not hold up the others.
_TURN_BYTES = 64 * 1024
_LONGEST_MESSAGE_BYTES = LONGEST_HEAD_BYTES + LONGEST_BODY_BYTES
_DOLLAR, _LINE_ENDS = 0x24, (0x0A, 0x0D)
# What a server sends between messages and packets that is neither.
_MOST_JUNK_BYTES = 64 * 1024
# Each piece costs time, however short it is. A camera sends a few hundred short ones a second at most: line ends, control packets, slices
# in which nothing moves; and a message once in a while, which costs as much as ten of them.
_SHORT_BYTES, _MOST_SHORT, _MESSAGE_COUNTS = 64, 10_000, 10
# Of a message so much is looked at first, and eight times more where that is not all of it.
_FIRST_LOOK_BYTES = 1024
_MOST_UNSENT_BYTES = 16 * 1024

OnPacket = Callable[[memoryview, int, int], None]


def make_room() -> memoryview:
    """A buffer for `RtspWire.fill`; one serves all the connections that a thread reads."""
    return memoryview(bytearray(_LONGEST_MESSAGE_BYTES + _TURN_BYTES))


class RtspWire:
    """A connected socket. Used by one thread at a time.

    Args:
        sock: It; made non-blocking here.
        stop: Ends blocking calls.

    Attributes:
        on_rtp: Told each video packet: a buffer, where it begins, where it ends.
        on_rtcp: The same for packets of its control channel.
        on_message: Told each RTSP message.
        has_more: Whether the last `fill` took all that it may.
        channels: Of video and control packets; packets of other channels are passed over.
    """

    def __init__(self, sock: socket.socket, stop: threading.Event) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.on_rtp: OnPacket = _pass_over
        self.on_rtcp: OnPacket = _pass_over
        self.on_message: Callable[[RtspMessage], None] = lambda _: None
        self.channels = (0, 1)
        self._sock = sock
        self._stop = stop
        self._rest = b""
        self._unsent = b""
        self._junk_bytes = 0
        self._short = 0  # pieces since the last `tick`
        self.has_more = False

    def fileno(self) -> int:
        """For selectors; -1 once closed."""
        return self._sock.fileno()

    # --- reading ------------------------------------------------------------------------------------------------------------

    def fill(self, room: memoryview) -> int:
        """Read once, behind what is left from the last time.

        Args:
            room: From `make_room`.

        Returns:
            How much of `room` is filled, for `split`; 0 where nothing came. `has_more` tells whether there is probably more.

        Raises:
            EOFError: The other side has closed the connection.
            OSError: It broke.
        """
        held = len(self._rest)
        if held:
            room[:held] = self._rest
        try:
            count = self._sock.recv_into(room[held : held + _TURN_BYTES])
        except (BlockingIOError, InterruptedError):
            return 0
        if not count:
            raise EOFError
        self.has_more = count == _TURN_BYTES
        return held + count

    def split(self, room: memoryview, end: int) -> None:
        """Hand out what is complete in `room[:end]`.

        Raises:
            ValueError: It is neither RTSP nor RTP, or more or larger than can be handled; the text says which.
        """
        rtp, rtcp = self.channels
        at = 0
        while end - at >= 4:
            if room[at] != _DOLLAR:
                after = self._other(room, at, end)
                if after < 0:
                    break
                at = after
                continue
            after = at + 4 + (room[at + 2] << 8 | room[at + 3])
            if after > end:
                break
            if after - at < _SHORT_BYTES:
                self._count(1)
            channel = room[at + 1]
            if channel == rtp:
                self.on_rtp(room, at + 4, after)
            elif channel == rtcp:
                self.on_rtcp(room, at + 4, after)
            at = after
        self._rest = bytes(room[at:end]) if at < end else b""

    def _other(self, room: memoryview, at: int, end: int) -> int:
        """A message, or junk: where it ends, or -1 while it is not complete."""
        first = room[at]
        if 0x41 <= first <= 0x5A:
            found = _parse(room, at, min(end, at + _LONGEST_MESSAGE_BYTES))
            if found is None:
                return -1
            message, length = found
            self._count(_MESSAGE_COUNTS)
            self.on_message(message)
            return at + length
        if first in _LINE_ENDS:
            self._count(1)
            return at + 1
        self._junk_bytes += 1
        if self._junk_bytes > _MOST_JUNK_BYTES:
            raise ValueError("something that is not RTSP")
        return at + 1

    def _count(self, pieces: int) -> None:
        self._short += pieces
        if self._short > _MOST_SHORT:
            raise ValueError("more messages and empty packets than a camera needs")

    def tick(self) -> None:
        """A second, or more, has passed: what comes from now on is counted anew."""
        self._short = 0

    def wait(self, deadline_s: float) -> bool:
        """Wait for something to read; False when `deadline_s` (by `time.monotonic`) came first.

        Raises:
            Stopped: `stop` was set.
        """
        return wait_for(self._sock, deadline_s, self._stop)

    # --- writing ------------------------------------------------------------------------------------------------------------

    def send(self, data: bytes, deadline_s: float) -> None:
        """Write everything, waiting until `deadline_s` (by `time.monotonic`) at most.

        Raises:
            TimeoutError: The other side does not read.
            OSError: The connection broke.
            Stopped: `stop` was set.
        """
        at = 0
        while at < len(data):
            try:
                at += self._sock.send(data[at:])
            except (BlockingIOError, InterruptedError):
                if not wait_for(self._sock, deadline_s, self._stop, writable=True):
                    raise TimeoutError from None

    def post(self, data: bytes) -> None:
        """Write what can be written now, the rest with the next call. From somebody who does not read, messages are withheld.

        Raises:
            OSError: The connection broke.
        """
        if len(self._unsent) + len(data) <= _MOST_UNSENT_BYTES:
            self._unsent += data
        if self._unsent:
            with contextlib.suppress(BlockingIOError, InterruptedError):
                self._unsent = self._unsent[self._sock.send(self._unsent) :]

    def close(self, farewell: bytes = b"") -> None:
        """Close it, after a last message where that is possible at once. Safe to call twice."""
        with contextlib.suppress(OSError):
            if farewell and not self._unsent and self._sock.fileno() >= 0:
                self._sock.send(farewell)
                self._sock.shutdown(socket.SHUT_WR)
        self._sock.close()
        # Those who are told hold this one in turn.
        self.on_rtp = self.on_rtcp = _pass_over
        self.on_message = lambda _: None


def _parse(room: memoryview, at: int, end: int) -> tuple[RtspMessage, int] | None:
    """`parse_message` of `room[at:end]`, without copying all of it for a short message."""
    look = _FIRST_LOOK_BYTES
    while True:
        found = parse_message(bytes(room[at : min(end, at + look)]))
        if found is not None or at + look >= end:
            return found
        look *= 8


def _pass_over(data: memoryview, at: int, end: int) -> None:
    del data, at, end
