"""What is gathered for the proof of one event: its best picture, where its objects were, and the packets of its clip."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from panops.config.schema import CameraConfig, EvidenceConfig
from panops.domain.events import Event
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.domain.tracks import Tracks
from panops.ingest.packet_ring import PacketRing

TrailRow = tuple[float, list[tuple[int, str, float, tuple[float, float, float, float]]]]

LONGEST_LEAD_S = 10.0
"""An event may be told long after its condition began to hold; its clip goes back so far before that, and `before_s` more, at most."""
# The share of a clip that may be spent on what came before the event was told.
_LEAD_SHARE = 0.25
# How far apart decoding and presentation order may be.
_REORDER_S = 1.0
# A packet that is so much older than the one before it comes after the machine's clock was set back.
_CLOCK_SET_BACK_S = 5.0
# Of a decoded picture: 8-bit YUV with a quarter of the colour.
_BYTES_A_PIXEL = 1.5


@dataclass(eq=False, slots=True)
class CameraEvidence:
    """What the recorder needs of a camera.

    Attributes:
        config: For zones in the annotated picture.
        classes: Names by class id.
        ring: The camera's packets.
        info: Gives the current stream, or None before the first connection.
        wanted: Spans and quality of the proof.
        recent: What was tracked in the last seconds, for the beginning of a trail.
    """

    config: CameraConfig
    classes: tuple[str, ...]
    ring: PacketRing
    info: Callable[[], StreamInfo | None]
    wanted: EvidenceConfig
    recent: deque[TrailRow] = field(default_factory=deque)

    @property
    def lead_s(self) -> float:
        """How long before an event is told its clip may begin, `before_s` not counted, s."""
        return min(LONGEST_LEAD_S, _LEAD_SHARE * self.wanted.max_clip_s)

    def remember(self, row: TrailRow) -> None:
        """Keep what was tracked just now, for events that are told soon, and let go of what is too old for any of them."""
        recent, time_s = self.recent, row[0]
        if recent and time_s < recent[-1][0]:
            recent.clear()  # the clock was set back: what is dated later would never grow old
        recent.append(row)
        while recent[0][0] < time_s - self.wanted.before_s - self.lead_s:
            recent.popleft()


@dataclass(eq=False, slots=True)
class OpenRecord:
    """One event's proof while it is gathered.

    Attributes:
        event: The newest word of it.
        camera: Its camera.
        told_s: Capture time of the look that told of it first, s.
        frame: The best picture so far.
        tracks: What was tracked in it.
        frame_score: The event's score then.
        trail: Where things were, in order of time.
        packets: Of its clip, in decoding order.
        packets_end: No more packets are to come: the clip is long enough, or its connection or its time ended.
        stored: The event is in the database.
        snapped_score: Score of the picture that is on the disk; negative before there is one.
        complete_at_s: When nothing more is waited for, monotonic s; None while the event is open.
    """

    event: Event
    camera: CameraEvidence
    told_s: float
    frame: Frame
    tracks: Tracks
    frame_score: float
    trail: list[TrailRow]
    packets: list[Packet] = field(default_factory=list)
    packets_end: bool = False
    stored: bool = False
    snapped_score: float = -1.0
    complete_at_s: float | None = None

    @property
    def first_wanted_s(self) -> float:
        """Capture time of the clip's first picture, s."""
        return max(self.event.incident.started_at_s, self.told_s - self.camera.lead_s) - self.camera.wanted.before_s

    @property
    def last_wanted_s(self) -> float:
        """Capture time of the clip's last picture, as far as it is known, s."""
        wanted = self.camera.wanted
        longest_s = self.first_wanted_s + wanted.max_clip_s
        ended_s = self.event.incident.ended_at_s
        return longest_s if ended_s is None else min(ended_s + wanted.after_s, longest_s)

    def add_size_bytes(self, counted: set[int]) -> int:
        """About how much memory it keeps in use. Events share packets: those whose `id` is in `counted` are left out, others added."""
        width, height = self.frame.size_wh
        size_bytes = int(_BYTES_A_PIXEL * width * height)
        for packet in self.packets:
            if id(packet) not in counted:
                counted.add(id(packet))
                size_bytes += packet.size_bytes
        return size_bytes

    def is_complete(self, now_s: float) -> bool:
        """Whether the clip can be written, at `now_s` on the monotonic clock."""
        if self.complete_at_s is None:
            return False
        if now_s >= self.complete_at_s or self.packets_end:
            return True
        return bool(self.packets) and self.camera.ring.newest_s >= self.last_wanted_s

    def trail_of_clip(self) -> list[TrailRow]:
        """The trail as far as the clip shows it."""
        return [row for row in self.trail if self.first_wanted_s <= row[0] <= self.last_wanted_s]

    def packets_of_clip(self) -> list[Packet]:
        """The packets that are to be written: while the event was open nobody knew where it would end, so a little too much was taken."""
        end_s = self.last_wanted_s
        last = max((index for index, packet in enumerate(self.packets) if packet.captured_at_s <= end_s), default=len(self.packets) - 1)
        return self.packets[: last + 1]

    def collect(self) -> None:
        """Take over packets in decoding order before the ring lets them go, from the keyframe at or before the wanted start on."""
        if self.packets_end:
            return
        found = self._first() if not self.packets else self._following()
        last_s = self.last_wanted_s
        for packet in found:
            if self.packets and packet.captured_at_s < self.packets[-1].captured_at_s - _CLOCK_SET_BACK_S:
                self.packets_end = True
                return
            if packet.captured_at_s <= last_s + 2 * _REORDER_S:
                self.packets.append(packet)

    def _first(self) -> list[Packet]:
        ring = self.camera.ring
        found = ring.since(self.first_wanted_s)
        # After a reconnection only the connection that shows the event counts.
        showing = ring.since(max(self.event.incident.started_at_s, self.first_wanted_s))
        return showing if showing and found[0].epoch != showing[0].epoch else found

    def _following(self) -> list[Packet]:
        newest = self.packets[-1]
        if newest.captured_at_s > self.last_wanted_s + _REORDER_S:
            return []  # for now: the event may go on for longer than it seems
        found = self.camera.ring.since(newest.captured_at_s)
        # By identity: with B-frames times go back and forth in decoding order.
        place = next((index for index, packet in enumerate(found) if packet is newest), None)
        if place is not None:
            return found[place + 1 :]
        if found and found[0].epoch != newest.epoch:
            self.packets_end = True
            return []
        return found
