"""Landmarks with real weights on real pictures and clips: where they lie, how steady they are, and how often the finder is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from blaze_models import FileFinder, clip_frames, landmarks, picture
from manifests import frame

from panops.domain.detections import Detections
from panops.domain.skeletons import BLAZEPOSE33
from panops.vision.landmark_detector import LandmarkCounts, LandmarkSettings
from panops.vision.point_smoothing import PointSmoother, SmoothingSettings

RAW = LandmarkSettings(smoothing=None)
DANCER, SIGNS_NO, SIGNS_YES, HEAD = (
    "mp_pose_segmentation.mp4",
    "intel_asl_no.mkv",
    "intel_asl_yes.mkv",
    "intel_head-pose-face-detection-female.gif",
)
# Nobody moves in the first 0.43 s of the signing clips.
STILL_FRAMES = 13


@dataclass(frozen=True)
class Run:
    times_s: np.ndarray
    found: list[Detections]
    counts: LandmarkCounts

    def first(self) -> np.ndarray:
        """The points (T, K, 3) of the object that was followed first; it is in every frame."""
        return np.stack([one.keypoints[0] for one in self.found if one.keypoints is not None])


@pytest.fixture(scope="module")
def run(shared_data: Path, mediapipe_file: FileFinder) -> Callable[[str, str], Run]:
    """Follows objects of a kind through a clip, unsmoothed; each pair is done once."""

    @cache
    def follow(kind: str, clip: str) -> Run:
        detector = landmarks(kind, mediapipe_file, RAW)
        frames = list(clip_frames(shared_data / "videos" / clip))
        found = [detector.detect(one) for one in frames]
        detector.close()
        return Run(np.array([one.captured_at_s for one in frames]), found, detector.counts)

    return follow


def size_of(points: np.ndarray) -> float:
    return float(np.ptp(points[:, :2], axis=0).max())


def smoothed(run: Run) -> np.ndarray:
    smoother = PointSmoother(SmoothingSettings())
    return np.stack([smoother.smooth(points[:, :2], t, size_of(points)) for t, points in zip(run.times_s, run.first(), strict=True)])


def trembling(points: np.ndarray, size: float) -> float:
    """What a path has beside its straight course, % of the size: the second difference, scaled to the noise of one frame."""
    bent = points[:-2] - 2 * points[1:-1] + points[2:]
    return float(100 * np.hypot(bent[..., 0], bent[..., 1]).mean() / np.sqrt(6) / size)


@pytest.mark.parametrize(
    ("kind", "clip", "raw_most", "smooth_most"),
    [
        ("face", SIGNS_NO, 0.5, 0.15),
        ("face", SIGNS_YES, 0.5, 0.15),
        ("pose", SIGNS_NO, 0.8, 0.3),
        ("pose", SIGNS_YES, 0.8, 0.3),
        ("hand", SIGNS_NO, 2.5, 1.2),
        ("hand", SIGNS_YES, 2.5, 1.2),
    ],
)
def test_points_of_people_at_rest_are_steady(
    run: Callable[[str, str], Run], kind: str, clip: str, raw_most: float, smooth_most: float
) -> None:
    """In % of the object's size. The hands hang half out of the picture, which is the worst case for them."""
    followed = run(kind, clip)
    raw = followed.first()[:STILL_FRAMES, :, :2]
    steady = smoothed(followed)[:STILL_FRAMES]
    size = size_of(raw.mean(axis=0))
    assert trembling(raw, size) < raw_most
    assert trembling(steady, size) < min(smooth_most, 0.65 * trembling(raw, size))


@pytest.mark.parametrize(("kind", "clip"), [("pose", DANCER), ("face", HEAD), ("pose", SIGNS_YES)])
def test_the_filter_hardly_lags_in_fast_movements(run: Callable[[str, str], Run], kind: str, clip: str) -> None:
    """Points faster than one size a second: at most 25 ms behind, which is less than a frame."""
    followed = run(kind, clip)
    raw = followed.first()[:, :, :2].astype(np.float64)
    velocity = np.gradient(raw, followed.times_s, axis=0)
    fast = np.hypot(velocity[..., 0], velocity[..., 1]) > size_of(raw.mean(axis=0))
    assert fast.sum() > 20
    behind = raw - smoothed(followed)
    lag_s = (behind * velocity).sum(axis=2)[fast].sum() / (velocity**2).sum(axis=2)[fast].sum()
    assert 0 < lag_s < 0.025


