"""What a rule gathers while one incident lasts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.scene import Rows, Scene

# A busy zone can be occupied for days: the newest so many tracks are named, of the rest only that there were more. The newest, for whoever
# judges the incident looks at those who are there.
MAX_TRACK_IDS = 200

Details = dict[str, str | int | float | bool | None]


class OpenIncident:
    """One incident from its beginning to its end.

    Attributes:
        started_at_s: When the condition began to hold, s.
        last_s: The last time it held, s.
        details: Facts of the kind; the rule writes them.
        at_least: A score that is told even where no object noted so far has it.

    Args:
        scene: The camera.
        kind: The rule's kind.
        key: Tells it apart from the rule's other open incidents.
        zone: The zone's or line's name, or empty.
        started_at_s: When the condition began to hold, s.
    """

    def __init__(self, scene: Scene, kind: str, key: str, zone: str, started_at_s: float) -> None:
        """Begin with nobody in it."""
        self._scene = scene
        self._kind = kind
        self._key = key
        self._zone = zone
        self.started_at_s = started_at_s
        self.last_s = started_at_s
        self.details: Details = {}
        self.class_name = ""
        self._score = 0.0
        self.at_least = 0.0
        self._box: tuple[float, float, float, float] | None = None
        self._ids: set[int] = set()
        self._sorted_ids: tuple[int, ...] = ()

    def involve(self, ids: Iterable[int]) -> None:
        """Add tracks that take part."""
        new = set(ids) - self._ids
        if not new:
            return
        self._sorted_ids = tuple(sorted(self._ids | new))
        if len(self._sorted_ids) > MAX_TRACK_IDS:
            self.details["more_tracks"] = True
            self._sorted_ids = self._sorted_ids[-MAX_TRACK_IDS:]
        self._ids = set(self._sorted_ids)

    def see(self, tracks: Tracks, rows: Rows) -> None:
        """Note who takes part now, (K,) rows of `tracks`; the one with the best score so far gives score, box and class."""
        self.involve(tracks.track_id[rows].tolist())
        best = int(np.argmax(tracks.score[rows]))
        self.note(float(tracks.score[rows[best]]), tracks.xyxy[rows[best]], int(tracks.class_id[rows[best]]))

    def note(self, score: float, xyxy: NDArray[np.float32], class_id: int) -> None:
        """Take one object's score (0..1), box (4,) in px and class for the incident's, if its score is the best so far."""
        if self._box is None or score > self._score:
            self._score = min(max(score, 0.0), 1.0)
            self._box = self._scene.relative_box(xyxy)
            self.class_name = self._scene.class_name(class_id)

    def take(self, other: Incident) -> None:
        """Take over who took part in another incident and, if its score is the best so far, its score, box and class."""
        self.involve(other.track_ids)
        if self._box is None or other.score > self._score:
            self._score = max(other.score, self._score)
            self._box = other.box
            self.class_name = other.class_name

    def message(self, phase: EventPhase, time_s: float) -> Incident:
        """The incident as it stands at `time_s`; with phase `end`, ended when the condition last held."""
        return Incident(
            key=self._key,
            phase=phase,
            kind=self._kind,
            class_name=self.class_name,
            zone=self._zone,
            track_ids=self._sorted_ids,
            score=round(max(self._score, self.at_least), 4),
            started_at_s=self.started_at_s,
            updated_at_s=time_s,
            ended_at_s=self.last_s if phase is EventPhase.END else None,
            box=self._box,
            details=dict(self.details),
        )
