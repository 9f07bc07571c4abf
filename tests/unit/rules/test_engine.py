from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from panops.config.rule_schema import IntrusionConfig, LineCrossingConfig, LoiteringConfig
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.geometry import Polygon, Tripwire
from panops.domain.tracks import Tracks
from panops.rules.engine import FAILING_S, RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.line_crossing import LineCrossing
from panops.rules.loitering import Loitering
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks

BEGIN, UPDATE, END = EventPhase.BEGIN, EventPhase.UPDATE, EventPhase.END


@dataclass(frozen=True)
class Label:
    id: str = "night"
    severity: Severity = Severity.WARNING
    cooldown_s: float = 0.0
    silent: bool = False


@dataclass
class Scripted:
    """A rule that says what the test tells it to."""

    script: list[Sequence[Incident] | Exception] = field(default_factory=list)
    at_the_end: Sequence[Incident] | Exception = ()
    asked: int = 0

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        self.asked += 1
        return self._say(self.script.pop(0) if self.script else ())

    def finish(self, time_s: float) -> Sequence[Incident]:
        return self._say(self.at_the_end)

    @staticmethod
    def _say(what: Sequence[Incident] | Exception) -> Sequence[Incident]:
        if isinstance(what, Exception):
            raise what
        return what


def incident(
    phase: EventPhase, time_s: float, key: str = "zone", score: float = 0.5, ids: tuple[int, ...] = (1,), **details: object
) -> Incident:
    facts: dict[str, str | int | float | bool | None] = dict(details)  # type: ignore[arg-type]  # tests give JSON values
    return Incident(key, phase, "intrusion", "person", "floor", ids, score, 0.0, time_s, time_s if phase is END else None, details=facts)


def run(engine: RuleEngine, *times: float) -> list[list[tuple[str, EventPhase]]]:
    return [[(event.event_id, event.phase) for event in engine.update(Tracks.empty("gate", time_s))] for time_s in times]


def test_events_get_identities_that_last() -> None:
    rule = Scripted([[incident(BEGIN, 0)], [incident(UPDATE, 2), incident(BEGIN, 2, "b")], [incident(END, 3)], [incident(BEGIN, 4)]])
    engine = RuleEngine("gate", [(Label(), rule)], epoch=4, first_sequence=10)
    assert run(engine, 0, 2, 3, 4) == [
        [("gate-4-10", BEGIN)],
        [("gate-4-10", UPDATE), ("gate-4-11", BEGIN)],
        [("gate-4-10", END)],
        [("gate-4-12", BEGIN)],
    ]
    assert engine.next_sequence == 13


def test_an_event_carries_its_rule() -> None:
    engine = RuleEngine("gate", [(Label("day", Severity.INFO), Scripted([[incident(BEGIN, 0)]]))], epoch=1)
    (event,) = engine.update(Tracks.empty("gate", 0.0))
    assert (event.camera_id, event.rule_id, event.severity, event.incident.kind) == ("gate", "day", Severity.INFO, "intrusion")


def test_the_same_key_of_two_rules_is_two_events() -> None:
    rules = [(Label(name), Scripted([[incident(BEGIN, 0)], [incident(END, 1)]])) for name in ("a", "b")]
    engine = RuleEngine("gate", rules, epoch=0)
    assert run(engine, 0, 1) == [[("gate-0-0", BEGIN), ("gate-0-1", BEGIN)], [("gate-0-0", END), ("gate-0-1", END)]]


def test_updates_come_once_a_second() -> None:
    rule = Scripted([[incident(BEGIN, 0)], *([incident(UPDATE, n / 5)] for n in range(1, 50)), [incident(END, 10)]])
    engine = RuleEngine("gate", [(Label(), rule)], epoch=0)
    sent = [event.incident.updated_at_s for n in range(51) for event in engine.update(Tracks.empty("gate", n / 5))]
    assert sent == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])


