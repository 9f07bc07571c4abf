"""The rule climbing: feet that leave the ground, and all that only looks like it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from panops.config.rule_schema import ClimbingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.protocols import Rule
from panops.domain.tracks import Tracks
from panops.rules.climbing import Climbing
from panops.rules.scene import Scene
from panops.rules.standing_heights import StandingHeights
from panops.testing.rule_conformance import RuleConformance, Sighting, make_tracks, play

SIZE = (640, 360)
SCENE = Scene("fence", SIZE, ("person",), {"foot": Polygon("foot", np.array([[0, 0.62], [1, 0.62], [1, 1], [0, 1]]))})
CAMERA_M, HORIZON, FOCAL = 4.0, 20.0, 640.0
Way = Callable[[float], tuple[float, float, float, float]]
"""Time, s -> distance and aside, m; height of the feet above the ground and of the whole body, m."""


def box(distance_m: float, aside_m: float, feet_m: float = 0.0, body_m: float = 1.75) -> list[float]:
    """What a level camera 4 m above the ground sees of somebody."""
    scale = FOCAL / distance_m
    x, bottom, top = 320 + scale * aside_m, HORIZON + scale * (CAMERA_M - feet_m), HORIZON + scale * (CAMERA_M - feet_m - body_m)
    return [x - 0.2 * (bottom - top), top, x + 0.2 * (bottom - top), bottom]


def looks(*people: tuple[int, Way], seconds: float, start_s: float = 100.0, every_s: float = 0.2, noise_px: float = 0.8) -> list[Tracks]:
    chance = np.random.default_rng(4)
    told = []
    for number in range(round(seconds / every_s)):
        at_s = number * every_s
        tracks = make_tracks(start_s + at_s, [Sighting(track_id, 0.5, 0.9) for track_id, _ in people])
        boxes = np.array([box(*way(at_s)) for _, way in people]) + chance.normal(0, noise_px, (len(people), 4))
        told.append(replace(tracks, xyxy=boxes.astype(np.float32)))
    return told


def passing(speed_ms: float = 1.3, aside_m: float = 0.0) -> Way:
    """Away from the camera and back, from 9 to 17 m."""
    return lambda t: (13.0 + 4.0 * np.sin(speed_ms * t / 4.0), aside_m + 0.3 * np.sin(t), 0.0, 1.75)


def climbs(from_s: float, to_m: float = 1.2, seconds: float = 3.0, stays_s: float = 6.0) -> Way:
    def way(t: float) -> tuple[float, float, float, float]:
        up = np.clip((t - from_s) / seconds, 0, 1) * np.clip((from_s + 2 * seconds + stays_s - t) / seconds, 0, 1)
        return 12.0, 1.0, float(to_m * up), 1.75

    return way


def rule(**settings: object) -> Climbing:
    return Climbing(ClimbingConfig.model_validate({"id": "r", "kind": "climbing", **settings}), SCENE)


def taught(**settings: object) -> Climbing:
    """One that has seen people walk there."""
    made = rule(**settings)
    assert begun(made, looks((90, passing()), (91, passing(0.9, -2.0)), seconds=30, start_s=0.0)) == []
    return made


def begun(made: Rule, story: Iterable[Tracks]) -> list[tuple[float, Incident]]:
    return [(round(time_s - 100, 1), one) for time_s, one in play(made, story) if one.phase is EventPhase.BEGIN]


class TestClimbingKeepsToTheProtocol(RuleConformance):
    def make(self) -> Rule:
        return taught()

    def story(self, seed: int = 0, start_s: float = 0.0) -> list[Tracks]:
        return looks((1, climbs(3.0 + seed)), seconds=24, start_s=start_s + 50.0)


def test_whoever_goes_up_in_place_is_told_once() -> None:
    ((told_s, incident),) = begun(taught(), looks((1, climbs(3.0)), seconds=20))
    assert 5.0 <= told_s <= 7.0
    assert (incident.kind, incident.class_name, incident.track_ids) == ("climbing", "person", (1,))
    assert 0.35 <= float(incident.details["rise"] or 0) <= 0.8


def test_the_event_lasts_as_long_as_they_are_up() -> None:
    (end,) = [
        one for _, one in play(taught(within_s=5.0), looks((1, climbs(3.0, stays_s=12.0)), seconds=30)) if one.phase is EventPhase.END
    ]
    assert end.ended_at_s is not None
    assert end.ended_at_s - end.started_at_s > 11.0


def jumps(t: float) -> tuple[float, float, float, float]:
    return 12.0, 0.0, 0.45 * max(0.0, np.sin(7 * t)), 1.75


def raises_hands(t: float) -> tuple[float, float, float, float]:
    return 12.0, 0.0, 0.0, 2.2 if t > 4 else 1.75


def sits_down_and_up(t: float) -> tuple[float, float, float, float]:
    return 12.0, 0.0, 0.0, 1.0 if 3 < t < 8 else 1.75


def hides_legs(t: float) -> tuple[float, float, float, float]:
    return 12.0, 0.0, (0.9 if t > 4 else 0.0), (0.85 if t > 4 else 1.75)


@pytest.mark.parametrize("way", [passing(2.5), passing(0.7), jumps, raises_hands, sits_down_and_up, hides_legs])
def test_nothing_else_is_climbing(way: Way) -> None:
    assert begun(taught(), looks((1, way), seconds=24)) == []


def test_a_low_step_is_none() -> None:
    assert begun(taught(), looks((1, climbs(3.0, to_m=0.4)), seconds=20)) == []


def test_before_anything_is_known_of_the_ground_nothing_is_told() -> None:
    assert begun(rule(), looks((1, climbs(3.0)), seconds=20)) == []


def test_they_must_have_stood_in_the_zone() -> None:
    assert box(12.0, 1.0)[3] / 360 > 0.62
    assert len(begun(taught(zone="foot"), looks((1, climbs(3.0)), seconds=20))) == 1
    elsewhere: Way = lambda t: (18.5, 1.0, climbs(3.0)(t)[2], 1.75)  # noqa: E731
    assert begun(taught(zone="foot"), looks((1, elsewhere), seconds=20)) == []


def test_a_body_that_the_pictures_edge_cuts_says_nothing() -> None:
    def cut(t: float) -> tuple[float, float, float, float]:
        return 6.0, 0.0, climbs(3.0, to_m=0.7)(t)[2], 1.75  # its feet are below the picture's lower edge

    assert box(6.0, 0.0, 0.7)[3] > 360
    assert begun(taught(), looks((1, cut), seconds=20)) == []


def test_heights_are_those_of_the_ground_and_rises_those_off_it() -> None:
    heights = StandingHeights(SIZE)
    for step in range(200):
        left, top, right, bottom = box(9 + step % 9, (step % 5) - 2.0)
        heights.learn((left + right) / 2, bottom, bottom - top)
    assert heights.known

    def place(*seen: float) -> tuple[float, float, float]:
        left, top, right, bottom = box(*seen)
        return (left + right) / 2, bottom, bottom - top

    assert heights.rise(place(10.0, 0.0), place(15.0, 1.0)) == pytest.approx(0.0, abs=0.02)
    assert heights.rise(place(12.0, 0.0), place(12.0, 0.0, 0.875)) == pytest.approx(0.5, abs=0.05)


def test_from_one_row_or_from_straight_above_nothing_is_learnt() -> None:
    row, above = StandingHeights(SIZE), StandingHeights(SIZE)
    for step in range(200):
        row.learn(100 + step, 250.0 + step % 3, 70.0)
        above.learn(100 + step, 100.0 + step, 50.0)
    assert not row.known
    assert not above.known
