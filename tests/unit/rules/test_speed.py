from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from panops.config.rule_schema import SpeedConfig
from panops.config.schema import SimulationConfig
from panops.domain.events import EventPhase, Incident
from panops.domain.ground_plane import GroundPlane
from panops.domain.tracks import Tracks, TrackState
from panops.rules.scene import Scene
from panops.rules.speed import KMH, Speed, ground_speed
from panops.simulation.camera_model import CameraModel
from panops.simulation.scene import Scene as SimulatedScene
from panops.testing.rule_conformance import play

SIZE = (640, 360)
CAMERA = CameraModel(SIZE, 5.0, math.radians(15), math.radians(65))
CORNERS = [(-4.0, 10.0), (4.0, 10.0), (4.0, 40.0), (-4.0, 40.0)]
PLANE = GroundPlane.of(np.array([CAMERA.ground(x, z) for x, z in CORNERS]) / SIZE, CORNERS)


def make(limit_kmh: float, plane: GroundPlane | None = PLANE, classes: Sequence[str] = ("car",)) -> Speed:
    config = SpeedConfig(id="r", kind="speed", limit_kmh=limit_kmh, classes=list(classes), end_after_s=1.0)
    return Speed(config, Scene("road", SIZE, ("person", "car", "truck"), ground_plane=plane))


def cars(time_s: float, boxes: np.ndarray, ids: Sequence[int] = (1,)) -> Tracks:
    count = len(boxes)
    values = np.array(ids[:count], np.int64)
    states = np.full(count, TrackState.CONFIRMED.value, np.int64)
    times, score = np.full(count, time_s), np.full(count, 0.8, np.float32)
    return Tracks(
        "road", time_s, values, np.float32(boxes).reshape(count, 4), score, np.ones(count, np.int64), states, times, times, states
    )


def drive(speed_kmh: float, fps: float = 5.0, jitter: float = 0.0, lost: float = 0.0, seed: int = 0) -> list[Tracks]:
    """A car that comes from 45 m to 8 m, with its box's edges off by a share of its height and looks that miss it."""
    random = np.random.default_rng(seed)
    story = []
    for step in range(round(40 / (speed_kmh / KMH) * fps) + 30):
        z = 45.0 - speed_kmh / KMH * step / fps
        if z < 8.0 or random.random() < lost:
            story.append(Tracks.empty("road", step / fps))
            continue
        x, y = CAMERA.ground(-1.5, z)
        height = 1.5 * CAMERA.scale(-1.5, z)
        edges = np.array([x - 0.6 * height, y - height, x + 0.6 * height, y]) + random.normal(0, jitter * height, 4)
        story.append(cars(step / fps, edges[None]))
    return story


def measured(limit_kmh: float, story: Sequence[Tracks]) -> list[Incident]:
    return [one for _, one in play(make(limit_kmh), story) if one.phase is EventPhase.END]


@pytest.mark.parametrize("speed_kmh", [12.0, 30.0, 50.0, 80.0, 130.0])
@pytest.mark.parametrize("fps", [5.0, 10.0, 25.0, 60.0])
def test_the_speed_is_right_to_three_percent(speed_kmh: float, fps: float) -> None:
    (one,) = measured(0.9 * speed_kmh, drive(speed_kmh, fps))
    assert one.details["speed_kmh"] == pytest.approx(speed_kmh, rel=0.03)
    assert one.details["limit_kmh"] == 0.9 * speed_kmh
    assert measured(1.05 * speed_kmh, drive(speed_kmh, fps)) == []


@pytest.mark.parametrize("seed", range(6))
def test_boxes_that_jitter_and_misses_cost_little(seed: int) -> None:
    found = measured(30.0, drive(50.0, jitter=0.02, lost=0.1, seed=seed))
    assert found
    # The highest of some twenty measurements: what is off upwards shows.
    assert max(float(one.details["speed_kmh"] or 0) for one in found) == pytest.approx(50.0, rel=0.1)


@pytest.mark.parametrize("jitter", [0.02, 0.1, 0.3])
def test_a_parked_car_whose_box_jumps_has_no_speed(jitter: float) -> None:
    random = np.random.default_rng(1)
    x, y = CAMERA.ground(1.0, 30.0)
    height = 1.5 * CAMERA.scale(1.0, 30.0)
    box = np.array([x - 0.6 * height, y - height, x + 0.6 * height, y])
    story = [cars(n / 5, (box + random.normal(0, jitter * height, 4))[None]) for n in range(500)]
    assert measured(15.0, story) == []


