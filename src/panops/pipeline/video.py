"""Live video on its way to viewers: what a player gets, and the words of it on the wire between shard and supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from panops.domain.errors import PanopsError
from panops.pipeline.link import Message

StreamName = Literal["sub", "main"]
"""`sub` is the stream that is looked at (`source`), `main` the one that is recorded (`record_source`)."""


class TooManyViewersError(PanopsError):
    """As many watch already as the process of the camera may serve."""


@dataclass(frozen=True, slots=True)
class VideoStart:
    """A stream begins, or goes on as another one: the player starts anew.

    Attributes:
        mime: What a player is asked whether it can play it.
        size_wh: Picture size, px.
        data: `ftyp` and `moov`.
    """

    mime: str
    size_wh: tuple[int, int]
    data: bytes


@dataclass(frozen=True, slots=True)
class VideoPiece:
    """One picture.

    Attributes:
        is_keyframe: Whether a player may begin with it.
        at_s: When it is shown by the player's clock, s.
        captured_at_s: When it was taken, UTC s.
        data: `moof` and `mdat`.
    """

    is_keyframe: bool
    at_s: float
    captured_at_s: float
    data: bytes


@dataclass(frozen=True, slots=True)
class VideoRefused:
    """There is no video of this stream now, and why, in one sentence; it may begin later."""

    reason: str


VideoMessage = VideoStart | VideoPiece | VideoRefused


class VideoFeed(Protocol):
    """One viewer's video. Lives on the event loop."""

    skipped: int
    """Pictures that were left out because this viewer was slow."""

    async def next(self) -> list[VideoMessage]:
        """Wait until there is something, then everything there is; empty once the feed is closed."""
        ...

    def close(self) -> None:
        """End the feed. Safe to call twice."""
        ...


def video_to_wire(camera_id: str, stream: StreamName, message: VideoMessage) -> tuple[Message, bytes]:
    """A message and its tail."""
    head: Message = {"type": "video", "camera": camera_id, "stream": stream}
    if isinstance(message, VideoPiece):
        return {**head, "piece": [message.is_keyframe, message.at_s, message.captured_at_s]}, message.data
    if isinstance(message, VideoStart):
        return {**head, "start": [message.mime, *message.size_wh]}, message.data
    return {**head, "refused": message.reason}, b""


def video_from_wire(message: Message, tail: bytes) -> VideoMessage:
    """The inverse of `video_to_wire`."""
    if "piece" in message:
        is_keyframe, at_s, captured_at_s = message["piece"]
        return VideoPiece(bool(is_keyframe), at_s, captured_at_s, tail)
    if "start" in message:
        mime, width, height = message["start"]
        return VideoStart(mime, (width, height), tail)
    return VideoRefused(message["refused"])
