"""What every tracker must do. Inherit `TrackerConformance`, say how a tracker is made, and run it with pytest.

Example of a plug-in's own test file::

    class TestMyTracker(TrackerConformance):
        def make(self):
            return MyTracker()

The scenes are easy on purpose: large boxes, high scores, slow motion, 5 frames/s. A tracker may need up to `patience` frames before it
reports an object.
"""

# ruff: noqa: S101  # a test suite asserts

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from panops.domain.detections import Detections
from panops.domain.protocols import Observation, Tracker
from panops.domain.tracks import Tracks, TrackState

FRAME_S = 0.2


def detections(centres: Sequence[float], score: float = 0.95, class_id: int = 0) -> Detections:
    """Boxes 60 px wide and 120 px high, side by side at these x."""
    x = np.array(centres, np.float32).reshape(-1)
    xyxy = np.stack([x - 30, np.full_like(x, 40), x + 30, np.full_like(x, 160)], axis=1)
    return Detections(xyxy, np.full(len(x), score, np.float32), np.full(len(x), class_id, np.int64))


class TrackerConformance:
    """The suite; `make` is the only thing a subclass must write."""

    patience = 3

    def make(self) -> Tracker:
        """A fresh tracker."""
        raise NotImplementedError

    def follow(self, tracker: Tracker, camera_id: str, frames: Sequence[Detections], start_s: float = 0.0) -> list[Tracks]:
        """One camera's frames, one call each."""
        times = [start_s + FRAME_S * index for index in range(len(frames))]
        return [tracker.update([Observation(camera_id, at_s, seen)])[0] for at_s, seen in zip(times, frames, strict=True)]

    def test_no_observations_give_no_tracks(self) -> None:
        """An empty tick is fine."""
        assert self.make().update([]) == []

    def test_an_empty_frame_gives_an_empty_answer(self) -> None:
        """Looked, and nothing there."""
        tracks = self.make().update([Observation("gate", 5.0, Detections.empty())])[0]
        assert len(tracks) == 0
        assert (tracks.camera_id, tracks.time_s) == ("gate", 5.0)

    def test_a_walker_keeps_one_id(self) -> None:
        """From the first report on."""
        result = self.follow(self.make(), "gate", [detections([100 + 6 * step]) for step in range(20)])
        ids = {int(track_id) for tracks in result for track_id in tracks.track_id}
        assert len(ids) == 1
        assert all(len(tracks) == 1 for tracks in result[self.patience - 1 :])

    def test_reported_rows_are_consistent(self) -> None:
        """A confirmed row names its detection, and carries its box, score and time."""
        frames = [detections([100 + 6 * step, 400 - 6 * step]) for step in range(10)]
        for tracks, seen in zip(self.follow(self.make(), "gate", frames), frames, strict=True):
            confirmed = tracks.state == TrackState.CONFIRMED
            rows = tracks.detection_index[confirmed]
            assert len(set(tracks.track_id.tolist())) == len(tracks)
            np.testing.assert_array_equal(tracks.xyxy[confirmed], seen.xyxy[rows])
            np.testing.assert_array_equal(tracks.score[confirmed], seen.score[rows])
            assert np.all(tracks.last_seen_s[confirmed] == tracks.time_s)
            assert np.all(tracks.first_seen_s <= tracks.last_seen_s)
            assert not tracks.xyxy.flags.writeable

    def test_two_that_stay_apart_keep_their_ids(self) -> None:
        """Whatever order the detector lists them in."""
        frames = [detections([100, 400] if step % 2 else [400, 100]) for step in range(10)]
        result = self.follow(self.make(), "gate", frames)
        left = {int(t.track_id[t.xyxy[:, 0] < 200][0]) for t in result[self.patience - 1 :]}
        right = {int(t.track_id[t.xyxy[:, 0] > 200][0]) for t in result[self.patience - 1 :]}
        assert len(left) == len(right) == 1
        assert left != right

    def test_a_short_miss_does_not_change_the_id(self) -> None:
        """Two frames without a detection."""
        frames = [detections([100])] * 6 + [Detections.empty()] * 2 + [detections([100])] * 3
        result = self.follow(self.make(), "gate", frames)
        assert result[5].track_id.tolist() == result[-1].track_id.tolist() != []

    def test_cameras_do_not_mix(self) -> None:
        """The same place in two cameras is two objects, and who is not looked at is not lost."""
        tracker = self.make()
        self.follow(tracker, "a", [detections([100])] * 5)
        before = self.follow(tracker, "b", [detections([100])] * 5)[-1]
        self.follow(tracker, "a", [Detections.empty()] * 20, start_s=5 * FRAME_S)
        after = self.follow(tracker, "b", [detections([100])], start_s=5 * FRAME_S)[-1]
        assert before.track_id.tolist() == after.track_id.tolist() != []

    def test_ids_are_not_used_again(self) -> None:
        """Neither after everybody left, nor after the camera was forgotten."""
        tracker = self.make()
        seen: list[int] = []
        for round_number in range(3):
            result = self.follow(tracker, "gate", [detections([100 + 200 * round_number])] * 5, start_s=round_number * 100.0)
            seen += sorted({int(track_id) for tracks in result for track_id in tracks.track_id})
            if round_number == 1:
                tracker.forget("gate")
        assert len(seen) == len(set(seen)) == 3

    def test_forgetting_a_camera_lets_its_time_begin_anew(self) -> None:
        """A file played again, or a camera whose clock was set."""
        tracker = self.make()
        self.follow(tracker, "gate", [detections([100])] * 5, start_s=1000.0)
        tracker.forget("gate")
        assert len(self.follow(tracker, "gate", [detections([100])] * 5, start_s=0.0)[-1]) == 1
        tracker.forget("never seen")

    def test_time_that_goes_back_is_refused(self) -> None:
        """And nothing is changed by the call, for any camera in it."""
        tracker = self.make()
        self.follow(tracker, "gate", [detections([100])] * 5)
        with pytest.raises(ValueError, match="gate"):
            tracker.update([Observation("other", 0.0, detections([100])), Observation("gate", 0.1, detections([100]))])
        assert len(self.follow(tracker, "gate", [detections([100])], start_s=5 * FRAME_S)[-1]) == 1
        self.follow(tracker, "other", [detections([100])])

    @pytest.mark.parametrize(
        "box",
        [
            pytest.param((np.nan, 0, 10, 10), id="not a number"),
            pytest.param((0, 0, np.inf, 10), id="infinite"),
            pytest.param((10, 10, 10, 40), id="no width"),
            pytest.param((40, 40, 10, 10), id="inside out"),
        ],
    )
    def test_impossible_boxes_are_left_out(self, box: tuple[float, float, float, float]) -> None:
        """They neither become tracks nor disturb those that are there."""
        tracker = self.make()
        good = detections([100])
        bad = Detections(np.array([box], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64))
        for result in self.follow(tracker, "gate", [Detections.concat([bad, good])] * 6)[self.patience - 1 :]:
            assert result.detection_index.tolist() == [1]
