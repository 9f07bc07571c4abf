"""What every rule must do. Inherit `RuleConformance`, say how the rule is made, and run it with pytest.

Example of a plug-in's own test file::

    class TestMyRule(RuleConformance):
        def make(self):
            return MyRule(MyConfig(...), Scene("gate", self.size_wh, self.classes, zones={...}))

The stories are people who cross the picture from left to right, stand still in its middle for some seconds and go on, seen by an imperfect
detector. A rule that such a story does not set off overrides `story`.
"""

# ruff: noqa: S101  # a test suite asserts

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import NamedTuple

import numpy as np

from panops.domain.events import EventPhase, Incident
from panops.domain.protocols import RecordingRule, Rule
from panops.domain.tracks import Tracks, TrackState


class Sighting(NamedTuple):
    """One track for `make_tracks`: its ground point, relative, and what else may matter."""

    track_id: int
    x: float
    y: float
    score: float = 0.8
    class_id: int = 0
    state: TrackState = TrackState.CONFIRMED
    height: float = 0.25
    first_seen_s: float | None = None


def make_tracks(time_s: float, sightings: Sequence[Sighting], size_wh: tuple[int, int] = (640, 360), camera_id: str = "gate") -> Tracks:
    """Tracks of a camera with these ground points; boxes are 0.4 times as wide as high."""
    width, height = size_wh
    boxes = [
        (
            (one.x * width - 0.2 * one.height * height),
            (one.y - one.height) * height,
            one.x * width + 0.2 * one.height * height,
            one.y * height,
        )
        for one in sightings
    ]
    count = len(sightings)
    first_seen = [time_s if one.first_seen_s is None else one.first_seen_s for one in sightings]
    return Tracks(
        camera_id,
        time_s,
        np.array([one.track_id for one in sightings], np.int64),
        np.array(boxes, np.float32).reshape(count, 4),
        np.array([one.score for one in sightings], np.float32),
        np.array([one.class_id for one in sightings], np.int64),
        np.array([one.state.value for one in sightings], np.int64),
        np.array(first_seen, np.float64),
        np.full(count, time_s, np.float64),
        np.where(np.array([one.state for one in sightings], np.int64) == TrackState.LOST, -1, np.arange(count)).astype(np.int64),
    )


def play(rule: Rule, story: Iterable[Tracks]) -> list[tuple[float, Incident]]:
    """Everything a rule says of a story, with the time of the look at which it says it; it is finished a second after the last look."""
    said: list[tuple[float, Incident]] = []
    time_s = 0.0
    for tracks in story:
        time_s = tracks.time_s
        said += [(time_s, incident) for incident in rule.update(tracks)]
    said += [(time_s + 1.0, incident) for incident in rule.finish(time_s + 1.0)]
    return said


