from __future__ import annotations

import numpy as np
import pytest

from panops.evaluation.comparison import MOT15, compare
from panops.evaluation.mot_files import MotTable
from panops.evaluation.synthetic_load import LoadSettings, camera_load
from panops.evaluation.tracking_score import score, track_detections
from panops.tracking.tracker import BatchTracker

SETTINGS = LoadSettings(cameras=3, objects=8, seconds=20.0, seed=4)


def test_the_same_seed_gives_the_same_load_and_cameras_differ() -> None:
    first, again, other = camera_load(SETTINGS, 1), camera_load(SETTINGS, 1), camera_load(SETTINGS, 2)
    for one, two in zip(first.detections, again.detections, strict=True):
        assert one.xyxy.tobytes() == two.xyxy.tobytes()
        assert one.score.tobytes() == two.score.tobytes()
    assert len(first.truth) != len(other.truth)


@pytest.mark.parametrize("objects", [1, 10, 40])
def test_about_as_many_objects_as_asked_for(objects: int) -> None:
    settings = LoadSettings(objects=objects, seconds=30.0)
    counts = [len(camera_load(settings, index).truth) / settings.ticks for index in range(25)]
    assert np.mean(counts) == pytest.approx(objects, rel=0.3)


def test_the_detector_errs_as_it_should() -> None:
    load = camera_load(SETTINGS, 0)
    found = sum(len(seen) for seen in load.detections)
    assert 0.8 * len(load.truth) < found < 1.2 * len(load.truth)
    scores = np.concatenate([seen.score for seen in load.detections])
    assert 0.05 < np.mean(scores < 0.5) < 0.4
    assert all(np.all(seen.xyxy[:, 2:] > seen.xyxy[:, :2]) for seen in load.detections)
    assert all(np.all(np.diff(seen.score) <= 0) for seen in load.detections)


def test_it_can_be_followed_but_not_perfectly() -> None:
    load = camera_load(SETTINGS, 0)
    frames = np.arange(1, SETTINGS.ticks + 1)
    count = [len(seen) for seen in load.detections]
    xyxy = np.concatenate([seen.xyxy for seen in load.detections]).astype(np.float64)
    detections = MotTable(
        np.repeat(frames, count),
        np.full(len(xyxy), -1),
        np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1),
        np.concatenate([seen.score for seen in load.detections]).astype(np.float64),
        np.ones(len(xyxy), np.int64),
    )
    tracks = track_detections(BatchTracker(), "a", detections, frames, SETTINGS.fps)
    assert 0.5 < score(compare(load.truth, tracks, frames, MOT15)).figures()["HOTA"] < 0.95


@pytest.mark.parametrize("values", [{"cameras": 0}, {"objects": 0}, {"fps": 0.0}, {"seconds": float("nan")}, {"miss_rate": 1.5}])
def test_values_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        LoadSettings(**values)  # type: ignore[arg-type]  # the table mixes types
