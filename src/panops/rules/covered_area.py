"""More, or less, of a zone is covered by something than allowed."""

from __future__ import annotations

from collections.abc import Sequence

from panops.config.rule_schema import AreaConfig
from panops.domain.areas import WHOLE, AreaLook
from panops.domain.events import EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Scene
from panops.rules.track_table import EPSILON_S

# What went off is over only so far on the fine side of its limit, as a share of it: at the limit itself each look says another thing.
MARGIN = 0.1
# Two looks further apart tell two stories: what lies between is not known.
BLIND_S = 120.0


class CoveredArea:
    """One incident for a zone while the share that its classes cover is above (or below) the limit.

    Looks at areas are seldom, and only they say anything: at all other looks the rule is silent. The incident begins when the share was
    off at every look for `after_s`, and counts from the first of them; it ends when the share was fine, by a margin, at every look for
    `end_after_s`, as of the last look at which it was off. After more than `BLIND_S` without a look (or `after_s` and `end_after_s` where
    these are longer) nothing is known: what was open ends as of the last look at which it was off.

    Args:
        config: The rule's settings.
        scene: The camera.

    Raises:
        KeyError: The camera has no zone of that name.
    """

    def __init__(self, config: AreaConfig, scene: Scene) -> None:
        """Look the zone up."""
        if config.zone is not None and config.zone not in scene.zones:
            raise KeyError(config.zone)
        self._config = config
        self._scene = scene
        self._zone = config.zone or WHOLE
        self._limit = config.above if config.above is not None else float(config.below or 0.0)
        self._blind_s = max(BLIND_S, config.after_s, config.end_after_s)
        self._looked_s: float | None = None
        self._off_since_s: float | None = None
        self._open: OpenIncident | None = None

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended; nothing where no look at areas has come."""
        look = tracks.areas
        share = None if look is None else look.of(self._zone, self._config.classes)
        if look is None or share is None:
            if self._looked_s is None or tracks.time_s - self._looked_s <= self._blind_s:
                return ()
            return self.finish(tracks.time_s)
        messages: list[Incident] = []
        if self._looked_s is not None and look.time_s - self._looked_s > self._blind_s:
            messages += self.finish(tracks.time_s)
        self._looked_s = look.time_s
        if self._is_off(share):
            return [*messages, *self._off(look, share, tracks.time_s)]
        self._off_since_s = None
        if self._open is None:
            return messages
        self._open.details["share"] = round(share, 4)
        if look.time_s - self._open.last_s < self._config.end_after_s - EPSILON_S:
            return [*messages, self._open.message(EventPhase.UPDATE, tracks.time_s)]
        return [*messages, *self._ended(tracks.time_s)]

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, as of the last look at which the share was off; afterwards the rule is as new."""
        self._looked_s = self._off_since_s = None
        return self._ended(time_s)

    def _is_off(self, share: float) -> bool:
        """Whether the share is wrong; while an incident lasts, also where it is fine by less than the margin."""
        limit = self._limit
        if self._config.above is not None:
            return share > (limit if self._open is None else limit * (1 - MARGIN))
        return share < (limit if self._open is None else limit * (1 + MARGIN))

    def _off(self, look: AreaLook, share: float, time_s: float) -> Sequence[Incident]:
        if self._off_since_s is None:
            self._off_since_s = look.time_s
        phase = EventPhase.UPDATE
        if self._open is None:
            if look.time_s - self._off_since_s < self._config.after_s - EPSILON_S:
                return ()
            phase = EventPhase.BEGIN
            self._open = OpenIncident(self._scene, "area", "zone", self._config.zone or "", self._off_since_s)
            self._open.class_name = self._config.classes[0].strip() if len(self._config.classes) == 1 else ""
            when = "above" if self._config.above is not None else "below"
            self._open.details.update(of=", ".join(self._config.classes), when=when, limit=self._limit, most_share=share, least_share=share)
        details = self._open.details
        details["share"] = round(share, 4)
        details["most_share"] = round(max(share, float(details["most_share"] or 0.0)), 4)
        details["least_share"] = round(min(share, float(details["least_share"] or 0.0)), 4)
        self._open.last_s = look.time_s
        return (self._open.message(phase, time_s),)

    def _ended(self, time_s: float) -> tuple[Incident, ...]:
        if self._open is None:
            return ()
        message, self._open = self._open.message(EventPhase.END, time_s), None
        return (message,)
