"""Step: the rule was not wrong again and again at this time of the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from panops.config.verify_schema import TimePriorConfig
from panops.domain.feedback import Judgements
from panops.domain.verdicts import Finding
from panops.verify.case import Case
from panops.verify.step import Opinion, QuietStep, Surroundings


class TimePrior(QuietStep):
    """At an hour at which people called nearly everything a false alarm (the low sun, the delivery), an event has to last longer.

    It never suppresses what lasts: it only asks for more seconds.

    Args:
        config: The step's settings.
        around: Knows the site's time zone.
    """

    name = "time_prior"

    def __init__(self, config: TimePriorConfig, around: Surroundings) -> None:
        self._config = config
        self._judged: Counter[tuple[str, int]] = Counter()
        self._false: Counter[tuple[str, int]] = Counter()
        self.hour_of = around.hour_of

    def read(self, judgements: Judgements) -> Callable[[], None]:
        """Make ready what people said of this camera's events; what comes back lets it count in the place of what was known."""
        judged = Counter((one.rule_id, self.hour_of(one.started_at_s)) for one in judgements)
        false = Counter((one.rule_id, self.hour_of(one.started_at_s)) for one in judgements if one.false_alarm)

        def take() -> None:
            self._judged, self._false = judged, false

        return take

    def judge(self, case: Case) -> Opinion:
        """Passes at other hours, and when the event has lasted."""
        incident = case.event.incident
        place = (case.event.rule_id, self.hour_of(incident.started_at_s))
        judged = self._judged[place]
        share = self._false[place] / judged if judged else 0.0
        if judged < self._config.least_reviews or share < self._config.most_false:
            return Opinion(Finding(self.name, None, words="Nothing speaks against this hour."), sure=True)
        newest_s = max((record.last_s for record in case.records.values()), default=incident.updated_at_s)
        lasted_s = max(incident.updated_at_s, newest_s) - case.held_since_s
        passed = lasted_s >= self._config.longer_s
        wrong = f"{self._false[place]} of {judged} judged events of this rule at this hour were false"
        words = f"{wrong}: it must last {self._config.longer_s:g} s more."
        return Opinion(Finding(self.name, passed, lasted_s, self._config.longer_s, words), sure=passed)
