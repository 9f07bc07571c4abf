"""The open incidents of a rule that has one for each object."""

from __future__ import annotations

from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S


class ObjectIncidents:
    """Begins an incident with an object's first wrong look, and ends it when the last one is long enough ago.

    Args:
        scene: The camera.
        kind: The rule's kind.
        zone: The zone's name, or empty.
        hold_s: For how long nothing must be wrong before an incident ends, s.
    """

    def __init__(self, scene: Scene, kind: str, zone: str, hold_s: float) -> None:
        self._scene = scene
        self._kind = kind
        self._zone = zone
        self._hold_s = hold_s
        self._open: dict[int, OpenIncident] = {}

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __contains__(self, origin: int) -> bool:
        """Whether the object's incident is open."""
        return origin in self._open

    def hold(self, origin: int, tracks: Tracks, row: Rows, since_s: float) -> tuple[OpenIncident, EventPhase]:
        """The object is wrong now: its incident, for the rule to write details into, and what its message is.

        Args:
            origin: The object.
            tracks: The look.
            row: Its row in it, (1,).
            since_s: When it began to be wrong, s; used only where the incident begins.
        """
        phase = EventPhase.UPDATE
        if origin not in self._open:
            phase = EventPhase.BEGIN
            self._open[origin] = OpenIncident(self._scene, self._kind, str(origin), self._zone, since_s)
            self._open[origin].involve([origin])
        incident = self._open[origin]
        incident.last_s = tracks.time_s
        incident.see(tracks, row)
        return incident, phase

    def over(self, time_s: float) -> list[Incident]:
        """Ends of those that have not been wrong for long enough."""
        done = [origin for origin, one in self._open.items() if time_s - one.last_s >= self._hold_s - EPSILON_S]
        return [self._open.pop(origin).message(EventPhase.END, time_s) for origin in done]

    def finish(self, time_s: float) -> list[Incident]:
        """End all, each as of its last wrong look."""
        ended = [one.message(EventPhase.END, time_s) for one in self._open.values()]
        self._open.clear()
        return ended
