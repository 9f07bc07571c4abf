"""What all sources on FFmpeg share: one or more inputs in turn, repaired times, capture times, pacing.

Every packet that leaves here carries its repaired times in its own fields too, in microseconds, and the `StreamInfo` it belongs to in
`opaque`; so decoders and the clip writer need nothing else, and no later thread touches FFmpeg's input structures.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import av
from av.video.stream import VideoStream

from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt, SourceError
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import Address
from panops.ingest.capture_clock import CaptureClock
from panops.ingest.demuxer import Demuxer, Input
from panops.ingest.failure import closed_by_peer
from panops.ingest.live_packets import BURST_S, LARGEST_BURST, MICROSECONDS, finished_packet, prime
from panops.ingest.timestamps import TimestampRepair

__all__ = ["MICROSECONDS", "Arrival", "LibavSource"]

log = logging.getLogger(__name__)

# A paced file that fell this far behind (the machine slept) goes on from where it is instead of racing.
_TOO_LATE_S = 1.0
# B-frames are decoded before they are shown; so far back is a paced film's capture time set, lest it lie in the future.
_REORDER_ROOM_S = 0.5
# Readers of single JPEG pictures in a row: there are no time stamps, and FFmpeg counts 25 a second.
_WITHOUT_TIMES = {"mpjpeg", "mjpeg"}
# A larger change of UTC against the monotonic clock is no correction.
_CLOCK_SET_S = 1.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A raw packet and when it came."""

    payload: av.Packet[VideoStream]
    arrival_s: float
    utc_s: float


