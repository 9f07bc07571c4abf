"""Encoded video on its way from a source to the decoder, the packet ring and the clip writer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source says of its video stream once it is open.

    Attributes:
        codec: Codec name as FFmpeg spells it, for example `h264`, `hevc`, `mjpeg`.
        size_wh: Width and height in px.
        rate_fps: Nominal frames per second, or None where the stream does not say.
        duration_s: Length in s, or None for a live stream.
        live: Whether frames arrive in real time and cannot be asked for again.
        template: The library's stream object that decoders and muxers are made from (`av.VideoStream`); opaque here.
    """

    codec: str
    size_wh: tuple[int, int]
    rate_fps: float | None
    duration_s: float | None
    live: bool
    template: Any


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded picture.

    Attributes:
        pts_s: Presentation time, s from the stream's start, repaired: never NaN, never jumps by more than the repair allows.
        captured_at_s: UTC capture time, s, for a live camera; `pts_s` for a file.
        is_keyframe: Whether decoding can begin here.
        size_bytes: Length of the encoded data.
        epoch: Counts the source's connections; packets of different epochs cannot share a decoder.
        payload: The library's packet (`av.Packet`); opaque here, never changed once published.
        arrived_s: When it came, on the monotonic clock, s; infinity for a file.
    """

    pts_s: float
    captured_at_s: float
    is_keyframe: bool
    size_bytes: int
    epoch: int
    payload: Any
    arrived_s: float = math.inf
