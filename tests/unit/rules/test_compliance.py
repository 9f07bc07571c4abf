"""A person without a hat is an alarm after some time, once, until the hat is on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from panops.config.rule_schema import ComplianceConfig
from panops.config.schedule import Schedule
from panops.domain.compliance import ItemRecord, Worn
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.rules.compliance import Compliance
from panops.rules.engine import RuleEngine
from panops.rules.scene import Scene
from panops.rules.schedule import ScheduledRule
from panops.testing.rule_conformance import play

CLASSES = ("person", "hardhat", "bare_head", "safety_vest", "no_safety_vest", "face_mask")
PERSON, HAT, BARE, VEST, NO_VEST, MASK = range(6)
LEFT_HALF = Polygon("site", np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]))
Thing = tuple[int, int, tuple[float, float, float, float], float]


def make(required: Sequence[Any] = ("hardhat",), **settings: Any) -> Compliance:
    config = ComplianceConfig.model_validate({"id": "r", "kind": "compliance", "required": list(required), **settings})
    return Compliance(config, Scene("gate", (640, 360), CLASSES, {"site": LEFT_HALF}))


def look(time_s: float, *things: Thing) -> Tracks:
    """Tracks from number, class, box in px and score."""
    count = len(things)
    return Tracks(
        "gate",
        time_s,
        np.array([thing[0] for thing in things], np.int64),
        np.array([thing[2] for thing in things], np.float32).reshape(count, 4),
        np.array([thing[3] for thing in things], np.float32),
        np.array([thing[1] for thing in things], np.int64),
        np.ones(count, np.int64),
        np.zeros(count),
        np.full(count, time_s),
        np.arange(count),
    )


def person(number: int, x: float, *wears: int, score: float = 0.8) -> list[Thing]:
    """Somebody 200 px high, and what is seen on them."""
    places = {HAT: (18, -4, 42, 20), BARE: (20, 0, 40, 22), VEST: (6, 35, 54, 110), NO_VEST: (6, 35, 54, 110), MASK: (22, 12, 38, 26)}
    things: list[Thing] = [(number, PERSON, (x, 120, x + 60, 320), score)]
    for item in wears:
        left, top, right, bottom = places[item]
        things.append((1000 * number + item, item, (x + left, 120 + top, x + right, 120 + bottom), score))
    return things


def walk(*spans: tuple[float, float, tuple[int, ...] | None], x: float = 60.0, number: int = 1) -> list[Tracks]:
    """Somebody sways about for spans of seconds, wearing this and that; None: not there. A moving box is never the same twice."""
    story = []
    for start_s, end_s, wears in spans:
        for step in np.arange(start_s, end_s, 0.2):
            seen = [] if wears is None else person(number, x + 3 * np.sin(7 * step), *wears)
            story.append(look(float(step), *seen))
    return story


def ends(said: list[tuple[float, Incident]]) -> list[tuple[str, float, float | None, bool]]:
    return [
        (one.key, round(one.started_at_s, 1), one.ended_at_s and round(one.ended_at_s, 1), bool(one.details.get("put_right")))
        for _, one in said
        if one.phase is EventPhase.END
    ]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([(0, 20, (HAT,))], [], id="a hat"),
        pytest.param([(0, 4.8, (BARE,)), (4.8, 12, None)], [], id="gone within the grace"),
        pytest.param([(0, 12, (BARE,)), (12, 20, None)], [("1-hardhat", 0.0, 11.8, False)], id="bare until gone"),
        pytest.param([(0, 3, (BARE,)), (3, 20, (HAT,))], [], id="put on within the grace"),
        pytest.param([(0, 12, (BARE,)), (12, 30, (HAT,))], [("1-hardhat", 0.0, 11.8, True)], id="put on later"),
        pytest.param([(0, 10, (HAT,)), (10, 30, (BARE,)), (30, 40, None)], [("1-hardhat", 10.0, 29.8, False)], id="taken off"),
        pytest.param(
            [(0, 12, (BARE,)), (12, 30, (HAT,)), (30, 50, (BARE,))],
            [("1-hardhat", 0.0, 11.8, True), ("1-hardhat", 30.0, 49.8, False)],
            id="on and off again",
        ),
        pytest.param([(0, 20, ())], [], id="nothing seen of the head"),
        pytest.param([(0, 20, (HAT, BARE))], [], id="both seen all the time"),
        pytest.param([(0, 10, ()), (10, 10.3, (BARE,)), (10.3, 20, ())], [], id="two looks decide nothing"),
        pytest.param([(0, 8, (HAT,)), (8, 8.9, (BARE,)), (8.9, 20, (HAT,))], [], id="five wrong looks turn nothing"),
        pytest.param([(0, 9, (BARE,)), (9, 30, ()), (30, 40, None)], [("1-hardhat", 0.0, 29.8, False)], id="turned away it goes on"),
    ],
)
def test_when_it_begins_and_ends(spans: list[tuple[float, float, tuple[int, ...] | None]], expected: list[Any]) -> None:
    assert ends(play(make(), walk(*spans))) == expected


def test_it_is_told_when_the_grace_is_over_with_the_facts() -> None:
    said = play(make(grace_s=2), walk((0, 8, (BARE, VEST))))
    told_s, first = said[0]
    assert first.phase is EventPhase.BEGIN
    assert told_s == pytest.approx(2.0)
    assert (first.class_name, first.track_ids, first.details["item"]) == ("person", (1,), "hardhat")
    assert first.details["share"] == 1.0
    assert first.details["votes"] == pytest.approx(11)
    assert sum(one.phase is EventPhase.BEGIN for _, one in said) == 1


def test_each_item_and_person_has_an_event_of_its_own() -> None:
    story = [
        look(time_s, *person(1, 40 + time_s, BARE, NO_VEST), *person(2, 300 + time_s, HAT, NO_VEST))
        for time_s in np.arange(0, 12, 0.2).tolist()
    ]
    keys = {one.key for _, one in play(make(("hardhat", "vest")), story)}
    assert keys == {"1-hardhat", "1-vest", "2-vest"}


def test_the_grace_begins_in_the_zone_and_the_event_ends_outside() -> None:
    story = []
    for time_s in np.arange(0, 40, 0.2).tolist():
        x = 400.0 if time_s < 10 or time_s >= 20 else 100.0
        story.append(look(time_s, *person(1, x + 3 * np.sin(time_s), BARE)))
    said = play(make(zone="site", grace_s=4), story)
    assert said[0][0] == pytest.approx(14.0)
    assert ends(said) == [("1-hardhat", 10.0, 19.8, False)]


def test_the_clearest_look_gives_the_box() -> None:
    story = walk((0, 6, (BARE,)))
    clear = look(6.0, (1, PERSON, (200, 100, 290, 340), 0.9), (1002, BARE, (220, 105, 262, 150), 0.95))
    best = [one for _, one in play(make(grace_s=1), [*story, clear, *walk((6.2, 8, (BARE,)))])][-1]
    assert best.box == pytest.approx((200 / 640, 100 / 360, 290 / 640, 340 / 360), abs=1e-4)
    assert best.score == pytest.approx(0.95)


def test_what_was_told_again_is_no_new_vote() -> None:
    """A camera that did not look at a still person tells the same box again: twenty of those are one look."""
    story = [look(time_s, *person(1, 100, BARE)) for time_s in np.arange(0, 20, 0.2).tolist()]
    rule = make()
    assert play(rule, story) == []
    (record,) = rule.take_records()
    assert (record.worn, record.votes) == (Worn.NOT_VISIBLE, 1)


def test_poor_looks_decide_nothing() -> None:
    story = [
        look(time_s, (1, PERSON, (100 + time_s, 100, 112 + time_s, 140), 0.5), (2, BARE, (104 + time_s, 101, 107 + time_s, 104), 0.2))
        for time_s in np.arange(0, 20, 0.2).tolist()
    ]
    assert play(make(), story) == []


def inferring(story: list[Tracks], **settings: Any) -> list[ItemRecord]:
    rule = make([{"item": "mask", "present": ["face_mask"], "absent": [], **settings}])
    play(rule, story)
    return list(rule.take_records())


def upright(x: float, top: float, height: float, *others: Thing) -> list[Tracks]:
    steps = np.arange(0, 10, 0.2).tolist()
    return [look(step, (1, PERSON, (x + 0.1 * step, top, x + 0.5 * height + 0.1 * step, top + height), 0.9), *others) for step in steps]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param(upright(100, 40, 280), Worn.ABSENT, id="large and free"),
        pytest.param(upright(100, 40, 60), Worn.NOT_VISIBLE, id="too small"),
        pytest.param(upright(100, 0, 280), Worn.NOT_VISIBLE, id="cut off above"),
        pytest.param(upright(500, 40, 300), Worn.NOT_VISIBLE, id="cut off at the side"),
        pytest.param(upright(100, 80, 280), Worn.ABSENT, id="only the feet cut off"),
        pytest.param(upright(100, 40, 280, (2, PERSON, (90, 30, 220, 300), 0.9)), Worn.NOT_VISIBLE, id="behind somebody"),
        pytest.param(walk((0, 10, (MASK,))), Worn.PRESENT, id="seen"),
    ],
)
def test_absence_is_inferred_only_where_it_would_be_seen(story: list[Tracks], expected: Worn) -> None:
    assert inferring(story)[0].worn is expected


def test_nothing_is_inferred_where_the_model_knows_a_class_for_it_or_no_class_at_all() -> None:
    rule = make([{"item": "hat", "present": ["hardhat"], "absent": ["bare_head"]}, {"item": "gloves", "present": ["glove"]}])
    play(rule, upright(100, 40, 280))
    assert [record.worn for record in rule.take_records()] == [Worn.NOT_VISIBLE, Worn.NOT_VISIBLE]


def test_there_is_one_record_a_person_and_item_once_the_person_is_gone() -> None:
    rule = make(("hardhat", "vest"))
    for tracks in walk((0, 10, (BARE, VEST)), (10, 12, None)):
        rule.update(tracks)
    assert rule.take_records() == ()
    for tracks in walk((12, 14, None)):
        rule.update(tracks)
    hat, vest = rule.take_records()
    assert (hat.item, hat.worn, hat.alarmed, hat.track_id) == ("hardhat", Worn.ABSENT, True, 1)
    assert (vest.item, vest.worn, vest.alarmed, vest.share) == ("vest", Worn.PRESENT, False, 0.0)
    assert (hat.entered_at_s, round(hat.left_at_s, 1)) == (0.0, 9.8)
    assert rule.take_records() == ()


def test_what_was_put_right_stays_a_violation_in_the_record() -> None:
    rule = make()
    play(rule, walk((0, 12, (BARE,)), (12, 40, (HAT,))))
    assert [(record.worn, record.alarmed) for record in rule.take_records()] == [(Worn.ABSENT, True)]


def test_who_was_never_in_the_zone_or_only_at_its_edge_is_not_counted() -> None:
    rule = make(zone="site")
    play(rule, walk((0, 10, (BARE,)), x=500))
    play(rule, walk((100, 100.7, (BARE,)), x=100))
    assert rule.take_records() == ()


def test_a_new_number_is_the_same_person() -> None:
    story = [*walk((0, 8, (BARE,))), *walk((8, 14, (BARE,)), number=2), *walk((14, 18, None))]
    story = [Tracks(t.camera_id, t.time_s, t.track_id, t.xyxy, t.score, t.class_id, t.state, np.where(t.track_id == 2, 8.0, 0.0),
                    t.last_seen_s, t.detection_index) for t in story]  # fmt: skip
    rule = make()
    said = play(rule, story)
    assert ends(said) == [("1-hardhat", 0.0, 13.8, False)]
    assert said[-1][1].track_ids == (1, 2)
    assert len(rule.take_records()) == 1


def test_a_number_that_comes_back_beside_its_successor_breaks_nothing() -> None:
    story = [look(step, *person(1, 100 + step, BARE)) for step in (0.0, 0.2, 0.4)]
    taken = look(1.0, *person(2, 101, BARE))
    taken = Tracks("gate", 1.0, taken.track_id, taken.xyxy, taken.score, taken.class_id, taken.state, np.full(2, 0.9),
                   taken.last_seen_s, taken.detection_index)  # fmt: skip
    both = [look(step, *person(2, 101 + step, BARE), *person(1, 300 + step, BARE)) for step in (1.2, 1.4)]
    rule = make()
    play(rule, [*story, taken, *both, *[look(step) for step in (3.0, 5.0, 9.0)]])
    assert len(rule.take_records()) == 1


def test_the_engine_gives_records_numbers_of_their_own() -> None:
    config = ComplianceConfig.model_validate({"id": "r", "kind": "compliance", "required": ["hardhat"]})
    engine = RuleEngine("gate", [(config, make())], epoch=4)
    events = [event for tracks in walk((0, 10, (BARE,)), (10, 15, None)) for event in engine.update(tracks)]
    (record,) = engine.take_records()
    assert {event.event_id for event in events} == {"gate-4-0"}
    assert (record.record_id, record.camera_id, record.rule_id) == ("gate-4-1", "gate", "r")


def test_a_schedule_that_ends_keeps_the_records() -> None:
    class Until(Schedule):
        def active(self, utc_s: float) -> bool:
            return utc_s < 9.0

    rule = ScheduledRule(make, Until([], None))
    for tracks in walk((0, 12, (HAT,))):
        rule.update(tracks)
    assert [record.worn for record in rule.take_records()] == [Worn.PRESENT]
    assert rule.take_records() == []


def test_an_empty_picture_costs_nothing() -> None:
    rule = make()
    assert all(rule.update(Tracks.empty("gate", time_s)) == () for time_s in (1.0, 2.0))
