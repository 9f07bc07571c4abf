"""The tracker's life cycle, told as small scenes at 5 frames/s."""

from __future__ import annotations

import numpy as np
import psutil
import pytest

from panops.domain.detections import Detections
from panops.domain.protocols import Observation
from panops.domain.tracks import Tracks, TrackState
from panops.tracking.settings import TrackerSettings
from panops.tracking.tracker import BatchTracker

from .scenes import boxes, crowd, single, square

FRAME_S = 0.2


def play(tracker: BatchTracker, frames: list[Detections | None], start_s: float = 0.0) -> list[Tracks | None]:
    """Frames of camera `a`; None is a frame that nobody looked at."""
    return [None if seen is None else tracker.update(single("a", start_s + FRAME_S * index, seen))[0] for index, seen in enumerate(frames)]


def ids(result: list[Tracks | None]) -> list[list[int] | None]:
    return [None if tracks is None else tracks.track_id.tolist() for tracks in result]


def at(x: float, score: float = 0.9, class_id: int = 0) -> Detections:
    return boxes(square(x), score=score, class_id=class_id)


NOBODY = Detections.empty()


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([0.9], [[1]], id="sure: at once"),
        pytest.param([0.5, 0.5], [[], [1]], id="not so sure: the second time"),
        pytest.param([0.5, 0.85], [[], [1]], id="sure in the second frame"),
        pytest.param([0.3, 0.3, 0.3], [[], [], []], id="weak: never begins"),
        pytest.param([0.9, 0.2, 0.2], [[1], [1], [1]], id="weak: goes on"),
        pytest.param([0.9, 0.05, 0.9], [[1], [], [1]], id="below the lowest: a miss"),
        pytest.param([0.5, None, 0.5, 0.5], [[], [], [], [2]], id="a tentative track dies of one miss"),
        pytest.param([0.9, None, None, None, None, 0.9], [[1], [], [], [], [], [1]], id="lost for a second and found"),
        pytest.param([0.9, None, None, None, None, None, 0.9], [[1], [], [], [], [], [], [2]], id="lost for longer"),
        pytest.param([0.9, None, 0.3, 0.9], [[1], [], [], [1]], id="a weak detection does not find a lost one"),
    ],
)
def test_life_cycle(scores: list[float | None], expected: list[list[int]]) -> None:
    frames: list[Detections | None] = [NOBODY if score is None else at(100, score) for score in scores]
    assert ids(play(BatchTracker(), frames)) == expected


def test_not_looked_at_is_not_lost() -> None:
    tracker = BatchTracker()
    result = play(tracker, [at(100), at(100), *[None] * 50, at(103)])
    assert ids(result)[-1] == [1]
    assert result[-1].first_seen_s.tolist() == [0.0]


def test_after_a_long_gap_nothing_is_claimed() -> None:
    tracker = BatchTracker(TrackerSettings(gap_s=5.0))
    assert ids(play(tracker, [at(100), *[None] * 24, at(100)]))[-1] == [1]
    assert ids(play(tracker, [at(100)], start_s=100.0)) == [[2]]


def test_late_frames_are_where_they_should_be() -> None:
    """Somebody walks 100 px/s; frames come 0.2 s apart, then one comes 0.8 s late: only real time predicts the place."""
    tracker = BatchTracker()
    times = [*np.arange(8) * FRAME_S, 2.4]
    result = [tracker.update(single("a", time_s, at(100 + 100 * time_s)))[0] for time_s in times]
    assert [tracks.track_id.tolist() for tracks in result] == [[1]] * 9


def test_two_who_cross_keep_their_ids() -> None:
    tracker = BatchTracker()
    for step in range(21):
        left, right = square(100 + 15 * step, 100), square(400 - 15 * step, 110)
        tracks = tracker.update(single("a", step * FRAME_S, boxes(left, right) if step % 2 else boxes(right, left)))[0]
        by_id = dict(zip(tracks.track_id.tolist(), tracks.xyxy[:, 0].tolist(), strict=True))
        assert len(by_id) == 2
        if step == 0:
            first = dict(by_id)
    moved = {key: by_id[key] - first[key] for key in by_id}
    assert sorted(moved.values()) == [-300, 300]


@pytest.mark.parametrize(
    ("classes", "seen", "expected_ids", "expected_class"),
    [
        pytest.param(("person", "car", "truck"), [1, 1, 2, 1], [1, 1, 1, 1], 1, id="one truck among cars stays a car"),
        pytest.param(("person", "car", "truck"), [1, 2, 2, 2], [1, 1, 1, 1], 2, id="most say truck"),
        pytest.param(("person", "car", "truck"), [1, 0, 0, 0], [1, 2, 2, 2], 0, id="a car never becomes a person"),
        pytest.param((), [1, 2, 2, 2], [1, 2, 2, 2], 2, id="without names classes do not mix"),
    ],
)
def test_classes(classes: tuple[str, ...], seen: list[int], expected_ids: list[int], expected_class: int) -> None:
    tracker = BatchTracker()
    tracker.describe("a", classes)
    result = play(tracker, [at(100, class_id=class_id) for class_id in seen])
    assert [tracks.track_id.tolist() for tracks in result if tracks] == [[track_id] for track_id in expected_ids]
    assert result[-1].class_id.tolist() == [expected_class]


