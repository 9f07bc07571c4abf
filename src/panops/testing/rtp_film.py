"""H.264 films cut into RTP packets once, so that sending a picture is one write."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass

import av

PAYLOAD_TYPE = 96
_HEAD = struct.Struct(">BBHBBHII")  # interleaving: $, channel, length; RTP: flags, type, sequence number, time, source


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, cut for the wire.

    Attributes:
        wire: Interleaved RTP packets, one after the other; sequence numbers, times and sources are still to be filled in.
        stamps: Where in `wire` each packet's sequence number begins.
        is_keyframe: Whether a viewer may begin with it.
    """

    wire: bytes
    stamps: tuple[int, ...]
    is_keyframe: bool


@dataclass(frozen=True, slots=True)
class Film:
    """A file, ready to be sent over and over.

    Attributes:
        pictures: In order.
        sdp: Its codec's line of the session description.
    """

    pictures: tuple[Picture, ...]
    sdp: str


def load_film(path: str, mtu: int) -> Film:
    """Cut an H.264 file into pictures for the wire.

    Args:
        path: A file that FFmpeg reads.
        mtu: The longest RTP payload, bytes.

    Raises:
        ValueError: It holds no H.264, or does not begin with a keyframe.
    """
    with av.open(path) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != "h264":
            raise ValueError(f"{path}: expected H.264, got {stream.codec_context.name}")
        annex_b = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        pictures, parameters = [], {}
        for packet in container.demux(stream):
            for whole in annex_b.filter(packet) if packet.size else ():
                units = _units(bytes(whole))
                parameters.update({unit[0] & 31: unit for unit in units if unit[0] & 31 in (7, 8)})
                pictures.append(_cut(units, bool(whole.is_keyframe), mtu))
    if not pictures or not pictures[0].is_keyframe or 7 not in parameters:
        raise ValueError(f"{path}: expected a film that begins with a keyframe")
    sets = ",".join(base64.b64encode(parameters[kind]).decode() for kind in sorted(parameters))
    level = parameters[7][1:4].hex().upper()
    return Film(tuple(pictures), f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={level};sprop-parameter-sets={sets}\r\n")


def _units(data: bytes) -> list[bytes]:
    """The NAL units of an access unit in Annex B's form, without access unit delimiters."""
    parts = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return [part for part in parts if part and part[0] & 31 != 9]


def _cut(units: list[bytes], is_keyframe: bool, mtu: int) -> Picture:
    payloads: list[bytes] = []
    for unit in units:
        if len(unit) <= mtu:
            payloads.append(unit)
            continue
        kind, importance = unit[0] & 31, unit[0] & 0xE0
        body, room = unit[1:], mtu - 2
        for at in range(0, len(body), room):
            edge = (0x80 if at == 0 else 0) | (0x40 if at + room >= len(body) else 0)
            payloads.append(bytes((importance | 28, edge | kind)) + body[at : at + room])
    wire, stamps = bytearray(), []
    for number, payload in enumerate(payloads):
        stamps.append(len(wire) + 6)
        last = 0x80 if number == len(payloads) - 1 else 0
        wire += _HEAD.pack(0x24, 0, len(payload) + 12, 0x80, last | PAYLOAD_TYPE, 0, 0, 0) + payload
    return Picture(bytes(wire), tuple(stamps), is_keyframe)
