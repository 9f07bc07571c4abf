from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panops.config.rule_schema import TailgatingConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Tripwire
from panops.rules.scene import Scene
from panops.rules.tailgating import Tailgating
from panops.testing.rule_conformance import Sighting, make_tracks, play

# Drawn downwards: side a is on the right, so who walks to the left crosses from a to b.
DOOR = Tripwire("door", np.array([[0.5, 0.0], [0.5, 1.0]]))
Walk = tuple[int, float, int]


def make(**settings: Any) -> Tailgating:
    config = TailgatingConfig.model_validate({"id": "r", "kind": "tailgating", "line": "door", **settings})
    return Tailgating(config, Scene("gate", (640, 360), ("person", "car"), lines={"door": DOOR}))


def told(rule: Tailgating, *walks: Walk, fps: float = 10.0, class_id: int = 0) -> list[Incident]:
    """Each walk is a track, the moment at which it crosses, and 1 to the right or -1 to the left; nobody comes nearer than 0.4 s."""
    looks = []
    for n in range(round(20 * fps)):
        t = n / fps
        places = [(one, 0.5 + way * 0.15 * (t - at_s)) for one, at_s, way in walks]
        seen = [Sighting(one, x, 0.3 + 0.15 * (one % 4), class_id=class_id, first_seen_s=-50.0) for one, x in places if 0 < x < 1]
        looks.append(make_tracks(t, seen))
    return [one for _, one in play(rule, looks) if one.phase is EventPhase.END]


@pytest.mark.parametrize(
    ("rule", "walks", "expected"),
    [
        pytest.param({}, [(1, 8.05, 1)], [], id="alone"),
        pytest.param({}, [(1, 8.05, 1), (2, 9.05, 1)], [(1, 2)], id="right behind"),
        pytest.param({}, [(1, 8.05, 1), (2, 10.55, 1)], [], id="well behind"),
        pytest.param({"within_s": 3}, [(1, 8.05, 1), (2, 10.55, 1)], [(1, 2)], id="within a longer time"),
        pytest.param({}, [(1, 8.05, 1), (2, 9.05, -1)], [], id="they pass one another"),
        pytest.param({}, [(1, 8.05, 1), (2, 8.55, -1), (3, 9.05, 1)], [(1, 3)], id="one comes out in between"),
        pytest.param({}, [(1, 8.05, 1), (2, 9.05, 1), (3, 10.05, 1)], [(1, 2), (2, 3)], id="a queue: each behind the one before"),
        pytest.param({}, [(1, 8.05, 1), (2, 8.05, 1)], [(1, 2)], id="side by side: one of them"),
        pytest.param({"direction": "b_to_a"}, [(1, 8.05, 1), (2, 9.05, 1)], [(1, 2)], id="in that direction"),
        pytest.param({"direction": "a_to_b"}, [(1, 8.05, 1), (2, 9.05, 1)], [], id="in the other one"),
        pytest.param({"classes": ["car"]}, [(1, 8.05, 1), (2, 9.05, 1)], [], id="another class"),
    ],
)
def test_who_is_a_tailgater(rule: dict[str, Any], walks: list[Walk], expected: list[tuple[int, ...]]) -> None:
    assert [one.track_ids for one in told(make(**rule), *walks)] == expected


def test_it_is_the_second_ones_event() -> None:
    (one,) = told(make(), (1, 8.05, -1), (2, 9.05, -1))
    assert one.started_at_s == one.ended_at_s == pytest.approx(9.1)
    assert (one.zone, one.class_name, one.details["direction"]) == ("door", "person", "a_to_b")
    assert one.details["behind_s"] == pytest.approx(1.0)


def test_the_first_may_become_certain_last() -> None:
    """The first one stops right behind the line and is certain only later; the second one runs past."""
    looks = []
    for n in range(100):
        t = n / 10
        slow = 0.42 + 0.1 * min(t, 0.9)  # over the line at 0.8 s, then stands a hair behind it
        fast = 0.5 + 0.4 * (t - 1.25)
        seen = [Sighting(1, slow, 0.5, first_seen_s=-50.0), Sighting(2, fast, 0.9, first_seen_s=-50.0)]
        looks.append(make_tracks(t, [one for one in seen if 0 < one.x < 1]))
    (one,) = [one for _, one in play(make(), looks) if one.phase is EventPhase.END]
    assert one.track_ids == (1, 2)
    assert one.started_at_s == pytest.approx(1.3)


def test_swaying_at_the_line_is_nobody_behind_oneself() -> None:
    looks = [make_tracks(n / 10, [Sighting(1, 0.5 + 0.3 * float(np.sin(n / 8)), 0.5)]) for n in range(200)]
    assert play(make(within_s=10), looks) == []
