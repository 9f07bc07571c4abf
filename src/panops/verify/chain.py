"""One camera's chain: it holds the beginning of an event back for a moment, asks every step, and lets it pass or not.

An event that passes is told with its verdict. One that does not is passed on all the same, with the verdict that suppresses it: it is
stored and can be looked at, but nobody is told. While it goes on it is judged again once a second, and believed as soon as nothing speaks
against it any more. What was believed once is never taken back.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from panops.config.verify_schema import VerifyConfig
from panops.domain.events import Event, EventPhase
from panops.domain.feedback import Judgements
from panops.domain.frame import Frame
from panops.domain.tracks import Tracks, TrackState
from panops.domain.verdicts import Finding, Verdict
from panops.verify.appearance import appearance_of, as_text
from panops.verify.case import Case, Picture, Sighting
from panops.verify.feedback import Feedback
from panops.verify.second_look import LookAgain, SecondLook
from panops.verify.step import Opinion, Step, Surroundings
from panops.verify.time_prior import TimePrior
from panops.verify.track_log import TrackLog

logger = logging.getLogger(__name__)

# An event that is suppressed and goes on is judged again so often, s.
AGAIN_S = 1.0
_SLACK_S = 1e-6
# Of a crowd the clearest are looked at.
_MOST_SIGHTINGS = 8


class Chain:
    """The chain of one camera. Used by one thread.

    Args:
        config: Its settings.
        steps: What is asked, in this order; those that cost much last.
        around: What the steps share.
        trusted: Ids of rules whose events are passed on as they are.
        problems: What is wrong with steps that are wanted and left out, in words.
    """

    def __init__(
        self,
        config: VerifyConfig,
        steps: Sequence[Step],
        around: Surroundings,
        trusted: frozenset[str] = frozenset(),
        problems: Sequence[str] = (),
    ) -> None:
        self.problems = tuple(problems)
        self._trusted = trusted
        self._config = config
        self._steps = list(steps)
        self._around = around
        self._log = TrackLog()
        # What was over when it was told (a crossing) has no later message: it is waited for as long as any step may ask for.
        self._over_hold_s = max(config.hold_s, config.light.outlast_s, config.time_prior.longer_s) if config.hold_s else 0.0
        self._cases: dict[str, Case] = {}
        self._failures: Counter[str] = Counter()
        self._judged_s: dict[str, float] = {}
        self.told = 0
        """How many events passed."""
        self.suppressed: Counter[str] = Counter()
        """How many events did not, by the step that stopped them; one that passed later is counted there, too."""

    @property
    def failures(self) -> Mapping[str, int]:
        """How often each step has raised, by its name; such a step has no say then."""
        return self._failures

    def learn(self, judgements: Judgements) -> None:
        """Take over what people said of this camera's events."""
        self.take(self.read(judgements))

    def read(self, judgements: Judgements) -> list[Callable[[], None]]:
        """Make ready what people said, which takes a while; any thread. `take` lets it count."""
        return [step.read(judgements) for step in self._steps if isinstance(step, (Feedback, TimePrior))]

    def take(self, learnt: Sequence[Callable[[], None]]) -> None:
        """Let count what `read` made ready."""
        for let_count in learnt:
            let_count()

    def forget_view(self) -> None:
        """The camera looks elsewhere: what was learnt of places holds no more. What people said of events stays."""
        self._around.scene.reset()
        for step in self._steps:
            try:
                step.view_changed()
            except Exception:
                self._failed(step)

    def look_again(self, look: LookAgain | None) -> None:
        """Give the step `second_look` what it looks with."""
        for step in self._steps:
            if isinstance(step, SecondLook):
                step.look_again = look

    def judge(self, frame: Frame, tracks: Tracks, events: Sequence[Event]) -> list[Event]:
        """Look at one check and its events.

        Args:
            frame: The picture.
            tracks: The camera's objects in it.
            events: What the rules said at it, in order.

        Returns:
            What is to be stored and told now, in order; each with its verdict.
        """
        self._log.note(tracks)
        picture = Picture(frame)
        scene = self._around.scene
        if scene.due(tracks.time_s):
            scene.learn(picture.small, tracks.time_s, _boxes(tracks, frame.size_wh))
        if not events and not self._cases:
            return []
        out: list[Event] = []
        for event in events:
            out += self._take(event)
        for case in list(self._cases.values()):
            out += self._go_on(case, picture, tracks)
        return out

    def finish(self, events: Sequence[Event]) -> list[Event]:
        """The camera stops: `events` are the last messages of all that is open. What is held back is decided by what is known."""
        out: list[Event] = []
        for event in events:
            case = self._cases.pop(event.event_id, None)
            if case is None:
                out.append(event)
                continue
            verdict = case.event.verdict
            if verdict is not None:
                verdict = replace(verdict, best_score=case.best_score)
            case.event = replace(event, verdict=verdict)
            case.seen = []
            # What was decided stays decided: that the camera stops is no reason to believe it, or not to.
            out += [case.event] if verdict is not None else self._decide(case, _findings(self._ask(case, final=True)))
        for case in self._cases.values():  # those that are over, and were still looked at
            case.seen = []
            out += self._decide(case, _findings(self._ask(case, final=True)))
        self._cases.clear()
        self._judged_s.clear()
        self._log.clear()
        return out

    # --- one event --------------------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> list[Event]:
        """A message of the rules: passed on where its event is decided, held back otherwise."""
        if event.rule_id in self._trusted:
            return [event]
        case = self._cases.get(event.event_id)
        if case is None:
            case = self._cases[event.event_id] = Case(event, event.incident.updated_at_s)
        case.event = replace(event, verdict=case.event.verdict)
        if case.event.verdict is not None:
            self._find_records(case)
            case.event = replace(event, verdict=replace(case.event.verdict, best_score=case.best_score))
        if event.phase is EventPhase.END:
            if case.event.verdict is None:
                return []  # its objects may still be in view, and what they do next may decide it
            del self._cases[event.event_id]
            self._judged_s.pop(event.event_id, None)
            return [case.event]
        return [] if case.event.verdict is None else [case.event]

    def _go_on(self, case: Case, picture: Picture, tracks: Tracks) -> list[Event]:
        """Judge an event that is not decided, or was suppressed a while ago."""
        verdict = case.event.verdict
        self._look_at(case, picture, tracks)
        if verdict is not None and not verdict.suppressed_by:
            self._decided(case)  # they learn as long as it is in view
            return []
        time_s = tracks.time_s
        if verdict is not None:
            if not case.seen:
                return []  # what is out of sight gives no new reason to believe in it
            if 0 <= time_s - self._judged_s.get(case.event.event_id, 0.0) < AGAIN_S - _SLACK_S:
                return []
            self._judged_s[case.event.event_id] = time_s
            return self._believe_after_all(case)
        over = case.event.phase is EventPhase.END
        hold_s = self._over_hold_s if over else self._config.hold_s
        final = not 0 <= time_s - case.held_since_s < hold_s - _SLACK_S
        opinions = self._ask(case, final=final)
        if not final and not all(opinion.sure for opinion in opinions):
            return []
        if over:
            del self._cases[case.event.event_id]
        else:
            self._judged_s[case.event.event_id] = time_s
        return self._decide(case, _findings(opinions))

    def _find_records(self, case: Case) -> None:
        """What the log knows of the event's objects; those that it forgets meanwhile are kept."""
        for track_id in case.event.incident.track_ids:
            record = self._log.get(track_id)
            if record is not None:
                case.records[track_id] = record

    def _look_at(self, case: Case, picture: Picture, tracks: Tracks) -> None:
        """Find the event's objects in the picture."""
        case.seen = []
        self._find_records(case)
        if not len(tracks):
            return
        for row, (track_id, state) in enumerate(zip(tracks.track_id.tolist(), tracks.state.tolist(), strict=True)):
            if state == TrackState.CONFIRMED.value and track_id in case.records:
                case.seen.append(Sighting(picture, tracks.xyxy[row], case.records[track_id]))
        if len(case.seen) > _MOST_SIGHTINGS:
            case.seen = sorted(case.seen, key=lambda sighting: -sighting.record.best_score)[:_MOST_SIGHTINGS]

    def _ask(self, case: Case, *, final: bool) -> list[Opinion]:
        """All steps' answers. One that costs much is not asked while another one objects."""
        opinions: list[Opinion] = []
        for step in self._steps:
            if isinstance(step, SecondLook) and any(one.finding.passed is False or not (one.sure or final) for one in opinions):
                opinions.append(Opinion(Finding(step.name, None, words="Nobody looked again: another step objects."), sure=True))
                continue
            try:
                opinions.append(_sound(step.name, step.judge(case)))
            except Exception as error:  # a fault of one step must not cost an alarm
                self._failed(step, case)
                opinions.append(Opinion(Finding(step.name, None, words=f"This step failed: {error}"), sure=True))
        return opinions

    def _decide(self, case: Case, findings: list[Finding]) -> list[Event]:
        verdict = Verdict(
            tuple(findings),
            took_s=max(0.0, case.event.incident.updated_at_s - case.held_since_s),
            travelled=max((record.travelled for record in case.records.values()), default=None),
            appearance=self._appearance(case),
            best_score=case.best_score,
        )
        case.event = replace(case.event, verdict=verdict)
        if not verdict.suppressed_by:
            self.told += 1
        else:
            self.suppressed[verdict.suppressed_by] += 1
        self._decided(case)
        if case.event.phase is EventPhase.UPDATE:
            first = replace(case.event.incident, phase=EventPhase.BEGIN)
            return [replace(case.event, incident=first)]
        return [case.event]

    def _believe_after_all(self, case: Case) -> list[Event]:
        opinions = self._ask(case, final=True)
        before = case.event.verdict
        if before is None or any(opinion.finding.passed is False for opinion in opinions):
            return []
        findings = tuple(opinion.finding for opinion in opinions)
        took_s = max(0.0, case.event.incident.updated_at_s - case.held_since_s)
        verdict = replace(before, findings=findings, took_s=took_s, revised=True, best_score=case.best_score)
        case.event = replace(case.event, verdict=verdict)
        self.told += 1
        self._decided(case)
        return [case.event]

    def _decided(self, case: Case) -> None:
        verdict = case.event.verdict
        for step in self._steps:
            try:
                step.decided(case, verdict.suppressed_by if verdict is not None else "")
            except Exception:
                self._failed(step, case)

    def _failed(self, step: Step, case: Case | None = None) -> None:
        self._failures[step.name] += 1
        if self._failures[step.name] == 1:
            where = "a camera" if case is None else f"camera {case.event.camera_id}"
            logger.exception("%s: step %s failed and has no say", where, step.name)

    @staticmethod
    def _appearance(case: Case) -> str:
        best = case.best
        found = None if best is None else appearance_of(best.frame.luma, best.xyxy)
        return "" if found is None else as_text(found)


def _sound(name: str, opinion: object) -> Opinion:
    """An opinion of plain values, which can be stored: a plug-in may answer anything.

    Raises:
        TypeError: It is no opinion.
        ValueError: It has a number that is none.
    """
    if not isinstance(opinion, Opinion) or not isinstance(opinion.finding, Finding):
        raise TypeError(f"expected an Opinion with a Finding, got {opinion!r:.80}")
    finding = opinion.finding
    value, limit = (None if number is None else float(number) for number in (finding.value, finding.limit))
    if not all(number is None or math.isfinite(number) for number in (value, limit)):
        raise ValueError(f"expected finite numbers in its finding, got {value} and {limit}")
    passed = None if finding.passed is None else bool(finding.passed)
    return Opinion(Finding(name, passed, value, limit, str(finding.words)), bool(opinion.sure))


def _findings(opinions: Sequence[Opinion]) -> list[Finding]:
    return [opinion.finding for opinion in opinions]


def _boxes(tracks: Tracks, size_wh: tuple[int, int]) -> list[tuple[float, float, float, float]]:
    width, height = size_wh
    return [(left / width, top / height, right / width, bottom / height) for left, top, right, bottom in tracks.xyxy.tolist()]