@pytest.mark.parametrize("seed", range(4))
def test_far_away_where_a_pixel_is_metres_nothing_is_measured(seed: int) -> None:
    """At 80 to 140 m a box of 1.2 m is some 5 px high: three px more or less are thirty metres."""
    random = np.random.default_rng(seed)
    story = []
    for step in range(40):
        z = 140.0 - 7.0 * step / 5
        x, y = CAMERA.ground(-1.5, z)
        off = random.normal(0, 1.5, 2)
        story.append(cars(step / 5, np.array([[x - 8 + off[0], y - 8, x + 8 + off[0], y + off[1]]])))
    assert measured(30.0, story) == []


def test_it_begins_with_the_measured_stretch_and_ends_with_it() -> None:
    (one,) = measured(40.0, drive(50.0))
    arrives_s = 37.0 / (50.0 / KMH)
    assert 0.0 <= one.started_at_s <= 0.6
    assert one.ended_at_s == pytest.approx(arrives_s, abs=1.0)
    assert (one.class_name, one.track_ids) == ("car", (1,))


def test_only_the_classes_that_are_named() -> None:
    assert [one for _, one in play(make(20.0, classes=("truck",)), drive(50.0))] == []


def test_above_the_horizon_nothing_is_measured() -> None:
    boxes = [np.array([[50.0 + 20 * n, 20.0, 90.0 + 20 * n, 40.0]]) for n in range(25)]
    assert measured(10.0, [cars(n / 5, box) for n, box in enumerate(boxes)]) == []


def test_a_box_that_the_border_cuts_is_not_measured() -> None:
    """Its middle and lower edge move at another pace than the car."""
    story = [cars(n / 5, np.array([[0.0, 200.0, 40.0 + 12 * n, 280.0]])) for n in range(25)]
    assert measured(3.0, story) == []


def test_without_a_ground_plane_it_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="expected a camera with a ground plane, got 'road' without"):
        make(30.0, plane=None)


def plain_speed(times_s: Sequence[float], places: Sequence[Sequence[float]]) -> float:
    """The median slope of all pairs, each axis by itself."""
    slopes = [
        ((bx - ax) / (b - a), (by - ay) / (b - a))
        for i, (a, (ax, ay)) in enumerate(zip(times_s, places, strict=True))
        for b, (bx, by) in list(zip(times_s, places, strict=True))[i + 1 :]
    ]
    return math.hypot(float(np.median([one for one, _ in slopes])), float(np.median([two for _, two in slopes])))


def test_the_fit_is_the_plain_one_and_bears_an_outlier() -> None:
    times = np.arange(7) / 5
    places = np.stack([3.0 * times, 4.0 * times], axis=1)
    assert ground_speed(times, places) == pytest.approx(5.0)
    places[3] += [6.0, -5.0]
    assert ground_speed(times, places) == pytest.approx(plain_speed(times.tolist(), places.tolist()))
    assert ground_speed(times, places) == pytest.approx(5.0, rel=0.02)
    assert ground_speed(times[:3], places[:3]) == 0.0
    assert ground_speed(times, np.random.default_rng(0).normal(0, 1, (7, 2))) == 0.0


def test_the_simulated_street_is_measured_to_ten_percent() -> None:
    """Cars as the simulation draws them, by the exact boxes of its truth: every one drives at 25.2 km/h."""
    street = SimulatedScene(SimulationConfig(scene="street", size_wh=SIZE, activity=8, seed=3, rate_fps=5))
    corners = [(2.0, 12.0), (8.0, 12.0), (8.0, 40.0), (2.0, 40.0)]
    points = np.array([street.camera.ground(x, z) for x, z in corners]) / SIZE
    story, moving = [], {257, 258}
    for frame in range(200, 285):
        truth = street.truth(frame)
        rows = [n for n, one in enumerate(truth.track_id.tolist()) if one in moving and truth.visible[n] > 0.5]
        story.append(cars(truth.time_s, truth.xyxy[rows], truth.track_id[rows].tolist()))
    found = [one for _, one in play(make(10.0, GroundPlane.of(points, corners)), story) if one.phase is EventPhase.END]
    assert {track_id for one in found for track_id in one.track_ids} == moving
    for one in found:
        assert one.details["speed_kmh"] == pytest.approx(25.2, rel=0.1), one
