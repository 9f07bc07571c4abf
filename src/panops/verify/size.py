"""Step: the object is about as tall as known ones are at its place."""

from __future__ import annotations

from panops.config.verify_schema import SizeConfig
from panops.domain.verdicts import Finding
from panops.verify.case import Case
from panops.verify.ground_scale import GroundScale
from panops.verify.step import Opinion, Surroundings

# Who came so far, in sizes of his own, teaches how tall people are there.
_WALKED = 1.5
_EDGE = 0.01
_WALKS = 1.0
_MOVING = "moving"


class Size:
    """A person a third as tall as all others on that spot is an insect, a bird, or a part of a tree.

    Args:
        config: The step's settings.
        around: Not needed.
    """

    name = "size"

    def __init__(self, config: SizeConfig, around: Surroundings) -> None:
        self._config = config
        self._scales: dict[str, GroundScale] = {}

    def judge(self, case: Case) -> Opinion:
        """Passes where any object has a size that fits; without enough known ones there is nothing to say.

        Who walks over the ground as people do is somebody, whatever was learnt: a camera may have been zoomed, and who crawls is small.
        """
        if self._class(case) != _MOVING and any(sighting.record.travelled >= _WALKS for sighting in case.seen):
            return Opinion(Finding(self.name, None, words="It walks, so its size says nothing."), sure=True)
        ratios = [ratio for sighting in case.seen if (ratio := self._ratio(case, sighting.box)) is not None]
        if not ratios:
            return Opinion(Finding(self.name, None, words="How tall things are at this place is not known yet."), sure=True)
        ratio = min(ratios, key=lambda value: max(value, 1 / value))
        off = max(ratio, 1 / ratio)
        words = f"It is {ratio:.1f} times as tall as known ones at its place."
        passed = off <= self._config.factor
        return Opinion(Finding(self.name, passed, ratio, self._config.factor, words), sure=passed)

    def decided(self, case: Case, suppressed_by: str) -> None:
        """Learn from what was believed and walked: a box a look, as long as its event goes on."""
        if suppressed_by:
            return
        for sighting in case.seen:
            left, top, right, bottom = sighting.box
            cut = left < _EDGE or top < _EDGE or right > 1 - _EDGE or bottom > 1 - _EDGE
            if sighting.record.travelled < _WALKED or cut:
                continue
            scale = self._scales.setdefault(self._class(case), GroundScale())
            scale.teach(sighting.record.track_id, bottom, bottom - top)

    def view_changed(self) -> None:
        """How tall people are is learnt anew."""
        self._scales.clear()

    def _ratio(self, case: Case, box: tuple[float, float, float, float]) -> float | None:
        left, top, right, bottom = box
        if left < _EDGE or top < _EDGE or right > 1 - _EDGE or bottom > 1 - _EDGE:
            return None  # the picture's edge cuts it
        scale = self._scales.get(self._class(case))
        expected = None if scale is None else scale.height_at(bottom)
        return None if expected is None else (bottom - top) / expected

    @staticmethod
    def _class(case: Case) -> str:
        return case.event.incident.class_name
