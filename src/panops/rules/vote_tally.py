"""Votes over time: what many looks say of one item of one person.

A vote fades as newer ones come, by `exp(-t / window_s)`, and only then: as long as nothing new is seen, what was decided stands.
"""

from __future__ import annotations

import math

from panops.domain.compliance import Worn

# Nothing is decided by fewer looks than this, nor by less weight: three clear ones, or many poor ones.
LEAST_LOOKS = 3
LEAST_WEIGHT = 0.8
# After a pause old votes count less, but one look alone must not outweigh them.
_LONGEST_FADE_S = 1.0
# The last votes alone, which fade so much faster, have to agree before an alarm begins: a hat just put on is none.
_FASTER = 4.0
_EPSILON = 1e-9


class VoteTally:
    """The votes on one item of one person.

    Attributes:
        worn: What was decided last; what lies between leaves it as it is.
        looks: How many looks said anything.
        denied: How many said "absent" more than "present".
        since_s: The first of those since the item was present, s; None while there is none.
        last_s: The last of those, s.

    Args:
        window_s: How fast votes fade, s.
        share: Of the weight, what decides, 0.5..1.
    """

    __slots__ = ("_absent", "_lean", "_present", "_share", "_voted_s", "_window_s", "denied", "last_s", "looks", "since_s", "worn")

    def __init__(self, window_s: float, share: float) -> None:
        """Begin with nothing known."""
        self._window_s = window_s
        self._share = share
        self._present = self._absent = self._lean = 0.0
        self._voted_s = -math.inf
        self.worn = Worn.NOT_VISIBLE
        self.looks = self.denied = 0
        self.since_s: float | None = None
        self.last_s = -math.inf

    def fresh(self) -> VoteTally:
        """One of the same settings without votes."""
        return VoteTally(self._window_s, self._share)

    @property
    def share(self) -> float:
        """What part of the weight says "absent", 0..1; 0 without votes."""
        weight = self._present + self._absent
        return self._absent / weight if weight > 0 else 0.0

    @property
    def leans_absent(self) -> bool:
        """Whether the last votes alone say "absent"."""
        return self._lean > 0

    def add(self, present: float, absent: float, time_s: float) -> None:
        """Count one look's votes, weights in 0..1, later than the ones before."""
        passed_s = min(time_s - self._voted_s, _LONGEST_FADE_S)
        fade = math.exp(-passed_s / self._window_s)
        self._lean = self._lean * math.exp(-_FASTER * passed_s / self._window_s) + absent - present
        self._present = self._present * fade + present
        self._absent = self._absent * fade + absent
        self._voted_s = time_s
        self.looks += 1
        if absent > present:
            self.denied += 1
            self.last_s = time_s
            if self.since_s is None:
                self.since_s = time_s
        elif self.worn is Worn.PRESENT:
            self.since_s = None
        weight = self._present + self._absent
        if self.looks < LEAST_LOOKS or weight < LEAST_WEIGHT:
            return
        decides = self._share * weight - _EPSILON
        if self._absent >= decides:
            self.worn = Worn.ABSENT
        elif self._present >= decides:
            self.worn = Worn.PRESENT
