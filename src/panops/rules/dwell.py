"""How long each visit to a zone lasted: a measurement, no alarm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from panops.config.rule_schema import DwellConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# Whoever is away for longer has left, and comes for another visit.
ABSENCE_S = 2.0


class Dwell:
    """One incident for each visit of at least `least_s`, told once it is over: it begins and ends in the same update.

    A visit lasts from the first sighting in the zone to the last one; absences of at most `end_after_s` (at least `ABSENCE_S`) belong to
    it.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: DwellConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        columns = [("best", "f4"), ("box", "f4", (4,)), ("class_id", "i8")]
        self._inside = TrackTable(max(ABSENCE_S, config.end_after_s), columns)
        self._count = 0

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """The visits that these tracks show to be over; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._inside):
            return ()
        slots = self._inside.update(tracks, rows)
        if len(slots):
            self._remember_best(tracks, rows, slots)
        return self._visits(self._inside.left, tracks.time_s) if len(self._inside.left) else ()

    def finish(self, time_s: float) -> Sequence[Incident]:
        """Tell the visits that go on, as far as they were seen; afterwards the rule is as new."""
        messages = self._visits(self._inside.rows, time_s)
        self._inside.clear()
        return messages

    def _remember_best(self, tracks: Tracks, rows: Rows, slots: Rows) -> None:
        table = self._inside.rows
        better = np.flatnonzero(tracks.score[rows] > table["best"][slots])
        if len(better):
            here, seen = slots[better], rows[better]
            table["best"][here] = tracks.score[seen]
            table["box"][here] = tracks.xyxy[seen]
            table["class_id"][here] = tracks.class_id[seen]

    def _visits(self, gone: Iterable[Any], time_s: float) -> list[Incident]:
        messages = []
        for row in gone:
            dwell_s = float(row["seen_s"] - row["entered_s"])
            if dwell_s < self._config.least_s - EPSILON_S:
                continue
            self._count += 1
            incident = OpenIncident(
                self._scene, "dwell", f"{row['origin']}-{self._count}", self._config.zone or "", float(row["entered_s"])
            )
            incident.last_s = float(row["seen_s"])
            incident.involve({int(row["origin"]), int(row["id"])})
            incident.note(float(row["best"]), row["box"], int(row["class_id"]))
            incident.details["dwell_s"] = round(dwell_s, 1)
            messages += [incident.message(EventPhase.BEGIN, time_s), incident.message(EventPhase.END, time_s)]
        return messages
