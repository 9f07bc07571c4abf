"""Joints on a camera: who is looked at when, whose joints they are, and what a model that fails costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from panops.config.schema import CameraConfig, PoseConfig
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, ModelError, ModelNotFound
from panops.domain.frame import Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks, TrackState
from panops.ingest.pixels import VideoPixels
from panops.models.mirrors import MIRROR_VARIABLE
from panops.models.store import ModelStore
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.pose_looks import PoseLooks
from panops.pipeline.track_looks import TrackLooks
from panops.testing.rule_conformance import Sighting, make_tracks

CLASSES = ("person", "car")


def shown(image: NDArray[np.uint8], time_s: float = 0.0) -> Frame:
    return Frame("gate", 0, time_s, time_s, VideoPixels(VideoFrame.from_ndarray(image, format="rgb24")))


GREY = shown(np.full((360, 640, 3), 114, np.uint8))


class Poser:
    """Finds somebody in the middle of whatever it is shown."""

    classes = ("person",)

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []
        self.fault: Exception | None = None
        self.points = 17
        self.at = 0.5

    def detect(self, frame: Frame) -> Detections:
        if self.fault is not None:
            raise self.fault
        width, height = frame.size_wh
        self.shown.append(frame.size_wh)
        x, y, half_w, half_h = self.at * width, 0.5 * height, 0.2 * width, 0.3 * height
        box = np.array([[x - half_w, y - half_h, x + half_w, y + half_h]], np.float32)
        points = np.tile(np.array([x, y, 0.9], np.float32), (1, self.points, 1))
        return Detections(box, np.array([0.8], np.float32), np.zeros(1, np.int64), points)

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""


def looks(poser: Detector, **settings: object) -> PoseLooks:
    return PoseLooks(PoseConfig.model_validate(settings), poser, CLASSES)


def people(time_s: float, *sightings: Sighting) -> Tracks:
    return make_tracks(time_s, sightings)


def looked_at(tracks: Tracks) -> list[int]:
    if tracks.keypoints is None:
        return []
    return tracks.track_id[~np.isnan(tracks.keypoints[:, 0, 0])].tolist()


def test_joints_are_in_px_of_the_frame_and_lie_in_the_person() -> None:
    tracks = looks(Poser()).add(GREY, people(0.0, Sighting(1, 0.3, 0.8), Sighting(2, 0.7, 0.9)))
    assert tracks.keypoints is not None
    middle = (tracks.xyxy[:, :2] + tracks.xyxy[:, 2:]) / 2
    assert np.abs(tracks.keypoints[:, 0, :2] - middle).max() < 6.0
    assert (tracks.keypoints[:, :, 2] == np.float32(0.9)).all()


def test_each_is_looked_at_every_so_often() -> None:
    pose = looks(Poser(), refresh_s=0.4)
    seen = [bool(looked_at(pose.add(GREY, people(step * 0.2, Sighting(1, 0.5, 0.9))))) for step in range(7)]
    assert seen == [True, False, True, False, True, False, True]


def test_at_most_so_many_at_once_and_everybody_in_turn() -> None:
    pose = looks(Poser(), most=2, refresh_s=0.0)
    crowd = [Sighting(number, 0.1 + 0.15 * number, 0.9) for number in range(1, 6)]
    turns = [looked_at(pose.add(GREY, people(step * 0.2, *crowd))) for step in range(12)]
    assert [len(turn) for turn in turns] == [2] * 12
    for number in range(1, 6):
        own = [step for step, turn in enumerate(turns) if number in turn]
        assert max(np.diff([-1, *own, 12])) <= 3  # five people, two at a time


def test_only_people_who_are_seen_now_and_are_large_enough() -> None:
    pose = looks(Poser(), least_px=60)
    car, lost, small = Sighting(2, 0.4, 0.9, class_id=1), Sighting(3, 0.6, 0.9, state=TrackState.LOST), Sighting(4, 0.8, 0.9, height=0.1)
    tracks = people(0.0, Sighting(1, 0.2, 0.9), car, lost, small)
    assert looked_at(pose.add(GREY, tracks)) == [1]


def test_time_that_goes_back_begins_anew() -> None:
    pose = looks(Poser(), refresh_s=10.0)
    assert looked_at(pose.add(GREY, people(100.0, Sighting(1, 0.5, 0.9)))) == [1]
    assert looked_at(pose.add(GREY, people(3.0, Sighting(1, 0.5, 0.9)))) == [1]


def test_somebody_elses_pose_is_not_taken() -> None:
    poser = Poser()
    poser.at = 0.02
    tracks = looks(poser).add(GREY, people(0.0, Sighting(1, 0.5, 0.9)))
    assert looked_at(tracks) == []
    assert poser.shown


def test_nobody_to_look_at_costs_nothing() -> None:
    poser, nobody = Poser(), people(0.0)
    assert looks(poser).add(GREY, nobody) is nobody
    assert poser.shown == []


def test_a_model_that_fails_is_told_and_the_tracks_stay() -> None:
    poser = Poser()
    pose, tracks = looks(poser), people(0.0, Sighting(1, 0.5, 0.9))
    poser.fault = ModelError("it broke")
    assert pose.add(GREY, tracks) is tracks
    assert pose.problem == "it broke"
    poser.fault = None
    assert looked_at(pose.add(GREY, people(1.0, Sighting(1, 0.5, 0.9)))) == [1]
    assert pose.problem == ""


def test_somebody_who_breaks_the_model_keeps_nobody_else_from_being_looked_at() -> None:
    class Fragile(Poser):
        """Cannot look at what is large."""

        def detect(self, frame: Frame) -> Detections:
            if frame.size_wh[1] > 240:
                raise ModelError("this one breaks it")
            return super().detect(frame)

    pose = looks(Fragile(), most=1, refresh_s=0.4)
    seen: list[int] = []
    for step in range(8):
        seen += looked_at(pose.add(GREY, people(0.2 * step, Sighting(1, 0.2, 0.9, height=0.9), Sighting(2, 0.6, 0.9, height=0.3))))
        assert pose.problem == "this one breaks it"
    assert set(seen) == {2}
    assert len(seen) >= 3


def test_a_device_that_is_full_is_no_fault_of_the_model() -> None:
    poser = Poser()
    poser.fault = DeviceFull("too much")
    pose, tracks = looks(poser), people(0.0, Sighting(1, 0.5, 0.9))
    assert looked_at(pose.add(GREY, tracks)) == []
    assert pose.problem == ""
    poser.fault = None
    assert looked_at(pose.add(GREY, people(0.1, Sighting(1, 0.5, 0.9)))) == [1]


def test_a_model_for_something_else_is_told() -> None:
    poser = Poser()
    poser.points = 5
    pose = looks(poser)
    pose.add(GREY, people(0.0, Sighting(1, 0.5, 0.9)))
    assert pose.problem == "movenet_lightning is no model for poses with 17 joints: it gives 5"


def test_without_its_model_a_camera_says_so_and_runs() -> None:
    def missing(name: str) -> Detector:
        raise ModelNotFound(f"model {name!r} is not installed")

    wanted = CameraConfig.model_validate({"source": "sim://yard", "pose": {"fallen": False}})
    without = TrackLooks.of(wanted, missing, CLASSES, Poser)
    assert without.trouble == "nobody's joints are known (pose.model): model 'movenet_lightning' is not installed"
    assert (len(without), without.lacking) == (0, ("movenet_lightning",))
    asks_nothing = TrackLooks.of(CameraConfig.model_validate({"source": "sim://yard"}), missing, CLASSES, Poser)
    assert (len(asks_nothing), asks_nothing.lacking, asks_nothing.trouble) == (0, (), "")


def test_a_real_model_finds_a_real_person_in_a_larger_picture(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(shared_data / "models"))
    pool = DetectorPool(ModelStore(tmp_path / "models"))
    squat = cv2.imread(str(shared_data / "images" / "coral" / "squat.bmp"), cv2.IMREAD_COLOR_RGB)
    assert squat is not None
    scene = np.full((800, 1200, 3), 200, np.uint8)
    scene[150 : 150 + squat.shape[0], 600 : 600 + squat.shape[1]] = squat
    tracks = people(0.0, Sighting(1, 0.5, 0.9))
    tracks = replace(tracks, xyxy=np.array([[731, 345, 957, 695]], np.float32))
    found = PoseLooks(PoseConfig(), pool.get("movenet_lightning"), CLASSES).add(shown(scene), tracks)
    assert found.keypoints is not None
    nose, hips, ankles = found.keypoints[0, 0], found.keypoints[0, 11:13], found.keypoints[0, 15:17]
    assert 345 - 20 < nose[1] < 345 + 90
    assert (hips[:, 1] > nose[1] + 80).all()
    assert (ankles[:, 1] > hips[:, 1]).all()
    sure = found.keypoints[0, found.keypoints[0, :, 2] > 0.3]
    assert len(sure) >= 12
    assert (sure[:, 0] > 700).all()
    assert (sure[:, 0] < 990).all()