@pytest.mark.parametrize(
    ("change", "news"),
    [
        pytest.param(lambda one: one, False, id="nothing new"),
        pytest.param(lambda one: replace(one, track_ids=(1, 2)), True, id="a track joins"),
        pytest.param(lambda one: replace(one, score=0.54), False, id="a little better"),
        pytest.param(lambda one: replace(one, score=0.6), True, id="much better"),
        pytest.param(lambda one: replace(one, details={"count": 3, "dwell_s": 1.0}), True, id="a count changes"),
        pytest.param(lambda one: replace(one, details={"count": 2, "dwell_s": 1.2}), False, id="only a dwell grows"),
    ],
)
def test_news_comes_at_once(change: Callable[[Incident], Incident], news: bool) -> None:
    first = incident(BEGIN, 0, count=2, dwell_s=1.0)
    second = change(incident(UPDATE, 0.2, count=2, dwell_s=1.0))
    engine = RuleEngine("gate", [(Label(), Scripted([[first], [second]]))], epoch=0)
    assert len(run(engine, 0, 0.2)[1]) == (1 if news else 0)
    assert engine.open_events[0].incident.updated_at_s == 0.2


def test_a_rule_that_raises_is_alone_with_it(caplog: pytest.LogCaptureFixture) -> None:
    bad = Scripted([ValueError("no idea"), ValueError("no idea"), [incident(BEGIN, 2)]])
    good = Scripted([[incident(BEGIN, 0)], [incident(END, 1)]])
    engine = RuleEngine("gate", [(Label("bad"), bad), (Label("good"), good)], epoch=0)
    with caplog.at_level(logging.ERROR):
        assert run(engine, 0, 1, 2) == [[("gate-0-0", BEGIN)], [("gate-0-0", END)], [("gate-0-1", BEGIN)]]
    assert engine.failures == {"bad": 2}
    assert [record.message for record in caplog.records] == ["camera gate: rule bad failed; the other rules go on"]
    assert caplog.records[0].exc_info is not None


def test_a_rule_that_says_nonsense_has_failed() -> None:
    rule = Scripted([["begin"]])  # type: ignore[list-item]  # what a careless plug-in may do
    engine = RuleEngine("gate", [(Label(), rule)], epoch=0)
    assert run(engine, 0) == [[]]
    assert engine.failures == {"night": 1}


def test_events_of_a_rule_that_only_fails_are_ended_as_interrupted() -> None:
    rule = Scripted([[incident(BEGIN, 0)], *[RuntimeError("gone")] * 20])
    engine = RuleEngine("gate", [(Label(), rule)], epoch=0)
    events = [event for n in range(20) for event in engine.update(Tracks.empty("gate", float(n)))]
    assert [event.phase for event in events] == [BEGIN, END]
    assert events[1].incident.updated_at_s == 1 + FAILING_S
    assert events[1].incident.ended_at_s == 0
    assert events[1].incident.details["interrupted"] is True


@pytest.mark.parametrize("at_the_end", [(), RuntimeError("gone"), [incident(END, 5)]], ids=["says nothing", "raises", "ends it"])
def test_finish_leaves_nothing_open(at_the_end: Sequence[Incident] | Exception) -> None:
    engine = RuleEngine("gate", [(Label(), Scripted([[incident(BEGIN, 0)]], at_the_end))], epoch=0)
    run(engine, 0)
    (event,) = engine.finish(5.0)
    assert (event.event_id, event.phase, event.incident.ended_at_s) == ("gate-0-0", END, 5.0)
    assert engine.open_events == []


def test_finish_twice_says_it_once() -> None:
    engine = RuleEngine("gate", [(Label(), Scripted([[incident(BEGIN, 0)]]))], epoch=0)
    run(engine, 0)
    assert len(engine.finish(5.0)) == 1
    assert engine.finish(6.0) == []


def test_time_that_goes_back_is_counted_and_ignored() -> None:
    rule = Scripted()
    engine = RuleEngine("gate", [(Label(), rule)], epoch=0)
    run(engine, 5.0, 4.0, float("nan"), 5.0, 6.0)
    assert (rule.asked, engine.dropped_updates) == (3, 2)


def test_a_careless_rule_is_put_right() -> None:
    """An update before the beginning begins; a second beginning is an update; an end out of nowhere is an event, too."""
    rule = Scripted([[incident(UPDATE, 0)], [incident(BEGIN, 2)], [incident(END, 3)], [incident(END, 4)]])
    engine = RuleEngine("gate", [(Label(), rule)], epoch=0)
    assert run(engine, 0, 2, 3, 4) == [[("gate-0-0", BEGIN)], [("gate-0-0", UPDATE)], [("gate-0-0", END)], [("gate-0-1", END)]]


