"""One way to turn a film's detections into alarms: bare, with tracks and dwell, or with so many steps of the chain."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from panops.bench.alarm_film import AlarmFilm, Visit
from panops.config.rule_schema import IntrusionConfig
from panops.config.verify_schema import VerifyConfig
from panops.domain.detections import Detections
from panops.domain.events import Event
from panops.domain.frame import Frame
from panops.domain.tracks import Tracks, TrackState
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.verify.build import build_chain
from panops.verify.registry import STEPS
from panops.verify.second_look import LookAgain

DWELL_S = 1.0
# Nobody says anything of a film's events, so these cannot show what they are worth here.
_LEARN_FROM_PEOPLE = ("time_prior", "feedback")
# An object that was somebody at this share of its looks is somebody.
_MOSTLY = 0.3
_SLACK_S = 0.5


@dataclass(frozen=True, slots=True)
class Way:
    """A row of the table.

    Attributes:
        name: What it is called.
        steps: Steps of the chain that are on; None without a chain.
        bare: Every detection is an alarm: no tracks, no dwell.
    """

    name: str
    steps: frozenset[str] | None = None
    bare: bool = False


Key = tuple[Way, float]
"""A way and a `min_score`."""


def ladder(*, without: bool = False) -> list[Way]:
    """The bare detector, tracks with dwell, then one step after the other; `without`: then the whole chain without each."""
    ways = [Way("detector alone", bare=True), Way("tracks and dwell")]
    on: list[str] = []
    for name in (name for name in STEPS if name not in _LEARN_FROM_PEOPLE):
        on.append(name)
        ways.append(Way(f"+ {name}", frozenset(on)))
    return ways + (
        [Way(f"all but {name}", frozenset(STEPS) - {name}) for name in STEPS if name not in _LEARN_FROM_PEOPLE] if without else []
    )


@dataclass(slots=True)
class LaneTally:
    """What came of one way on some films.

    Attributes:
        seconds: Length of the films, s.
        visits: How often somebody was there.
        alarmed: For how many of these there was an alarm.
        true_alarms: Alarms about somebody.
        false_alarms: The others.
        suppressed_true: Suppressed events about somebody for whom there was no other alarm.
        false_by_film: False alarms by the film's name.
        stopped_by: Suppressed events about nobody, by the step.
        held_s: How long each alarm was held back, s.
        false_at: Of each false alarm the film and its seconds from and to, to look at it.
    """

    seconds: float = 0.0
    visits: int = 0
    alarmed: int = 0
    true_alarms: int = 0
    false_alarms: int = 0
    suppressed_true: int = 0
    false_by_film: Counter[str] = field(default_factory=Counter)
    stopped_by: Counter[str] = field(default_factory=Counter)
    held_s: list[float] = field(default_factory=list)
    false_at: list[str] = field(default_factory=list)

    def add(self, other: LaneTally) -> None:
        """Take over what came of other films."""
        self.seconds += other.seconds
        self.visits += other.visits
        self.alarmed += other.alarmed
        self.true_alarms += other.true_alarms
        self.false_alarms += other.false_alarms
        self.suppressed_true += other.suppressed_true
        self.false_by_film += other.false_by_film
        self.stopped_by += other.stopped_by
        self.held_s += other.held_s
        self.false_at += other.false_at

    @property
    def recall(self) -> float:
        """Share of the visits with an alarm, 0..1; 1 where nobody came."""
        return self.alarmed / self.visits if self.visits else 1.0

    @property
    def false_per_day(self) -> float:
        """False alarms a camera and day."""
        return self.false_alarms / self.seconds * 86400 if self.seconds else 0.0


class Lane:
    """One way on one film, at one threshold.

    Args:
        way: The way.
        film: The film, for its truth.
        min_score: The camera's `min_score`.
        size_wh: Picture size, px.
        classes: Class names of the detector.
        wanted: The class that alarms.
        look_again: For the second look.
    """

    def __init__(
        self,
        way: Way,
        film: AlarmFilm,
        min_score: float,
        size_wh: tuple[int, int],
        classes: tuple[str, ...],
        wanted: str,
        look_again: LookAgain,
    ) -> None:
        self.way = way
        self.min_score = min_score
        config = IntrusionConfig(id="anyone", kind="intrusion", classes=[wanted], after_s=0.0 if way.bare else DWELL_S)
        self._engine = RuleEngine("film", [(config, Intrusion(config, Scene("film", size_wh, classes)))], epoch=1)
        self._chain = None
        if way.steps is not None:
            self._chain = build_chain(VerifyConfig.model_validate({name: {"enabled": name in way.steps} for name in STEPS}), classes)
            if self._chain is not None:
                self._chain.look_again(look_again)
        self._film = film
        self._strong: set[int] = set()
        self._looks: Counter[int] = Counter()
        self._somebody: Counter[int] = Counter()
        self._events: dict[str, Event] = {}
        self._fresh = 0

    def see(
        self, frame: Frame, detections: Detections, tracks: Tracks, *, about: NDArray[np.bool_], tracks_about: NDArray[np.bool_]
    ) -> None:
        """One look.

        Args:
            frame: The picture.
            detections: Of the wanted class, at any score.
            tracks: What the tracker made of them.
            about: (N,) bool: which detections show somebody.
            tracks_about: The same of the tracks.
        """
        if self.way.bare:
            keep = detections.score >= self.min_score
            tracks, tracks_about = self._as_tracks(frame, detections.select(keep)), about[keep]
        else:
            self._strong.update(tracks.track_id[tracks.score >= self.min_score].tolist())
            keep = np.fromiter((track_id in self._strong for track_id in tracks.track_id.tolist()), np.bool_, len(tracks))
            if not keep.all():
                tracks, tracks_about = tracks.select(keep), tracks_about[keep]
        if len(tracks):
            seen = tracks.state == TrackState.CONFIRMED.value
            self._looks.update(tracks.track_id[seen].tolist())
            self._somebody.update(tracks.track_id[seen & tracks_about].tolist())
        events = self._engine.update(tracks)
        if self._chain is not None:
            events = self._chain.judge(frame, tracks, events)
        self._events.update((event.event_id, event) for event in events)

    def _as_tracks(self, frame: Frame, detections: Detections) -> Tracks:
        """Every detection an object of its own."""
        count, now = len(detections), np.full(len(detections), frame.captured_at_s)
        ids = np.arange(self._fresh, self._fresh + count, dtype=np.int64)
        self._fresh += count
        states = np.full(count, TrackState.CONFIRMED.value, np.int64)
        return Tracks(
            "film",
            frame.captured_at_s,
            ids,
            detections.xyxy,
            detections.score,
            detections.class_id,
            states,
            now,
            now.copy(),
            np.arange(count),
        )

    def finish(self, seconds: float, visits: list[Visit], tally: LaneTally) -> None:
        """The film is over: add up what came of it."""
        events = self._engine.finish(seconds)
        if self._chain is not None:
            events = self._chain.finish(events)
        self._events.update((event.event_id, event) for event in events)
        true = [event for event in self._events.values() if self._is_true(event)]
        alarms = [_span(event) for event in true if not event.is_suppressed]
        held = [_span(event) for event in true if event.is_suppressed]
        tally.seconds += seconds
        tally.visits += len(visits)
        tally.alarmed += sum(_meets(visit, alarms) for visit in visits)
        tally.suppressed_true += sum(_meets(visit, held) and not _meets(visit, alarms) for visit in visits)
        tally.true_alarms += len(alarms)
        for event in self._events.values():
            if event.is_suppressed:
                if event.verdict is not None and not self._is_true(event):
                    tally.stopped_by[event.verdict.suppressed_by] += 1
                continue
            tally.held_s.append(0.0 if event.verdict is None else event.verdict.took_s)
            if not self._is_true(event):
                tally.false_alarms += 1
                tally.false_by_film[self._film.name] += 1
                span = _span(event)
                tally.false_at.append(f"{self._film.name} {span.start_s:.1f}-{span.end_s:.1f}")

    def _is_true(self, event: Event) -> bool:
        return any(self._somebody[track] >= _MOSTLY * max(self._looks[track], 1) for track in event.incident.track_ids)


def _span(event: Event) -> Visit:
    incident = event.incident
    return Visit(incident.started_at_s, incident.updated_at_s if incident.ended_at_s is None else incident.ended_at_s)


def _meets(visit: Visit, spans: list[Visit]) -> bool:
    return any(span.start_s <= visit.end_s + _SLACK_S and span.end_s >= visit.start_s - _SLACK_S for span in spans)
