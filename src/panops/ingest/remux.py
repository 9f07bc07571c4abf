"""Writes packets into an MP4 that a browser plays: the original pictures, not encoded again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from panops.domain.errors import SourceCorrupt
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.decode import Decoder
from panops.ingest.libav_source import MICROSECONDS

log = logging.getLogger(__name__)

# What browsers play inside MP4. H.265 depends on the machine's hardware, as everywhere.
COPIED = frozenset({"h264", "hevc", "av1"})
TIME_BASE = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class ClipSpan:
    """What a clip shows.

    Attributes:
        start_s: Capture time of its first picture, s.
        end_s: Capture time of its last picture, s.
    """

    start_s: float
    end_s: float


def write_clip(packets: Sequence[Packet], info: StreamInfo, path: Path) -> ClipSpan:
    """Write packets as an MP4 file with its index in front, its time beginning at 0.

    H.264, H.265 and AV1 are copied bit by bit, so a clip costs next to nothing and is exact. Anything else (MJPEG, GIF, raw video of USB
    cameras) is not played by browsers inside MP4 and is encoded as H.264 here, at the quality of visually lossless; such cameras pay with
    CPU time for each clip. Packets before the first keyframe are left out: nothing could show them.

    Args:
        packets: In decoding order, all of one epoch; they are read, never changed.
        info: Their stream.
        path: The file to write; its name need not end in `.mp4`.

    Raises:
        SourceCorrupt: No keyframe is among them, or they cannot be put into a file.
        OSError: The disk refuses; the caller maps it to its own kind.
    """
    first = next((index for index, packet in enumerate(packets) if packet.is_keyframe), None)
    if first is None:
        raise SourceCorrupt("expected packets with a keyframe for the clip, got none")
    chosen = [packet for packet in packets[first:] if packet.epoch == packets[first].epoch]
    carried = getattr(chosen[0].payload, "opaque", None)
    info = carried if isinstance(carried, StreamInfo) else info
    try:
        with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as output:
            if info.codec in COPIED:
                _copy(chosen, info, output)
            else:
                _encode(chosen, info, output)
    except (av.error.OSError, av.error.FileNotFoundError, av.error.PermissionError):
        raise
    except (av.error.FFmpegError, ValueError) as error:
        raise SourceCorrupt(f"the clip cannot be written: {getattr(error, 'strerror', None) or error}") from error
    return ClipSpan(chosen[0].captured_at_s, max(packet.captured_at_s for packet in chosen))


def _copy(packets: Sequence[Packet], info: StreamInfo, output: OutputContainer) -> None:
    stream = output_like(info, output)
    origin_s = packets[0].pts_s
    copies = []
    last_dts = None
    for packet in packets:
        pts = round((packet.pts_s - origin_s) / TIME_BASE)
        dts = pts - round(reorder_s(packet) / TIME_BASE)
        if last_dts is not None and dts <= last_dts:
            dts = last_dts + 1
        last_dts = dts
        copies.append((packet, max(pts, dts), dts))
    step = _step(copies)
    for index, (packet, pts, dts) in enumerate(copies):
        payload = duplicate(packet.payload)
        payload.stream = stream
        payload.time_base = TIME_BASE
        payload.pts, payload.dts = pts, dts
        payload.duration = copies[index + 1][2] - dts if index + 1 < len(copies) else step
        output.mux_one(payload)


def output_like(info: StreamInfo, output: OutputContainer) -> VideoStream:
    """An output stream of the same codec parameters."""
    template = info.template
    stream: VideoStream = output.add_stream_from_template(template, opaque=bool(template.codec_context.is_decoder))
    stream.time_base = TIME_BASE
    if info.codec == "hevc":
        # Apple's players take H.265 only by this name.
        stream.codec_context.codec_tag = "hvc1"
    return stream


def reorder_s(packet: Packet) -> float:
    """How long before its presentation a packet is decoded, s."""
    payload = packet.payload
    if payload.pts is None or payload.dts is None or payload.time_base is None:
        return 0.0
    return max(0.0, float((payload.pts - payload.dts) * payload.time_base))


def _step(copies: Sequence[tuple[Packet, int, int]]) -> int:
    """The usual distance between two pictures, in ticks."""
    if len(copies) < 2:
        return round(0.04 / TIME_BASE)
    return max(1, int(np.median(np.diff([dts for _, _, dts in copies]))))


def duplicate(payload: Any) -> Any:
    """A packet of one's own with the same contents: muxing writes into packets, and others still use these."""
    copy = av.Packet(bytes(payload))
    copy.is_keyframe = payload.is_keyframe
    for side in payload.iter_sidedata():
        copy.set_sidedata(side)
    return copy


def _encode(packets: Sequence[Packet], info: StreamInfo, output: OutputContainer) -> None:
    decoder = Decoder("clip", info)
    reformatter = VideoReformatter()
    stream: VideoStream | None = None
    origin_s = packets[0].pts_s
    for batch in [*(decoder.decode(packet) for packet in packets), decoder.flush()]:
        for frame in batch:
            width, height = (max(2, side - side % 2) for side in frame.size_wh)
            if stream is None:
                stream = output.add_stream(
                    "libx264", rate=round(info.rate_fps or 25), options={"preset": "veryfast", "crf": "20", "threads": "1"}
                )
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = MICROSECONDS
            source = VideoFrame.from_ndarray(frame.image, format="rgb24")
            picture = reformatter.reformat(source, width=stream.width, height=stream.height, format="yuv420p", threads=1)
            picture.pts, picture.time_base = round((frame.pts_s - origin_s) * 1e6), MICROSECONDS
            output.mux(stream.encode(picture))
    if stream is None:
        raise SourceCorrupt("expected pictures for the clip, got none that can be decoded")
    output.mux(stream.encode(None))
