"""Step: a second look, at the enlarged part of the picture, finds the object too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from panops.config.verify_schema import SecondLookConfig
from panops.domain.frame import Frame
from panops.domain.places import Box
from panops.domain.verdicts import Finding
from panops.verify.case import Case, Sighting
from panops.verify.step import Opinion, QuietStep, Surroundings

# What looks again: the frame, a relative box and a class name give the best score of that class there, 0..1; None where it cannot.
LookAgain = Callable[[Frame, Box, str], float | None]

_MOST_LOOKS = 3
# An object that became so much taller, or more certain, than it was at its last look is worth another one.
_CLEARER = 1.25
_SURER = 0.15


@dataclass(frozen=True, slots=True)
class _Looks:
    """Looks at one object: how many, the best score, and how clear it was at the last one."""

    count: int
    score: float
    height_px: float
    best_score: float

    @classmethod
    def after(cls, known: _Looks | None, sighting: Sighting, score: float) -> _Looks:
        """One more look."""
        count, best = (known.count, known.score) if known is not None else (0, 0.0)
        return cls(count + 1, max(best, score), sighting.record.height_px, sighting.record.best_score)


class SecondLook(QuietStep):
    """A detector that sees a whole scene in 416 px sees little of what is far; the same, or a stronger one, sees more in the part alone.

    Args:
        config: The step's settings.
        around: The camera's classes.
    """

    name = "second_look"

    def __init__(self, config: SecondLookConfig, around: Surroundings) -> None:
        self._config = config
        self._classes = around.classes
        self.look_again: LookAgain | None = None

    def judge(self, case: Case) -> Opinion:
        """Passes when any of the event's objects is found again. Each has three looks, and one more whenever it became clearer."""
        looks = case.notes.setdefault(self.name, {})
        if not isinstance(looks, dict):
            raise TypeError(f"expected this step's own notes, got {type(looks).__name__}")
        sighting = max(case.seen, key=lambda one: (self._worth(looks.get(one.record.track_id), one), one.record.best_score), default=None)
        found = max((look.score for look in looks.values()), default=0.0)
        if self.look_again is not None and sighting is not None and found < self._config.least_score:
            known = looks.get(sighting.record.track_id)
            if self._worth(known, sighting):
                score = self.look_again(sighting.frame, sighting.box, self._class_of(sighting, case))
                if score is None:
                    return Opinion(Finding(self.name, None, words="This camera's detector cannot look again."), sure=True)
                found = max(found, score)
                looks[sighting.record.track_id] = _Looks.after(known, sighting, score)
        if not looks:
            return Opinion(Finding(self.name, None, words="Nobody looked again."), sure=self.look_again is None)
        count = sum(look.count for look in looks.values())
        passed = found >= self._config.least_score
        words = f"Looked at again {count} times: score {found:.2f}."
        sure = passed or not any(self._worth(looks.get(one.record.track_id), one) for one in case.seen)
        return Opinion(Finding(self.name, passed, found, self._config.least_score, words), sure=sure)

    def _class_of(self, sighting: Sighting, case: Case) -> str:
        """The object's own class: in an event of persons and cars the event's is that of the best of them."""
        class_id = sighting.record.class_id
        return self._classes[class_id] if 0 <= class_id < len(self._classes) else case.event.incident.class_name

    @staticmethod
    def _worth(known: _Looks | None, sighting: Sighting) -> bool:
        if known is None or known.count < _MOST_LOOKS:
            return True
        return sighting.record.height_px >= _CLEARER * known.height_px or sighting.record.best_score >= known.best_score + _SURER