def test_the_class_vote_is_weighted_and_does_not_flicker() -> None:
    tracker = BatchTracker()
    tracker.describe("a", ("car", "truck"))
    votes = [0, 0, 0] + [1, 0] * 20
    classes = {int(tracks.class_id[0]) for tracks in play(tracker, [at(100, class_id=vote) for vote in votes]) if tracks}
    assert classes == {0}
    weak = [at(100, 0.15, class_id=1)] * 4
    assert play(tracker, weak, start_s=100 * FRAME_S)[-1].class_id.tolist() == [0]


def test_a_camera_s_own_least_score_lets_weak_objects_begin() -> None:
    tracker = BatchTracker()
    tracker.describe("a", ("person",), min_score=0.05)
    assert ids(play(tracker, [at(100, 0.07), at(102, 0.07)])) == [[], [1]]


def test_lost_and_tentative_tracks_are_told_when_asked_for() -> None:
    tracker = BatchTracker(TrackerSettings(report_lost=True, report_tentative=True))
    seen: list[Detections | None] = [boxes(square(100 + 10 * step), square(400, 300), score=[0.9, 0.9]) for step in range(5)]
    result = play(tracker, [*seen, boxes(square(400, 300), square(700), score=[0.9, 0.5])])[-1]
    by_state = dict(zip(result.state.tolist(), range(3), strict=True))
    assert by_state.keys() == {TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST}
    lost = by_state[TrackState.LOST]
    assert result.detection_index[lost] == -1
    assert result.last_seen_s[lost] == pytest.approx(0.8)
    # It walked 10 px a frame: the filter expects it one step on.
    assert result.xyxy[lost, 0] == pytest.approx(100 + 50 - 25, abs=3)
    assert result.detection_index[by_state[TrackState.TENTATIVE]] == 1


def test_duplicates_join_under_the_older_identity() -> None:
    """A track is lost behind another one and both are seen again as one box: the identity that was there first goes on."""
    tracker = BatchTracker(TrackerSettings(duplicate_iou=0.6, expand=0.0))
    play(tracker, [boxes(square(100), square(180))] * 3)
    # Number 1 vanishes while number 2 comes to its place.
    frames: list[Detections | None] = [boxes(square(180 - step * 26.0)) for step in range(1, 4)]
    result = play(tracker, frames, start_s=3 * FRAME_S)
    assert ids(result) == [[2], [2], [1]]
    assert result[-1].first_seen_s.tolist() == [0.0]
    assert len(tracker) == 1


def test_rejected_detections_are_counted() -> None:
    tracker = BatchTracker()
    tracks = tracker.update(single("a", 1.0, boxes((float("nan"), 0, 1, 1), (5, 5, 5, 5), square(50))))[0]
    assert tracks.detection_index.tolist() == [2]
    assert tracker.rejected == 2


def test_a_refused_call_changes_nothing() -> None:
    tracker = BatchTracker()
    play(tracker, [at(100)] * 2)
    with pytest.raises(ValueError, match="expected one observation a camera"):
        tracker.update([Observation("b", 0.0, at(100)), Observation("a", 0.1, at(100))])
    assert len(tracker) == 1
    assert ids(play(tracker, [at(100)], start_s=1.0)) == [[1]]


def test_many_in_one_place() -> None:
    """Two hundred equal boxes: no two tracks share a detection."""
    tracker = BatchTracker()
    crowded = boxes(*[square(100)] * 200)
    for step in range(3):
        tracks = tracker.update(single("a", step * FRAME_S, crowded))[0]
        assert sorted(tracks.detection_index.tolist()) == list(range(200))


@pytest.mark.parametrize("ticks", [1_500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_long_run_does_not_fill_the_memory(ticks: int) -> None:
    """Cameras come and go, everything moves: what is remembered depends on what is there now, not on what has been."""
    random = np.random.default_rng(1)
    scenes = [crowd(random, 100, 6) for _ in range(3)]
    tracker = BatchTracker()
    process, sizes, after_warm_up = psutil.Process(), [], 0
    for tick in range(ticks):
        time_s = (tick + 1) * FRAME_S
        tracker.update([Observation(f"camera {index}", time_s, scene[tick % 100]) for index, scene in enumerate(scenes)])
        if tick % 1000 == 500:
            tracker.forget(f"camera {tick // 1000 % 3}")
        sizes.append(len(tracker))
        if tick == 500:
            after_warm_up = process.memory_info().rss
    assert 0 < max(sizes[ticks // 2 :]) <= 1.2 * max(sizes[: ticks // 2]) < 150
    assert process.memory_info().rss - after_warm_up < 4_000_000
