"""What is gathered for the proof of one event: its best picture, where its objects were, and the packets of its clip."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from panops.config.schema import CameraConfig, EvidenceConfig
from panops.domain.events import Event, EvidenceKind
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
# An event that goes on has its clip written anew when that has become so much longer: all of it costs a third of the last one more.
_LONGER = 4
# From this share of the longest clip on, the whole clip is not far away.
_NEARLY_WHOLE = 0.5
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
        is_blind: Nobody looked for people in it; see `Outcome`.
        frame_score: The event's score then.
        before: JPEG of how the picture was before, or empty: it is set beside the picture.
        trail: Where things were, in order of time.
        packets: Of its clip, in decoding order.
        packets_end: No more packets are to come: its connection or its time ended, or the clip is written.
        next_clip_s: Capture time at which a clip so far is due, s; infinity for never.
        has_clip_so_far: One is on the disk.
        clip_is_final: The clip is on the disk, or cannot be written.
        trail_written: How many rows of the trail are in the database.
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
    before: bytes = b""
    is_blind: bool = False
    packets: list[Packet] = field(default_factory=list)
    packets_end: bool = False
    next_clip_s: float = field(init=False)
    has_clip_so_far: bool = False
    clip_is_final: bool = False
    trail_written: int = 0
    stored: bool = False
    snapped_score: float = -1.0
    complete_at_s: float | None = None

    def __post_init__(self) -> None:
        """Set when the first clip is due: never where none is wanted, or where the whole one would not be later."""
        wanted = self.camera.wanted
        due_s = self.told_s + wanted.first_clip_s
        has_one = wanted.first_clip_s > 0 and due_s < self.first_wanted_s + wanted.max_clip_s
        self.next_clip_s = due_s if has_one else math.inf

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

    def due_clip(self, now_s: float) -> EvidenceKind | None:
        """Which clip is to be written, at `now_s` on the monotonic clock: the clip when it is whole, one so far while its event goes on."""
        if self.clip_is_final:
            return None
        if self.is_complete(now_s):
            return EvidenceKind.CLIP
        if self.complete_at_s is not None or not self.packets:
            return None
        newest_s = self.camera.ring.newest_s  # goes on after a reconnection, though the clip does not
        if self.packets_end or newest_s > self.last_wanted_s + _REORDER_S:
            return EvidenceKind.CLIP  # however long the event goes on
        return EvidenceKind.CLIP_SO_FAR if newest_s >= self.next_clip_s else None

    def wrote_clip_so_far(self) -> None:
        """One is on the disk; the next is due when it would be much longer."""
        self.has_clip_so_far = True
        length_s = _LONGER * (self.packets[-1].captured_at_s - self.first_wanted_s)
        self.next_clip_s = self.first_wanted_s + length_s if length_s <= _NEARLY_WHOLE * self.camera.wanted.max_clip_s else math.inf

    def wrote_clip(self) -> None:
        """The clip is on the disk, or cannot be written: its packets are not needed any more, however long the event goes on."""
        self.clip_is_final = self.packets_end = True
        self.packets = []

    def trail_of_clip(self) -> list[TrailRow]:
        """The trail as far as the clip shows it."""
        last_s = math.inf if self.clip_is_final else self.last_wanted_s  # of a clip that is written nothing is cut off any more
        return [row for row in self.trail if self.first_wanted_s <= row[0] <= last_s]

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
