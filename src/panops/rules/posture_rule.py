"""What rules about postures have in common: how long somebody holds one, over looks that contradict each other now and then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panops.config.rule_schema import FallConfig, HandsUpConfig, LyingConfig
from panops.domain.events import Incident
from panops.domain.tracks import Tracks
from panops.rules.object_incidents import ObjectIncidents
from panops.rules.posture import Posture, postures
from panops.rules.scene import Rows, Scene
from panops.rules.track_table import EPSILON_S, TrackTable

# Looks that show something else for no longer than this are mistakes of the pose model.
_SLIP_S = 0.8
# Two looks that show the same posture, further apart than this, are two stories.
_BLIND_S = 5.0
# Whoever is away for longer has left and begins anew.
ABSENCE_S = 2.0


class PostureRule:
    """One incident for each person who holds a posture for `after_s`.

    It counts from the first look that showed it. A look at which the joints are not known says nothing, for `_BLIND_S` at most; one that
    shows something else counts once it is more than `_SLIP_S` after the last one that showed the posture. The incident ends when it was
    not shown for `end_after_s` (at least `ABSENCE_S`).

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    shown: Posture
    """What is looked for."""
    told: Posture = Posture.KNOWN
    """Of whom it is known whether they show it."""

    def __init__(self, config: HandsUpConfig | LyingConfig | FallConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._after_s = config.after_s
        self._area = scene.area(config.zone, config.classes)
        columns = [("since_s", "f8"), ("shown_s", "f8"), ("upright_s", "f8"), ("was_upright", "?"), ("holds", "?"), ("counts", "?")]
        self._people = TrackTable(max(ABSENCE_S, config.end_after_s), columns)
        self._incidents = ObjectIncidents(scene, config.kind, config.zone or "", max(ABSENCE_S, config.end_after_s))

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; empty tracks mean that nobody is there."""
        rows = self._area.rows(tracks)
        if not len(rows) and not len(self._people):
            return ()
        slots = self._people.update(tracks, rows)
        messages: list[Incident] = []
        if len(slots) and (tracks.keypoints is not None or tracks.lies is not None):
            messages += self._look(tracks, rows, slots, _postures(tracks, rows))
        return [*messages, *self._incidents.over(tracks.time_s)] if len(self._incidents) else messages

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, each as of the last look that showed it; afterwards the rule is as new."""
        self._people.clear()
        return self._incidents.finish(time_s)

    def begins(self, people: NDArray[np.void], time_s: float) -> NDArray[np.bool_]:
        """(K,) bool: whose posture counts, of those who begin to show it now."""
        del time_s
        return np.ones(len(people), np.bool_)

    def _look(self, tracks: Tracks, rows: Rows, slots: Rows, found: NDArray[np.int64]) -> list[Incident]:
        table, time_s = self._people.rows, tracks.time_s
        shows = (found & self.shown) != 0
        # Nobody looked for so long: what was shown before says nothing of what is shown now.
        table["holds"][slots[time_s - table["shown_s"][slots] > _BLIND_S]] = False
        other = ((found & self.told) != 0) & ~shows
        begins = slots[shows & ~table["holds"][slots]]
        if len(begins):
            table["since_s"][begins] = time_s
            table["holds"][begins] = True
            table["counts"][begins] = self.begins(table[begins], time_s)
        table["shown_s"][slots[shows]] = time_s
        over = slots[other & (time_s - table["shown_s"][slots] > _SLIP_S)]
        table["holds"][over] = False
        upright = slots[(found & Posture.UPRIGHT) != 0]
        table["upright_s"][upright] = time_s
        table["was_upright"][upright] = True
        long = shows & table["counts"][slots] & (time_s - table["since_s"][slots] >= self._after_s - EPSILON_S)
        messages: list[Incident] = []
        for index in np.flatnonzero(long).tolist():
            origin, since_s = int(table["origin"][slots[index]]), float(table["since_s"][slots[index]])
            incident, phase = self._incidents.hold(origin, tracks, rows[index : index + 1], since_s)
            messages.append(incident.message(phase, time_s))
        return messages


def _postures(tracks: Tracks, rows: Rows) -> NDArray[np.int64]:
    """(K,) of `Posture`, from joints and from looks at where somebody was."""
    out = np.zeros(len(rows), np.int64)
    if tracks.keypoints is not None:
        out = postures(tracks.keypoints[rows], tracks.xyxy[rows])
    if tracks.lies is not None:
        out[tracks.lies[rows]] = Posture.KNOWN | Posture.LYING
    return out
