"""The wire between the supervisor and a shard: a socket pair carrying framed messages, JSON with an optional binary tail.

A frame is `u32 json_length, u32 tail_length` (little endian), the JSON object, the tail. Nothing but encoded previews and video, events'
names and states crosses it: frames never do. Either side sees the other's death as the end of the stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections import deque
from typing import Any

HEAD = struct.Struct("<II")
LARGEST_BYTES = 64 * 1024 * 1024
_MOST_PREVIEWS = 64
_MOST_VIDEO = 1000
_MOST_VIDEO_BYTES = 16 * 1024 * 1024

Message = dict[str, Any]


def pack(message: Message, tail: bytes = b"") -> bytes:
    """One frame as bytes."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return HEAD.pack(len(body), len(tail)) + body + tail


class LinkClosedError(ConnectionError):
    """The other side is gone."""


class ShardLink:
    """The shard's end: any thread may send without waiting, one thread receives.

    A sender thread does the writing, so that a slow supervisor never holds up the pipeline. Previews and video are dropped when
    the supervisor does not keep up (newer ones come soon); everything else is kept, up to a bound that only a dead supervisor reaches.

    Args:
        sock: The shard's socket of the pair.
        bound: The most messages that may wait; beyond it the link counts as dead.
    """

    def __init__(self, sock: socket.socket, bound: int = 10_000) -> None:
        self._sock = sock
        self._bound = bound
        self._waiting: deque[tuple[bytes, bool, bool]] = deque()
        self._previews = self._videos = self._video_bytes = 0
        self._ready = threading.Condition()
        self._closed = False
        self._sender = threading.Thread(target=self._send_all, name="link-send", daemon=True)
        self._sender.start()

    def send(self, message: Message, tail: bytes = b"", *, droppable: bool = False, video: bool = False) -> bool:
        """Queue a message; False when it was not taken (a preview or video, and behind, or the link is closed)."""
        with self._ready:
            # Small pictures are many: by their bytes alone they would take the room of what must not be lost.
            full = self._videos >= _MOST_VIDEO or self._video_bytes >= _MOST_VIDEO_BYTES
            behind = (droppable and self._previews >= _MOST_PREVIEWS) or (video and full)
            if self._closed or behind or len(self._waiting) >= self._bound:
                return False
            frame = pack(message, tail)
            self._waiting.append((frame, droppable, video))
            self._previews += droppable
            self._videos += video
            self._video_bytes += len(frame) if video else 0
            self._ready.notify()
        return True

    def receive(self) -> tuple[Message, bytes]:
        """The next message and its tail; blocks.

        Raises:
            LinkClosedError: The supervisor is gone.
        """
        body_length, tail_length = HEAD.unpack(self._exactly(HEAD.size))
        if body_length + tail_length > LARGEST_BYTES:
            raise LinkClosedError(f"a message of {body_length + tail_length} bytes cannot be right")
        return json.loads(self._exactly(body_length)), self._exactly(tail_length)

    def close(self, timeout_s: float = 2.0) -> None:
        """Send what waits, then close. Safe to call twice."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._sender.join(timeout_s)
        with contextlib.suppress(OSError):  # closed by the other side already
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _send_all(self) -> None:
        while True:
            with self._ready:
                while not self._waiting and not self._closed:
                    self._ready.wait()
                if not self._waiting:
                    return
                frame, droppable, video = self._waiting.popleft()
                self._previews -= droppable
                self._videos -= video
                self._video_bytes -= len(frame) if video else 0
            try:
                self._sock.sendall(frame)
            except OSError:
                with self._ready:
                    self._closed = True
                    self._waiting.clear()
                return

    def _exactly(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            try:
                part = self._sock.recv(min(count, 1 << 20))
            except OSError as error:
                raise LinkClosedError("the supervisor is gone") from error
            if not part:
                raise LinkClosedError("the supervisor is gone")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


async def read_message(reader: asyncio.StreamReader) -> tuple[Message, bytes]:
    """The supervisor's end of `ShardLink.receive`.

    Raises:
        LinkClosedError: The shard is gone.
    """
    try:
        body_length, tail_length = HEAD.unpack(await reader.readexactly(HEAD.size))
        if body_length + tail_length > LARGEST_BYTES:
            raise LinkClosedError(f"a message of {body_length + tail_length} bytes cannot be right")
        body = await reader.readexactly(body_length)
        return json.loads(body), await reader.readexactly(tail_length) if tail_length else b""
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise LinkClosedError("the shard is gone") from error
