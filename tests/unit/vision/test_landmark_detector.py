"""Following with a finder and a model that are made up: the object is what is bright."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from manifests import StillPixels
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import TensorSpec
from panops.vision.face_mesh import FaceMesh
from panops.vision.hands import Hands
from panops.vision.landmark_detector import LandmarkDetector, Landmarks, LandmarkSettings
from panops.vision.landmark_roi import Roi, RoiFit, roi_around_box, roi_around_points
from panops.vision.pose_blaze import PoseBlaze

SIZE = (320, 200)
HALF = 10
PLAIN = LandmarkSettings(smoothing=None)


def picture(*middles: tuple[float, float], time_s: float = 0.0, camera_id: str = "cam", level: int = 255) -> Frame:
    """Bright squares of 20 px on black."""
    rgb = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for x, y in middles:
        rgb[max(0, int(y) - HALF) : max(0, int(y) + HALF), max(0, int(x) - HALF) : max(0, int(x) + HALF)] = level
    return Frame(camera_id, round(time_s * 1000), time_s, time_s, StillPixels(rgb))


class BrightFinder:
    """Finds what it is told; two points each."""

    classes = ("bright",)

    def __init__(self, *middles: tuple[float, float], points: int = 2) -> None:
        self.middles = middles
        self.points = points
        self.asked = 0
        self.closed = 0

    def detect(self, frame: Frame) -> Detections:
        self.asked += 1
        boxes = np.array([[x - HALF, y - HALF, x + HALF, y + HALF] for x, y in self.middles], np.float32).reshape(-1, 4)
        count = len(boxes)
        return Detections(boxes, np.ones(count, np.float32), np.zeros(count, np.int64), np.zeros((count, self.points, 3), np.float32))

    def forget(self, camera_id: str) -> None: ...

    def close(self) -> None:
        self.closed += 1


class BrightModel:
    """The corners of what is bright in its input, as a presence the share of the input's width that is bright."""

    def __init__(self, side: int = 64) -> None:
        self.inputs = (TensorSpec("picture", (1, side, side, 3), np.dtype(np.float32)),)
        self.outputs = (TensorSpec("corners", (1, 8), np.dtype(np.float32)), TensorSpec("there", (1, 1), np.dtype(np.float32)))
        self.side_score = 0.0
        self.broken = False
        self.closed = 0

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        seen = inputs["picture"][0, :, :, 0] > 0.3
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        if len(rows) == 0:
            return {"corners": np.full((1, 8), 0.5, np.float32), "there": np.zeros((1, 1), np.float32)}
        low = np.array([columns[0], rows[0]]) / len(seen)
        high = np.array([columns[-1] + 1, rows[-1] + 1]) / len(seen)
        corners = np.array([low, [high[0], low[1]], high, [low[0], high[1]]], np.float32)
        if self.broken:
            corners[0] = np.nan
        return {"corners": corners.reshape(1, 8), "there": np.full((1, 1), 0.9, np.float32)}

    def close(self) -> None:
        self.closed += 1


class Bright(LandmarkDetector):
    classes: ClassVar[tuple[str, ...]] = ("bright", "other")
    finder_points: ClassVar[int] = 2
    shown_points: ClassVar[int] = 4
    outputs: ClassVar[Mapping[str, int]] = {"corners": 8, "there": 1}

    def first_roi(self, xyxy: np.ndarray, points: np.ndarray) -> Roi:
        return roi_around_box(xyxy, 0.0, RoiFit(2.0))

    def next_roi(self, points: np.ndarray) -> Roi:
        return roi_around_points(points, 0.0, RoiFit(2.0))

    def read(self, outputs: Mapping[str, NDArray[Any]]) -> Landmarks:
        backend = self._backend
        assert isinstance(backend, BrightModel)
        return Landmarks(outputs["corners"].reshape(4, 2), np.ones(4, np.float32), float(outputs["there"][0, 0]), backend.side_score)


