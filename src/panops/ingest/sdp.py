"""Session descriptions (RFC 8866), as far as a camera's one video stream needs them.

They come from the network: nothing in them is believed.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from panops.ingest.reader_choice import Unusual

_CODECS = {"H264": "h264", "H265": "hevc", "HEVC": "hevc"}
_SETS = {"h264": ("sprop-parameter-sets",), "hevc": ("sprop-vps", "sprop-sps", "sprop-pps")}
_PLAIN = frozenset({"RTP/AVP", "RTP/AVPF", "RTP/AVP/TCP"})
_LARGEST_SET_BYTES, _MOST_SETS = 4096, 32


@dataclass(frozen=True, slots=True)
class VideoOffer:
    """The video that a camera offers.

    Attributes:
        codec: `h264` or `hevc`.
        payload_type: Of its RTP packets.
        clock_hz: Ticks a second of its timestamps.
        control: Its own control attribute as it is written; empty where there is none.
        session_control: The whole session's.
        parameter_sets: NAL units, without start codes, that a decoder needs before the first picture; often none.
        rate_fps: Pictures a second, or None where the camera does not say.
    """

    codec: str
    payload_type: int
    clock_hz: int
    control: str = ""
    session_control: str = ""
    parameter_sets: tuple[bytes, ...] = ()
    rate_fps: float | None = None


@dataclass(slots=True)
class _Section:
    """What stands under one `m=` line, or before the first one."""

    media: list[str]
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def first(self, name: str) -> str:
        return next((value for key, value in self.attributes if key == name), "")

    def of_payload(self, name: str, payload_type: int) -> list[str]:
        """Values of the `a=NAME:PAYLOAD_TYPE ...` lines."""
        found = [value.partition(" ") for key, value in self.attributes if key == name]
        return [rest.strip() for number, _, rest in found if number.strip() == str(payload_type)]


def parse_sdp(text: str) -> VideoOffer:
    """The one video stream of a description.

    Raises:
        Unusual: There is not exactly one, or it is nothing for our own reader; the text says why.
    """
    session, *streams = _sections(text)
    videos = [stream for stream in streams if stream.media[0] == "video"]
    if len(videos) != 1:
        raise Unusual(f"it offers {len(videos) or 'no'} video streams")
    video = videos[0]
    payload_type = _payload_type(video)
    codec, clock_hz = _codec(video, payload_type)
    parameters = _parameters(video.of_payload("fmtp", payload_type))
    _refuse_interleaving(codec, parameters)
    return VideoOffer(
        codec,
        payload_type,
        clock_hz,
        video.first("control"),
        session.first("control"),
        _parameter_sets(codec, parameters),
        _rate_fps(video.first("framerate") or video.first("x-framerate")),
    )


def _sections(text: str) -> list[_Section]:
    sections = [_Section([""])]
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals:
            continue
        if key == "m":
            sections.append(_Section(value.split() or [""]))
        elif key == "a":
            name, _, rest = value.partition(":")
            sections[-1].attributes.append((name.strip().lower(), rest.strip()))
    return sections


def _payload_type(video: _Section) -> int:
    media = video.media
    if len(media) < 4 or media[2].upper() not in _PLAIN or video.first("crypto") or video.first("key-mgmt"):
        raise Unusual("its video is not plain RTP")
    if len(media) != 4 or not media[3].isdecimal() or int(media[3]) > 127:
        raise Unusual("it offers its video in several formats")
    return int(media[3])


def _codec(video: _Section, payload_type: int) -> tuple[str, int]:
    name, _, clock = next(iter(video.of_payload("rtpmap", payload_type)), "").partition("/")
    codec = _CODECS.get(name.strip().upper())
    if codec is None:
        raise Unusual("its video is neither H.264 nor H.265")
    clock = clock.partition("/")[0].strip()
    if not clock.isdecimal() or not 1_000 <= int(clock[:10]) <= 10_000_000:
        raise Unusual("its description does not tell the clock of its video")
    return codec, int(clock)


def _parameters(lines: list[str]) -> dict[str, str]:
    pairs = (pair.partition("=") for line in lines for pair in line.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _refuse_interleaving(codec: str, parameters: dict[str, str]) -> None:
    """Pictures in another order than that of decoding."""
    if codec == "h264" and parameters.get("packetization-mode", "0") not in {"0", "1"}:
        raise Unusual("it sends its pictures in an order of its own")
    if codec == "hevc" and (
        any(parameters.get(name, "0") != "0" for name in ("sprop-max-don-diff", "sprop-depack-buf-nalus"))
        or parameters.get("tx-mode", "SRST").upper() != "SRST"
    ):
        raise Unusual("it sends its pictures in an order of its own")


def _parameter_sets(codec: str, parameters: dict[str, str]) -> tuple[bytes, ...]:
    """What can be read of them; a camera that writes them badly sends them in its stream, too."""
    sets = []
    for name in _SETS[codec]:
        for text in parameters.get(name, "").split(",")[:_MOST_SETS]:
            try:
                unit = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), validate=True)
            except (binascii.Error, ValueError):
                continue
            if 2 < len(unit) <= _LARGEST_SET_BYTES:
                sets.append(unit)
    return tuple(sets)


def _rate_fps(text: str) -> float | None:
    try:
        rate_fps = float(text)
    except ValueError:
        return None
    return rate_fps if 0.01 <= rate_fps <= 1000 else None
