"""Packets as fragmented MP4, one fragment a picture, for players that append what has come (Media Source Extensions).

FFmpeg's muxer ends a fragment when the next picture comes, which is a whole picture late; so the fragments are written here
(ISO/IEC 14496-12, section 8.8) and only the beginning, with the codec's parameters, is FFmpeg's.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass

import av
import av.error

from panops.domain.errors import SourceCorrupt, SourceUnsupported
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.remux import TIME_BASE, output_like, reorder_s

# Pictures that are shown in another order are decoded before time 0; no time in the file may be negative.
_LEAD_S = 2.0
# How long a picture stays is not known when it is sent. Players go on without a gap as long as the next one begins within twice what was
# said, and wait for a keyframe otherwise; that the next one begins earlier does no harm.
_LEAST_STAY_S, _LONGEST_STAY_S = 1.0, 10.0
_TICKS = int(1 / TIME_BASE)
_START = re.compile(rb"\x00\x00\x01")
# Access unit delimiters and what only fills: players need neither.
_LEFT_OUT = {"h264": frozenset({9, 12}), "hevc": frozenset({35, 38})}
_KEYFRAME, _OTHER = 0x02000000, 0x01010000
_TFHD = struct.pack(">II", 0x020000, 1)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One picture for a player.

    Attributes:
        data: `moof` and `mdat`.
        at_s: When it is shown, by the player's clock, s.
        captured_at_s: When it was taken, UTC s.
        is_keyframe: Whether a player may begin with it.
    """

    data: bytes
    at_s: float
    captured_at_s: float
    is_keyframe: bool


class Fragmenter:
    """Makes fragments of the packets of one epoch. For one thread.

    Args:
        info: The stream.

    Attributes:
        mime: What a player is asked whether it can play it, such as `video/mp4; codecs="avc1.64001f"`.
        start: What a player gets before the first fragment: `ftyp` and `moov`.

    Raises:
        SourceUnsupported: Players take no such codec, or the stream does not say its parameters.
    """

    def __init__(self, info: StreamInfo) -> None:
        if info.codec not in _LEFT_OUT:
            raise SourceUnsupported(f"its codec, {info.codec}, is shown as pictures: expected H.264 or H.265")
        extra = bytes(info.template.codec_context.extradata or b"")
        if not extra:
            raise SourceUnsupported("the stream does not say its parameters, so it is shown as pictures")
        self.start = _beginning(info)
        self.mime = f'video/mp4; codecs="{_codec_string(info.codec, self.start)}"'
        self._left_out = _LEFT_OUT[info.codec]
        self._is_hevc = info.codec == "hevc"
        # What a file or another program made has lengths before its units already; cameras send start codes.
        self._has_lengths = extra[0] == 1
        self._origin_s: float | None = None
        self._last_dts: int | None = None
        self._stay = round(_LEAST_STAY_S * _TICKS)
        self._number = 0

    def add(self, packet: Packet) -> Fragment:
        """The fragment of a packet, which is read and never changed."""
        if self._origin_s is None:
            self._origin_s = packet.pts_s - _LEAD_S
        pts = max(0, round((packet.pts_s - self._origin_s) * _TICKS))
        dts = max(0, pts - round(reorder_s(packet) * _TICKS))
        if self._last_dts is not None:
            dts = max(dts, self._last_dts + 1)
            self._stay = min(max(2 * (dts - self._last_dts), round(_LEAST_STAY_S * _TICKS)), round(_LONGEST_STAY_S * _TICKS))
        self._last_dts = dts
        self._number += 1
        body = bytes(packet.payload)
        units = body if self._has_lengths else self._with_lengths(body)
        flags = _KEYFRAME if packet.is_keyframe else _OTHER
        shown = max(pts, dts)
        head = _moof(self._number, dts, shown - dts, self._stay, len(units), flags)
        data = b"".join((head, struct.pack(">I", len(units) + 8), b"mdat", units))
        return Fragment(data, shown / _TICKS, packet.captured_at_s, packet.is_keyframe)

    def _with_lengths(self, body: bytes) -> bytes:
        parts: list[bytes] = []
        starts = [match.end() for match in _START.finditer(body)]
        for begin, following in zip(starts, [*starts[1:], len(body) + 3], strict=True):
            unit = body[begin : following - 3].rstrip(b"\x00")
            if not unit:
                continue
            kind = unit[0] >> 1 & 0x3F if self._is_hevc else unit[0] & 0x1F
            if kind not in self._left_out:
                parts += (struct.pack(">I", len(unit)), unit)
        return b"".join(parts)


def _beginning(info: StreamInfo) -> bytes:
    target = io.BytesIO()
    try:
        with av.open(target, "w", format="mp4", options={"movflags": "empty_moov+default_base_moof"}) as output:
            output_like(info, output)
            output.start_encoding()
            # Only what is written so far: closing adds an index that players do not want.
            return target.getvalue()
    except (av.error.FFmpegError, ValueError) as error:
        raise SourceCorrupt(f"the stream cannot be shown as video: {getattr(error, 'strerror', None) or error}") from error


def _codec_string(codec: str, start: bytes) -> str:
    """The codec's name as RFC 6381 spells it, from its parameters in `start`."""
    box = b"avcC" if codec == "h264" else b"hvcC"
    at = start.find(box)
    if at < 0:
        raise SourceUnsupported("the stream's parameters are not understood, so it is shown as pictures")
    values = start[at + 4 :]
    if codec == "h264":
        return f"avc1.{values[1]:02x}{values[2]:02x}{values[3]:02x}"
    space, tier, profile = values[1] >> 6, values[1] >> 5 & 1, values[1] & 31
    compatible = int(f"{int.from_bytes(values[2:6]):032b}"[::-1], 2)
    limits = values[6:12].rstrip(b"\x00")
    name = f"hvc1.{('', 'A', 'B', 'C')[space]}{profile}.{compatible:x}.{'H' if tier else 'L'}{values[12]}"
    return ".".join([name, *(f"{value:x}" for value in limits)])


def _moof(number: int, dts: int, offset: int, duration: int, size: int, flags: int) -> bytes:
    mfhd = _box(b"mfhd", struct.pack(">II", 0, number))
    tfdt = _box(b"tfdt", struct.pack(">IQ", 0x01000000, dts))
    # data offset, and of its one sample: duration, size, flags, offset of its showing. The whole `moof` is 104 bytes long.
    trun = _box(b"trun", struct.pack(">IIIIIIi", 0x01000F01, 1, 104 + 8, duration, size, flags, offset))
    return _box(b"moof", mfhd + _box(b"traf", _box(b"tfhd", _TFHD) + tfdt + trun))


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body
