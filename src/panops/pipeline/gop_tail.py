"""The end of a group of pictures, which is not decoded when there is far too much to do: as much of it as the safety floor leaves.

What comes after a picture that is left out cannot be decoded until the next keyframe. So the tail begins only once the last look is so
young that the next keyframe comes in time for the next one.
"""

from __future__ import annotations

import math

from panops.domain.packets import Packet

# However much there is to do: an awake camera is looked at as often as this, s.
FLOOR_S = 1.0
# Looks need not be more exact than that, s: pictures come a fifth of a second apart, and jitter.
_SLACK_S = 0.15
# A keyframe that is so late has stretched the pause between two looks too far, s; then the camera keeps its tails for a while, s.
_LATE_S = 0.5
_SPARED_S = 60.0
# A verdict on a picture that has waited for so long, s, would come when it counts as stale.
_FRESH_S = 0.5


class GopTail:
    """One camera's. Used by its decode worker; `wanted` may be set by any thread.

    Args:
        floor_s: The longest time between two looks, s.

    Attributes:
        wanted: Whether tails are to be left out.
        keyframes_only: Whether everything but fresh keyframes is left out, whatever becomes of the floor.
        begins: Whether the last packet asked about begins a group of pictures whose tail may be left out. A look at it keeps the looks in
            step with the keyframes: otherwise the last one of a group would drift to where nothing is left to leave out.
        broke: Whether the last packet asked about shows that the floor was not held: its keyframe is late. What was left out is to be
            decoded after all, from the last look on.
    """

    def __init__(self, floor_s: float = FLOOR_S) -> None:
        """Leave nothing out yet."""
        self.wanted = False
        self.keyframes_only = False
        self.begins = False
        self.broke = False
        self._floor_s = floor_s
        self._gop_began_s = -math.inf
        self._inside = False
        self._unheld = False
        self._spared_until_s = -math.inf

    def holds(self, packet: Packet, looked_s: float, keyframe_interval_s: float | None, waited_s: float = 0.0, *, replaying: bool) -> bool:
        """Whether a packet belongs to a tail that is left out; once one does, all do that follow, up to the next keyframe.

        Args:
            packet: In the order of decoding.
            looked_s: Capture time of the last look, s.
            keyframe_interval_s: Time between keyframes, s; None while it is not known.
            waited_s: How long ago it came, s.
            replaying: Whether it is decoded afterwards, for which there is a reason.
        """
        at_s = packet.captured_at_s
        self.begins = self.broke = False
        if packet.is_keyframe:
            self.begins = self.wanted and keyframe_interval_s is not None and keyframe_interval_s >= FLOOR_S
            # What would be too old after decoding is better left out before: the time goes to one that is still fresh.
            self._gop_began_s, self._inside = at_s, self.keyframes_only and not replaying and waited_s > _FRESH_S
            self._unheld = self._inside
        elif self.keyframes_only and not replaying:
            self._inside = self._unheld = True
        elif self._inside:
            # Of a group that was left out without regard to the floor nothing is made up for: the next keyframe is soon enough.
            self.broke = not self._unheld and at_s - looked_s > self._floor_s + _LATE_S
            if self.broke:
                self._inside, self._spared_until_s = False, at_s + _SPARED_S
        elif self.wanted and not replaying and keyframe_interval_s is not None:
            clock_was_set = at_s < self._spared_until_s - 2 * _SPARED_S
            next_keyframe_s = self._gop_began_s + keyframe_interval_s
            in_time = looked_s + self._floor_s + _SLACK_S >= next_keyframe_s > at_s
            self._inside = in_time and (at_s >= self._spared_until_s or clock_was_set)
        return self._inside
