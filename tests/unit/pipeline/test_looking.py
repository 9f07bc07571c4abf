"""Where a camera's next look goes: nothing that moved or is not sure is ever left out, and what is left out stands as it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.config.schema import CameraConfig
from panops.domain.detections import Detections
from panops.domain.places import Box, share_area, widened
from panops.domain.protocols import Observation
from panops.domain.region import Region
from panops.pipeline.looking import EVERYWHERE, Look, Looking, cut_by_edges
from panops.tracking.tracker import BatchTracker
from panops.vision.region_sizes import RegionSizes

SIZE = (640, 360)
PARTS = RegionSizes((416, 416)).part
WHOLE_EVERY_S = 1.0
Boxes = NDArray[np.float32]


def boxes(*rows: Sequence[float]) -> Boxes:
    return np.array(rows, np.float32).reshape(-1, 4)


def detections(xyxy: Boxes, score: float = 0.9) -> Detections:
    return Detections(xyxy.copy(), np.full(len(xyxy), score, np.float32), np.zeros(len(xyxy), np.int64))


def rows(xyxy: Boxes, *, ordered: bool = True) -> list[Box]:
    found = [(float(left), float(top), float(right), float(bottom)) for left, top, right, bottom in xyxy]
    return sorted(found) if ordered else found


def relative(xyxy: Boxes) -> Box | None:
    """The gate's box around boxes."""
    if len(xyxy) == 0:
        return None
    low, high = xyxy[:, :2].min(axis=0) / SIZE, xyxy[:, 2:].max(axis=0) / SIZE
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def shown(truth: Boxes, look: Look) -> Boxes:
    """What a perfect detector finds: all boxes in what is looked at, cut at its edges."""
    if look.whole:
        return truth
    if look.region is None:
        return truth[:0]
    inside = truth[[share_area(box, look.region.xyxy) for box in rows(truth, ordered=False)]]
    low, high = look.region.xyxy[:2] * 2, look.region.xyxy[2:] * 2
    return np.clip(inside, np.array(low, np.float32), np.array(high, np.float32))


class Camera:
    """A camera whose truth is known, with the real tracker."""

    def __init__(self, whole_every_s: float = WHOLE_EVERY_S) -> None:
        self.looking = Looking(whole_every_s, birth_score=0.35, early_s=0.05)
        self.tracker = BatchTracker()
        self.time_s = 0.0
        self.looks: list[Look] = []

    def check(self, truth: Boxes, moved: Box | None, *, score: float = 0.9) -> tuple[Look, Detections]:
        """One check: the gate's answer, a look, the tracker."""
        self.time_s = round(self.time_s + 0.2, 6)
        self.looking.note(self.time_s, moved)
        look = self.looking.plan(self.time_s, SIZE, PARTS)
        seen = self.looking.seen(look, detections(shown(truth, look), score))
        (tracks,) = self.tracker.update([Observation("cam", self.time_s, seen)])
        self.looking.learn(tracks)
        self.looks.append(look)
        return look, seen


STANDING = boxes([40, 200, 80, 320], [500, 60, 520, 120])


def test_the_first_look_is_whole_and_what_is_young_is_looked_at_until_it_is_steady() -> None:
    camera = Camera(whole_every_s=100.0)
    looks = [camera.check(STANDING[:1], None)[0] for _ in range(12)]
    assert looks[0].whole
    parts = [look.region is not None for look in looks]
    assert parts == [False] + [True] * 5 + [False] * 6
    assert all(rows(look.standing.xyxy) == rows(STANDING[:1]) for look in looks[6:])


def test_steady_tracks_stand_while_something_moves_elsewhere() -> None:
    camera = Camera(whole_every_s=100.0)
    for _ in range(12):
        camera.check(STANDING, None)
    walker = boxes([300, 100, 330, 190])
    look, seen = camera.check(np.concatenate([STANDING, walker]), relative(walker))
    assert look.region is not None
    left, top, right, bottom = look.region.xyxy
    assert max(left - 270, top - 70, 360 - right, 220 - bottom) < 0
    assert rows(look.standing.xyxy) == rows(STANDING)
    assert rows(seen.xyxy) == rows(np.concatenate([STANDING, walker]))


