"""Somebody is in a zone for longer than a dwell time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from panops.config.rule_schema import IntrusionConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# Detectors miss a frame now and then, and feet jitter over a zone's edge: being away for so long is no leaving.
GAP_S = 1.0


class Intrusion:
    """One incident for a zone, from the first object that dwells there to the last.

    An object *dwells* once it has been in the zone for `after_s`, absences of at most `GAP_S` tolerated. The incident begins when the
    first object dwells and counts from when that object came; it lasts while any dweller is in the zone, whatever its track id; it ends
    when none has been seen there for `end_after_s` (at least `GAP_S`). Who came within that time is waited for: once that object dwells
    too, it is the same incident.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: IntrusionConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        self._inside = TrackTable(GAP_S)
        self._hold_s = max(config.end_after_s, GAP_S)
        self._open: OpenIncident | None = None

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if self._open is None and not len(rows) and not len(self._inside):
            return ()
        slots = self._inside.update(tracks, rows)
        inside = self._inside.rows
        dwells = inside["seen_s"] - inside["entered_s"] >= self._config.after_s - EPSILON_S
        dwelling_now = dwells[slots]
        if dwelling_now.any():
            return self._goes_on(tracks, rows[dwelling_now], slots[dwelling_now])
        if self._open is None or dwells.any() or self._is_awaited(tracks.time_s):
            return ()
        return self._ended(tracks.time_s)

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, as of the last moment somebody was inside; afterwards the rule is as new."""
        self._inside.clear()
        return self._ended(time_s)

    def _ended(self, time_s: float) -> tuple[Incident, ...]:
        if self._open is None:
            return ()
        message, self._open = self._open.message(EventPhase.END, time_s), None
        return (message,)

    def _goes_on(self, tracks: Tracks, rows: Rows, slots: Rows) -> Sequence[Incident]:
        dwellers = self._inside.rows[slots]
        entered_s = float(np.min(dwellers["entered_s"]))
        before: tuple[Incident, ...] = ()
        if self._open is not None and entered_s > self._open.last_s + self._hold_s + EPSILON_S:
            before = self._ended(tracks.time_s)  # looks so rare that the end of the last visit and this one come together
        phase = EventPhase.UPDATE
        if self._open is None:
            phase = EventPhase.BEGIN
            self._open = OpenIncident(self._scene, "intrusion", "zone", self._config.zone or "", entered_s)
        self._open.last_s = tracks.time_s
        self._open.involve(dwellers["origin"].tolist())
        self._open.see(tracks, rows)
        self._open.details["max_count"] = max(len(rows), int(self._open.details.get("max_count") or 0))
        return (*before, self._open.message(phase, tracks.time_s))

    def _is_awaited(self, time_s: float) -> bool:
        """Whether the open incident may still go on: too early to say, or somebody came in time who has not dwelt yet."""
        if self._open is None:
            return False
        limit_s = self._open.last_s + self._hold_s
        return time_s < limit_s - EPSILON_S or bool((self._inside.rows["entered_s"] <= limit_s + EPSILON_S).any())
