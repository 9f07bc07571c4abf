"""Many objects stand close together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import CrowdingConfig
from panops.domain.boxes import ground_points
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, Table, TrackTable

# An object that a detector misses goes on standing where it stood for so long.
GAP_S = 1.0
# Once there is a crowd, its neighbours may be so many times as far apart: who sways at the limit does not dissolve it.
LOOSER = 1.25


class Crowding:
    """One incident for a zone while at least `count` objects in it form a chain of near neighbours.

    Two objects are neighbours when their ground points are nearer than `distance` times the lower one's box height. The crowd is the
    longest chain; the incident begins when it has been long enough without a break for `after_s`, and counts from when it became so; it
    ends when none has been long enough for `end_after_s`, as of the last look at which one was.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: CrowdingConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._area = scene.area(config.zone, config.classes)
        self._inside = TrackTable(GAP_S)
        self._since_s: float | None = None
        self._open: OpenIncident | None = None

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._inside) and self._open is None:
            return ()
        slots = self._inside.update(tracks, rows)
        if len(self._inside) >= self._config.count:
            distance = self._config.distance * (1.0 if self._since_s is None else LOOSER)
            members = longest_chain(self._inside.rows, distance)
            if len(members) >= self._config.count:
                return self._crowded(tracks, rows[np.isin(slots, members)], members)
        self._since_s = None
        if self._open is None or tracks.time_s - self._open.last_s < self._config.end_after_s - EPSILON_S:
            return ()
        return self._ended(tracks.time_s)

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, as of the last look at which there was a crowd; afterwards the rule is as new."""
        self._inside.clear()
        self._since_s = None
        return self._ended(time_s)

    def _ended(self, time_s: float) -> tuple[Incident, ...]:
        if self._open is None:
            return ()
        message, self._open = self._open.message(EventPhase.END, time_s), None
        return (message,)

    def _crowded(self, tracks: Tracks, seen: Rows, members: Rows) -> Sequence[Incident]:
        if self._since_s is None:
            self._since_s = tracks.time_s
        phase = EventPhase.UPDATE
        if self._open is None:
            if tracks.time_s - self._since_s < self._config.after_s - EPSILON_S:
                return ()
            phase = EventPhase.BEGIN
            self._open = OpenIncident(self._scene, "crowding", "zone", self._config.zone or "", self._since_s)
        self._open.last_s = tracks.time_s
        self._open.involve(self._inside.rows["id"][members].tolist())
        if len(seen):
            self._open.see(tracks, seen)
        details = self._open.details
        details.update(count=len(members), max_count=max(len(members), int(details.get("max_count") or 0)))
        return (self._open.message(phase, tracks.time_s),)


def longest_chain(table: Table, distance: float) -> Rows:
    """The rows (M,) of the largest group that is joined by neighbours; of two as large ones the one with the first row.

    Args:
        table: Objects (N,), N at least 1.
        distance: How near neighbours are, in heights of the lower box.
    """
    xyxy: NDArray[np.float64] = table["xyxy"].astype(np.float64)
    points, heights = ground_points(table["xyxy"]).astype(np.float64), xyxy[:, 3] - xyxy[:, 1]
    apart = np.hypot(*(points[:, None] - points[None, :]).transpose(2, 0, 1))
    near = apart < distance * np.minimum(heights[:, None], heights[None, :])
    np.fill_diagonal(near, val=True)
    # Each takes the least number among its neighbours until all of a group have the same one.
    group = np.arange(len(table))
    while True:
        lower = np.where(near, group[None, :], len(table)).min(axis=1)
        if (lower == group).all():
            break
        group = lower
    return np.flatnonzero(group == np.bincount(group).argmax())