@pytest.mark.parametrize(
    ("kind", "clip", "frames"), [("pose", DANCER, 102), ("face", HEAD, 23), ("face", SIGNS_NO, 66), ("hand", SIGNS_NO, 66)]
)
def test_while_it_goes_well_the_finder_only_looks_for_others(run: Callable[[str, str], Run], kind: str, clip: str, frames: int) -> None:
    followed = run(kind, clip)
    assert followed.counts.frames == frames
    duration_s = followed.times_s[-1] - followed.times_s[0]
    # Once in half a second as there is room for more, and once more for each loss: the signing hand goes down and away.
    assert followed.counts.finder_runs <= duration_s / 0.5 + 2 + followed.counts.lost
    assert followed.counts.lost <= (2 if kind == "hand" else 0)
    assert all(len(one) >= 1 for one in followed.found)


def test_a_full_house_needs_the_finder_once(shared_data: Path, mediapipe_file: FileFinder) -> None:
    detector = landmarks("pose", mediapipe_file, LandmarkSettings(most=1))
    for one in clip_frames(shared_data / "videos" / DANCER):
        if one.sequence < 40:
            assert len(detector.detect(one)) == 1
    assert (detector.counts.finder_runs, detector.counts.landmark_runs) == (1, 40)


@pytest.mark.parametrize("clip", [SIGNS_NO, SIGNS_YES])
def test_left_and_right_hands_are_at_the_wrists_of_another_model(run: Callable[[str, str], Run], clip: str) -> None:
    """The hand's class against the body's wrists: two models that know nothing of each other."""
    names = [BLAZEPOSE33.points.index(name) for name in ("left wrist", "right wrist")]
    agree, seen, both = 0, 0, 0
    for hands, bodies in zip(run("hand", clip).found, run("pose", clip).found, strict=True):
        assert hands.keypoints is not None
        assert bodies.keypoints is not None
        both += len(hands) == 2
        for side, points in zip(hands.class_id, hands.keypoints, strict=True):
            gaps = np.hypot(*(bodies.keypoints[0, names, :2] - points[0, :2]).T)
            seen += 1
            agree += int(np.argmin(gaps)) == side
    assert both > 15
    assert agree / seen > 0.95


def test_a_hand_that_goes_away_is_not_shown_any_more(run: Callable[[str, str], Run]) -> None:
    counts = [len(one) for one in run("hand", SIGNS_NO).found]
    assert max(counts[32:48]) == 2  # the right hand is up
    assert counts[-8:] == [1] * 8  # and hangs out of the picture again


# The middle of each eye between its corners, drawn by eye in px of the picture: the person's right and left one.
EYES = [("fr_obama", (443, 214), (548, 211)), ("fr_knn_train_biden_biden2", (562, 404), (747, 413))]


@pytest.mark.parametrize(("name", "right", "left"), EYES, ids=[name for name, _, _ in EYES])
def test_eyes_of_the_mesh_are_on_eyes(
    shared_data: Path, mediapipe_file: FileFinder, name: str, right: tuple[int, int], left: tuple[int, int]
) -> None:
    found = landmarks("face", mediapipe_file).detect(picture(shared_data / "images" / "faces" / f"{name}.jpg"))
    assert found.keypoints is not None
    assert found.keypoints.shape == (1, 468, 3)
    for corners, eye in (((33, 133), right), ((362, 263), left)):
        middle = found.keypoints[0, list(corners), :2].mean(axis=0)
        assert np.hypot(*(middle - eye)) < 0.1 * np.hypot(*np.subtract(left, right))
    assert found.keypoints[0, 13, 1] > found.keypoints[0, 1, 1] > found.keypoints[0, 168, 1]  # lips, tip of the nose, its root


def test_every_body_and_face_of_two_people_side_by_side(shared_data: Path, mediapipe_file: FileFinder) -> None:
    shown = picture(shared_data / "images" / "faces" / "fr_knn_test_kit_with_rose.jpg")
    for kind in ("face", "pose"):
        found = landmarks(kind, mediapipe_file).detect(shown)
        assert len(found) == 2
        assert (found.score > 0.9).all()


def test_a_face_cut_by_the_edge_has_points_beyond_and_a_box_within(shared_data: Path, mediapipe_file: FileFinder) -> None:
    shown = picture(shared_data / "images" / "faces" / "fr_obama_partial_face2.jpg")
    found = landmarks("face", mediapipe_file).detect(shown)
    assert found.keypoints is not None
    width = shown.size_wh[0]
    assert found.keypoints[0, :, 0].max() > width
    assert found.xyxy[0, 2] == width


@pytest.mark.parametrize("kind", ["face", "hand", "hand lite", "pose"])
def test_nothing_on_empty_and_tiny_pictures(mediapipe_file: FileFinder, kind: str) -> None:
    detector = landmarks(kind, mediapipe_file)
    for rgb in (np.zeros((480, 640, 3), np.uint8), np.full((360, 640, 3), 114, np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert len(detector.detect(frame(rgb))) == 0
    detector.close()
