"""More, or fewer, objects in a zone than allowed."""

from __future__ import annotations

from collections.abc import Sequence

from panops.config.rule_schema import OccupancyConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# An object that a detector misses goes on being counted for so long.
GAP_S = 1.0


class Occupancy:
    """One incident for a zone while its count is above (or below) the limit.

    The count is of objects seen in the zone within the last `GAP_S`, so that a missed detection or a new track id changes nothing. The
    incident begins when the count has been off without a break for `after_s`, and counts from when it went off; it ends when the count
    has been fine without a break for `end_after_s`, as of the last look at which it was off.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: OccupancyConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        self._inside = TrackTable(GAP_S)
        self._off_since_s: float | None = None
        self._open: OpenIncident | None = None

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if len(rows) or len(self._inside):
            self._inside.update(tracks, rows)
        count = len(self._inside)
        if count > self._config.limit if self._config.when == "above" else count < self._config.limit:
            return self._off(tracks, rows, count)
        self._off_since_s = None
        if self._open is None:
            return ()
        if tracks.time_s - self._open.last_s < self._config.end_after_s - EPSILON_S:
            if self._open.details["count"] == count:
                return ()
            self._open.details["count"] = count
            return (self._open.message(EventPhase.UPDATE, tracks.time_s),)
        self._open.details["count"] = count
        return self._ended(tracks.time_s)

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, as of the last look at which the count was off; afterwards the rule is as new."""
        self._inside.clear()
        self._off_since_s = None
        return self._ended(time_s)

    def _ended(self, time_s: float) -> tuple[Incident, ...]:
        if self._open is None:
            return ()
        message, self._open = self._open.message(EventPhase.END, time_s), None
        return (message,)

    def _off(self, tracks: Tracks, rows: Rows, count: int) -> Sequence[Incident]:
        if self._off_since_s is None:
            self._off_since_s = tracks.time_s
        phase = EventPhase.UPDATE
        if self._open is None:
            if tracks.time_s - self._off_since_s < self._config.after_s - EPSILON_S:
                return ()
            phase = EventPhase.BEGIN
            self._open = OpenIncident(self._scene, "occupancy", "zone", self._config.zone or "", self._off_since_s)
            self._open.class_name = self._scene.only_class(self._config.classes)
            self._open.details.update(limit=self._config.limit, when=self._config.when, count=count, max_count=count, min_count=count)
        details = self._open.details
        details["count"] = count
        details["max_count"] = max(count, int(details["max_count"] or 0))
        details["min_count"] = min(count, int(details["min_count"] or 0))
        self._open.last_s = tracks.time_s
        if len(rows):
            self._open.see(tracks, rows)
        return (self._open.message(phase, tracks.time_s),)
