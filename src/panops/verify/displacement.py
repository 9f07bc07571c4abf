"""Step: the object moved, or its place was empty before."""

from __future__ import annotations

from panops.config.verify_schema import DisplacementConfig
from panops.domain.verdicts import Finding
from panops.verify.background import NOTE
from panops.verify.case import Case
from panops.verify.step import Opinion, QuietStep, Surroundings

# Whose box became so many times as tall, in a place that looked different before, came nearer.
_GREW = 1.35


class Displacement(QuietStep):
    """Who comes moves. What has stood there from the first look on, in a place that looks as it always did, has not come.

    It uses what the step `background`, which stands before it, measured.

    Args:
        config: The step's settings.
        around: Not needed.
    """

    name = "displacement"

    def __init__(self, config: DisplacementConfig, around: Surroundings) -> None:
        self._config = config

    def judge(self, case: Case) -> Opinion:
        """Passes as soon as any of the event's objects came far enough."""
        if case.may_stand:
            return Opinion(Finding(self.name, None, words="Events of this kind are about what stands still."), sure=True)
        moved = max((record.travelled for record in case.records.values()), default=None)
        if moved is None:
            return Opinion(Finding(self.name, None, words="The event has no object."), sure=True)
        words = f"It came {moved:.1f} of its own size."
        if moved >= self._config.least:
            return Opinion(Finding(self.name, True, moved, self._config.least, words), sure=True)
        new = case.notes.get(NOTE)
        stayed_s = max(record.last_s - record.first_s for record in case.records.values())
        grew = max(record.grew for record in case.records.values())
        if isinstance(new, float) and grew >= _GREW and new >= self._config.new_share / 2:
            return Opinion(
                Finding(self.name, True, moved, self._config.least, f"It came nearer: its box is {grew:.1f} times as tall."), sure=True
            )
        if isinstance(new, float) and new >= self._config.new_share and stayed_s >= self._config.stay_s:
            words = f"It stands still, but {new:.0%} of its place is new, for {stayed_s:.0f} s already."
            return Opinion(Finding(self.name, True, moved, self._config.least, words), sure=True)
        return Opinion(Finding(self.name, False, moved, self._config.least, words), sure=False)
