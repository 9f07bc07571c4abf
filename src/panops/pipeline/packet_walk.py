"""The packets of one camera in the order they are to be decoded: as they come, or those that were slept through first."""

from __future__ import annotations

from collections import deque

from panops.domain.clock import Clock
from panops.domain.packets import Packet
from panops.ingest.camera_feed import CameraFeed

# Packets that have waited for so long are only decoded when nothing newer can be: the next keyframe brings the camera up to date.
_LATE_S = 1.5
# What came while a camera looked back at what it had slept through is looked at, too, for so long after that; then it is given up as ever.
_MAKE_UP_S = 10.0


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
        # Until when what waits still belongs to a replay, monotonic clock, s; None once all of it was made up for.
        self._make_up_until_s: float | None = None

    @property
    def is_replaying(self) -> bool:
        """Whether packets that were slept through are still to be given, or such as came in the meantime."""
        return bool(self._replay) or self._make_up_until_s is not None

    def go_back(self, from_s: float) -> None:
        """Give next what came since the keyframe at or before `from_s` (capture time, s), then go on as it comes."""
        # First: what arrives between these two lines comes both ways, and is told apart below.
        self._feed.quiet = False
        packets = self._feed.ring.all_since(from_s)
        self._replay = deque(packets)
        self._replayed = {id(packet): packet for packet in packets}

    def take(self, most: int, *, hurried: bool = False) -> list[Packet]:
        """The next packets, at most `most`; empty when there are none now.

        Args:
            most: So many at most.
            hurried: Whether looks are being given up: then there is no time for what came while a camera looked back.
        """
        now_s = self._clock.monotonic_s()
        if self._replay:
            self._make_up_until_s = None if hurried else now_s + _MAKE_UP_S
            return [self._replay.popleft() for _ in range(min(most, len(self._replay)))]
        if self._make_up_until_s is not None and (hurried or now_s > self._make_up_until_s):
            self._make_up_until_s = None
        if self._make_up_until_s is None:
            self._feed.catch_up(now_s - _LATE_S)
        packets = self._feed.take_pending(most)
        if not packets or packets[-1].arrived_s > now_s - _LATE_S:
            self._make_up_until_s = None
        if self._replayed and packets:
            fresh = [packet for packet in packets if id(packet) not in self._replayed]
            if fresh:
                self._replayed = {}
            return fresh
        return packets
