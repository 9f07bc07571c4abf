"""Packets as they leave a live source: with repaired times, capture times, and the stream that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.rational import AVRational

from panops.domain.packets import Packet, StreamInfo
from panops.ingest.access_units import AccessUnit
from panops.ingest.capture_clock import CaptureClock
from panops.ingest.rtp_clock import DecodeTimes, RtpClock
from panops.ingest.stream_parameters import picture_delay
from panops.ingest.timestamps import TimestampRepair

MICROSECONDS = Fraction(1, 1_000_000)
_MICROSECONDS = AVRational(1, 1_000_000)  # the same, in the form that the library takes at once

# Packets that were read ahead while opening come at once; the first read that waits longer than this shows what is really new.
BURST_S = 0.01
LARGEST_BURST = 250


def finished_packet(
    payload: Any, info: StreamInfo | None, epoch: int, pts_s: float, dts_s: float, captured_at_s: float, is_keyframe: bool
) -> Packet:
    """A packet as it leaves a source: its repaired times also in the payload, in microseconds, and its stream in `opaque`.

    Each payload has a copy of the stream's values of its own: PyAV (18.1) finds such an object by its address, and forgets it as soon as
    the first of several payloads that share it is freed.

    Args:
        payload: The library's packet; written to.
        info: Its stream, or None where only keyframes carry it.
        epoch: Its epoch.
        pts_s: Repaired presentation time, s.
        dts_s: Repaired decode time, s.
        captured_at_s: Capture time, s.
        is_keyframe: Whether decoding can begin with it.
    """
    payload.time_base = _MICROSECONDS
    payload.pts = pts = round(pts_s * 1e6)
    payload.dts = pts if dts_s == pts_s else round(dts_s * 1e6)
    if info is not None:
        payload.opaque = StreamInfo(info.codec, info.size_wh, info.rate_fps, info.duration_s, info.live, info.template)
    return Packet(pts_s, captured_at_s, is_keyframe, payload.size, epoch, payload)


def prime(capture: CaptureClock, rehearsal: TimestampRepair, times: Iterable[tuple[float | None, float | None, float]]) -> None:
    """Tell a capture clock what came in one burst after the opening, so that the capture times of the first pictures are right too.

    Args:
        capture: The clock.
        rehearsal: A repair that is used for nothing else.
        times: Presentation, decode and arrival time of each picture, s.
    """
    distances = [arrival_s - rehearsal.repair(pts_s, dts_s, arrival_s)[0] for pts_s, dts_s, arrival_s in times]
    if distances:
        capture.prime(min(distances))


class ArrivedUnit(NamedTuple):
    """A picture, the stream and epoch that it belongs to, its times as the stream tells them, and when it came, all in s."""

    unit: AccessUnit
    info: StreamInfo
    epoch: int
    pts_s: float
    dts_s: float | None
    arrival_s: float
    utc_s: float


class LivePackets:
    """Makes packets of one connection's access units.

    Args:
        info: The stream.
        clock_hz: Ticks a second of its timestamps.
    """

    def __init__(self, info: StreamInfo, clock_hz: int) -> None:
        self.info = info
        self.epoch = 0
        self._clock = RtpClock(clock_hz)
        self._decode = DecodeTimes(picture_delay(info))
        self._repair = self._new_repair()
        self._capture = CaptureClock()
        self._begun = -1  # the newest epoch of which a packet was published

    def arrive(self, unit: AccessUnit, arrival_s: float, utc_s: float) -> ArrivedUnit:
        """A picture has come, at `arrival_s` by the monotonic clock and `utc_s` by the wall's. In their order, each once."""
        pts_s = self._clock.seconds(unit.timestamp)
        return ArrivedUnit(unit, self.info, self.epoch, pts_s, self._decode.decode_s(pts_s), arrival_s, utc_s)

    def prime(self, burst: Sequence[ArrivedUnit]) -> None:
        """Tell what came in one burst after the opening, before any of it is published."""
        prime(self._capture, self._new_repair(), [(one.pts_s, one.dts_s, one.arrival_s) for one in burst])

    def publish(self, arrived: ArrivedUnit) -> Packet:
        """The picture's packet.

        FFmpeg's decoders read a little beyond the end, so its data are copied to where there is room. Only where decoding can begin does it
        carry its stream, which takes longer than all its times.
        """
        (data, _, is_keyframe, _), info, epoch, raw_pts_s, raw_dts_s, arrival_s, utc_s = arrived
        pts_s, dts_s = self._repair.repair(raw_pts_s, raw_dts_s, arrival_s)
        captured_at_s = self._capture.captured_at_s(pts_s, arrival_s, utc_s)
        payload: Any = av.Packet(len(data))
        payload.update(data)  # any buffer, whatever the stubs say
        carried: StreamInfo | None = None
        if is_keyframe or epoch != self._begun:
            payload.is_keyframe, carried, self._begun = is_keyframe, info, epoch
        return finished_packet(payload, carried, epoch, pts_s, dts_s, captured_at_s, is_keyframe)

    def go_on(self, info: StreamInfo) -> None:
        """From the next picture on it is another stream (another size, say), whose time goes on."""
        self.info = replace(info, rate_fps=info.rate_fps or self.info.rate_fps)
        self.epoch += 1
        self._decode = DecodeTimes(picture_delay(info))

    def _new_repair(self) -> TimestampRepair:
        return TimestampRepair(self.info.rate_fps, reorders=picture_delay(self.info) > 0)
