"""The inference worker's end of the wire to its desk: the frames of `link`, sent at once by whoever has something to say."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

from panops.pipeline.link import HEAD, LARGEST_BYTES, LinkClosedError, Message, pack

_READ_BYTES = 64 * 1024


class InferenceLink:
    """Any thread may send, one receives.

    Unlike a shard this process has nothing better to do than to wait for the desk, which always reads: a sender thread would only make
    each answer later, by its own waking up and its turn of the interpreter.

    Args:
        sock: The worker's socket of the pair.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = threading.Lock()
        self._read = bytearray()

    def send(self, message: Message) -> None:
        """Send a message; one that nobody hears any more is dropped, for the next `receive` tells it."""
        frame = pack(message)
        with self._sending, contextlib.suppress(OSError):
            self._sock.sendall(frame)

    def receive(self) -> Message:
        """The next message; blocks.

        Raises:
            LinkClosedError: The desk is gone.
        """
        body_length, tail_length = HEAD.unpack(self._exactly(HEAD.size))
        if body_length > LARGEST_BYTES or tail_length:
            raise LinkClosedError(f"a message of {body_length + tail_length} bytes cannot be right")
        message: Message = json.loads(self._exactly(body_length))
        return message

    def close(self) -> None:
        """Close the wire. Safe to call twice."""
        with contextlib.suppress(OSError):  # closed by the other side already
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _exactly(self, count: int) -> bytearray:
        """So many bytes. What came with them stays for the next call: a message is one read of the socket, not three."""
        while len(self._read) < count:
            try:
                part = self._sock.recv(_READ_BYTES)
            except OSError as error:
                raise LinkClosedError("the desk is gone") from error
            if not part:
                raise LinkClosedError("the desk is gone")
            self._read += part
        taken = self._read[:count]
        del self._read[:count]
        return taken
