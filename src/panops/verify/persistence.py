"""Step: the object was seen often enough since it came."""

from __future__ import annotations

from panops.config.verify_schema import PersistenceConfig
from panops.domain.verdicts import Finding
from panops.verify.case import Case
from panops.verify.step import Opinion, QuietStep, Surroundings


class Persistence(QuietStep):
    """n-of-m on the track: a detector that errs sees its error now and then, and an object nearly always.

    Args:
        config: The step's settings.
        around: Not needed.
    """

    name = "persistence"

    def __init__(self, config: PersistenceConfig, around: Surroundings) -> None:
        self._config = config

    def judge(self, case: Case) -> Opinion:
        """Passes as soon as any of the event's objects was seen often enough; nobody to ask about means no objection."""
        best = max(case.records.values(), key=lambda record: (record.share_seen >= self._config.least_share, record.hits), default=None)
        if best is None:
            return Opinion(Finding(self.name, None, words="The event has no object."), sure=True)
        enough = best.hits >= self._config.least_looks
        steady = best.share_seen >= self._config.least_share
        words = f"Seen at {best.hits} of {best.looks} looks."
        if enough and steady:
            return Opinion(Finding(self.name, True, best.share_seen, self._config.least_share, words), sure=True)
        if not enough:
            return Opinion(Finding(self.name, False, best.hits, self._config.least_looks, words), sure=False)
        return Opinion(Finding(self.name, False, best.share_seen, self._config.least_share, words), sure=False)
