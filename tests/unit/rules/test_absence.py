from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, time
from typing import Any

import numpy as np
import pytest

from panops.config.fields import ScheduleConfig
from panops.config.rule_schema import AbsenceConfig
from panops.config.schedule import Schedule
from panops.domain.events import EventPhase
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.rules.absence import Absence
from panops.rules.scene import Scene
from panops.rules.schedule import ScheduledRule
from panops.testing.rule_conformance import Sighting, make_tracks, play

POST = Polygon("post", np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]))
Span = tuple[float, float, int | None]


def make(**settings: Any) -> Absence:
    values = {"id": "r", "kind": "absence", "zone": "post", "after_s": 10.0, "present_s": 2.0, "end_after_s": 0.0, **settings}
    return Absence(AbsenceConfig.model_validate(values), Scene("gate", (640, 360), ("person", "car"), {"post": POST}))


def looks(*spans: Span, x: float = 0.25, class_id: int = 0, step_s: float = 0.5) -> list[Tracks]:
    """From when to when which track is seen; None for nobody."""
    return [
        make_tracks(float(t), [] if track is None else [Sighting(track, x, 0.5, class_id=class_id, first_seen_s=start_s)])
        for start_s, end_s, track in spans
        for t in np.arange(start_s, end_s, step_s)
    ]


def ended(rule: Any, story: Sequence[Tracks]) -> list[tuple[float, float | None]]:
    return [(one.started_at_s, one.ended_at_s) for _, one in play(rule, story) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("settings", "spans", "expected"),
    [
        pytest.param({}, [(0, 60, 1)], [], id="always there"),
        pytest.param({}, [(0, 30, None)], [(0.0, 29.5)], id="never there: from the first look on"),
        pytest.param({}, [(0, 9.5, None), (9.5, 20, 1)], [], id="comes just in time"),
        pytest.param({}, [(0, 20, 1), (20, 29, None), (29, 50, 1)], [], id="away for nine seconds"),
        pytest.param({}, [(0, 20, 1), (20, 35, None), (35, 50, 1)], [(19.5, 35.0)], id="away: until they came back"),
        pytest.param({}, [(0, 20, 1), (20, 30, None), (30, 31, 2), (31, 40, None)], [(19.5, 39.5)], id="somebody passes: nobody"),
        pytest.param(
            {"present_s": 0}, [(0, 20, 1), (20, 32, None), (32, 33, 2), (33, 40, None)], [(19.5, 32.0)], id="unless a sight counts"
        ),
        pytest.param(
            {"end_after_s": 5}, [(0, 20, 1), (20, 35, None), (35, 39, 2), (39, 45, None)], [(19.5, 44.5)], id="back for too short: goes on"
        ),
        pytest.param({"end_after_s": 5}, [(0, 20, 1), (20, 35, None), (35, 45, 2)], [(19.5, 35.0)], id="back for good"),
        pytest.param({}, [(0, 20, 1), (20, 35, None), (35, 60, 1), (60, 75, None)], [(19.5, 35.0), (59.5, 74.5)], id="twice"),
        pytest.param({}, [(0, 15, 1), (15, 30, 2), (30, 45, 3)], [], id="they relieve one another"),
        pytest.param({"after_s": 0}, [(0, 5, None)], [(0.0, 4.5)], id="at once"),
    ],
)
def test_when_it_begins_and_ends(settings: dict[str, Any], spans: list[Span], expected: list[tuple[float, float]]) -> None:
    assert ended(make(**settings), looks(*spans)) == expected


@pytest.mark.parametrize("more", [{"x": 0.75}, {"class_id": 1}], ids=["beside the post", "a car"])
def test_who_is_not_meant_is_nobody(more: dict[str, Any]) -> None:
    assert ended(make(), looks((0, 30, 1), **more)) == [(0.0, 29.5)]


def test_a_detector_that_misses_nine_of_ten_looks_finds_somebody_there() -> None:
    story = [make_tracks(n / 5, [Sighting(1, 0.25, 0.5, first_seen_s=0.0)] if n % 10 == 0 else []) for n in range(600)]
    assert ended(make(), story) == []


def test_false_detections_of_one_look_are_nobody() -> None:
    story = [make_tracks(n / 5, [Sighting(n, 0.25, 0.5, first_seen_s=n / 5)] if n % 40 == 0 else []) for n in range(200)]
    assert ended(make(), story) == [(0.0, 39.8)]


def test_what_was_not_looked_at_says_nothing() -> None:
    """A minute without looks is no minute without people; and what is open ends with the last look before it."""
    unseen = [*looks((0, 5, 1)), *looks((65, 70, 1))]
    assert ended(make(), unseen) == []
    begins_anew = [*looks((0, 5, None)), *looks((65, 72, None)), *looks((72, 80, 1))]
    assert ended(make(), begins_anew) == []
    cut = [*looks((0, 20, None)), *looks((100, 120, None))]
    assert ended(make(), cut) == [(0.0, 19.5), (100.0, 119.5)]


def test_it_says_for_how_long_and_who_is_missed() -> None:
    said = [one for _, one in play(make(), looks((0, 20, None), (20, 30, 1)))]
    assert [said[0].phase, said[0].details["absent_s"], said[0].class_name] == [EventPhase.BEGIN, 10.0, "person"]
    assert (said[-1].phase, said[-1].details["absent_s"]) == (EventPhase.END, 20.0)


def test_it_is_about_the_hours_of_the_schedule_only() -> None:
    """The post is manned from one minute past midnight UTC on: what was before is no absence."""
    span = ScheduleConfig(start=time(0, 1), end=time(0, 3))
    rule = ScheduledRule(make, Schedule([span], UTC))
    assert ended(rule, looks((0, 300, None))) == [(60.0, 179.5)]
