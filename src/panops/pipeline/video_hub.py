"""The supervisor's side of live video: who watches which stream, and every picture to each of them. One copy serves all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from panops.pipeline.link import Message
from panops.pipeline.video import StreamName, TooManyViewersError, VideoMessage, VideoPiece, VideoRefused, VideoStart, video_from_wire

MOST_VIEWERS = 16
"""So many may watch cameras of one process: each costs the sending of its bytes."""
# What a viewer did not take within so long, or so much, is left out up to the next keyframe.
_SLOW_S = 2.0
_MOST_BYTES = 8 * 1024 * 1024

Stream = tuple[str, StreamName]


class Viewer:
    """Implements `panops.pipeline.video.VideoFeed`. Lives on the event loop."""

    def __init__(self, stream: Stream, on_close: Callable[[Viewer], None]) -> None:
        self.stream = stream
        self.skipped = 0
        self._on_close = on_close
        self._start: VideoStart | None = None
        self._refused: VideoRefused | None = None
        self._pieces: deque[tuple[float, VideoPiece]] = deque()
        self._size_bytes = 0
        self._waits_for_keyframe = True
        self._wake = asyncio.Event()
        self._closed = False

    async def next(self) -> list[VideoMessage]:
        """Wait until there is something, then everything there is; empty once the feed is closed."""
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            news: list[VideoMessage] = [one for one in (self._start, self._refused) if one is not None]
            news += [piece for _, piece in self._pieces]
            self._start = self._refused = None
            self._pieces.clear()
            self._size_bytes = 0
            if news:  # what it was woken for may have grown too old meanwhile
                return news
        return []

    def close(self) -> None:
        """End the feed. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._on_close(self)
            self._wake.set()

    def offer(self, message: VideoMessage) -> None:
        """Take a message; never waits."""
        if isinstance(message, VideoPiece):
            self._offer_piece(message)
            return
        # What waits is of the stream before: a player that starts anew has no use for it.
        self._pieces.clear()
        self._size_bytes, self._waits_for_keyframe = 0, True
        if isinstance(message, VideoStart):
            self._start, self._refused = message, None
        else:
            self._start, self._refused = None, message
        self._wake.set()

    def _offer_piece(self, piece: VideoPiece) -> None:
        now_s = monotonic()
        if self._pieces and (now_s - self._pieces[0][0] > _SLOW_S or self._size_bytes > _MOST_BYTES):
            self.skipped += len(self._pieces)
            self._pieces.clear()
            self._size_bytes, self._waits_for_keyframe = 0, True
        if self._waits_for_keyframe and not piece.is_keyframe:
            self.skipped += 1
            return
        self._waits_for_keyframe = False
        self._pieces.append((now_s, piece))
        self._size_bytes += len(piece.data)
        self._wake.set()


class _Channel:
    """One stream that is watched: its viewers, and what a new one begins with."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.viewers: list[Viewer] = []
        self.begun: list[VideoMessage] = []
        self.size_bytes = 0

    def take(self, message: VideoMessage) -> None:
        if not isinstance(message, VideoPiece):
            self.begun, self.size_bytes = [message], 0
        elif not self.begun:
            return  # of a stream that was watched before this one
        else:
            if message.is_keyframe:
                self.begun, self.size_bytes = self.begun[:1], 0
            # A group too long to be kept is not begun in its middle: a new viewer waits for the next one.
            self.size_bytes += len(message.data)
            if self.size_bytes > _MOST_BYTES:
                del self.begun[1:]
            elif message.is_keyframe or len(self.begun) > 1:
                self.begun.append(message)
        for viewer in self.viewers:
            viewer.offer(message)


class VideoHub:
    """All viewers of live video.

    Args:
        on_change: Called when other streams are wanted than before; it should read `wanted` and tell the shards.
        shard_of: The process that has a camera, -1 for none.
    """

    def __init__(self, on_change: Callable[[], None], shard_of: Callable[[str], int]) -> None:
        self._on_change = on_change
        self._shard_of = shard_of
        self._channels: dict[Stream, _Channel] = {}
        self._opened = 0

    def open(self, camera_id: str, stream: StreamName) -> Viewer:
        """A new viewer of a stream.

        Raises:
            TooManyViewersError: 16 watch cameras of the same process.
        """
        shard = self._shard_of(camera_id)
        watching = sum(len(channel.viewers) for (other, _), channel in self._channels.items() if self._shard_of(other) == shard)
        if watching >= MOST_VIEWERS:
            raise TooManyViewersError(f"{MOST_VIEWERS} watch video of cameras of this process already; this is shown as pictures")
        key = (camera_id, stream)
        channel = self._channels.get(key)
        if channel is None:
            self._opened += 1
            channel = self._channels[key] = _Channel(self._opened)
            self._on_change()
        viewer = Viewer(key, self._remove)
        for message in channel.begun:
            viewer.offer(message)
        channel.viewers.append(viewer)
        return viewer

    def _remove(self, viewer: Viewer) -> None:
        channel = self._channels[viewer.stream]
        channel.viewers.remove(viewer)
        if not channel.viewers:
            del self._channels[viewer.stream]
            self._on_change()

    def wanted(self, shard: int) -> list[list[str | int]]:
        """The streams that a process is to send, as JSON values: camera, stream, and a number that tells one that begins anew."""
        mine = (key for key in self._channels if self._shard_of(key[0]) == shard)
        return [[*key, self._channels[key].number] for key in sorted(mine)]

    def take(self, message: Message, tail: bytes) -> None:
        """A shard's `video` message; of a stream that nobody watches any more it is forgotten."""
        channel = self._channels.get((message["camera"], message["stream"]))
        if channel is not None:
            channel.take(video_from_wire(message, tail))

    def gone(self, shard: int, reason: str) -> None:
        """A process ended: its streams begin anew when it is back."""
        for (camera_id, _), channel in self._channels.items():
            if self._shard_of(camera_id) == shard:
                channel.take(VideoRefused(reason))