class LibavSource:
    """A `Source` on FFmpeg. Subclasses say what to open (`inputs`) and whether it is a recording (`is_recording`).

    Args:
        address: Where it is.
        clock: Time.
        realtime: A recording is played at its own pace, as if it were a camera; otherwise as fast as it is read, with media times.
        loop: A recording begins again after its end.
        still_s: How long one picture lasts where an input is a single picture, s.
    """

    def __init__(self, address: Address, clock: Clock, *, realtime: bool = True, loop: bool = False, still_s: float = 1.0) -> None:
        self._where = address
        self._clock = clock
        self._realtime = realtime
        self._loop = loop
        self._still_s = still_s
        self._stop = threading.Event()
        self._demuxer: Demuxer | None = None
        self._inputs: Iterator[Input] = iter(())
        self._info: StreamInfo | None = None
        self._recording = False
        self._by_arrival = False  # pictures come without times, so that of their arrival is taken
        self._epoch = 0
        self._repair = TimestampRepair()
        self._capture = CaptureClock()
        self._burst: deque[Arrival] = deque()
        self._after_burst: SourceError | None = None
        self._primed = False
        self._ended = False
        self._failure: SourceError | None = None
        self._round_packets = 0
        self._paced_from: tuple[float, float, float] | None = None

    @property
    def address(self) -> str:
        """The address for people: the password is never in it."""
        return self._where.masked

    @property
    def info(self) -> StreamInfo | None:
        """The stream that the newest packet belongs to, or None before `open`."""
        return self._info

    def inputs(self) -> Iterable[Input]:
        """What to open, in order. A subclass says it.

        Raises:
            SourceError: There is nothing to open.
        """
        raise NotImplementedError

    def is_recording(self, demuxer: Demuxer) -> bool:
        """Whether what was opened has a beginning and an end, rather than coming live."""
        del demuxer
        return False

    def open(self) -> StreamInfo:
        """Connect. Blocks at most the input's connect time-out.

        Raises:
            SourceError: One of its kinds, saying what is wrong.
        """
        self._inputs = iter(self.inputs())
        self._info = self._open_next()
        if self._info is None:
            raise SourceCorrupt(f"{self.address} holds nothing that can be read")
        self._repair = self._new_repair()
        return self._info

    def read(self) -> Packet | None:
        """The next packet, blocking at most the stall limit; None at the end of a recording and after `close`.

        Raises:
            SourceError: The connection broke, stalled, or the data is damaged.
        """
        if self._info is None:
            raise SourceError(f"{self.address} is not open")
        if self._recording:
            return self._read_recording()
        arrival = self._next_live()
        return None if arrival is None else self._publish_live(arrival)

    def close(self) -> None:
        """Give everything back; ends a blocked `open` or `read`. Safe to call twice, from any thread."""
        self._stop.set()
        demuxer = self._demuxer
        if demuxer is not None:
            demuxer.close()

    # --- opening ------------------------------------------------------------------------------------------------------------

    def _open_next(self) -> StreamInfo | None:
        """Open the next input that can be opened; None when none is left.

        One bad file among many is passed over with a warning; when it is the only one, its error is raised. `_failure` keeps the last.
        """
        failures: list[SourceError] = []
        self._failure = None
        for what in self._inputs:
            demuxer = Demuxer(what)
            self._demuxer = demuxer
            if self._stop.is_set():  # `close` may have come before it could see this demuxer
                demuxer.close()
            try:
                info = demuxer.open()
            except SourceError as error:
                failures.append(self.explain(error, what))
                if self._stop.is_set():
                    break
                continue
            for failure in failures:
                log.warning("passed over: %s", failure)
            self._recording = self.is_recording(demuxer)
            live = self._realtime if self._recording else True
            duration_s = info.duration_s if self._recording and not self._loop else None
            self._by_arrival = not self._recording and demuxer.format in _WITHOUT_TIMES
            return replace(info, duration_s=duration_s, live=live, rate_fps=None if self._by_arrival else info.rate_fps)
        if failures and self._info is None:
            raise failures[0]
        for failure in failures:
            log.warning("passed over: %s", failure)
            self._failure = failure
        return None

    def explain(self, error: SourceError, what: Input) -> SourceError:
        """A clearer error where the subclass can tell more; by default the same."""
        del what
        return error

    def _new_repair(self) -> TimestampRepair:
        if self._is_still() or self._info is None:
            return TimestampRepair(1.0 / self._still_s)
        reorders = bool(self._info.template.codec_context.has_b_frames)
        return TimestampRepair(self._info.rate_fps, 60.0 if self._recording else 5.0, reorders=reorders)

    def _is_still(self) -> bool:
        return self._demuxer is not None and self._demuxer.format.endswith("_pipe")

    # --- recordings ---------------------------------------------------------------------------------------------------------

    def _read_recording(self) -> Packet | None:
        while not self._ended and not self._stop.is_set():
            demuxer = self._demuxer
            payload = demuxer.read() if demuxer is not None else None
            if payload is not None:
                self._round_packets += 1
                packet = self._publish_recorded(payload)
                return None if self._stop.is_set() else packet
            if not self._stop.is_set() and not self._go_on():
                self._ended = True
        return None

    def _go_on(self) -> bool:
        """Open what follows the end of an input; False when nothing does.

        Raises:
            SourceError: It loops, and nothing of it can be opened any more.
        """
        if self._demuxer is not None:
            self._demuxer.close()
        following = self._open_next()
        if following is None and self._loop:
            if self._round_packets == 0:
                raise SourceCorrupt(f"{self.address} holds no picture at all")
            self._round_packets = 0
            self._inputs = iter(self.inputs())
            following = self._open_next()
            if following is None and self._failure is not None and not self._stop.is_set():
                # What goes round and round has no end: the feed connects again, and the camera's state says why.
                raise self._failure
        if following is None:
            return False
        self._repair.splice()
        if not _same_stream(self._info, following):
            self._epoch += 1
            self._info = following
        return True

    def _publish_recorded(self, payload: av.Packet[VideoStream]) -> Packet:
        pts_s, dts_s = self._repair.repair(*_seconds(payload))
        captured_at_s = self._pace(pts_s, dts_s) if self._realtime else pts_s
        return self._packet(payload, pts_s, dts_s, captured_at_s)

    def _pace(self, pts_s: float, dts_s: float) -> float:
        """Wait until a packet's turn.

        Returns:
            The UTC time that a camera would have taken it, s.
        """
        now_s = self._clock.monotonic_s()
        if self._paced_from is None or now_s - (self._paced_from[0] + dts_s) > _TOO_LATE_S:
            room_s = _REORDER_ROOM_S if pts_s > dts_s else 0.0
            self._paced_from = (now_s - dts_s, self._clock.utc_s() - dts_s - room_s, room_s)
        start_s, start_utc_s, room_s = self._paced_from
        self._clock.wait(self._stop, start_s + dts_s - now_s)
        utc_s = self._clock.utc_s()
        set_by_s = utc_s - self._clock.monotonic_s() - (start_utc_s + room_s - start_s)
        if abs(set_by_s) > _CLOCK_SET_S:
            # Somebody, or NTP, has set the clock.
            start_utc_s += set_by_s
            self._paced_from = (start_s, start_utc_s, room_s)
        return min(start_utc_s + pts_s, utc_s)

    # --- live streams -------------------------------------------------------------------------------------------------------

    def _next_live(self) -> Arrival | None:
        if not self._primed:
            self._prime()
        if self._burst:
            return self._burst.popleft()
        if self._after_burst is not None:
            failure, self._after_burst = self._after_burst, None
            raise failure
        return self._receive()

    def _receive(self) -> Arrival | None:
        demuxer = self._demuxer
        payload = demuxer.read() if demuxer is not None else None
        if payload is None:
            if self._stop.is_set():
                return None
            raise closed_by_peer(self._where)
        return Arrival(payload, self._clock.monotonic_s(), self._clock.utc_s())

    def _prime(self) -> None:
        """Read what opening has buffered, so that the capture times of the first pictures are right too."""
        self._primed = True
        while len(self._burst) < LARGEST_BURST:
            began_s = self._clock.monotonic_s()
            try:
                arrival = self._receive()
            except SourceError as error:
                self._after_burst = error
                break
            if arrival is None:
                break
            self._burst.append(arrival)
            if arrival.arrival_s - began_s > BURST_S:
                break
        # The rehearsal's repair is thrown away; the real one goes over the same packets again.
        rehearsal = self._new_repair()
        times = [(*self._times(item), item.arrival_s) for item in self._burst]
        prime(self._capture, rehearsal, times)

    def _publish_live(self, arrival: Arrival) -> Packet:
        pts_s, dts_s = self._repair.repair(*self._times(arrival), arrival.arrival_s)
        captured_at_s = self._capture.captured_at_s(pts_s, arrival.arrival_s, arrival.utc_s)
        return self._packet(arrival.payload, pts_s, dts_s, captured_at_s)

    def _times(self, arrival: Arrival) -> tuple[float | None, float | None]:
        return (arrival.arrival_s, arrival.arrival_s) if self._by_arrival else _seconds(arrival.payload)

    def _packet(self, payload: av.Packet[VideoStream], pts_s: float, dts_s: float, captured_at_s: float) -> Packet:
        assert self._info is not None, "checked by the caller"  # noqa: S101  # for the type checker
        duration = None if self._by_arrival else payload.duration
        scale = payload.time_base / MICROSECONDS if payload.time_base else None
        payload.duration = round(duration * scale) if duration and scale else 0
        return finished_packet(payload, self._info, self._epoch, pts_s, dts_s, captured_at_s, bool(payload.is_keyframe))


def _seconds(payload: av.Packet[VideoStream]) -> tuple[float | None, float | None]:
    base = payload.time_base
    if not base:
        return None, None
    pts, dts = payload.pts, payload.dts
    return (None if pts is None else float(pts * base)), (None if dts is None else float(dts * base))


def _same_stream(first: StreamInfo | None, second: StreamInfo) -> bool:
    """Whether packets of both may go to one decoder."""
    if first is None or (first.codec, first.size_wh) != (second.codec, second.size_wh):
        return False
    return bool(first.template.codec_context.extradata == second.template.codec_context.extradata)
