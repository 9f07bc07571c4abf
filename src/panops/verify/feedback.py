"""Step: it does not look like what somebody marked as a false alarm in the same place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from panops.config.verify_schema import FeedbackConfig
from panops.domain.feedback import Judgements
from panops.domain.places import Box, iou
from panops.domain.verdicts import Finding
from panops.verify.appearance import Appearance, appearance_of, from_text, likeness
from panops.verify.case import Case, Sighting
from panops.verify.step import Opinion, QuietStep, Surroundings

# Whatever it looks like: who came that much farther than the false alarm ever did is not it.
_FARTHER = 0.75
_MOST = 500


@dataclass(frozen=True, slots=True, eq=False)
class _Marked:
    box: Box
    travelled: float
    appearance: Appearance
    class_name: str
    false_alarm: bool


class Feedback(QuietStep):
    """What was marked once is known again by its place, its look, and that it does not leave. What was called true and is more alike wins.

    Args:
        config: The step's settings.
        around: Not needed.
    """

    name = "feedback"

    def __init__(self, config: FeedbackConfig, around: Surroundings) -> None:
        self._config = config
        self._marked: list[_Marked] = []

    def read(self, judgements: Judgements) -> Callable[[], None]:
        """Make ready what people said of this camera's events, the newest last; what comes back lets it count instead of the old."""
        marked = []
        for judgement in judgements[-_MOST:]:
            appearance = from_text(judgement.appearance) if judgement.appearance else None
            if judgement.box is not None and appearance is not None:
                marked.append(_Marked(judgement.box, judgement.travelled or 0.0, appearance, judgement.class_name, judgement.false_alarm))

        def take() -> None:
            self._marked = marked

        return take

    def judge(self, case: Case) -> Opinion:
        """Passes unless every object in view looks like a marked one in its place."""
        if not any(one.false_alarm for one in self._marked):
            return Opinion(Finding(self.name, None, words="Nobody has marked a false alarm here."), sure=True)
        if not case.seen:
            return Opinion(Finding(self.name, None, words="It is not in view."), sure=False)
        known = case.notes.get(self.name)
        before = known if isinstance(known, dict) else {}
        # What was known once is known: a tarp that flaps looks different a moment later.
        likest_of = {
            sighting.record.track_id: 0.0 if now == 0 else max(now, before.get(sighting.record.track_id, 0.0))
            for sighting in case.seen
            for now in (self._likest(sighting, case.event.incident.class_name),)
        }
        case.notes[self.name] = likest_of
        likest = min(likest_of.values())
        passed = likest < self._config.likeness
        words = f"Likeness to what was marked as a false alarm here: {likest:.2f}." if likest > 0 else "Nothing like it was marked here."
        return Opinion(Finding(self.name, passed, likest, self._config.likeness, words), sure=passed)

    def _likest(self, sighting: Sighting, class_name: str) -> float:
        """Likeness to what was marked, 0..1; 0 for what is elsewhere, came farther, or is more like what was called true."""
        near = [one for one in self._marked if one.class_name == class_name and iou(one.box, sighting.box) >= self._config.overlap]
        near = [one for one in near if sighting.record.travelled <= one.travelled + _FARTHER]
        if not near:
            return 0.0
        now = appearance_of(sighting.frame.luma, sighting.xyxy)
        if now is None:
            return 0.0
        false = max((likeness(one.appearance, now) for one in near if one.false_alarm), default=0.0)
        true = max((likeness(one.appearance, now) for one in near if not one.false_alarm), default=0.0)
        return 0.0 if true > false else max(false, 1e-3)
