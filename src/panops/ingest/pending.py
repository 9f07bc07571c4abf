"""Packets that wait for a decode worker: bounded, and when it overflows whole groups of pictures go, oldest first."""

from __future__ import annotations

import threading
from collections import Counter, deque

from panops.domain.packets import Packet


class PendingPackets:
    """A bounded queue between a demux thread and the decode workers. Safe to use from several threads.

    Freshness before completeness: when a worker does not keep up, the oldest whole group of pictures is dropped. Is the newest group the
    only one, it goes too, together with what is still to come of it, for that could not be decoded any more.

    Args:
        max_packets: The most packets to hold.
        max_s: The longest span to hold, s of capture time.

    Attributes:
        dropped: Packets given up, by cause: `queue_full`, `late`, and `no_keyframe` for those whose keyframe was never there.
    """

    def __init__(self, max_packets: int = 300, max_s: float = 10.0) -> None:
        self.dropped: Counter[str] = Counter()
        self._max_packets = max_packets
        self._max_s = max_s
        self._packets: deque[Packet] = deque()
        self._lock = threading.Lock()
        self._decodable = False
        self._cause = "no_keyframe"
        self._epoch: int | None = None

    def __len__(self) -> int:
        """How many packets wait."""
        return len(self._packets)

    def append(self, packet: Packet) -> bool:
        """Add a packet; False when it was dropped at once."""
        with self._lock:
            if packet.epoch != self._epoch:
                self._epoch, self._decodable, self._cause = packet.epoch, False, "no_keyframe"
            self._decodable = self._decodable or packet.is_keyframe
            if not self._decodable:
                self.dropped[self._cause] += 1
                return False
            self._packets.append(packet)
            while self._packets and self._is_full():
                self._drop_gop()
            return bool(self._packets)

    def take(self, most: int | None = None) -> list[Packet]:
        """What waits, oldest first, and is taken out of the queue: everything, or `most` packets of it."""
        with self._lock:
            count = len(self._packets) if most is None else min(most, len(self._packets))
            return [self._packets.popleft() for _ in range(count)]

    def catch_up(self, before_s: float) -> int:
        """If the oldest packet came before `before_s` (monotonic clock, s), drop all before the newest keyframe; they count as `late`.

        Returns:
            How many packets were dropped.
        """
        with self._lock:
            if not self._packets or self._packets[0].arrived_s >= before_s:
                return 0
            newest = max((number for number, packet in enumerate(self._packets) if packet.is_keyframe), default=0)
            for _ in range(newest):
                self._packets.popleft()
            if newest:
                self.dropped["late"] += newest
            return newest

    def _is_full(self) -> bool:
        span_s = self._packets[-1].captured_at_s - self._packets[0].captured_at_s
        return len(self._packets) > self._max_packets or span_s > self._max_s

    def _drop_gop(self) -> None:
        """Drop from the front up to the next keyframe or epoch."""
        epoch = self._packets[0].epoch
        count = 0
        while self._packets and (count == 0 or (not self._packets[0].is_keyframe and self._packets[0].epoch == epoch)):
            self._packets.popleft()
            count += 1
        self.dropped["queue_full"] += count
        if not self._packets:
            self._decodable, self._cause = False, "queue_full"


class NothingPending(PendingPackets):
    """The queue of a stream that nobody decodes: it holds nothing, and gives nothing up."""

    def append(self, packet: Packet) -> bool:
        """False: nobody is to be told of it."""
        del packet
        return False
