from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from panops.config.rule_schema import DirectionConfig
from panops.config.schema import SimulationConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.geometry import Polygon
from panops.domain.tracks import Tracks, TrackState
from panops.rules.direction import Direction
from panops.rules.scene import Scene
from panops.simulation.scene import Scene as SimulatedScene
from panops.testing.rule_conformance import Sighting, make_tracks, play

LEFT = Polygon("left", np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]))
Place = Callable[[float], tuple[float, float]]


def make(**settings: Any) -> Direction:
    if "along" not in settings:
        settings.setdefault("heading_deg", 0)
    config = DirectionConfig.model_validate({"id": "r", "kind": "direction", "end_after_s": 1.0, **settings})
    return Direction(config, Scene("gate", (640, 360), ("person",), {"left": LEFT}))


def story(place: Place, seconds: float = 20.0, fps: float = 5.0, **more: Any) -> list[Tracks]:
    """One object at `place(t)`, looked at `fps` times a second, and then for three seconds nobody."""
    looks = [make_tracks(n / fps, [Sighting(1, *place(n / fps), first_seen_s=0.0, **more)]) for n in range(round(seconds * fps))]
    return looks + [Tracks.empty("gate", seconds + n / fps) for n in range(round(3 * fps))]


def ended(rule: Direction, looks: Sequence[Tracks]) -> list[Incident]:
    return [one for _, one in play(rule, looks) if one.phase is EventPhase.END]


def towards(angle_deg: float, share_a_second: float = 0.04) -> Place:
    """A straight way from the middle, so fast in shares of the picture's diagonal; y up, as seen."""
    step = share_a_second * math.hypot(640, 360)
    across, up = math.cos(math.radians(angle_deg)) * step / 640, math.sin(math.radians(angle_deg)) * step / 360
    return lambda t: (0.5 + across * t, 0.5 - up * t)


@pytest.mark.parametrize(
    ("rule", "angle_deg", "wrong"),
    [
        pytest.param({}, 180, True, id="against"),
        pytest.param({}, 0, False, id="the allowed way"),
        pytest.param({}, 90, False, id="across is not against"),
        pytest.param({}, 140, True, id="against, within the tolerance"),
        pytest.param({}, 130, False, id="against, beyond it"),
        pytest.param({}, -140, True, id="on the other side"),
        pytest.param({"tolerance_deg": 100}, 90, True, id="a wide tolerance"),
        pytest.param({"when": "other"}, 90, True, id="other: across"),
        pytest.param({"when": "other"}, 180, True, id="other: against"),
        pytest.param({"when": "other"}, 40, False, id="other: within the tolerance"),
        pytest.param({"when": "other"}, 50, True, id="other: just beyond it"),
        pytest.param({"heading_deg": 90}, -90, True, id="90 is up the picture: down is against it"),
        pytest.param({"heading_deg": 90}, 90, False, id="up"),
        pytest.param({"heading_deg": -90}, 90, True, id="-90 is down"),
        pytest.param({"along": [[0.5, 0.9], [0.5, 0.1]]}, -90, True, id="two points upwards, against"),
        pytest.param({"along": [[0.5, 0.9], [0.5, 0.1]]}, 90, False, id="two points upwards, allowed"),
        # From corner to corner of a picture of 16:9 is 29 degrees, as seen, not 45.
        pytest.param({"along": [[0, 0], [1, 1]], "tolerance_deg": 5}, 180 - 29.4, True, id="angles are as seen"),
        pytest.param({"along": [[0, 0], [1, 1]], "tolerance_deg": 5}, 135, False, id="and not as in shares of the picture"),
    ],
)
def test_which_way_is_wrong(rule: dict[str, Any], angle_deg: float, wrong: bool) -> None:
    found = ended(make(**rule), story(towards(angle_deg), 8.0))
    assert len(found) == wrong
    if wrong:
        assert float(found[0].details["heading_deg"] or 0) == pytest.approx(angle_deg % 360, abs=1.0)


