"""One camera's connection: made, read, kept alive and made again, for ever; its packets go to the ring and to the decode workers.

Connecting blocks and runs on a thread of the feed's own. Sources that can hand their packets over by themselves (`push`: RTSP, read by the
process's reactor) leave that thread asleep until the connection ends; from all others it reads.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from statistics import median_low

from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import SourceError, SourceUnauthorized, SourceUnsupported
from panops.domain.packets import Packet, StreamInfo
from panops.domain.protocols import Source
from panops.ingest.memory import freed_memory
from panops.ingest.packet_ring import PacketRing
from panops.ingest.pending import PendingPackets
from panops.ingest.stagger import OpenStagger

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
# Cameras lock an account after a few wrong passwords, and a codec does not change by asking again.
_HOPELESS_PAUSE_S = 15.0
_HEALTHY_AFTER_S = 60.0
# So many distances between keyframes are remembered; the longest of them is what counts.
_INTERVALS = 4

# All feeds of the process open through this one unless another is given.
_shared_stagger = OpenStagger(SystemClock())


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How a feed is doing.

    Attributes:
        state: `starting`, `live`, `ended`, or the `kind` of the `SourceError` that keeps it from being live.
        message: One sentence when it is not live, without a password.
        address: Where the camera is, without a password.
        codec: Codec name, empty before the first connection.
        size_wh: Picture size as the stream announces it, px.
        rate_fps: Nominal frames per second, or None.
        keyframe_interval_s: Usual time between two keyframes, s (median of the last), or None before there were two.
        last_packet_s: Capture time of the newest packet, s, or None.
        packets: Packets received so far.
        reconnects: How often a connection had to be made again.
        epoch: The connection that is or was last up.
        dropped: Packets given up, by cause.
        cpu_s: CPU time of the feed's thread, and of the reactor for this camera, so far, s.
    """

    state: str = "starting"
    message: str = ""
    address: str = ""
    codec: str = ""
    size_wh: tuple[int, int] = (0, 0)
    rate_fps: float | None = None
    keyframe_interval_s: float | None = None
    last_packet_s: float | None = None
    packets: int = 0
    reconnects: int = 0
    epoch: int = -1
    dropped: Mapping[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0


def pause_s(attempt: int, error: SourceError, jitter: float) -> float:
    """How long to wait before connecting again.

    Args:
        attempt: Failures since the last healthy minute, from 1.
        error: The last failure; a refused password or codec waits longer.
        jitter: 0..1, so that cameras behind one broken switch do not come back all at once.

    Returns:
        Seconds: doubling from about 0.5 up to about 30.
    """
    longest_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 16))
    if isinstance(error, (SourceUnauthorized, SourceUnsupported)):
        longest_s = max(longest_s, _HOPELESS_PAUSE_S)
    return longest_s * (0.6 + 0.4 * jitter)