def visits(*spans: tuple[float, float], key: str = "zone", zone: str = "floor", until_s: float = 60.0) -> Scripted:
    """A rule that is asked once a second: an incident for each span."""
    script: list[Sequence[Incident] | Exception] = []
    for n in range(round(until_s)):
        said = []
        for start_s, end_s in spans:
            phase = BEGIN if n == start_s else END if n == end_s else UPDATE
            if start_s <= n <= end_s:
                said += [replace(incident(phase, float(n), key), started_at_s=start_s, zone=zone)]
            if n == start_s == end_s:
                said = [replace(said[0], phase=BEGIN, ended_at_s=None), replace(said[0], phase=END, ended_at_s=float(n))]
        script.append(said)
    return Scripted(script)


@pytest.mark.parametrize(
    ("spans", "cooldown_s", "expected", "swallowed"),
    [
        pytest.param([(0, 5), (8, 12)], 0, [(0, 5), (8, 12)], 0, id="no cooldown"),
        pytest.param([(0, 5), (8, 12)], 10, [(0, 5)], 1, id="begins and ends within it"),
        pytest.param([(0, 5), (15, 18)], 10, [(0, 5), (15, 18)], 0, id="begins when it is just over"),
        pytest.param([(0, 5), (8, 30)], 10, [(0, 5), (15, 30)], 0, id="goes on beyond it: begins when it is over"),
        pytest.param([(0, 5), (8, 15)], 10, [(0, 5)], 1, id="ends when it is just over"),
        pytest.param([(0, 0), (3, 3), (9, 9), (12, 12)], 10, [(0, 0), (12, 12)], 2, id="moments"),
        pytest.param([(0, 20), (40, 41)], 10, [(0, 20), (40, 41)], 0, id="it counts from the end, not from the beginning"),
        pytest.param([(0, 5), (8, 12), (16, 20)], 10, [(0, 5), (16, 20)], 1, id="what is swallowed prolongs nothing"),
    ],
)
def test_a_cooldown(spans: list[tuple[float, float]], cooldown_s: float, expected: list[tuple[float, float]], swallowed: int) -> None:
    engine = RuleEngine("gate", [(Label(cooldown_s=cooldown_s), visits(*spans))], epoch=0)
    told: dict[str, list[float]] = {}
    for n in range(60):
        for event in engine.update(Tracks.empty("gate", float(n))):
            if event.phase is not UPDATE:
                told.setdefault(event.event_id, []).append(event.incident.updated_at_s)
    assert list(told.values()) == [list(span) for span in expected]
    assert list(told) == [f"gate-0-{n}" for n in range(len(expected))]
    assert engine.swallowed == ({"night": swallowed} if swallowed else {})


def test_each_zone_and_rule_cools_by_itself() -> None:
    rules = [
        (Label("a", cooldown_s=30), visits((0, 1))),
        (Label("b", cooldown_s=30), visits((3, 4))),
        (Label("c", cooldown_s=30), Scripted([*visits((0, 1), zone="x").script[:3], *visits((3, 4), zone="y").script[3:]])),
    ]
    engine = RuleEngine("gate", rules, epoch=0)
    begun = [event.rule_id for n in range(9) for event in engine.update(Tracks.empty("gate", float(n))) if event.phase is BEGIN]
    assert begun == ["a", "c", "b", "c"]


def test_what_is_held_back_at_the_end_is_counted() -> None:
    engine = RuleEngine("gate", [(Label(cooldown_s=30), visits((0, 1), (3, 50)))], epoch=0)
    run(engine, *map(float, range(9)))
    assert engine.open_events == []
    assert engine.finish(9.0) == []
    assert engine.swallowed == {"night": 1}


@dataclass
class Listener(Scripted):
    """Begins an incident of its own when it hears of one, and ends it when that ends."""

    listens_to: frozenset[str] = frozenset()
    heard: list[tuple[str, EventPhase]] = field(default_factory=list)

    def hear(self, events: Sequence[Event]) -> None:
        self.heard += [(event.rule_id, event.phase) for event in events]
        self.script.append([event.incident for event in events])


def listener(*ids: str) -> Listener:
    return Listener(listens_to=frozenset(ids))