@pytest.mark.parametrize(
    ("rule", "place", "count"),
    [
        pytest.param({}, lambda t: (0.8 - 0.02 * min(t, 2.0), 0.5), 0, id="a step backwards is too short"),
        pytest.param({"least_share": 0.02}, lambda t: (0.8 - 0.05 * min(t, 2.0), 0.5), 1, id="unless it may be short"),
        pytest.param({}, lambda t: (0.8 - 0.008 * t, 0.5), 0, id="too slow: too little within the window"),
        pytest.param({"window_s": 15, "least_share": 0.06}, lambda t: (0.8 - 0.008 * t, 0.5), 1, id="a longer window"),
        pytest.param({}, lambda t: (0.5 + 0.1 * math.sin(3.0 * t), 0.5), 0, id="to and fro"),
        pytest.param({}, lambda t: (0.1 + 0.06 * t if t < 8 else 0.58 - 0.06 * (t - 8), 0.5), 1, id="there and back: the way back"),
        pytest.param({"heading_deg": -90}, lambda t: (0.5, 0.5 - 0.12 * (t > 5)), 0, id="legs that get hidden: one jump"),
        pytest.param({"heading_deg": -90}, lambda t: (0.5, 0.5 - 0.12 * (int(t) % 2)), 0, id="again and again"),
        pytest.param({"zone": "left"}, lambda t: (0.95 - 0.05 * t if t < 8 else 0.55, 0.5), 0, id="all of it outside the zone"),
        pytest.param({"zone": "left"}, lambda t: (0.8 - 0.05 * t, 0.5), 1, id="into the zone"),
    ],
)  # fmt: skip
def test_what_is_a_movement(rule: dict[str, Any], place: Place, count: int) -> None:
    assert len(ended(make(**rule), story(place, 14.0))) == count


@pytest.mark.parametrize("height", [0.1, 0.3, 0.8])
@pytest.mark.parametrize("jitter", [0.02, 0.05, 0.12])
@pytest.mark.parametrize("fps", [1.0, 5.0, 25.0])
def test_somebody_who_stands_moves_in_no_direction(height: float, jitter: float, fps: float) -> None:
    """A thousand looks at boxes that are off by up to an eighth of their height, at any rate."""
    random = np.random.default_rng(3)

    def place(_: float) -> tuple[float, float]:
        x, y = random.normal(0, jitter * height, 2)
        return 0.5 + x * 360 / 640, 0.6 + y

    looks = story(place, 1000 / fps, fps, height=height)
    assert ended(make(when="other", tolerance_deg=1), looks) == []


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 5.0, 15.0, 60.0])
def test_the_rate_of_looks_does_not_matter(fps: float) -> None:
    (one,) = ended(make(), story(lambda t: (0.9 - 0.04 * t, 0.5), 18.0, fps))
    assert one.started_at_s <= max(1.0, 3.0 / fps)
    assert one.ended_at_s == pytest.approx(18.0, abs=1.1 / fps)


def test_it_counts_from_the_beginning_of_the_movement() -> None:
    looks = story(lambda t: (0.9 if t < 10 else 0.9 - 0.05 * (t - 10), 0.5))
    begun = next((told_s, one) for told_s, one in play(make(), looks) if one.phase is EventPhase.BEGIN)
    assert 11.0 <= begun[0] <= 13.0
    assert 9.0 <= begun[1].started_at_s <= 10.5


def test_each_object_for_itself_and_a_new_number_is_the_same_one() -> None:
    looks = []
    for n in range(80):
        t = n / 5
        first = Sighting(1 if t < 5 else 9, 0.9 - 0.05 * t, 0.5, first_seen_s=0.0 if t < 5 else 5.0)
        looks.append(make_tracks(t, [first, Sighting(2, 0.1 + 0.05 * t, 0.8), Sighting(3, 0.95 - 0.05 * t, 0.9)]))
    found = ended(make(), looks)
    assert sorted(one.track_ids for one in found) == [(1, 9), (3,)]


def test_on_the_simulated_street_only_the_car_that_comes_is_wrong() -> None:
    """Of two cars, by the exact boxes of the simulation's truth, one drives away and one comes; away is allowed."""
    street = SimulatedScene(SimulationConfig(scene="street", size_wh=(640, 360), activity=8, seed=3, rate_fps=5))
    config = DirectionConfig(id="r", kind="direction", heading_deg=115, tolerance_deg=60, classes=["car"])
    rule, names = Direction(config, Scene("street", (640, 360), ("person", "car"))), ("person", "car")
    looks = []
    for frame in range(200, 285):
        truth = street.truth(frame)
        rows = [n for n, name in enumerate(truth.class_name) if name in names and truth.visible[n] > 0.5]
        count, seen = len(rows), np.full(len(rows), truth.time_s)
        class_id = np.array([names.index(truth.class_name[n]) for n in rows], np.int64)
        states, scores = np.full(count, TrackState.CONFIRMED.value, np.int64), np.full(count, 0.8, np.float32)
        looks.append(Tracks("street", truth.time_s, truth.track_id[rows], truth.xyxy[rows], scores, class_id, states, seen, seen, states))
    assert {one.track_ids for one in ended(rule, looks)} == {(258,)}