def test_a_steady_track_where_something_moves_is_looked_at_again() -> None:
    camera = Camera(whole_every_s=100.0)
    for _ in range(12):
        camera.check(STANDING, None)
    look, seen = camera.check(STANDING[1:], relative(boxes([60, 250, 70, 260])))
    assert look.region is not None
    assert rows(look.standing.xyxy) == rows(STANDING[1:])
    assert rows(seen.xyxy) == rows(STANDING[1:])  # the first one left, and that is seen at once


def test_who_is_lost_is_looked_for_as_long_as_the_tracker_remembers() -> None:
    camera = Camera(whole_every_s=100.0)
    for _ in range(12):
        camera.check(STANDING, None)
    camera.check(STANDING[1:], relative(STANDING[:1]))
    looks = [camera.check(STANDING[1:], None)[0] for _ in range(7)]
    assert [look.region is not None for look in looks] == [True] * 5 + [False] * 2
    _, seen = camera.check(STANDING, relative(STANDING[:1]))
    assert rows(seen.xyxy) == rows(STANDING)


def test_the_whole_picture_is_looked_at_every_so_often() -> None:
    camera = Camera()
    for _ in range(31):
        camera.check(STANDING[:1], None)
    assert [number for number, look in enumerate(camera.looks) if look.whole] == [0, 5, 10, 15, 20, 25, 30]


@pytest.mark.parametrize(
    "change",
    [
        {"motion": {"whole_every_s": 0}},
        {"motion": {"enabled": False}},
        {"motion": {"refresh_s": 0}},
    ],
)
def test_settings_that_want_the_whole_picture_always(change: dict[str, object]) -> None:
    looking = Looking.of(CameraConfig.model_validate({"source": "x.mp4", **change}))
    for number in range(5):
        looking.note(number / 5, None)
        assert looking.plan(number / 5, SIZE, PARTS).whole


def test_a_detector_without_parts_and_another_picture_size_get_the_whole() -> None:
    camera = Camera(whole_every_s=100.0)
    for _ in range(12):
        camera.check(STANDING, None)
    camera.looking.note(10.0, None)
    assert camera.looking.plan(10.0, SIZE, None).whole
    camera = Camera(whole_every_s=100.0)
    camera.check(STANDING, None)
    camera.looking.note(0.4, None)
    assert camera.looking.plan(0.4, (320, 180), PARTS).whole


def test_after_a_check_without_a_look_and_after_a_failure_the_whole_picture_is_looked_at() -> None:
    camera = Camera(whole_every_s=100.0)
    for _ in range(12):
        camera.check(STANDING, None)
    nothing = camera.tracker.update([Observation("cam", 3.0, Detections.empty())])[0]
    camera.looking.learn(nothing)
    camera.time_s = 3.0
    assert camera.check(STANDING, None)[0].whole
    camera.looking.note(3.4, None)
    camera.looking.plan(3.4, SIZE, PARTS)  # and the detector fails, so nobody tells what was seen
    camera.time_s = 3.4
    assert camera.check(STANDING, None)[0].whole


def test_what_moved_at_a_check_that_was_given_up_is_looked_at_later() -> None:
    camera = Camera(whole_every_s=100.0)
    for _ in range(12):
        camera.check(STANDING, None)
    camera.looking.note(camera.time_s + 0.05, relative(boxes([300, 100, 330, 190])))
    camera.looking.note(camera.time_s + 0.10, None)
    look, _ = camera.check(STANDING, None)
    assert look.region is not None
    assert share_area((300, 100, 330, 190), look.region.xyxy)
    for number in range(100):  # more than anybody remembers
        camera.looking.note(camera.time_s + number / 1000, None)
    assert camera.check(STANDING, None)[0].whole


def test_a_change_of_the_light_is_a_look_at_everything() -> None:
    camera = Camera(whole_every_s=100.0)
    camera.check(STANDING, None)
    assert camera.check(STANDING, EVERYWHERE)[0].whole


