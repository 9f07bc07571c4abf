"""Step: what is in the box differs from the empty scene."""

from __future__ import annotations

from panops.config.verify_schema import BackgroundConfig
from panops.domain.verdicts import Finding
from panops.verify.case import Case, Sighting
from panops.verify.step import Opinion, QuietStep, Surroundings

NOTE = "background"
# Who has moved by so much, in sizes of its own, need not stand out as much: far away a person is a few pixels wide.
_MOVED = 0.5
_FAR_SHARE = 0.35
# Who has walked by so much is no trick of the light. Only where the detector takes anything that moves, shadows walk, too.
_WALKED = 1.0
_MOVING = "moving"
# With so much of the old texture left, what is new is only light: a shadow, a beam, a wet patch.
_SAME_TEXTURE = 0.85


class Background(QuietStep):
    """A detector that takes a post or a bush for a person sees what was always there.

    Args:
        config: The step's settings.
        around: The camera's empty scene.
    """

    name = "background"

    def __init__(self, config: BackgroundConfig, around: Surroundings) -> None:
        self._config = config
        self._scene = around.scene

    def judge(self, case: Case) -> Opinion:
        """Passes when enough of any object's box is new at any look so far."""
        for sighting in case.seen:
            walks = sighting.record.travelled >= _WALKED and case.event.incident.class_name != _MOVING
            measured = self._measure(sighting, texture=not walks)
            if measured is not None:
                before = case.notes.get(NOTE)
                case.notes[NOTE] = max(measured, before) if isinstance(before, float) else measured
        best = case.notes.get(NOTE)
        if not isinstance(best, float):
            return Opinion(Finding(self.name, None, words="What this place looks like when nobody is there is not known yet."), sure=True)
        moved = any(record.travelled >= _MOVED for record in case.records.values())
        limit = self._config.least_share * (_FAR_SHARE if moved else 1.0)
        passed = best >= limit
        words = f"{best:.0%} of the box differs from the empty scene."
        return Opinion(Finding(self.name, passed, best, limit, words), sure=passed)

    def _measure(self, sighting: Sighting, *, texture: bool) -> float | None:
        """The share of a box that is new; None where its place is not known. `texture`: what kept it is not new."""
        box = sighting.box
        if not self._scene.knows(box):
            return None
        share, likeness = self._scene.difference(sighting.picture.small, box)
        return 0.0 if texture and likeness > _SAME_TEXTURE else share