def test_what_was_found_is_followed_without_the_finder() -> None:
    finder = BrightFinder((60, 80))
    detector = Bright(finder, BrightModel(), replace(PLAIN, most=1))
    for step in range(30):
        x = 60 + 5 * step
        found = detector.detect(picture((x, 80), time_s=step * 0.04))
        np.testing.assert_allclose(found.xyxy, [[x - HALF, 80 - HALF, x + HALF, 80 + HALF]], atol=1.0)
    assert finder.asked == 1
    assert found.keypoints is not None
    assert (found.keypoints.shape, found.keypoints.dtype, found.score.tolist()) == ((1, 4, 3), np.float32, [pytest.approx(0.9)])
    counts = detector.counts
    assert (counts.frames, counts.finder_runs, counts.landmark_runs, counts.lost) == (30, 1, 30, 0)


def test_while_there_is_room_the_finder_looks_every_half_second() -> None:
    finder = BrightFinder((60, 80))
    detector = Bright(finder, BrightModel(), replace(PLAIN, most=2, look_again_s=0.5))
    for step in range(31):
        detector.detect(picture((60, 80), time_s=step / 10))
    assert finder.asked == 7
    finder.middles = ((60, 80), (200, 100))
    assert [len(detector.detect(picture((60, 80), (200, 100), time_s=3.0 + step / 10))) for step in (1, 2, 3, 4, 5, 6)] == [1] * 4 + [2] * 2
    asked = finder.asked
    for step in range(10):
        detector.detect(picture((60, 80), (200, 100), time_s=3.7 + step / 10))
    assert finder.asked == asked


def test_without_anything_to_follow_the_finder_looks_at_every_frame() -> None:
    finder = BrightFinder()
    detector = Bright(finder, BrightModel(), PLAIN)
    assert [len(detector.detect(picture(time_s=step / 10))) for step in range(5)] == [0] * 5
    assert finder.asked == 5


def test_an_object_that_leaves_is_lost_and_looked_for_at_once() -> None:
    finder = BrightFinder((300, 80))
    detector = Bright(finder, BrightModel(), replace(PLAIN, most=1))
    seen = []
    for step in range(12):
        x = 300 + 4 * step
        finder.middles = ((x, 80),) if x < 310 else ()
        seen.append(len(detector.detect(picture((x, 80), time_s=step * 0.04))))
    assert seen[:5] == [1] * 5
    assert seen[-3:] == [0] * 3
    assert detector.counts.lost == 1
    asked = finder.asked
    detector.detect(picture(time_s=0.6))
    assert finder.asked == asked + 1


def test_an_object_at_the_edge_is_shown_inside_the_picture() -> None:
    found = Bright(BrightFinder((0, 0)), BrightModel(), PLAIN).detect(picture((0, 0)))
    np.testing.assert_allclose(found.xyxy, [[0, 0, HALF, HALF]], atol=0.7)


def test_no_more_than_so_many() -> None:
    places = [(30, 40), (100, 40), (170, 40), (240, 40), (100, 150)]
    detector = Bright(BrightFinder(*places), BrightModel(), replace(PLAIN, most=3))
    assert len(detector.detect(picture(*places))) == 3
    assert detector.counts.landmark_runs == 3


def test_the_same_object_is_not_followed_twice() -> None:
    finder = BrightFinder((60, 80), (62, 81), (75, 80))
    detector = Bright(finder, BrightModel(), PLAIN)
    assert len(detector.detect(picture((60, 80)))) == 1
    assert detector.counts.landmark_runs == 2  # the second lies too near; the third's points turn out to be the first's


def test_two_that_come_together_become_one_and_the_longer_followed_stays_first() -> None:
    finder = BrightFinder((60, 80), (160, 80))
    detector = Bright(finder, BrightModel(), PLAIN)
    assert len(detector.detect(picture((60, 80), (160, 80)))) == 2
    finder.middles = ()
    counts = [len(detector.detect(picture((60, 80), (160 - 10 * step, 80), time_s=step * 0.04))) for step in range(1, 11)]
    assert counts[0] == 2
    assert counts[-1] == 1


