"""MOT17 with recorded YOLOX detections, second halves (the detector was trained on the first): figures that may not fall.

Only the development sequences are here. The figures are TrackEval's by `tests/unit/evaluation/test_trackeval_parity.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from panops.evaluation.comparison import compare, scored_frames
from panops.evaluation.mot_files import read_sequence
from panops.evaluation.tracking_score import TrackingScore, combine, score, track_detections
from panops.tracking.settings import TrackerSettings
from panops.tracking.tracker import BatchTracker

SEQUENCES = ("MOT17-02", "MOT17-05", "MOT17-09", "MOT17-13")
TOLERANCE = 0.5

# settings, frames/s (None: the sequence's own), HOTA of the four sequences and of all together, %.
TABLE = {
    "native rate": (TrackerSettings.full_rate(), None, (47.7, 64.0, 66.6, 66.2), 56.9),
    "native rate, 5 fps settings": (TrackerSettings(), None, (42.9, 61.4, 67.4, 66.5), 54.1),
    "5 fps": (TrackerSettings(), 5.0, (51.4, 62.4, 64.5, 41.6), 55.2),
    "5 fps, native settings": (TrackerSettings.full_rate(), 5.0, (52.0, 61.5, 64.1, 38.5), 54.8),
}


def run(folder: Path, settings: TrackerSettings, fps: float | None) -> TrackingScore:
    sequence = read_sequence(folder)
    info = sequence.info
    frames = scored_frames(info.length, info.rate_fps, fps, second_half=True)
    tracks = track_detections(BatchTracker(settings), info.name, sequence.detections, frames, info.rate_fps)
    return score(compare(sequence.truth, tracks, frames))


@pytest.mark.parametrize(("settings", "fps", "expected", "together"), TABLE.values(), ids=TABLE.keys())
def test_hota_does_not_fall(
    shared_data: Path, settings: TrackerSettings, fps: float | None, expected: tuple[float, ...], together: float
) -> None:
    scores = [run(shared_data / "mot" / "MOT17" / name, settings, fps) for name in SEQUENCES]
    found = [round(100 * part.figures()["HOTA"], 2) for part in scores]
    low = [name for name, value, least in zip(SEQUENCES, found, expected, strict=True) if value < least - TOLERANCE]
    assert not low, f"fell on {low}: {found}, expected about {expected}"
    assert 100 * combine(scores).figures()["HOTA"] >= together - TOLERANCE


def test_real_time_is_what_helps_at_low_rates(shared_data: Path) -> None:
    """The same frames with the clock of 30 fps, as trackers that count frames see them, are followed worse."""
    sequence = read_sequence(shared_data / "mot" / "MOT17" / "MOT17-05")
    info = sequence.info
    frames = scored_frames(info.length, info.rate_fps, 5.0, second_half=True)
    figures = {}
    for name, rate_fps in (("real time", info.rate_fps), ("frames counted", info.rate_fps * 6)):
        tracks = track_detections(BatchTracker(), "a", sequence.detections, frames, rate_fps)
        figures[name] = score(compare(sequence.truth, tracks, frames)).figures()["HOTA"]
    assert figures["real time"] > figures["frames counted"] + 0.01