class CameraFeed:
    """Keeps one camera connected.

    Args:
        camera_id: The camera.
        open_source: Makes a source that is not open yet; called for each connection.
        ring: Gets every packet.
        clock: Time.
        on_packet: Told the camera's id when packets wait; called from the thread that reads, must be quick: others wait for it.
        stagger: Spreads openings over time; the process's own when None.
        stall_s: After so long without a packet `status` says `stalled`, even before the source does, s.
        pending: The queue for the decode workers.
        jitter: Gives numbers from 0 to 1.
    """

    def __init__(
        self,
        camera_id: str,
        open_source: Callable[[], Source],
        ring: PacketRing,
        clock: Clock,
        on_packet: Callable[[str], None],
        stagger: OpenStagger | None = None,
        *,
        stall_s: float = 10.0,
        pending: PendingPackets | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.camera_id = camera_id
        self.ring = ring
        self.quiet = False
        """While set, only keyframes wait to be decoded; the ring has all else. Set and unset by the decode worker."""
        self._open_source = open_source
        self._clock = clock
        self._on_packet = on_packet
        self._stagger = stagger or _shared_stagger
        self._stall_s = stall_s
        self._pending = PendingPackets() if pending is None else pending
        self._jitter = jitter
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._thread: threading.Thread | None = None
        self._state = "starting"
        self._message = ""
        self._address = ""
        self._epoch = -1
        self._packets = 0
        self._last_packet_s: float | None = None
        self._keyframe_intervals_s: deque[float] = deque(maxlen=_INTERVALS)
        self._keyframe_interval_s: float | None = None
        self._usual_interval_s: float | None = None
        self._info: StreamInfo | None = None
        self._first_epoch = 0
        self._connections = 0
        self._last_keyframe_s: float | None = None
        self._last_arrival_s = self._keyframe_arrival_s = 0.0
        self._thread_id = 0
        self._thread_cpu_s = 0.0
        # Of the reactor, and pictures lost, by the connections that are over.
        self._past_cpu_s = 0.0
        self._past_lost = 0

    @property
    def info(self) -> StreamInfo | None:
        """The stream that the newest packets belong to, or None before the first connection."""
        return self._info

    @property
    def cpu_s(self) -> float:
        """CPU time of the feed's thread, and of the reactor for this camera, so far, s."""
        with self._lock:
            return self._thread_cpu_s + self._past_cpu_s + float(getattr(self._source, "cpu_s", 0.0))

    @property
    def keyframe_interval_s(self) -> float | None:
        """Longest time between two of the last keyframes, s, or None before there were two; one that is forced lies nearer."""
        return self._keyframe_interval_s

    @property
    def keyframe_waited_s(self) -> float:
        """Time since the last keyframe came, s; 0 while the camera is not live: then there is nothing to wait for."""
        return self._clock.monotonic_s() - self._keyframe_arrival_s if self._state == "live" else 0.0

    @property
    def status(self) -> FeedStatus:
        """How it is doing now."""
        state, message, info = self._state, self._message, self._info
        waited_s = self._clock.monotonic_s() - self._last_arrival_s
        if state == "live" and waited_s > self._stall_s:
            state, message = "stalled", f"{self._address} is connected, but sent nothing for {waited_s:.0f} s"
        return FeedStatus(
            state=state,
            message=message,
            address=self._address,
            codec=info.codec if info else "",
            size_wh=info.size_wh if info else (0, 0),
            rate_fps=info.rate_fps if info else None,
            keyframe_interval_s=self._usual_interval_s,
            last_packet_s=self._last_packet_s,
            packets=self._packets,
            reconnects=max(0, self._connections - 1),
            epoch=self._epoch,
            dropped=self._dropped(),
            cpu_s=self.cpu_s,
        )

    def _dropped(self) -> dict[str, int]:
        dropped = dict(self._pending.dropped)
        with self._lock:
            lost = self._past_lost + int(getattr(self._source, "lost", 0))
        return {**dropped, "lost": lost} if lost else dropped

    def start(self) -> None:
        """Start the thread. Once."""
        self._thread = threading.Thread(target=self._run, name=f"demux-{self.camera_id}", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Disconnect and end the thread. Safe to call twice, from any thread.

        Returns:
            Whether the thread has ended; it may still hang in the name service, and ends by itself then.
        """
        self._stop.set()
        with self._lock:
            source = self._source
        if source is not None:
            self._close(source)
        thread = self._thread
        if thread is None:
            return True
        if thread is not threading.current_thread():
            thread.join(timeout_s)
        return not thread.is_alive()

    def catch_up(self, before_s: float) -> int:
        """If packets that came before `before_s` (monotonic clock, s) wait, give up all before the newest keyframe; how many those were."""
        return self._pending.catch_up(before_s)

    def take_pending(self, most: int | None = None) -> list[Packet]:
        """What waits to be decoded, oldest first: everything, or `most` packets of it."""
        return self._pending.take(most)

    # --- the thread ---------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        attempt, self._thread_id = 0, threading.get_ident()
        while not self._stop.is_set():
            began_s = self._clock.monotonic_s()
            failure = self._live_once()
            if failure is None or self._stop.is_set():
                break
            attempt = 1 if self._clock.monotonic_s() - began_s >= _HEALTHY_AFTER_S else attempt + 1
            self._tell(failure)
            self._clock.wait(self._stop, pause_s(attempt, failure, self._jitter()))

    def _live_once(self) -> SourceError | None:
        """One connection from its opening to its end; why it ended, or None when it came to its natural end."""
        try:
            return self._connect_and_read()
        except SourceError as error:
            return error
        except Exception as error:  # the thread must outlive a fault in a plug-in or in a consumer; it is told and tried again
            log.exception("camera %s: the feed failed", self.camera_id)
            return SourceError(f"reading failed with {type(error).__name__}; the log has the details")
        finally:
            with self._lock:
                source = self._source
                self._past_cpu_s += float(getattr(source, "cpu_s", 0.0))
                self._past_lost += int(getattr(source, "lost", 0))
                self._source = None
            self._thread_cpu_s = time.thread_time()
            if source is not None:
                self._close(source)
                freed_memory.give_back(self._clock)

    def _close(self, source: Source) -> None:
        try:
            source.close()
        except Exception:  # a plug-in's fault must end neither this thread nor the stopping of the other cameras
            log.exception("camera %s: the source could not be closed", self.camera_id)

    def _connect_and_read(self) -> SourceError | None:
        source = self._open_source()
        with self._lock:
            self._source = source
        self._address = source.address
        with self._stagger.turn(self._stop) as my_turn:
            if not my_turn:
                return None
            info = source.open()
        self._connected(source, info)
        self._thread_cpu_s = time.thread_time()
        push: Callable[[Callable[[Packet], None]], None] | None = getattr(source, "push", None)
        if push is not None:
            push(partial(self._take, source))
            return None
        while not self._stop.is_set():
            packet = source.read()
            if packet is None:
                if not self._stop.is_set():
                    self._state, self._message = "ended", f"{source.address} has come to its end"
                    log.info("camera %s: %s", self.camera_id, self._message)
                return None
            self._take(source, packet)
        return None

    def _connected(self, source: Source, info: StreamInfo) -> None:
        if self._connections > 0 or self._message:
            log.info("camera %s is live: %s", self.camera_id, source.address)
        self._connections += 1
        self._first_epoch = self._epoch = self._epoch + 1
        self._last_arrival_s = self._keyframe_arrival_s = self._clock.monotonic_s()
        self._last_keyframe_s = None
        self._info = info
        self._state, self._message = "live", ""

    def _take(self, source: Source, packet: Packet) -> None:
        epoch = self._first_epoch + packet.epoch
        now_s = self._clock.monotonic_s()
        packet = Packet(packet.pts_s, packet.captured_at_s, packet.is_keyframe, packet.size_bytes, epoch, packet.payload, now_s)
        if epoch != self._epoch:
            # The source went on to another stream of its own accord: the next file of a folder.
            self._epoch = epoch
            self._info = getattr(source, "info", None) or self._info
            self._last_keyframe_s = None
        self._packets += 1
        if threading.get_ident() == self._thread_id:
            self._thread_cpu_s = time.thread_time()
        self._last_packet_s = packet.captured_at_s
        self._last_arrival_s = now_s
        if packet.is_keyframe:
            self._keyframe_arrival_s = now_s
            if self._last_keyframe_s is not None and packet.pts_s > self._last_keyframe_s:
                self._keyframe_intervals_s.append(packet.pts_s - self._last_keyframe_s)
                self._keyframe_interval_s = max(self._keyframe_intervals_s)
                self._usual_interval_s = median_low(self._keyframe_intervals_s)
            self._last_keyframe_s = packet.pts_s
        self.ring.append(packet)
        if self.quiet and not packet.is_keyframe:
            return
        if self._pending.append(packet):
            self._on_packet(self.camera_id)

    def _tell(self, failure: SourceError) -> None:
        if (self._state, self._message) != (failure.kind, str(failure)):
            log.warning("camera %s: %s", self.camera_id, failure)
        self._state, self._message = failure.kind, str(failure)
