"""Nobody is at a post."""

from __future__ import annotations

from collections.abc import Sequence

from panops.config.rule_schema import AbsenceConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Scene
from panops.rules.track_table import BLIND_S, EPSILON_S, TrackTable

# An object that a detector misses for so long has not gone.
GAP_S = 2.0


class Absence:
    """One incident for a zone while nobody is there.

    Somebody is *there* once they have been in the zone for `present_s`, absences of at most `GAP_S` tolerated: who only passes, or a
    false detection, is nobody. The incident begins when nobody has been there for `after_s` (who came by then is given the time to
    stay), and counts from when the last one was seen; it ends when somebody has been there for `end_after_s` (at least `present_s`), as of
    the moment they came.

    Two looks that are more than `BLIND_S` apart say nothing of the time between: the wait begins anew, and what is open ends with the
    look before.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: AbsenceConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        self._inside = TrackTable(GAP_S)
        self._back_s = max(config.present_s, config.end_after_s)
        self._looked_s: float | None = None
        self._there_s = 0.0
        self._open: OpenIncident | None = None

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        messages: list[Incident] = []
        if self._looked_s is None or tracks.time_s - self._looked_s > BLIND_S:
            messages += self._ended(tracks.time_s)
            self._there_s = tracks.time_s
        self._looked_s = tracks.time_s
        rows = self._area.rows(tracks)
        if len(rows) or len(self._inside):
            slots = self._inside.update(tracks, rows)
            inside = self._inside.rows[slots]
            stays_s = inside["seen_s"] - inside["entered_s"]
            if self._open is None:
                if (stays_s >= self._config.present_s - EPSILON_S).any():
                    self._there_s = tracks.time_s
            elif (stays_s >= self._back_s - EPSILON_S).any():
                self._open.last_s = max(self._open.started_at_s, float(inside["entered_s"].min()))
                self._there_s = tracks.time_s
                return [*messages, *self._ended(tracks.time_s)]
        limit_s = self._there_s + self._config.after_s
        if tracks.time_s >= limit_s - EPSILON_S and (self._open is not None or not self._is_awaited(limit_s)):
            messages.append(self._absent(tracks.time_s))
        return messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, as of the last look; afterwards the rule is as new."""
        self._inside.clear()
        self._looked_s = None
        return self._ended(time_s)

    def _is_awaited(self, limit_s: float) -> bool:
        """Whether somebody came in time who may yet stay."""
        return len(self._inside) > 0 and bool((self._inside.rows["entered_s"] < limit_s - EPSILON_S).any())

    def _absent(self, time_s: float) -> Incident:
        phase = EventPhase.UPDATE
        if self._open is None:
            phase = EventPhase.BEGIN
            self._open = OpenIncident(self._scene, "absence", "zone", self._config.zone or "", self._there_s)
            self._open.class_name = self._scene.only_class(self._config.classes)
        self._open.last_s = time_s
        self._open.details["absent_s"] = round(time_s - self._open.started_at_s, 1)
        return self._open.message(phase, time_s)

    def _ended(self, time_s: float) -> tuple[Incident, ...]:
        if self._open is None:
            return ()
        self._open.details["absent_s"] = round(self._open.last_s - self._open.started_at_s, 1)
        message, self._open = self._open.message(EventPhase.END, time_s), None
        return (message,)
