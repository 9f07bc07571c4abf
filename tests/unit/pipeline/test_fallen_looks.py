"""Looks for who fell: whom it finds, whom it leaves alone, and what a detector that fails costs.

The detector here finds bright bars that stand.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, PoseConfig
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, ModelError, ModelNotFound
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks, TrackState
from panops.pipeline.fallen_looks import FallenLooks
from panops.pipeline.track_looks import TrackLooks
from panops.pipeline.turned_pixels import LEFT, RIGHT, TurnedPixels

CLASSES = ("person", "car")
WIDTH, HEIGHT = 640, 360
Bar = tuple[int, int, int, int]
STANDING: Bar = (300, 100, 330, 190)
FALLEN: Bar = (310, 165, 400, 190)


def picture(time_s: float, *bars: Bar) -> Frame:
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for left, top, right, bottom in bars:
        image[top:bottom, left:right] = 230
    return Frame("gate", 0, time_s, time_s, ArrayPixels(image))


class Upright:
    """Finds bright bars that are higher than wide."""

    classes = CLASSES

    def __init__(self) -> None:
        self.looks = 0
        self.fault: Exception | None = None

    def detect(self, frame: Frame) -> Detections:
        if self.fault is not None:
            raise self.fault
        self.looks += 1
        bright = (frame.pixels.rgb()[:, :, 0] > 150).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        boxes = [[x, y, x + w, y + h] for x, y, w, h, _ in stats[1:].tolist() if h > w]
        count = len(boxes)
        xyxy = np.array(boxes, np.float32).reshape(-1, 4)
        return Detections(xyxy, np.full(count, 0.7, np.float32), np.zeros(count, np.int64))

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""


def tracks(time_s: float, *people: tuple[int, Bar], since_s: float = 0.0, class_id: int = 0) -> Tracks:
    count = len(people)
    ids = np.array([track_id for track_id, _ in people], np.int64)
    return Tracks(
        "gate",
        time_s,
        ids,
        np.array([bar for _, bar in people], np.float32).reshape(-1, 4),
        np.full(count, 0.8, np.float32),
        np.full(count, class_id, np.int64),
        np.full(count, TrackState.CONFIRMED.value, np.int64),
        np.full(count, since_s),
        np.full(count, time_s),
        np.arange(count),
    )


def looks(detector: Detector, **settings: object) -> FallenLooks:
    return FallenLooks(PoseConfig.model_validate(settings), lambda: detector, CLASSES)


def stood(watch: FallenLooks, bar: Bar = STANDING, until_s: float = 2.0) -> None:
    for time_s in np.arange(0.0, until_s + 0.01, 0.2).tolist():
        watch.add(picture(time_s, bar), tracks(time_s, (7, bar)))


def test_who_is_lost_and_lies_there_stays_with_their_id() -> None:
    watch = looks(Upright())
    stood(watch)
    found = watch.add(picture(2.4, FALLEN), tracks(2.4))
    assert found.track_id.tolist() == [7]
    assert found.lies is not None
    assert found.lies.all()
    assert np.abs(found.xyxy[0] - np.array(FALLEN)).max() <= 1.0
    assert found.state.tolist() == [TrackState.CONFIRMED.value]
    assert (found.first_seen_s[0], found.last_seen_s[0]) == (0.0, 2.4)


def test_a_lost_track_is_replaced_and_others_stay() -> None:
    watch = looks(Upright())
    stood(watch)
    lost = tracks(2.4, (3, (500, 100, 530, 190)), (7, STANDING))
    state = np.array([TrackState.CONFIRMED.value, TrackState.LOST.value])
    found = watch.add(picture(2.4, FALLEN), replace(lost, state=state, keypoints=np.zeros((2, 17, 3), np.float32)))
    assert found.track_id.tolist() == [3, 7]
    assert found.lies is not None
    assert found.lies.tolist() == [False, True]
    assert found.keypoints is not None
    assert np.isnan(found.keypoints[1]).all()


def test_they_are_found_for_as_long_as_they_lie_and_a_little_is_looked_for_them_afterwards() -> None:
    detector = Upright()
    watch = looks(detector, refresh_s=0.4)
    stood(watch)
    lying = [watch.add(picture(2.4 + step * 0.4, FALLEN), tracks(2.4 + step * 0.4)) for step in range(50)]
    assert [found.state.tolist() for found in lying] == [[TrackState.CONFIRMED.value]] * 50
    gone = [watch.add(picture(22.4 + step * 0.4), tracks(22.4 + step * 0.4)) for step in range(20)]
    assert [found.state.tolist() for found in gone] == [[TrackState.LOST.value]] * 7 + [[]] * 13
    before = detector.looks
    watch.add(picture(40.0, FALLEN), tracks(40.0))
    assert detector.looks == before  # whoever lies there now is not known


def test_between_two_looks_they_are_lost_and_where_they_were_found() -> None:
    watch = looks(Upright(), refresh_s=0.4)
    stood(watch)
    found = [watch.add(picture(2.4 + step * 0.2, FALLEN), tracks(2.4 + step * 0.2)) for step in range(6)]
    assert [one.state.tolist() for one in found] == [[TrackState.CONFIRMED.value], [TrackState.LOST.value]] * 3
    assert all(one.lies is not None and one.lies.tolist() == [step % 2 == 0] for step, one in enumerate(found))
    assert np.ptp([one.xyxy[0] for one in found], axis=0).max() <= 2.0
    assert [round(float(one.last_seen_s[0]), 1) for one in found] == [2.4, 2.4, 2.8, 2.8, 3.2, 3.2]


def test_nobody_is_looked_for_while_they_are_seen() -> None:
    detector = Upright()
    stood(looks(detector))
    assert detector.looks == 0


@pytest.mark.parametrize("bar", [(0, 100, 30, 190), (610, 100, 640, 190), (300, 270, 330, 360)])
def test_who_leaves_the_picture_is_not_looked_for(bar: Bar) -> None:
    detector = Upright()
    watch = looks(detector)
    stood(watch, bar)
    assert not len(watch.add(picture(2.4), tracks(2.4)))
    assert detector.looks == 0


def test_who_was_seen_for_a_moment_is_small_or_is_of_another_class_is_not_looked_for() -> None:
    detector = Upright()
    short, small, car = looks(detector), looks(detector, least_px=100), looks(detector)
    stood(short, until_s=0.4)
    stood(small)
    for step in range(10):
        car.add(picture(step * 0.2, STANDING), tracks(step * 0.2, (7, STANDING), class_id=1))
    assert [len(watch.add(picture(2.4, FALLEN), tracks(2.4))) for watch in (short, small, car)] == [0, 0, 0]
    assert detector.looks == 0


def test_somebody_who_still_stands_there_does_not_lie() -> None:
    watch = looks(Upright())
    stood(watch)
    assert not len(watch.add(picture(2.4, STANDING), tracks(2.4)))


@pytest.mark.parametrize("thing", [(310, 170, 330, 178), (150, 150, 500, 190)])
def test_what_is_far_shorter_or_longer_than_they_were_high_is_something_else(thing: Bar) -> None:
    watch = looks(Upright())
    stood(watch)
    assert not len(watch.add(picture(2.4, thing), tracks(2.4)))


def test_the_same_person_with_another_id_is_not_looked_for() -> None:
    detector = Upright()
    watch = looks(detector)
    stood(watch)
    moved = (304, 100, 334, 190)
    assert watch.add(picture(2.2, moved), tracks(2.2, (8, moved), since_s=2.0)).track_id.tolist() == [8]
    assert detector.looks == 0


def test_a_passer_by_before_them_hides_nobody() -> None:
    watch = looks(Upright())
    stood(watch)
    passer = (250, 90, 285, 190)
    for step in range(1, 4):
        at_s = 2.0 + 0.4 * step
        found = watch.add(picture(at_s, passer, FALLEN), tracks(at_s, (9, passer), since_s=0.5))
        assert found.track_id.tolist() == [9, 7]


def test_two_ids_of_one_person_are_told_once() -> None:
    watch = looks(Upright())
    twin = (305, 102, 335, 192)
    for time_s in np.arange(0.0, 2.01, 0.2).tolist():
        watch.add(picture(time_s, STANDING), tracks(time_s, (7, STANDING), (8, twin)))
    told = [watch.add(picture(2.4 + 0.4 * step, FALLEN), tracks(2.4 + 0.4 * step)).track_id.tolist() for step in range(6)]
    assert told == [[7]] * 6


def test_a_detector_that_fails_is_said_and_load_is_not() -> None:
    detector = Upright()
    watch = looks(detector)
    stood(watch)
    detector.fault = DeviceFull("too much")
    assert not len(watch.add(picture(2.2, FALLEN), tracks(2.2)))
    assert watch.problem == ""
    detector.fault = ModelError("broken")
    assert not len(watch.add(picture(2.6, FALLEN), tracks(2.6)))
    assert watch.problem == "broken"
    detector.fault = None
    assert len(watch.add(picture(3.0, FALLEN), tracks(3.0))) == 1
    assert watch.problem == ""


def test_the_cameras_setting_switches_it_and_a_missing_pose_model_does_not() -> None:
    def missing(name: str) -> Detector:
        raise ModelNotFound(f"model {name!r} is not installed")

    def of(pose: dict[str, object]) -> list[str]:
        config = CameraConfig.model_validate({"source": "sim://yard", "pose": pose})
        return [type(look).__name__ for look in TrackLooks.of(config, missing, CLASSES, Upright)]

    assert of({}) == ["FallenLooks"]
    assert of({"fallen": False}) == []


@pytest.mark.parametrize("turn", [LEFT, RIGHT])
def test_turned_pictures_and_boxes_fit_each_other(turn: int) -> None:
    random = np.random.default_rng(3)
    whole = ArrayPixels(random.integers(0, 255, (40, 60, 3), np.uint8))
    turned = TurnedPixels(whole, turn)
    assert turned.size_wh == (40, 60)
    assert turned.rgb().shape == (60, 40, 3)
    assert turned.luma().shape == (60, 40)
    crop = (6, 10, 20, 44)
    part: NDArray[np.uint8] = turned.rgb(None, crop)
    assert (part == turned.rgb()[10:44, 6:20]).all()
    left, top, right, bottom = turned.back_box(np.array([crop], np.float32))[0].astype(int).tolist()
    back = np.rot90(part, -turn)
    assert (back == whole.array[top:bottom, left:right]).all()
    assert turned.rgb((20, 30)).shape == (30, 20, 3)


class Faulty:
    """A look with a fault that nobody foresaw."""

    stage, lack, models, problem = "pose", "nothing is known (test)", (), ""

    def __init__(self) -> None:
        self.broken = True

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        if self.broken:
            raise ValueError("points of a face in one place")
        return tracks

    def is_outdated(self, loaded: object) -> bool:
        return False

    def renew(self, loaded: object) -> None:
        """It has no model."""


def test_a_fault_that_nobody_foresaw_costs_one_kind_of_look_and_is_said() -> None:
    faulty, watch = Faulty(), looks(Upright())
    every = TrackLooks([faulty, watch])
    stood(watch)
    found, _ = every.add(picture(2.4, FALLEN), tracks(2.4), lambda _stage, began_s: began_s, 0.0)
    assert found.track_id.tolist() == [7]
    assert every.problem == "nothing is known (test): ValueError: points of a face in one place"
    faulty.broken = False
    every.add(picture(2.8, FALLEN), tracks(2.8), lambda _stage, began_s: began_s, 0.0)
    assert every.problem == ""
