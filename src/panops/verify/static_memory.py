"""Step: nothing of the kind was taken for an alarm in the very same place again and again."""

from __future__ import annotations

from dataclasses import dataclass

from panops.config.verify_schema import StaticMemoryConfig
from panops.domain.places import Box, iou
from panops.domain.verdicts import Finding
from panops.verify.case import Case
from panops.verify.step import Opinion, QuietStep, Surroundings

# A thing that does not leave its place: it came less than this, in sizes of its own.
_STAYS = 0.25
_SAME_PLACE = 0.5
_MOST = 64


@dataclass(eq=False, slots=True)
class _Place:
    box: Box
    class_name: str
    times: int


class StaticMemory(QuietStep):
    """The same bush every morning: a place where events without any movement were suppressed is remembered, whatever the light makes of it.

    Args:
        config: The step's settings.
        around: Not needed.
    """

    name = "static_memory"

    def __init__(self, config: StaticMemoryConfig, around: Surroundings) -> None:
        self._config = config
        self._places: list[_Place] = []

    def judge(self, case: Case) -> Opinion:
        """Passes whoever leaves, and whoever is where nothing was suppressed before."""
        if case.may_stand:
            return Opinion(Finding(self.name, None, words="Events of this kind are about what stands still."), sure=True)
        moving = [record for record in case.records.values() if record.travelled >= _STAYS]
        if moving or not case.records:
            return Opinion(Finding(self.name, True, words="It leaves its place."), sure=True)
        times = [place.times for sighting in case.seen if (place := self._place(sighting.box, self._class(case))) is not None]
        most = max(times, default=0)
        passed = most < self._config.times
        words = f"It stays where {most} events were suppressed before."
        return Opinion(Finding(self.name, passed, most, self._config.times, words), sure=passed)

    def view_changed(self) -> None:
        """No place is known any more."""
        self._places.clear()

    def decided(self, case: Case, suppressed_by: str) -> None:
        """Remember the place of what was suppressed and never left it."""
        if not suppressed_by or suppressed_by == self.name or case.notes.get(self.name) or case.may_stand:
            return
        for sighting in case.seen:
            if sighting.record.travelled < _STAYS:
                case.notes[self.name] = True  # once an event
                self._remember(sighting.box, self._class(case))

    @staticmethod
    def _class(case: Case) -> str:
        return case.event.incident.class_name

    def _place(self, box: Box, class_name: str) -> _Place | None:
        same = [place for place in self._places if place.class_name == class_name]
        best = max(same, key=lambda place: iou(place.box, box), default=None)
        return best if best is not None and iou(best.box, box) >= _SAME_PLACE else None

    def _remember(self, box: Box, class_name: str) -> None:
        place = self._place(box, class_name)
        if place is not None:
            place.times += 1
            return
        self._places.append(_Place(box, class_name, 1))
        if len(self._places) > _MOST:
            self._places.remove(min(self._places, key=lambda one: one.times))
