"""Step: a second look, at the enlarged part of the picture, finds the object too."""

from __future__ import annotations

from collections.abc import Callable

from panops.config.verify_schema import SecondLookConfig
from panops.domain.frame import Frame
from panops.domain.verdicts import Finding
from panops.verify.case import Box, Case
from panops.verify.step import Opinion, QuietStep, Surroundings

# What looks again: the frame, a relative box and a class name give the best score of that class there, 0..1; None where it cannot.
LookAgain = Callable[[Frame, Box, str], float | None]

_MOST_LOOKS = 3


class SecondLook(QuietStep):
    """A detector that sees a whole scene in 416 px sees little of what is far; the same, or a stronger one, sees more in the part alone.

    Args:
        config: The step's settings.
        around: Not needed.
    """

    name = "second_look"

    def __init__(self, config: SecondLookConfig, around: Surroundings) -> None:
        self._config = config
        self.look_again: LookAgain | None = None

    def judge(self, case: Case) -> Opinion:
        """Passes when it is found again; looks at most three times an event, for each costs as much as a check."""
        looks, best = self._seen_so_far(case)
        sighting = case.best
        if self.look_again is not None and sighting is not None and looks < _MOST_LOOKS and best < self._config.least_score:
            score = self.look_again(sighting.frame, sighting.box, case.event.incident.class_name)
            if score is None:
                return Opinion(Finding(self.name, None, words="This camera's detector cannot look again."), sure=True)
            looks, best = looks + 1, max(best, score)
            case.notes[self.name] = (looks, best)
        if not looks:
            return Opinion(Finding(self.name, None, words="Nobody looked again."), sure=self.look_again is None)
        passed = best >= self._config.least_score
        words = f"Looked at again {looks} times: score {best:.2f}."
        return Opinion(Finding(self.name, passed, best, self._config.least_score, words), sure=passed or looks >= _MOST_LOOKS)

    def _seen_so_far(self, case: Case) -> tuple[int, float]:
        noted = case.notes.get(self.name)
        return noted if isinstance(noted, tuple) else (0, 0.0)
