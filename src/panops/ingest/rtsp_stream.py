"""A camera's stream while it plays: bytes in, packets out. First its feed's own thread reads it, then the reactor."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable

from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt, SourceError, SourceStalled
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.access_units import AccessUnit, Depacketiser
from panops.ingest.address import Address
from panops.ingest.failure import closed_by_peer, read_failure
from panops.ingest.live_packets import ArrivedUnit, LivePackets
from panops.ingest.rtcp import receiver_report, says_goodbye
from panops.ingest.rtp_h264 import H264Depacketiser
from panops.ingest.rtp_h265 import H265Depacketiser
from panops.ingest.rtsp_message import RtspMessage
from panops.ingest.rtsp_session import RtspSession
from panops.ingest.sdp import VideoOffer
from panops.ingest.stream_parameters import read_parameters

log = logging.getLogger(__name__)

_DEPACKETISERS: dict[str, type[Depacketiser]] = {"h264": H264Depacketiser, "hevc": H265Depacketiser}
# A camera that is set to another picture size does so once; each time costs a look by FFmpeg and a new decoder.
_SHORTEST_EPOCH_S = 1.0
# Until the first picture that can be read, all looks together take so much, and this share of the time since the beginning.
_LOOKS_S, _LOOKS_SHARE = 0.3, 0.1
# Some cameras send a picture every few seconds; without any for so many times as long as silence may last, a new connection helps.
_PICTURE_STALLS = 4
_LARGEST_BURST_BYTES = 32 << 20
# While the stream is opened, ticks come after each read.
_COUNT_S = 0.9


class RtspStream:
    """What comes over one session. Used by one thread at a time, except for what says otherwise.

    Args:
        session: It; `play` comes after this object is made.
        offer: What the camera offered.
        address: The camera.
        clock: Time.
        stall_s: How long the camera may send nothing, s.

    Attributes:
        burst: Pictures that came before anybody took packets; at first they gather here.
        take: Told each packet, once the burst is over; None before.
        ended: Set when nothing more will come and the connection is closed; then `failure` says why.
        failure: What ended it; None where somebody asked for it.
        cpu_s: CPU time that the reactor spent on it, s; the reactor writes it.
    """

    def __init__(self, session: RtspSession, offer: VideoOffer, address: Address, clock: Clock, stall_s: float) -> None:
        self.burst: list[ArrivedUnit] = []
        self.take: Callable[[Packet], None] | None = None
        self.ended = threading.Event()
        self.failure: SourceError | None = None
        self.cpu_s = 0.0
        self._burst_bytes = 0
        self._session = session
        self._wire = session.wire
        self._offer = offer
        self._where = address
        self._clock = clock
        self._stall_s = stall_s
        self._own_number = secrets.randbits(32)
        self._packets: LivePackets | None = None
        self._began_s = self._heard_s = self._spoke_s = self._counted_s = clock.monotonic_s()
        # What was announced may be wrong from the first picture on.
        self._epoch_began_s = float("-inf")
        self._looks_s = 0.0
        self._picture_s: float | None = None  # when the newest picture came
        self._highest = -1
        self._depacketiser = _DEPACKETISERS[offer.codec](self._unit, offer.payload_type, offer.parameter_sets)
        self._wire.on_rtp = self._depacketiser.push
        self._wire.on_rtcp = self._control

    @property
    def info(self) -> StreamInfo | None:
        """The stream that the newest packet belongs to; None until a picture with its parameter sets came."""
        return self._packets.info if self._packets else None

    @property
    def lost(self) -> int:
        """Pictures given up because packets were missing."""
        return self._depacketiser.lost

    @property
    def heard(self) -> bool:
        """Whether any video came."""
        return self._depacketiser.highest >= 0

    def fileno(self) -> int:
        """For selectors; -1 once closed."""
        return self._wire.fileno()

    def begin(self) -> None:
        """The session plays: from now on messages are for this object."""
        self._wire.on_message = self._message
        self._heard_s = self._spoke_s = self._clock.monotonic_s()

    def receive(self, room: memoryview) -> bool:
        """Read once, and hand out what is complete.

        Returns:
            Whether there is probably more.

        Raises:
            SourceError: The connection has ended, or what comes is damaged.
        """
        try:
            end = self._wire.fill(room)
            if end:
                self._wire.split(room, end)
        except EOFError:
            failure = closed_by_peer(self._where)
        except OSError as error:
            failure = read_failure(error, self._where, self._stall_s)
        except ValueError as error:
            failure = SourceCorrupt(f"{self._where.masked} sends {error}")
        else:
            return self._wire.has_more
        raise failure

    def tick(self, now_s: float) -> None:
        """Once a second or so: tell the camera that somebody watches, and see whether it has fallen silent.

        Raises:
            SourceError: It has, or the connection broke.
        """
        if now_s - self._counted_s >= _COUNT_S:
            self._counted_s = now_s
            self._wire.tick()
        highest = self._depacketiser.highest
        if highest != self._highest:
            self._highest, self._heard_s = highest, now_s
        elif now_s - self._heard_s > self._stall_s:
            raise SourceStalled(f"{self._where.masked} is connected, but sent nothing for {self._stall_s:g} s")
        patience_s = _PICTURE_STALLS * self._stall_s
        if self._picture_s is not None and now_s - self._picture_s > patience_s:
            raise SourceStalled(f"{self._where.masked} sends, but no whole picture for {patience_s:g} s")
        if now_s - self._spoke_s < self._session.keep_alive_s:
            return
        self._spoke_s = now_s
        self._post(self._report() + self._session.keep_alive())

    def wait(self, deadline_s: float) -> bool:
        """Wait for something to read; False when `deadline_s` (by `time.monotonic`) came first.

        Raises:
            Stopped: The session's `stop` was set.
        """
        return self._wire.wait(deadline_s)

    def flow(self, take: Callable[[Packet], None]) -> None:
        """The burst is over: its packets go to `take`, and from now on all others."""
        packets, burst, self.burst = self._packets, self.burst, []
        if packets is not None:
            packets.prime(burst)
            for arrived in burst:
                take(packets.publish(arrived))
        self.take = take

    def finish(self, failure: SourceError | None) -> None:
        """Nothing more will come: say farewell, for cameras count their viewers, and close the connection."""
        self.failure = failure
        try:
            self._session.close()
        finally:
            self.take = None
            self._depacketiser.end()
            self.ended.set()

    # --- what comes ---------------------------------------------------------------------------------------------------------

    def _unit(self, unit: AccessUnit) -> None:
        packets = self._packets
        if packets is None or unit.changed:
            packets = self._look(unit)
            if packets is None:
                return
        self._picture_s = now_s = self._clock.monotonic_s()
        arrived = packets.arrive(unit, now_s, self._clock.utc_s())
        if self.take is None:
            self._gather(arrived)
        else:
            self.take(packets.publish(arrived))

    def _gather(self, arrived: ArrivedUnit) -> None:
        self.burst.append(arrived)
        self._burst_bytes += len(arrived.unit.data)
        if self._burst_bytes > _LARGEST_BURST_BYTES:
            raise ValueError("more at once than can be handled")

    def _look(self, unit: AccessUnit) -> LivePackets | None:
        """Learn what the stream is, at its beginning and when its parameter sets have changed."""
        packets = self._packets
        if not self._depacketiser.has_all_sets():
            return packets
        now_s = self._clock.monotonic_s()
        if packets is not None:
            if now_s - self._epoch_began_s < _SHORTEST_EPOCH_S:
                raise ValueError("another picture format again and again")
            self._epoch_began_s = now_s  # also where it cannot be read: looking is what costs
        elif self._looks_s > _LOOKS_S + _LOOKS_SHARE * (now_s - self._began_s):
            return None
        # Where the picture brings all of its sets, no others are put before it: a clip would hold them twice.
        info = self._parameters(bytes(unit.data)) or self._parameters(self._depacketiser.annex_b() + bytes(unit.data))
        self._looks_s += self._clock.monotonic_s() - now_s
        if info is None:
            return packets
        if packets is None:
            self._packets = packets = LivePackets(info, self._offer.clock_hz)
            return packets
        packets.go_on(info)
        log.info("%s goes on with %dx%d pixels and other parameters", self._where.masked, *info.size_wh)
        return packets

    def _parameters(self, data: bytes) -> StreamInfo | None:
        return read_parameters(self._offer.codec, data, self._where.masked, self._offer.rate_fps)

    def _control(self, data: memoryview, at: int, end: int) -> None:
        if says_goodbye(data, at, end):
            raise closed_by_peer(self._where)

    def _message(self, message: RtspMessage) -> None:
        answer = self._session.listen(message)
        if answer:
            self._post(answer)

    def _post(self, data: bytes) -> None:
        failure: SourceError | None = None
        try:
            self._wire.post(data)
        except OSError as error:
            failure = read_failure(error, self._where, self._stall_s)
        if failure is not None:
            raise failure

    def _report(self) -> bytes:
        if not self.heard:
            return b""
        report = receiver_report(self._own_number, self._depacketiser.source, self._depacketiser.highest)
        return bytes((0x24, self._wire.channels[1])) + len(report).to_bytes(2, "big") + report
