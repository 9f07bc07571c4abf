"""An object that stood still is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from panops.config.rule_schema import ObjectRemovedConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Scene
from panops.rules.still_objects import StillObjects
from panops.rules.track_table import EPSILON_S

# A place where nothing has stood for long enough yet is forgotten so soon.
GAP_S = 5.0


class ObjectRemoved:
    """One incident for each object that is gone from its place for `after_s`, after it was there for `known_s`.

    While anything that is followed stands in front of the place, the object counts as hidden, not as gone. The incident counts from the
    last look at which the object was there or hidden; it begins and ends in the same update.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: ObjectRemovedConfig, scene: Scene) -> None:
        """Look the zone up."""
        self._config = config
        self._scene = scene
        self._objects = scene.area(config.zone, config.classes, without=config.hider_classes)
        self._still = StillObjects(GAP_S, [("told", "?")])

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What is certainly gone with these tracks; empty tracks mean that nothing is there."""
        rows = self._objects.rows(tracks)
        if not len(rows) and not len(self._still):
            return ()
        places = self._still.update(tracks, rows)
        still = self._still.rows
        stood = still["seen_s"] - still["since_s"] >= self._config.known_s - EPSILON_S
        if len(places):
            here = places[stood[places]]
            still["keep_s"][here] = self._config.after_s + GAP_S
            still["told"][here] = False
        gone = stood & ~still["told"] & (tracks.time_s - still["shown_s"] >= self._config.after_s - EPSILON_S)
        if not gone.any():
            return ()
        still["told"][gone] = True
        return self._removed(still[gone], tracks.time_s)

    def finish(self, time_s: float) -> Sequence[Incident]:
        """Nothing is open; afterwards the rule is as new."""
        del time_s
        self._still.clear()
        return ()

    def _removed(self, places: Iterable[Any], time_s: float) -> list[Incident]:
        messages = []
        for place in places:
            gone_s = float(place["shown_s"])
            incident = OpenIncident(self._scene, "object_removed", f"{place['key']}-{gone_s:.3f}", self._config.zone or "", gone_s)
            incident.last_s = time_s
            incident.involve([int(place["id"])])
            incident.note(float(place["score"]), place["best_box"], int(place["class_id"]))
            incident.details["stood_s"] = round(float(place["seen_s"] - place["since_s"]), 1)
            messages += [incident.message(EventPhase.BEGIN, time_s), incident.message(EventPhase.END, time_s)]
        return messages
