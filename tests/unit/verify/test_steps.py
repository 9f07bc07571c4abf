"""Each step alone, on cases made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from panops.config.verify_schema import (
    DisplacementConfig,
    LightConfig,
    PersistenceConfig,
    SecondLookConfig,
    SizeConfig,
    StaticMemoryConfig,
    TimePriorConfig,
)
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.feedback import Judgement
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.places import Box
from panops.verify.case import Case, Picture, Sighting
from panops.verify.displacement import Displacement
from panops.verify.empty_scene import EmptyScene
from panops.verify.light import LightStep
from panops.verify.persistence import Persistence
from panops.verify.second_look import SecondLook
from panops.verify.size import Size
from panops.verify.static_memory import StaticMemory
from panops.verify.step import Surroundings
from panops.verify.time_prior import TimePrior
from panops.verify.track_log import TrackRecord
from tests.unit.verify.story import SCENE

FRAME = Frame("gate", 0, 0.0, 0.0, ArrayPixels(np.repeat(SCENE[..., None], 3, axis=2)))
BOX = (300.0, 100.0, 340.0, 200.0)


def around(scene: EmptyScene | None = None) -> Surroundings:
    return Surroundings(scene or EmptyScene(), ("person", "car"), lambda time_s: int(time_s // 3600) % 24)


def case(
    *, looks: int = 10, hits: int = 10, moved: float = 0.0, xyxy: Box = BOX, at_s: float = 5.0, first_s: float = 0.0, track_id: int = 1
) -> Case:
    """One person, seen at `hits` of `looks` looks, moved by so many px to the right."""
    left, top, right, bottom = xyxy
    x = (left + right) / 2
    reach, corner = (x - moved, bottom, x, bottom), (left - moved, top, left, top)
    record = TrackRecord(track_id, 0, first_s, at_s, looks, hits, 0.8, xyxy, reach, corner, looks_then=looks)
    incident = Incident("k", EventPhase.UPDATE, "intrusion", "person", "", (track_id,), 0.8, first_s, at_s)
    made = Case(Event("gate-1-1", "gate", "night", Severity.ALARM, incident), held_since_s=first_s + 1)
    made.records[track_id] = record
    made.seen = [Sighting(Picture(FRAME), np.array(xyxy, np.float32), record)]
    return made


@pytest.mark.parametrize(
    ("looks", "hits", "passed", "sure"),
    [(3, 3, True, True), (2, 2, False, False), (10, 4, False, False), (10, 5, True, True), (40, 3, False, False)],
)
def test_persistence(looks: int, hits: int, passed: bool, sure: bool) -> None:  # a table's columns
    opinion = Persistence(PersistenceConfig(), around()).judge(case(looks=looks, hits=hits))
    assert (opinion.finding.passed, opinion.sure) == (passed, sure)


def test_size_learns_from_who_walked_and_was_believed() -> None:
    step = Size(SizeConfig(), around())
    assert step.judge(case()).finding.passed is None
    for track in range(20):
        for row in range(6):
            bottom = 150 + 30 * row
            height = 0.4 * (bottom - 60)
            step.decided(case(moved=200, xyxy=(300, bottom - height, 330, bottom), track_id=track), "")
    tall = case(xyxy=(300, 240 - 72, 330, 240))
    assert step.judge(tall).finding.passed
    assert step.judge(tall).finding.value == pytest.approx(1.0, abs=0.15)
    assert step.judge(case(xyxy=(300, 240 - 20, 310, 240))).finding.passed is False, "an insect"
    assert step.judge(case(xyxy=(200, 1, 330, 240))).finding.passed is None, "the picture's edge cuts it"
    assert step.judge(case(xyxy=(300, 10, 310, 30))).finding.passed is None, "nobody was ever there"


def test_size_learns_nothing_from_what_was_suppressed_or_stood() -> None:
    step = Size(SizeConfig(), around())
    for track in range(20):
        step.decided(case(moved=200, track_id=track), "background")
        step.decided(case(moved=0, track_id=track), "")
    assert step.judge(case()).finding.passed is None


def test_light_holds_what_came_with_a_jump_until_it_outlasts_it() -> None:
    scene = EmptyScene()
    step = LightStep(LightConfig(outlast_s=2.5), around(scene))
    assert step.judge(case(first_s=10.0, at_s=12.0)).finding.passed
    scene.light_jump_s = 9.5
    opinion = step.judge(case(first_s=10.0, at_s=11.5))
    assert opinion.finding.passed is False
    assert not opinion.sure
    assert "the light jumped" in opinion.finding.words
    assert step.judge(case(first_s=10.0, at_s=12.5)).finding.passed
    assert step.judge(case(first_s=5.0, at_s=11.0)).finding.passed, "it was there before"


def test_static_memory_knows_a_place_after_three_times() -> None:
    step = StaticMemory(StaticMemoryConfig(times=3), around())
    for _ in range(3):
        assert step.judge(case()).finding.passed
        suppressed = case()
        step.decided(suppressed, "background")
        step.decided(suppressed, "background")  # it goes on: still one event
    assert step.judge(case()).finding.passed is False
    assert step.judge(case(moved=100)).finding.passed, "who leaves is somebody"
    assert step.judge(case(xyxy=(100, 100, 140, 200))).finding.passed, "elsewhere"


def test_second_look_asks_three_times_at_most() -> None:
    step = SecondLook(SecondLookConfig(least_score=0.2), around())
    assert step.judge(case()).finding.passed is None
    asked: list[Box] = []
    scores = iter([0.1, 0.0, 0.15, 0.9])

    def look(frame: Frame, box: Box, class_name: str) -> float | None:
        asked.append(box)
        assert class_name == "person"
        return next(scores)

    step.look_again = look
    one = case()
    assert [step.judge(one).sure for _ in range(4)] == [False, False, True, True]
    assert step.judge(one).finding.passed is False
    assert len(asked) == 3
    assert asked[0] == pytest.approx((300 / 640, 100 / 360, 340 / 640, 200 / 360))
    again = case()
    assert step.judge(again).finding.passed
    assert step.judge(again).sure
    step.look_again = lambda frame, box, name: None
    assert step.judge(case()).finding.passed is None


def test_at_an_hour_of_false_alarms_an_event_must_last() -> None:
    step = TimePrior(TimePriorConfig(least_reviews=8, most_false=0.9, longer_s=3.0), around())
    at_six = 6 * 3600.0

    def judged(count: int, false: int) -> list[Judgement]:
        return [Judgement(f"e{one}", "gate", "night", "person", one < false, at_six + one) for one in range(count)]

    step.read(judged(7, 7))()
    assert step.judge(case(first_s=at_six, at_s=at_six + 2)).finding.passed is None, "too few"
    step.read(judged(20, 17))()
    assert step.judge(case(first_s=at_six, at_s=at_six + 2)).finding.passed is None, "too many true ones"
    step.read(judged(20, 19))()
    opinion = step.judge(case(first_s=at_six, at_s=at_six + 2))
    assert opinion.finding.passed is False
    assert not opinion.sure
    assert step.judge(case(first_s=at_six, at_s=at_six + 4)).finding.passed
    assert step.judge(case(first_s=at_six + 3600, at_s=at_six + 3602)).finding.passed is None, "another hour"


@pytest.mark.parametrize("kind", ["object_left", "occupancy", "crowding"])
def test_what_is_about_standing_still_may_stand_still(kind: str) -> None:
    standing = case()
    standing.event = replace(standing.event, incident=replace(standing.event.incident, kind=kind))
    for step in (Displacement(DisplacementConfig(), around()), StaticMemory(StaticMemoryConfig(times=1), around())):
        assert step.judge(standing).finding.passed is None
        step.decided(standing, "background")
    assert not standing.notes