def test_cameras_are_kept_apart_and_forgotten() -> None:
    finder = BrightFinder((60, 80))
    detector = Bright(finder, BrightModel(), replace(PLAIN, most=1))
    detector.detect(picture((60, 80), camera_id="a"))
    detector.detect(picture((60, 80), camera_id="b"))
    assert finder.asked == 2
    detector.forget("a")
    detector.forget("never seen")
    detector.detect(picture((60, 80), time_s=0.1, camera_id="b"))
    assert finder.asked == 2
    detector.detect(picture((60, 80), time_s=0.1, camera_id="a"))
    assert finder.asked == 3


@pytest.mark.parametrize("time_s", [-5.0, 1.5], ids=["back", "a gap"])
def test_after_a_jump_of_time_the_finder_begins_anew(time_s: float) -> None:
    finder = BrightFinder((60, 80))
    detector = Bright(finder, BrightModel(), replace(PLAIN, most=1, longest_gap_s=1.0))
    detector.detect(picture((60, 80), time_s=0.0))
    detector.detect(picture((60, 80), time_s=time_s))
    assert finder.asked == 2


def test_points_that_are_no_numbers_are_a_loss_not_a_crash() -> None:
    model = BrightModel()
    detector = Bright(BrightFinder((60, 80)), model, PLAIN)
    assert len(detector.detect(picture((60, 80)))) == 1
    model.broken = True
    assert len(detector.detect(picture((60, 80), time_s=0.1))) == 0
    model.broken = False
    assert len(detector.detect(picture((60, 80), time_s=0.2))) == 1


def test_the_class_is_what_was_seen_for_a_while() -> None:
    model = BrightModel()
    detector = Bright(BrightFinder((60, 80)), model, PLAIN)
    classes = []
    for step in range(20):
        model.side_score = 1.0 if step == 0 or step > 8 else 0.2 if step == 4 else 0.9
        classes.append(int(detector.detect(picture((60, 80), time_s=step * 0.04)).class_id[0]))
    assert classes == [1] * 20
    model.side_score = 0.0
    later = [int(detector.detect(picture((60, 80), time_s=0.8 + step * 0.1)).class_id[0]) for step in range(10)]
    assert later[0] == 1
    assert later[-1] == 0


def test_smoothing_is_switchable_and_steadies() -> None:
    def spread(settings: LandmarkSettings) -> float:
        detector = Bright(BrightFinder((60, 80)), BrightModel(), settings)
        found = [detector.detect(picture((60 + step % 2, 80), time_s=step / 30)).keypoints for step in range(40)]
        xs = np.array([points[0, :, 0] for points in found if points is not None])
        return float(np.abs(np.diff(xs[10:], axis=0)).mean())

    assert spread(LandmarkSettings()) < 0.5 * spread(PLAIN)


@pytest.mark.parametrize("size_wh", [(1, 1), (3, 2), (2, 300)])
def test_tiny_pictures(size_wh: tuple[int, int]) -> None:
    rgb = np.full((size_wh[1], size_wh[0], 3), 255, np.uint8)
    detector = Bright(BrightFinder((1, 1)), BrightModel(), PLAIN)
    assert len(detector.detect(Frame("cam", 0, 0.0, 0.0, StillPixels(rgb)))) == 0


def test_a_finder_with_other_points() -> None:
    with pytest.raises(ModelUnsupported, match=r"Bright needs a finder with 2 points, got keypoints \(1, 6, 3\)"):
        Bright(BrightFinder((60, 80), points=6), BrightModel()).detect(picture((60, 80)))


@pytest.mark.parametrize("kind", [FaceMesh, Hands, PoseBlaze])
def test_a_landmark_model_of_another_kind_is_found_at_start(kind: type[LandmarkDetector]) -> None:
    with pytest.raises(ModelUnsupported, match=f"{kind.__name__}: expected outputs"):
        kind(BrightFinder(), BrightModel())


def test_an_input_that_is_no_square_picture() -> None:
    model = BrightModel()
    model.inputs = (TensorSpec("picture", (1, 3, 64, 64), np.dtype(np.float32)),)
    with pytest.raises(ModelUnsupported, match="one input"):
        Bright(BrightFinder(), model)


def test_both_models_are_closed() -> None:
    finder, model = BrightFinder(), BrightModel()
    detector = Bright(finder, model)
    detector.close()
    assert (finder.closed, model.closed) == (1, 1)
