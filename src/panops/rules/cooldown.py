"""After an event of a rule ended, no new one begins for a while."""

from __future__ import annotations

from panops.domain.events import EventPhase, Incident

_EPSILON_S = 1e-6


class Cooldown:
    """The rest that one rule takes after its events, for each of its zones by itself.

    What begins meanwhile is held back. If it still goes on when the rest is over, it begins then: nothing that lasts is lost. What ends
    before is never told, and counted.

    Attributes:
        swallowed: How many incidents were never told.

    Args:
        rest_s: For how long nothing begins, s; 0 for no rest.
    """

    def __init__(self, rest_s: float) -> None:
        self.rest_s = rest_s
        self.swallowed = 0
        self._ended_s: dict[str, float] = {}
        self._before_s: dict[str, float] = {}
        self._held: set[str] = set()

    def holds_back(self, incident: Incident) -> bool:
        """Whether an incident that is no event yet is none for now, or, if this is its end, never will be."""
        rests = incident.updated_at_s - self._ended_s.get(incident.zone, float("-inf")) < self.rest_s - _EPSILON_S
        if incident.phase is not EventPhase.END:
            (self._held.add if rests else self._held.discard)(incident.key)
            return rests
        if not rests and incident.key not in self._held:
            return False
        self._held.discard(incident.key)
        self.swallowed += 1
        return True

    def ended(self, incident: Incident) -> None:
        """An event ended with this incident: the rest begins."""
        if self.rest_s:
            self._before_s[incident.zone] = self._ended_s.get(incident.zone, float("-inf"))
            self._ended_s[incident.zone] = incident.updated_at_s if incident.ended_at_s is None else incident.ended_at_s

    def forgive(self, zone: str) -> None:
        """The last event there was no true one: the rest is that of the one before."""
        self._ended_s[zone] = self._before_s.pop(zone, float("-inf"))

    def forget(self) -> None:
        """Nothing more comes of what is held back."""
        self.swallowed += len(self._held)
        self._held.clear()