class RuleConformance:
    """The suite; `make` is the only thing a subclass must write."""

    size_wh = (640, 360)
    classes = ("person", "car")

    def make(self) -> Rule:
        """A fresh rule for a camera of `size_wh` whose model knows `classes`; the stories' people are of class 0."""
        raise NotImplementedError

    def story(self, seed: int, start_s: float = 100.0, duration_s: float = 60.0) -> Iterator[Tracks]:
        """Looks at three people, 5 a second; each crosses in 12 s, comes again under a new id, and is missed in one look of twenty."""
        random = np.random.default_rng(seed)
        for step in range(round(duration_s * 5)):
            time_s = step / 5
            seen = []
            for person in range(3):
                visit, within_s = divmod(time_s + 4.0 * person, 12.0)
                if random.random() < 0.05:
                    continue
                walked = min(within_s, 4.0) + max(0.0, within_s - 8.0)
                x, y = walked / 8.0 + random.normal(0, 0.003), 0.5 + 0.1 * person + random.normal(0, 0.003)
                score = float(random.uniform(0.5, 0.95))
                seen.append(Sighting(int(3 * visit) + person + 1, x, y, score, first_seen_s=start_s + time_s - within_s))
            yield make_tracks(start_s + time_s, seen, self.size_wh)

    def test_the_story_sets_it_off(self) -> None:
        """Without an incident the other tests would show nothing."""
        assert play(self.make(), self.story(1))

    def test_empty_tracks_are_fine(self) -> None:
        """Looks at nothing raise nothing, before, between and after a story."""
        rule = self.make()
        for step in range(50):
            rule.update(Tracks.empty("gate", step / 5))
        play(rule, self.story(1, start_s=100.0))
        rule.update(Tracks.empty("gate", 1000.0))
        rule.finish(1001.0)

    def test_the_same_tracks_give_the_same_incidents(self) -> None:
        """Nothing but the tracks matters: no clock, no randomness, no state shared between two rules."""
        assert play(self.make(), self.story(2)) == play(self.make(), self.story(2))

    def test_every_incident_begins_once_goes_on_and_ends_once(self) -> None:
        """No update or end without a beginning, no second beginning, nothing open after `finish`."""
        for seed in range(4):
            open_keys: set[str] = set()
            for _, incident in play(self.make(), self.story(seed)):
                assert (incident.phase is EventPhase.BEGIN) == (incident.key not in open_keys), incident
                assert (incident.phase is EventPhase.END) == (incident.ended_at_s is not None), incident
                (open_keys.discard if incident.phase is EventPhase.END else open_keys.add)(incident.key)
            assert not open_keys

    def test_times_are_in_order(self) -> None:
        """An incident is told at the look that shows it, began before, keeps its start, and ends no later than it is told."""
        for seed in range(4):
            started: dict[str, float] = {}
            for told_s, incident in play(self.make(), self.story(seed)):
                assert incident.updated_at_s == told_s
                assert incident.started_at_s <= told_s
                if incident.phase is EventPhase.BEGIN:
                    started[incident.key] = incident.started_at_s
                assert incident.started_at_s == started[incident.key]
                if incident.ended_at_s is not None:
                    assert incident.started_at_s <= incident.ended_at_s <= told_s

    def test_what_it_says_is_well_formed(self) -> None:
        """Scores and boxes are relative, tracks ascend, the best score only rises, details are JSON."""
        best: dict[str, float] = {}
        for _, incident in play(self.make(), self.story(3)):
            assert incident.kind
            assert 0.0 <= incident.score <= 1.0
            assert incident.phase is EventPhase.BEGIN or incident.score >= best[incident.key]
            best[incident.key] = incident.score
            assert list(incident.track_ids) == sorted(set(incident.track_ids))
            if incident.box is not None:
                x1, y1, x2, y2 = incident.box
                assert 0.0 <= x1 <= x2 <= 1.0
                assert 0.0 <= y1 <= y2 <= 1.0
            json.dumps(dict(incident.details), allow_nan=False)

    def test_finish_ends_everything_and_leaves_it_as_new(self) -> None:
        """A second `finish` says nothing, and a later story goes as it goes for a fresh rule."""
        rule = self.make()
        play(rule, self.story(1, start_s=100.0))
        assert not rule.finish(200.0)
        again, fresh = play(rule, self.story(2, start_s=300.0)), play(self.make(), self.story(2, start_s=300.0))
        assert [(told_s, one.phase, one.track_ids) for told_s, one in again] == [
            (told_s, one.phase, one.track_ids) for told_s, one in fresh
        ]

    def test_memory_is_bounded(self) -> None:
        """Ten thousand ever new objects leave no more behind than one thousand."""
        rule = self.make()
        random = np.random.default_rng(0)
        sizes = []
        for step in range(2000):
            places = random.uniform(0.05, 0.95, (5, 2))
            looks = [Sighting(5 * step + n, float(x), float(y), first_seen_s=step / 5 - n) for n, (x, y) in enumerate(places)]
            rule.update(make_tracks(step / 5, looks, self.size_wh))
            if isinstance(rule, RecordingRule):
                rule.take_records()  # as the engine does after each look
            if step in (199, 1999):
                sizes.append(_reachable_bytes(rule))
        assert sizes[1] <= 1.5 * sizes[0] + 32768, sizes


def _reachable_bytes(root: object) -> int:
    """Bytes of everything that belongs to an object; classes, modules and functions do not."""
    seen: dict[int, object] = {}
    todo = [root]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type | ModuleType | FunctionType | MethodType):
            continue
        seen[id(thing)] = thing
        todo += gc.get_referents(thing)
    return sum(sys.getsizeof(thing) for thing in seen.values())
