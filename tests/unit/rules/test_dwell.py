from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panops.config.rule_schema import DwellConfig
from panops.domain.events import EventPhase, Severity
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks
from panops.rules.dwell import Dwell
from panops.rules.scene import Scene
from panops.testing.rule_conformance import Sighting, make_tracks, play

SHELF = Polygon("shelf", np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]))


def make(**settings: Any) -> Dwell:
    config = DwellConfig.model_validate({"id": "r", "kind": "dwell", "zone": "shelf", **settings})
    return Dwell(config, Scene("shop", (640, 360), ("person",), {"shelf": SHELF}))


def looks(*spans: tuple[float, float, int | None], x: float = 0.25) -> list[Tracks]:
    return [
        make_tracks(float(t), [] if track is None else [Sighting(track, x, 0.5, first_seen_s=start_s)])
        for start_s, end_s, track in spans
        for t in np.arange(start_s, end_s, 0.5)
    ]


@pytest.mark.parametrize(
    ("settings", "spans", "expected"),
    [
        pytest.param({}, [(0, 10, 1), (10, 20, None)], [(0.0, 9.5, 9.5)], id="one visit"),
        pytest.param({}, [(0, 1, 1), (1, 20, None)], [], id="too short"),
        pytest.param({"least_s": 0}, [(0, 0.5, 1), (0.5, 20, None)], [(0.0, 0.0, 0.0)], id="however short"),
        pytest.param(
            {}, [(0, 10, 1), (10, 12, None), (12, 20, 1), (20, 30, None)], [(0.0, 19.5, 19.5)], id="a short absence belongs to it"
        ),
        pytest.param({}, [(0, 10, 1), (10, 16, None), (16, 20, 1), (20, 30, None)], [(0.0, 9.5, 9.5), (16.0, 19.5, 3.5)], id="two visits"),
        pytest.param({"end_after_s": 8}, [(0, 10, 1), (10, 16, None), (16, 20, 1), (20, 40, None)], [(0.0, 19.5, 19.5)], id="or one"),
        pytest.param({}, [(0, 10, 1), (10, 20, 2), (20, 30, None)], [(0.0, 19.5, 19.5)], id="the tracker changes the id"),
        pytest.param({}, [(0, 10, 1)], [(0.0, 9.5, 9.5)], id="finished while inside"),
    ],
)
def test_visits(settings: dict[str, Any], spans: list[Any], expected: list[tuple[float, float, float]]) -> None:
    said = play(make(**settings), looks(*spans))
    assert [one.phase for _, one in said] == [EventPhase.BEGIN, EventPhase.END] * len(expected)
    ended = [one for _, one in said if one.phase is EventPhase.END]
    assert [(one.started_at_s, one.ended_at_s, one.details["dwell_s"]) for one in ended] == expected


def test_it_is_told_only_when_the_visit_is_over() -> None:
    said = play(make(), looks((0, 10, 1), (10, 20, None)))
    assert [told_s for told_s, _ in said] == [13.0, 13.0]


def test_outside_the_zone_nothing_is_measured() -> None:
    assert play(make(), looks((0, 30, 1), x=0.75)) == []


def test_everybody_for_themselves_with_their_best_moment() -> None:
    story = [
        make_tracks(n / 2, [Sighting(one, 0.1 * one, 0.9, score=0.9 if n == 7 else 0.5) for one in (1, 2, 3) if n / 2 < 5 * one])
        for n in range(60)
    ]
    ended = [one for _, one in play(make(), story) if one.phase is EventPhase.END]
    assert [(one.track_ids, one.details["dwell_s"], one.score) for one in ended] == [((1,), 4.5, 0.9), ((2,), 9.5, 0.9), ((3,), 14.5, 0.9)]


def test_it_is_no_alarm_unless_somebody_wants_one() -> None:
    assert DwellConfig(id="r", kind="dwell").severity is Severity.INFO
    assert DwellConfig(id="r", kind="dwell", severity=Severity.WARNING).severity is Severity.WARNING
