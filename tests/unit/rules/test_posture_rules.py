"""Rules about postures: how long, how sure, and who bends down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from panops.config.rule_schema import FallConfig, HandsUpConfig, LyingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.hands_up import HandsUp
from panops.rules.lying import Fall, Lying
from panops.rules.scene import Scene
from panops.testing.rule_conformance import RuleConformance, Sighting, make_tracks, play

from .test_posture import BENDING, HANDS_UP, SITTING, STANDING, array, rotated

FALLEN = rotated(STANDING, 90)
SCENE = Scene("gate", (640, 360), ("person", "car"), {"floor": Polygon("floor", np.array([[0, 0.5], [1, 0.5], [1, 1], [0, 1]]))})


def at(time_s: float, joints: dict[int, tuple[float, float]] | None, track_id: int = 1, y: float = 0.9) -> Tracks:
    """A look at one person, whose joints may not be known."""
    tracks = make_tracks(time_s, [Sighting(track_id, 0.5, y)])
    if joints is None:
        return tracks
    points = array(joints)[None].copy()
    xy = points[0, points[0, :, 2] > 0, :2]
    box = np.array([[*xy.min(axis=0), *xy.max(axis=0)]], np.float32)
    # The ground point decides about zones: the box goes where the track stands, the joints with it.
    shift = np.array([320 - (box[0, 0] + box[0, 2]) / 2, y * 360 - box[0, 3]], np.float32)
    points[:, :, :2] += shift
    return replace(tracks, xyxy=box + np.tile(shift, 2), keypoints=points)


def story(*parts: tuple[float, dict[int, tuple[float, float]] | None], rate_fps: float = 2.5, start_s: float = 100.0) -> Iterable[Tracks]:
    """Each posture for so many seconds, one after the other."""
    number = 0
    for seconds, joints in parts:
        for _ in range(round(seconds * rate_fps)):
            yield at(start_s + number / rate_fps, joints)
            number += 1


def begun(rule: Rule, looks: Iterable[Tracks]) -> list[tuple[float, Incident]]:
    return [(round(time_s - 100, 1), one) for time_s, one in play(rule, looks) if one.phase is EventPhase.BEGIN]


def fall(**settings: object) -> Fall:
    return Fall(FallConfig.model_validate({"id": "r", "kind": "fall", **settings}), SCENE)


def lying(**settings: object) -> Lying:
    return Lying(LyingConfig.model_validate({"id": "r", "kind": "lying", **settings}), SCENE)


def hands_up(**settings: object) -> HandsUp:
    return HandsUp(HandsUpConfig.model_validate({"id": "r", "kind": "hands_up", **settings}), SCENE)


class TestHandsUpKeepsToTheProtocol(RuleConformance):
    def make(self) -> Rule:
        return hands_up(after_s=0.4)

    def story(self, seed: int = 0, start_s: float = 0.0) -> list[Tracks]:
        return list(story((3.2 + seed, STANDING), (4, HANDS_UP), (4.8, STANDING), start_s=start_s))


class TestFallKeepsToTheProtocol(RuleConformance):
    def make(self) -> Rule:
        return fall(after_s=0.8)

    def story(self, seed: int = 0, start_s: float = 0.0) -> list[Tracks]:
        return list(story((3.2 + seed, STANDING), (4, FALLEN), (4.8, STANDING), start_s=start_s))


def test_a_fall_is_told_once_they_have_lain_for_a_moment() -> None:
    ((told_s, incident),) = begun(fall(), story((4, STANDING), (8, FALLEN)))
    assert told_s == 6.0
    assert incident.started_at_s == 104.0
    assert incident.kind == "fall"
    assert incident.class_name == "person"


@pytest.mark.parametrize("what", [BENDING, SITTING, STANDING, HANDS_UP], ids=["bending", "sitting", "standing", "hands up"])
def test_nothing_else_is_a_fall_or_lying(what: dict[int, tuple[float, float]]) -> None:
    for rule in (fall(after_s=0.0), lying(after_s=0.0)):
        assert begun(rule, story((4, STANDING), (20, what), (4, STANDING))) == []


def test_who_lies_down_slowly_or_lay_there_did_not_fall() -> None:
    assert begun(fall(), story((4, STANDING), (4, SITTING), (10, FALLEN))) == []
    assert begun(fall(), story((10, FALLEN))) == []
    assert len(begun(lying(), story((4, STANDING), (4, SITTING), (10, FALLEN)))) == 1
    assert len(begun(lying(), story((10, FALLEN)))) == 1


def test_joints_that_nobody_sees_for_a_moment_change_nothing() -> None:
    looks = story((4, STANDING), (1.2, FALLEN), (1.6, None), (4, FALLEN))
    assert [told_s for told_s, _ in begun(fall(), looks)] == [6.8]


def test_one_wrong_look_is_forgiven_and_getting_up_is_not() -> None:
    wrong = story((4, STANDING), (1.2, FALLEN), (0.4, STANDING), (1.2, FALLEN))
    assert len(begun(fall(), wrong)) == 1
    up_again = story((4, STANDING), (1.2, FALLEN), (1.6, STANDING), (1.2, FALLEN), (1.6, STANDING))
    assert begun(fall(), up_again) == []


def test_a_fall_ends_when_they_stand_again() -> None:
    said = play(fall(), story((4, STANDING), (6, FALLEN), (6, STANDING)))
    (end,) = [one for _, one in said if one.phase is EventPhase.END]
    assert end.ended_at_s == pytest.approx(109.6)


def test_both_hands_must_be_up_for_a_while() -> None:
    assert len(begun(hands_up(), story((2, STANDING), (3, HANDS_UP), (5, STANDING)))) == 1
    assert begun(hands_up(after_s=2.0), story((2, STANDING), (1.6, HANDS_UP), (5, STANDING))) == []
    one_hand = {**HANDS_UP, 9: STANDING[9], 7: STANDING[7]}
    assert begun(hands_up(after_s=0.0), story((8, one_hand))) == []


def test_only_in_the_zone() -> None:
    inside = [at(t / 2.5, HANDS_UP, y=0.9) for t in range(10)]
    outside = [at(t / 2.5, HANDS_UP, y=0.45) for t in range(10)]
    assert len(begun(hands_up(zone="floor"), inside)) == 1
    assert begun(hands_up(zone="floor"), outside) == []


def test_a_camera_without_joints_says_nothing() -> None:
    for rule in (fall(after_s=0.0), lying(after_s=0.0), hands_up(after_s=0.0)):
        assert begun(rule, story((10, None))) == []


def test_two_looks_minutes_apart_are_two_stories() -> None:
    looks = list(story((0.4, FALLEN), (600, None), (0.4, FALLEN)))
    for rule in (lying(after_s=5.0), fall(after_s=0.8)):
        assert begun(rule, looks) == []
    assert begun(hands_up(after_s=1.0), story((0.4, HANDS_UP), (60, None), (0.4, HANDS_UP))) == []


def found_lying(time_s: float) -> Tracks:
    """Somebody whose place was looked at; nobody knows their joints."""
    return replace(make_tracks(time_s, [Sighting(1, 0.5, 0.9)]), lies=np.ones(1, np.bool_))


def test_who_is_found_lying_where_they_stood_fell() -> None:
    stands = [at(100 + 0.4 * step, STANDING) for step in range(10)]
    lies = [found_lying(104.4 + 0.4 * step) for step in range(10)]
    assert [time_s for time_s, _ in begun(fall(after_s=2), [*stands, *lies])] == [6.4]
    assert [time_s for time_s, _ in begun(lying(after_s=2), [*stands, *lies])] == [6.4]
    assert begun(fall(after_s=2), lies) == []  # nobody knows that they stood
    assert len(begun(lying(after_s=2), lies)) == 1


def test_one_look_that_finds_somebody_lying_is_no_fall() -> None:
    stands = [at(100 + 0.4 * step, STANDING) for step in range(10)]
    again = [at(104.8 + 0.4 * step, STANDING) for step in range(10)]
    assert begun(fall(after_s=2), [*stands, found_lying(104.4), *again]) == []