def test_a_rule_that_listens_hears_of_the_same_look_whatever_the_order() -> None:
    above, middle, part, other = listener("middle"), listener("part"), visits((1, 3)), visits((1, 2))
    rules = [(Label("above"), above), (Label("middle"), middle), (Label("part"), part), (Label("other"), other)]
    engine = RuleEngine("gate", rules, epoch=0)
    said = [[(event.rule_id, event.phase) for event in engine.update(Tracks.empty("gate", float(n)))] for n in range(5)]
    assert said[1] == [("part", BEGIN), ("other", BEGIN), ("middle", BEGIN), ("above", BEGIN)]
    assert said[3] == [("part", END), ("middle", END), ("above", END)]
    assert middle.heard == [("part", BEGIN), ("part", UPDATE), ("part", END)]
    assert above.heard == [("middle", BEGIN), ("middle", UPDATE), ("middle", END)]


def test_a_silent_rule_is_heard_and_not_told() -> None:
    rules = [(Label("part", silent=True), visits((1, 3))), (Label("whole"), listener("part"))]
    engine = RuleEngine("gate", rules, epoch=0)
    told = [(event.rule_id, event.phase) for n in range(5) for event in engine.update(Tracks.empty("gate", float(n)))]
    assert told == [("whole", BEGIN), ("whole", UPDATE), ("whole", END)]


def test_a_listener_hears_what_ends_with_the_camera() -> None:
    whole = listener("part")
    engine = RuleEngine(
        "gate", [(Label("part", silent=True), Scripted([[incident(BEGIN, 0)]], [incident(END, 5)])), (Label("w"), whole)], 0
    )
    run(engine, 0)
    assert [event.rule_id for event in engine.finish(5.0)] == ["w"]
    assert whole.heard == [("part", BEGIN), ("part", END)]


def test_a_listener_that_cannot_bear_to_hear_has_failed_alone() -> None:
    class Deaf(Listener):
        def hear(self, events: Sequence[Event]) -> None:
            raise ValueError("too loud")

    engine = RuleEngine("gate", [(Label("part"), visits((1, 3))), (Label("deaf"), Deaf(listens_to=frozenset({"part"})))], epoch=0)
    assert [len(said) for said in run(engine, 0, 1, 2, 3)] == [0, 1, 1, 1]
    assert engine.failures == {"deaf": 3}


def test_rules_that_listen_in_a_circle_are_still_asked() -> None:
    rules = [(Label("a"), listener("b")), (Label("b"), listener("a")), (Label("c"), listener("c"))]
    engine = RuleEngine("gate", rules, epoch=0)
    run(engine, 0, 1)
    assert [rule.asked for _, rule in rules] == [2, 2, 2]


@pytest.mark.slow
def test_a_hundred_thousand_updates_leave_nothing_behind() -> None:
    soak(100_000)


def test_two_thousand_updates_leave_nothing_behind() -> None:
    soak(2_000)


def soak(updates: int) -> None:
    """Ever new tracks, three rules: after the last one has gone nothing is remembered."""
    zone, line = Polygon("z", np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]])), Tripwire("l", np.array([[0.5, 0.0], [0.5, 1.0]]))
    scene = Scene("gate", (640, 360), ("person",), {"z": zone}, {"l": line})
    rules = [
        Intrusion(IntrusionConfig(id="i", kind="intrusion", zone="z", after_s=0.4), scene),
        LineCrossing(LineCrossingConfig(id="l", kind="line_crossing", line="l"), scene),
        Loitering(LoiteringConfig(id="o", kind="loitering", zone="z", after_s=0.4), scene),
    ]
    engine = RuleEngine("gate", [(Label(str(n)), rule) for n, rule in enumerate(rules)], epoch=0)
    open_ids, most_rows = set(), 0
    for n in range(updates):
        visit, step = divmod(n, 5)
        seen = [Sighting(3 * visit + k, 0.3 + 0.1 * step, 0.3 + 0.2 * k, first_seen_s=visit - 0.01) for k in range(3)]
        for event in engine.update(make_tracks(n / 5, seen)):
            (open_ids.discard if event.phase is END else open_ids.add)(event.event_id)
        most_rows = max(most_rows, *(len(table) for table in (rules[0]._inside, rules[1]._table, rules[2]._inside)))
    assert engine.next_sequence > updates // 5
    assert most_rows < 60
    for n in range(30):
        for event in engine.update(Tracks.empty("gate", (updates + n) / 5)):
            open_ids.discard(event.event_id)
    assert not open_ids
    assert engine.open_events == []
    assert [len(rules[0]._inside), len(rules[1]._table), len(rules[2]._inside), len(rules[2]._open)] == [0, 0, 0, 0]
    assert not engine.failures
