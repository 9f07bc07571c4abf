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
        least = self._config.least_share
        # What an event about standing things tells may be that one of them is gone.
        shares = {one.track_id: one.share_seen_then if case.may_stand else one.share_seen for one in case.records.values()}
        best = max(case.records.values(), key=lambda one: (shares[one.track_id] >= least, one.hits), default=None)
        if best is None:
            return Opinion(Finding(self.name, None, words="The event has no object."), sure=True)
        share = shares[best.track_id]
        words = f"Seen at {best.hits} of {best.looks_then if case.may_stand else best.looks} looks."
        if best.hits < self._config.least_looks:
            return Opinion(Finding(self.name, False, best.hits, self._config.least_looks, words), sure=False)
        return Opinion(Finding(self.name, share >= least, share, least, words), sure=share >= least)