def test_a_box_that_the_edge_cuts_is_not_told_and_seen_whole_next_time() -> None:
    camera = Camera(whole_every_s=100.0)
    camera.check(boxes(), None)
    sofa = boxes([100, 150, 420, 200])  # it has always been there, and only its cushion moves
    look, seen = camera.check(sofa, relative(boxes([250, 160, 270, 180])))
    assert look.region is not None
    assert len(seen) == 0
    look, seen = camera.check(sofa, None)
    assert look.whole
    assert rows(seen.xyxy) == rows(sofa)
    look, seen = camera.check(sofa, None)
    assert look.region is not None
    assert rows(seen.xyxy) == rows(sofa)


def test_a_weak_box_that_the_edge_cuts_asks_for_nothing() -> None:
    camera = Camera(whole_every_s=100.0)
    camera.check(boxes(), None)
    sofa = boxes([100, 150, 420, 200])
    assert len(camera.check(sofa, relative(boxes([250, 160, 270, 180])), score=0.2)[1]) == 0
    assert not camera.check(sofa, None)[0].whole


def test_the_pictures_own_edge_cuts_nothing() -> None:
    region = Region((0, 100, 128, 260), (128, 160))
    found: list[Box] = [(0, 120, 40, 200), (10, 101, 40, 200), (100, 120, 127, 200), (10, 120, 40, 259), (10, 120, 40, 200)]
    assert cut_by_edges(found, region, SIZE, 2.0) == [False, True, True, True, False]
    assert cut_by_edges([(0, 0, 640, 360)], Region((0, 0, 640, 360), (416, 256)), SIZE, 2.0) == [False]


@st.composite
def scenes(draw: st.DrawFn) -> list[tuple[Boxes, NDArray[np.bool_]]]:
    """Where each of some objects is at each check, and which of them moved to get there. They keep apart, so that tracks stay theirs."""
    count = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    lanes = random.permutation(6)[:count]
    width, height = random.integers(15, 60, count), random.integers(20, 50, count)
    left = random.integers(0, 640 - width).astype(float)
    goes = random.random(count) < 0.5
    steps = []
    for _ in range(draw(st.integers(5, 40))):
        goes ^= random.random(count) < 0.15
        there = left.copy()
        left = np.clip(np.where(goes, left + random.integers(-8, 9, count), left), 0, 640 - width)
        top = lanes * 60.0 + 5
        xyxy = np.stack([left, top, left + width, np.minimum(top + height, 360)], axis=1).astype(np.float32)
        steps.append((xyxy, left != there))
    return steps


@settings(max_examples=150)
@given(steps=scenes(), whole_every_s=st.sampled_from([1.0, 2.0, 100.0]))
def test_with_a_perfect_gate_and_detector_the_tracker_is_told_the_truth_at_every_check(
    steps: list[tuple[Boxes, NDArray[np.bool_]]], whole_every_s: float
) -> None:
    camera = Camera(whole_every_s)
    before = steps[0][0]
    for truth, moved in steps:
        changed = np.concatenate([before[moved], truth[moved]])
        restless = list(camera.looking._restless)
        look, seen = camera.check(truth, relative(changed))
        np.testing.assert_allclose(rows(seen.xyxy), rows(truth), atol=1e-3)
        if look.region is not None:
            left, top, right, bottom = look.region.xyxy
            assert 0 <= left < right <= SIZE[0]
            assert 0 <= top < bottom <= SIZE[1]
            room = [widened(box, 0.2, 12.0) for box in restless] + [widened(box, 0.3, 32.0, 96.0) for box in rows(changed)]
            for low_x, low_y, high_x, high_y in room:
                assert left <= max(low_x, 0)
                assert top <= max(low_y, 0)
                assert right >= min(high_x, SIZE[0])
                assert bottom >= min(high_y, SIZE[1])
            assert not any(share_area(box, look.region.xyxy) for box in rows(look.standing.xyxy))
        before = truth


def test_a_still_scene_costs_one_look_a_second() -> None:
    camera = Camera()
    for _ in range(100):
        camera.check(STANDING, None)
    late = camera.looks[20:]
    assert sum(look.whole for look in late) == len(late) // 5
    assert all(look.region is None for look in late)
