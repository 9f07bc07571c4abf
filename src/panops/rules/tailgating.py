"""Somebody crosses a line right behind somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from panops.config.rule_schema import LineCrossingConfig, TailgatingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.line_crossing import LineCrossing
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Scene
from panops.rules.track_table import EPSILON_S

# A crossing may become certain so much later than another one that came after it, s.
LATE_S = 5.0


@dataclass(slots=True)
class _Crossing:
    """One crossing, and whether it was told as a tailgater's."""

    incident: Incident
    told: bool = False

    @property
    def at_s(self) -> float:
        return self.incident.started_at_s

    @property
    def way(self) -> object:
        return self.incident.details["direction"]


class Tailgating:
    """One incident for each object that crosses the line within `within_s` after another one, in the same direction.

    Crossings are those of `LineCrossing`. The incident is the second one's: its score, box and moment; it names both tracks, and begins
    and ends in the same update. Who comes second counts by the moment of crossing, even when that of the first becomes certain later.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no line of that name.
    """

    def __init__(self, config: TailgatingConfig, scene: Scene) -> None:
        """Watch the line."""
        self._config = config
        self._scene = scene
        crossings = LineCrossingConfig(
            id=config.id, kind="line_crossing", line=config.line, direction=config.direction, classes=config.classes
        )
        self._line = LineCrossing(crossings, scene)
        self._lately: list[_Crossing] = []
        self._count = 0

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """The tailgaters that became certain with these tracks; empty tracks mean that nobody is there."""
        crossed = self._line.update(tracks)
        return self._followed(crossed, tracks.time_s) if crossed else ()

    def finish(self, time_s: float) -> Sequence[Incident]:
        """Tell of who vanished behind the line; afterwards the rule is as new."""
        messages = self._followed(self._line.finish(time_s), time_s)
        self._lately.clear()
        return messages

    def _followed(self, crossed: Sequence[Incident], time_s: float) -> list[Incident]:
        oldest_s = time_s - self._config.within_s - LATE_S
        self._lately = [one for one in self._lately if one.at_s >= oldest_s]
        self._lately += [_Crossing(incident) for incident in crossed if incident.phase is EventPhase.BEGIN]
        self._lately.sort(key=lambda one: one.at_s)
        messages: list[Incident] = []
        for index, one in enumerate(self._lately):
            before = None if one.told else self._before(index)
            if before is not None:
                one.told = True
                messages += self._tailgated(before.incident, one.incident, time_s)
        return messages

    def _before(self, index: int) -> _Crossing | None:
        """The last other object that crossed in the same direction before, if that was short enough ago."""
        one = self._lately[index]
        for before in reversed(self._lately[:index]):
            if one.at_s - before.at_s > self._config.within_s + EPSILON_S:
                return None
            if before.way == one.way and before.incident.track_ids != one.incident.track_ids:
                return before
        return None

    def _tailgated(self, first: Incident, second: Incident, time_s: float) -> list[Incident]:
        self._count += 1
        key = f"{second.track_ids[0]}-{self._count}"
        incident = OpenIncident(self._scene, "tailgating", key, self._config.line, second.started_at_s)
        incident.take(second)
        incident.involve(first.track_ids)
        incident.details["direction"] = second.details["direction"]
        incident.details["behind_s"] = round(second.started_at_s - first.started_at_s, 2)
        return [incident.message(EventPhase.BEGIN, time_s), incident.message(EventPhase.END, time_s)]
