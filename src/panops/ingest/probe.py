"""A connection test: what is at an address, said in one sentence and one picture."""

from __future__ import annotations

import time
from dataclasses import dataclass

from panops.domain.errors import SourceCorrupt, SourceError
from panops.domain.frame import Frame
from panops.domain.protocols import Source
from panops.ingest.decode import Decoder


@dataclass(frozen=True, slots=True, eq=False)
class ProbeReport:
    """What a connection test found.

    Attributes:
        ok: Whether a picture could be decoded.
        state: `live`, or the `kind` of the `SourceError`.
        message: One sentence for people, without a password.
        address: The address without its password.
        codec: Codec name, empty when nothing opened.
        size_wh: Size of the first picture, px.
        rate_fps: Frames per second as announced, else as counted during the test; None when it is not known.
        keyframe_interval_s: Time between keyframes, s, or None when fewer than two came during the test.
        frame: The first picture, or None.
        took_s: Until the first picture or the failure, s.
    """

    ok: bool
    state: str
    message: str
    address: str
    codec: str = ""
    size_wh: tuple[int, int] = (0, 0)
    rate_fps: float | None = None
    keyframe_interval_s: float | None = None
    frame: Frame | None = None
    took_s: float = 0.0


@dataclass(slots=True)
class _Seen:
    frame: Frame | None = None
    first_pts_s: float | None = None
    last_pts_s: float = 0.0
    packets: int = 0
    keyframes_s: tuple[float, ...] = ()
    first_frame_s: float | None = None


def probe_source(source: Source, watch_s: float = 4.0, longest_s: float = 20.0) -> ProbeReport:
    """Open a source, decode its first picture, and watch it for a moment. Never raises a `SourceError`; the source is closed afterwards.

    Args:
        source: Not open yet.
        watch_s: How long to watch for a second keyframe after the first picture, s (of the wall, and of the video).
        longest_s: When to give up waiting for a first picture, s.
    """
    began_s = time.monotonic()
    codec, seen, rate_fps = "", _Seen(), None
    try:
        info = source.open()
        codec, rate_fps = info.codec, info.rate_fps
        _watch(source, Decoder("probe", info), seen, watch_s, began_s + longest_s)
        if seen.frame is None:
            what = f"sent {seen.packets} packets of {codec}" if seen.packets else "sent nothing"
            return ProbeReport(
                False, SourceCorrupt.kind, f"{source.address} {what}, but no picture of it can be decoded", source.address, codec,
                took_s=time.monotonic() - began_s,
            )  # fmt: skip
    except SourceError as error:
        if seen.frame is None:
            return ProbeReport(False, error.kind, str(error), source.address, codec, took_s=time.monotonic() - began_s)
    finally:
        source.close()
    return _report(source, codec, rate_fps, seen, began_s)


def _report(source: Source, codec: str, rate_fps: float | None, seen: _Seen, began_s: float) -> ProbeReport:
    assert seen.frame is not None, "checked by the caller"  # noqa: S101  # for the type checker
    size_wh = seen.frame.size_wh
    if rate_fps is None and seen.packets > 2 and seen.first_pts_s is not None and seen.last_pts_s > seen.first_pts_s:
        rate_fps = (seen.packets - 1) / (seen.last_pts_s - seen.first_pts_s)
    interval_s = None
    if len(seen.keyframes_s) > 1:
        interval_s = (seen.keyframes_s[-1] - seen.keyframes_s[0]) / (len(seen.keyframes_s) - 1)
    rate = f" at {rate_fps:.3g} frames/s" if rate_fps else ""
    message = f"{source.address} sends {codec} {size_wh[0]}x{size_wh[1]}{rate}"
    took_s = (seen.first_frame_s or began_s) - began_s
    return ProbeReport(True, "live", message, source.address, codec, size_wh, rate_fps, interval_s, seen.frame, took_s)


def _watch(source: Source, decoder: Decoder, seen: _Seen, watch_s: float, give_up_s: float) -> None:
    """Read until two keyframes are known, or the time is over."""
    while time.monotonic() < give_up_s:
        packet = source.read()
        frames = decoder.decode(packet) if packet is not None else decoder.flush()
        if frames and seen.frame is None:
            seen.frame, seen.first_frame_s = frames[0], time.monotonic()
            give_up_s = min(give_up_s, seen.first_frame_s + watch_s)
        if packet is None:
            return
        seen.packets += 1
        seen.first_pts_s = packet.pts_s if seen.first_pts_s is None else seen.first_pts_s
        seen.last_pts_s = max(seen.last_pts_s, packet.pts_s)
        if packet.is_keyframe:
            seen.keyframes_s += (packet.pts_s,)
        watched_s = packet.pts_s - seen.first_pts_s
        if seen.frame is not None and (len(seen.keyframes_s) > 1 or watched_s > watch_s) and seen.packets > 2:
            return
