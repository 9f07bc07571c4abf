from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.geometry import Polygon, Tripwire
from panops.simulation.truth import Crossing, Person, SceneTruth, Stay, crossings, intrusions, loiterings, stays

ZONE = Polygon("zone", np.array([[0.3, 0.3], [0.7, 0.3], [0.7, 0.9], [0.3, 0.9]]))
LINE = Tripwire("line", np.array([[0.5, 0.0], [0.5, 1.0]]))
STEP = 0.1


def film(paths: dict[int, Sequence[tuple[float, float] | None]], visible: float = 1.0) -> list[SceneTruth]:
    """Frames from relative ground points; None is a frame without the object."""
    frames = max(len(path) for path in paths.values())
    series = []
    for frame in range(frames):
        rows = []
        for track, path in paths.items():
            point = path[frame] if frame < len(path) else None
            if point is not None:
                x, y = point[0] * 1000, point[1] * 1000
                rows.append((track, "person", (x - 20, y - 60, x + 20, y), visible))
        series.append(SceneTruth.of(frame, frame * STEP, (1000, 1000), rows))
    return series


def reference_stays(series: list[SceneTruth], zone: Polygon, after_s: float, gap_s: float) -> list[Stay]:
    """Frame by frame and object by object, with dictionaries."""
    open_: dict[int, list[float]] = {}
    done: list[Stay] = []
    for truth in series:
        for row, track in enumerate(truth.track_id.tolist()):
            if truth.class_name[row] != "person" or truth.visible[row] < 0.25 or not zone.contains(truth.ground[row : row + 1])[0]:
                continue
            span = open_.get(track)
            if span is not None and truth.time_s - span[1] <= max(gap_s, 1.5 * STEP):
                span[1] = truth.time_s
            else:
                if span is not None:
                    done.append(Stay(track, "person", span[0], span[1]))
                open_[track] = [truth.time_s, truth.time_s]
    done += [Stay(track, "person", span[0], span[1]) for track, span in open_.items()]
    return sorted((stay for stay in done if stay.seconds >= after_s), key=lambda stay: (stay.start_s, stay.track_id))


def reference_crossings(series: list[SceneTruth], x: float) -> list[Crossing]:
    """For the upright line at `x`, walked from the top down: its left hand (side a) is to the right of the picture's line."""
    before: dict[int, float] = {}
    found = []
    for truth in series:
        for row, track in enumerate(truth.track_id.tolist()):
            now = float(truth.ground[row, 0])
            last = before.get(track)
            if last is not None and (last > x) != (now > x):
                found.append(Crossing(track, "person", truth.time_s, "a_to_b" if last > x else "b_to_a"))
            before[track] = now
    return sorted(found, key=lambda crossing: (crossing.time_s, crossing.track_id))


points = st.one_of(st.none(), st.tuples(st.floats(0.05, 0.95), st.floats(0.1, 0.95)))
films = st.dictionaries(st.integers(1, 4), st.lists(points, min_size=1, max_size=30), min_size=1, max_size=3)


@given(films, st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.35, 1.0]))
def test_stays_agree_with_the_plain_reference(paths: dict[int, list[tuple[float, float] | None]], after_s: float, gap_s: float) -> None:
    series = film(paths)
    assert stays(series, ZONE, after_s=after_s, gap_s=gap_s) == reference_stays(series, ZONE, after_s, gap_s)


@given(films)
def test_crossings_agree_with_the_plain_reference(paths: dict[int, list[tuple[float, float] | None]]) -> None:
    series = film(paths)
    assert crossings(series, LINE) == reference_crossings(series, 0.5)


def walk(start: float, end: float, frames: int) -> list[tuple[float, float] | None]:
    return [(start + (end - start) * number / (frames - 1), 0.6) for number in range(frames)]


def test_walking_through_a_zone_is_one_intrusion_from_edge_to_edge() -> None:
    found = intrusions(film({7: walk(0.1, 0.9, 81)}), ZONE)
    assert len(found) == 1
    assert found[0].track_id == 7
    assert found[0].start_s == pytest.approx(2.0, abs=0.11)
    assert found[0].end_s == pytest.approx(6.0, abs=0.11)


def test_a_short_visit_is_none_and_a_long_one_loitering() -> None:
    assert intrusions(film({1: [*walk(0.1, 0.2, 5), (0.5, 0.5), (0.5, 0.5), *walk(0.2, 0.1, 5)]}), ZONE) == []
    standing = film({1: [(0.5, 0.5)] * 400})
    assert [stay.seconds for stay in loiterings(standing, ZONE, after_s=30.0)] == [pytest.approx(39.9)]
    assert loiterings(standing, ZONE, after_s=45.0) == []


def test_directions_follow_the_line() -> None:
    series = film({1: walk(0.2, 0.8, 31), 2: walk(0.8, 0.2, 31)})
    directions = {crossing.track_id: crossing.direction for crossing in crossings(series, LINE)}
    # Walking down the line, its left hand is the picture's right.
    assert directions == {1: "b_to_a", 2: "a_to_b"}


def test_what_is_hardly_visible_and_other_classes_do_not_count() -> None:
    series = film({1: walk(0.1, 0.9, 81)}, visible=0.1)
    assert intrusions(series, ZONE) == []
    assert intrusions(film({1: walk(0.1, 0.9, 81)}), ZONE, ("car",)) == []


def test_nothing_gives_nothing() -> None:
    assert stays([], ZONE) == []
    assert crossings([], LINE) == []
    assert len(SceneTruth.of(0, 0.0, (10, 10), [(1, "person", (20.0, 20.0, 30.0, 30.0), 1.0)])) == 0


def wearing(*items: str) -> Person:
    return Person(items, "walking", np.ones((17, 3), np.float32))


def test_what_people_wear_and_do_goes_with_its_row() -> None:
    box = (10.0, 10.0, 30.0, 60.0)
    rows = [(1, "person", (-90.0, 0.0, -50.0, 9.0), 1.0), (2, "person", box, 1.0), (3, "car", box, 1.0)]
    truth = SceneTruth.of(0, 0.0, (100, 100), rows, {1: wearing("vest"), 2: wearing("hardhat", "vest")})
    assert truth.track_id.tolist() == [2, 3]
    assert truth.wears == (("hardhat", "vest"), ())
    assert truth.posture == ("walking", "")
    assert truth.keypoints.shape == (2, 17, 3)
    assert truth.keypoints[0].all()
    assert not truth.keypoints[1].any()
