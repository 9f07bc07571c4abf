"""One and the same object stays in a zone for too long."""

from __future__ import annotations

from collections.abc import Sequence

from panops.config.rule_schema import LoiteringConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# Whoever is away for longer has left and begins anew.
ABSENCE_S = 2.0


class Loitering:
    """One incident for each object that is in a zone for `after_s`, absences of at most `ABSENCE_S` tolerated.

    It counts from when the object came, tells the dwell so far in `details.dwell_s`, and ends when the object has not been seen in the
    zone for `end_after_s` (at least `ABSENCE_S`), as of the last moment it was there.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: LoiteringConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        self._inside = TrackTable(ABSENCE_S)
        self._hold_s = max(ABSENCE_S, config.end_after_s)
        self._open: dict[int, OpenIncident] = {}

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._inside):
            return ()
        slots = self._inside.update(tracks, rows)
        messages = self._left(tracks.time_s) if self._open and len(self._inside.left) else []
        inside = self._inside.rows
        stays = (inside["seen_s"] - inside["entered_s"] >= self._config.after_s - EPSILON_S)[slots]
        if stays.any():
            messages += self._go_on(tracks, rows[stays], slots[stays])
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, each as of its last sighting; afterwards the rule is as new."""
        self._inside.clear()
        ended = [incident.message(EventPhase.END, time_s) for incident in self._open.values()]
        self._open.clear()
        return ended

    def _left(self, time_s: float) -> list[Incident]:
        gone = (self._open.pop(origin, None) for origin in self._inside.left["origin"].tolist())
        return [incident.message(EventPhase.END, time_s) for incident in gone if incident is not None]

    def _go_on(self, tracks: Tracks, rows: Rows, slots: Rows) -> list[Incident]:
        messages = []
        self._inside.rows["keep_s"][slots] = self._hold_s
        for index, (origin, entered_s) in enumerate(self._inside.rows[["origin", "entered_s"]][slots].tolist()):
            phase = EventPhase.UPDATE
            if origin not in self._open:
                phase = EventPhase.BEGIN
                self._open[origin] = OpenIncident(self._scene, "loitering", str(origin), self._config.zone or "", entered_s)
                self._open[origin].involve([origin])
            incident = self._open[origin]
            incident.last_s = tracks.time_s
            incident.see(tracks, rows[index : index + 1])
            incident.details["dwell_s"] = round(tracks.time_s - entered_s, 1)
            messages.append(incident.message(phase, tracks.time_s))
        return messages
