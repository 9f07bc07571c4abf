"""The packets of one camera in the order they are to be decoded: as they come, or those that were slept through first."""

from __future__ import annotations

from collections import deque

from panops.domain.clock import Clock
from panops.domain.packets import Packet
from panops.ingest.camera_feed import CameraFeed

# Packets that have waited for so long are only decoded when nothing newer can be: the next keyframe brings the camera up to date.
_LATE_S = 1.5


class PacketWalk:
    """Used by one decode worker at a time.

    Args:
        feed: The camera's connection.
        clock: Time.
    """

    def __init__(self, feed: CameraFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._replay: deque[Packet] = deque()
        self._replayed: dict[int, Packet] = {}

    @property
    def is_replaying(self) -> bool:
        """Whether packets that were slept through are still to be given."""
        return bool(self._replay)

    def go_back(self, from_s: float) -> None:
        """Give next what came since the keyframe at or before `from_s` (capture time, s), then go on as it comes."""
        # First: what arrives between these two lines comes both ways, and is told apart below.
        self._feed.quiet = False
        packets = self._feed.ring.all_since(from_s)
        self._replay = deque(packets)
        self._replayed = {id(packet): packet for packet in packets}

    def take(self, most: int) -> list[Packet]:
        """The next packets, at most `most`; empty when there are none now."""
        if self._replay:
            return [self._replay.popleft() for _ in range(min(most, len(self._replay)))]
        self._feed.catch_up(self._clock.utc_s() - _LATE_S)
        packets = self._feed.take_pending(most)
        if self._replayed and packets:
            fresh = [packet for packet in packets if id(packet) not in self._replayed]
            if fresh:
                self._replayed = {}
            return fresh
        return packets
