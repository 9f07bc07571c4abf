"""The product agrees with the plain reference: same tracks, same boxes, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.detections import Detections
from panops.evaluation.comparison import scored_frames
from panops.evaluation.mot_files import read_sequence
from panops.tracking.settings import TrackerSettings
from panops.tracking.tracker import BatchTracker

from .reference_tracker import ReferenceTracker
from .scenes import crowd, single

POLICIES = {
    "default": TrackerSettings(),
    "full rate": TrackerSettings.full_rate(),
    "at once": TrackerSettings(confirm_hits=1, high_score=0.7),
    "three hits, no expansion, joins readily": TrackerSettings(confirm_hits=3, sure_score=1.0, expand=0.0, duplicate_iou=0.5),
    "short memory": TrackerSettings(lost_s=0.3, horizon_s=0.2, gap_s=2.0),
}


def agree(policy: TrackerSettings, times: list[float], frames: list[Detections]) -> None:
    """Run both and compare what they report."""
    product, reference = BatchTracker(policy), ReferenceTracker(policy)
    for time_s, detections in zip(times, frames, strict=True):
        tracks = product.update(single("a", time_s, detections))[0]
        expected = sorted(reference.update(time_s, detections), key=lambda track: track.track_id)
        order = np.argsort(tracks.track_id)
        assert tracks.track_id[order].tolist() == [track.track_id for track in expected]
        assert tracks.detection_index[order].tolist() == [track.row for track in expected]
        assert tracks.first_seen_s[order].tolist() == [track.first_s for track in expected]
        assert tracks.last_seen_s[order].tolist() == [time_s] * len(expected)
        rows = [track.row for track in expected]
        np.testing.assert_array_equal(tracks.xyxy[order], detections.xyxy[rows])
        np.testing.assert_array_equal(tracks.class_id[order], detections.class_id[rows])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@given(seed=st.integers(0, 2**32 - 1), objects=st.integers(0, 14), rate=st.sampled_from([1.0, 5.0, 7.3, 30.0]))
@settings(max_examples=12, deadline=None)
def test_random_crowds(policy: TrackerSettings, seed: int, objects: int, rate: float) -> None:
    random = np.random.default_rng(seed)
    frames = crowd(random, 25, objects)
    # Uneven time: late frames, and a pause in which nobody looked.
    times = np.cumsum(random.uniform(0.5, 1.5, len(frames)) / rate)
    times[12:] += random.choice([0.0, 0.7, 3.0])
    agree(policy, times.tolist(), frames)


@pytest.mark.parametrize("fps", [None, 5.0], ids=["native", "5 fps"])
def test_real_detections(shared_data: Path, fps: float | None) -> None:
    sequence = read_sequence(shared_data / "mot" / "MOT17" / "MOT17-09")
    frames = scored_frames(sequence.info.length, sequence.info.rate_fps, fps)[:120]
    seen = []
    for rows in sequence.detections.by_frame(frames):
        xywh = sequence.detections.xywh[rows]
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1).astype(np.float32)
        seen.append(Detections(xyxy, sequence.detections.score[rows].astype(np.float32), np.zeros(len(rows), np.int64)))
    agree(TrackerSettings(), (frames / sequence.info.rate_fps).tolist(), seen)
