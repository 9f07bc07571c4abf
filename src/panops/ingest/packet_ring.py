"""The last seconds of one camera's packets, for clips and for decoding what was slept through."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

from panops.domain.packets import Packet

# Keyframes dated so much later than the newest one are from before the machine's clock was set back.
_CLOCK_SET_BACK_S = 2.0


@dataclass(slots=True, eq=False)
class _Gop:
    """A keyframe and what builds upon it."""

    first: int = 0
    packets: list[Packet] = field(default_factory=list)
    size_bytes: int = 0
    newest_s: float = float("-inf")

    @property
    def start_s(self) -> float:
        return self.packets[0].captured_at_s

    @property
    def epoch(self) -> int:
        return self.packets[0].epoch

    def append(self, packet: Packet) -> None:
        self.packets.append(packet)
        self.size_bytes += packet.size_bytes
        self.newest_s = max(self.newest_s, packet.captured_at_s)


class PacketRing:
    """Keeps whole groups of pictures, so that it always begins with a keyframe. Safe to use from several threads.

    The oldest group goes when the others still cover `max_s`, or when all together hold more than `max_bytes`. A single group larger than
    `max_bytes` is given up, and the ring stays empty until the next keyframe: memory is never exceeded by more than one packet.

    Args:
        max_s: How much to keep, s; up to one group more is held.
        max_bytes: The most bytes of video to hold.
    """

    def __init__(self, max_s: float, max_bytes: int) -> None:
        self.max_s = max_s
        self.max_bytes = max_bytes
        self.listener: Callable[[], None] | None = None
        """Told that a packet came, by whoever appends: others wait for it."""
        self._gops: deque[_Gop] = deque()
        self._size_bytes = 0
        self._taken = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many packets are held."""
        with self._lock:
            return sum(len(gop.packets) for gop in self._gops)

    @property
    def size_bytes(self) -> int:
        """Bytes of video held."""
        return self._size_bytes

    @property
    def newest_s(self) -> float:
        """Capture time of the newest packet, s; minus infinity while empty."""
        with self._lock:
            return self._gops[-1].newest_s if self._gops else float("-inf")

    @property
    def oldest_s(self) -> float:
        """Capture time of the oldest keyframe, s; infinity while empty."""
        with self._lock:
            return self._gops[0].start_s if self._gops else float("inf")

    def append(self, packet: Packet) -> None:
        """Add the newest packet. What comes before the first keyframe of an epoch is of no use and not kept."""
        with self._lock:
            if packet.is_keyframe:
                self._gops.append(_Gop(self._taken))
            elif not self._gops or self._gops[-1].epoch != packet.epoch:
                return
            self._gops[-1].append(packet)
            self._taken += 1
            self._size_bytes += packet.size_bytes
            self._evict()
        listener = self.listener
        if listener is not None:
            listener()

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._gops.clear()
            self._size_bytes = 0

    def since(self, start_s: float) -> list[Packet]:
        """The packets from the keyframe at or before `start_s` on, of one epoch.

        Args:
            start_s: Capture time, s. When it is older than everything held, all of the oldest epoch is given; when it lies after an epoch's
                last packet and a later epoch follows, that one is given.

        Returns:
            Packets in decoding order, the first one a keyframe; empty while the ring is empty.
        """
        with self._lock:
            first = self._first_gop(start_s)
            if first is None:
                return []
            chosen = [gop for gop in list(self._gops)[first:] if gop.epoch == self._gops[first].epoch]
            return list(chain.from_iterable(gop.packets for gop in chosen))

    def all_since(self, start_s: float) -> list[Packet]:
        """As `since`, and whatever came in later epochs, too."""
        with self._lock:
            first = self._first_gop(start_s)
            return [] if first is None else list(chain.from_iterable(gop.packets for gop in list(self._gops)[first:]))

    def following(self, number: int) -> tuple[list[Packet], int]:
        """For whoever takes everything: the packets from the `number`th on that was ever kept, counted from 0, of all epochs.

        Returns:
            Those of them that are still held, in decoding order, and the number of the first one that is still to come. Where there are
            fewer packets than numbers, some were let go before they were asked for; what is given then begins with a keyframe.
        """
        with self._lock:
            found: list[list[Packet]] = []
            for gop in reversed(self._gops):
                if gop.first <= number:
                    found.append(gop.packets[number - gop.first :])
                    break
                found.append(list(gop.packets))
            return list(chain.from_iterable(reversed(found))), self._taken

    def newest_group(self) -> int | None:
        """The number, as in `following`, of the newest keyframe; None while the ring is empty."""
        with self._lock:
            return self._gops[-1].first if self._gops else None

    def _first_gop(self, start_s: float) -> int | None:
        if not self._gops:
            return None
        first = 0
        for index, gop in enumerate(self._gops):
            if gop.start_s <= start_s:
                first = index
        following = first + 1
        ended = self._gops[first].newest_s < start_s and following < len(self._gops)
        if ended and self._gops[following].epoch != self._gops[first].epoch:
            return following
        return first

    def _evict(self) -> None:
        newest_s = self._gops[-1].newest_s
        # The clock was set back: what is dated after the newest keyframe would never grow old.
        while self._gops[0].start_s > self._gops[-1].start_s + _CLOCK_SET_BACK_S:
            self._drop_oldest()
        while len(self._gops) > 1 and newest_s - self._gops[1].start_s >= self.max_s:
            self._drop_oldest()
        while self._gops and self._size_bytes > self.max_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._size_bytes -= self._gops.popleft().size_bytes
