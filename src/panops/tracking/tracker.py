"""The tracker: all cameras of a shard in one call.

ByteTrack (Zhang et al., ECCV 2022) with SORT's motion model in real time, C-BIoU's expanded boxes (Yang et al., WACV 2023), and the
arrays of all cameras side by side, so that the cost of Python is paid once a tick and not once a track.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panops.domain.protocols import Observation
from panops.domain.tracks import Tracks, TrackState
from panops.tracking import lifecycle
from panops.tracking.assignment import assign
from panops.tracking.association import Pairs, corners, overlaps
from panops.tracking.cameras import Cameras
from panops.tracking.intake import Batch, flatten
from panops.tracking.kalman import extrapolate, update
from panops.tracking.report import report
from panops.tracking.settings import TrackerSettings
from panops.tracking.track_table import TrackTable

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Times are binary fractions: what was lost for 1.0000000000000002 s was lost for one second.
_SLACK_S = 1e-6
_NOTHING = -1


class _Outlook(NamedTuple):
    """The A tracks of the cameras looked at, where they are expected now.

    Attributes:
        rows: (A,) rows of the table, ascending.
        camera: (A,) index into the batch.
        state: (A,) `TrackState` before this tick.
        steps: (A,) reference steps since the last match.
        expired: (A,) lost for too long, or the camera was not looked at for too long.
        expected: (4, A) centre x, centre y, width, height.
    """

    rows: IntArray
    camera: IntArray
    state: IntArray
    steps: FloatArray
    expired: BoolArray
    expected: FloatArray


class BatchTracker:
    """Follows the objects of many cameras; implements `panops.domain.protocols.Tracker`. Used by one thread.

    What a camera gets does not depend on which others are in the call: ids are the same, bit for bit, as with a tracker of its own.

    Args:
        settings: The policy; None for the defaults, which are for about 5 frames/s.
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings if settings is not None else TrackerSettings()
        self.rejected = 0
        """How many detections could not be used so far: a box or score that is not a number, or a box without an area."""
        self._cameras = Cameras(self.settings)
        self._tracks = TrackTable.empty()

    def __len__(self) -> int:
        """How many tracks are remembered, in any state."""
        return len(self._tracks.slot)

    def describe(self, camera_id: str, classes: Sequence[str], min_score: float | None = None) -> None:
        """Tell what a camera's detector sees. Optional; to be called before its first observation and when its detector changes.

        Args:
            camera_id: The camera.
            classes: Class names; the index is the `class_id`. Without them a track never changes its class.
            min_score: Detections from this score on count for the user, so they may begin a track even below `high_score`; 0..1.

        Raises:
            ValueError: `min_score` is not within 0..1.
        """
        self._cameras.describe(camera_id, classes, min_score)

    def forget(self, camera_id: str) -> None:
        """Drop a camera's tracks and what `describe` told; its ids are not used again. It may come back with any time."""
        slot = self._cameras.restart(camera_id)
        if slot is not None:
            self._tracks = self._tracks.take(np.flatnonzero(self._tracks.slot != slot))

    def update(self, observations: Sequence[Observation]) -> list[Tracks]:
        """Tracks after these observations, one `Tracks` for each, in the same order.

        By default only confirmed tracks seen in this very frame are reported, with the box, score and row of their detection.

        Args:
            observations: At most one a camera, each later than the camera's last. A camera that is left out was not looked at: its
                tracks stay as they are until it is.

        Raises:
            ValueError: A camera occurs twice, or its time is not a number or not later than its last. Nothing was changed.
        """
        if not observations:
            return []
        slots = self._cameras.slots(observations)
        order = np.argsort(slots, kind="stable")
        ordered = [observations[index] for index in order.tolist()]
        batch = flatten(ordered, slots[order], np.minimum(self.settings.low_score, self._cameras.high_score[slots[order]]))
        self.rejected += batch.rejected
        camera_of_slot = np.full(len(self._cameras), _NOTHING)
        camera_of_slot[batch.slot] = np.arange(len(batch.slot))
        self._follow(batch, camera_of_slot)
        self._cameras.clock_s[batch.slot] = batch.time_s
        reported = report(self._tracks, batch, camera_of_slot, [seen.camera_id for seen in ordered], self.settings)
        place = np.argsort(order).tolist()
        return [reported[index] for index in place]

    def _follow(self, batch: Batch, camera_of_slot: IntArray) -> None:
        """One tick: predict, match, correct, let die, let be born."""
        settings, tracks = self.settings, self._tracks
        slot = batch.slot[batch.camera]
        group = self._cameras.groups(slot, batch.class_id)
        high = batch.score >= self._cameras.high_score[slot]
        outlook = self._outlook(batch, camera_of_slot)
        found = self._match(outlook, batch, group, high)
        self._correct(outlook, batch, found)
        keep = self._survivors(outlook, batch, found)
        free = np.ones(len(high), np.bool_)
        free[found[found >= 0]] = False
        new = np.flatnonzero(free & high)
        if len(new) or not keep.all():
            born = lifecycle.born(batch, new, group[new], self._cameras.take_ids(slot[new]), settings)
            self._tracks = tracks.merged(np.flatnonzero(keep), born)

    def _outlook(self, batch: Batch, camera_of_slot: IntArray) -> _Outlook:
        settings, tracks = self.settings, self._tracks
        camera = camera_of_slot[tracks.slot]
        rows = np.flatnonzero(camera >= 0)
        camera = camera[rows]
        state = tracks.state[rows]
        lost = state == TrackState.LOST
        elapsed_s = batch.time_s[camera] - tracks.last_seen_s[rows]
        blind = batch.time_s - self._cameras.clock_s[batch.slot] > settings.gap_s + _SLACK_S
        motion = tracks.motion[:8].take(rows, axis=1)
        moved_s = np.minimum(elapsed_s, settings.horizon_s)
        return _Outlook(
            rows=rows,
            camera=camera,
            state=state,
            steps=elapsed_s * settings.reference_fps,
            expired=(lost & (elapsed_s > settings.lost_s + _SLACK_S)) | blind[camera],
            expected=extrapolate(motion[:4], motion[4:], moved_s * settings.reference_fps, (~lost).astype(np.float64)),
        )

    def _match(self, outlook: _Outlook, batch: Batch, group: IntArray, high: BoolArray) -> IntArray:
        """(A,) the detection of each track, -1 for none: ByteTrack's three rounds over one list of pairs.

        Strong detections go to confirmed and lost tracks, weak ones to confirmed tracks that are still without, and the strong ones
        left over to tentative tracks.
        """
        settings = self.settings
        pairs = overlaps(
            corners(outlook.expected, settings.expand),
            corners(batch.centred, settings.expand),
            batch.start[outlook.camera],
            np.where(outlook.expired, 0, batch.count[outlook.camera]),
        )
        pairs = pairs.select(self._tracks.group[outlook.rows[pairs.first]] == group[pairs.second])
        strong = high[pairs.second]
        state = outlook.state[pairs.first]
        # Where a camera's user lets weaker detections count, they count as the weakest of other cameras.
        similarity = pairs.iou * np.maximum(batch.score[pairs.second], settings.high_score)
        found = np.full(len(outlook.rows), _NOTHING)
        taken = np.zeros(len(high), np.bool_)
        for candidate, worth in (
            (strong & (state != TrackState.TENTATIVE), similarity - settings.gate_high),
            # A weak score says little of how well the box fits, so it does not count here.
            (~strong & (state == TrackState.CONFIRMED), pairs.iou - settings.gate_low),
            (strong & (state == TrackState.TENTATIVE), similarity - settings.gate_tentative),
        ):
            open_pairs = candidate & (worth > 0) & (found[pairs.first] < 0) & ~taken[pairs.second]
            _settle(pairs, np.flatnonzero(open_pairs), worth, outlook.camera, found, taken)
        return found

    def _correct(self, outlook: _Outlook, batch: Batch, found: IntArray) -> None:
        """Bring filters, scores, votes and states of the cameras' tracks up to this tick, in place."""
        settings, tracks = self.settings, self._tracks
        hit = np.flatnonzero(found >= 0)
        rows, detections = outlook.rows[hit], found[hit]
        corrected = update(
            tracks.filters(rows),
            outlook.expected.take(hit, axis=1),
            batch.centred.take(detections, axis=1),
            outlook.steps[hit],
            settings.position_noise,
            settings.velocity_noise,
        )
        tracks.set_filters(rows, corrected)
        tracks.detection[outlook.rows] = _NOTHING
        lifecycle.match(tracks, rows, batch, detections, settings)
        missed = outlook.rows[(found < 0) & (outlook.state == TrackState.CONFIRMED)]
        tracks.state[missed] = TrackState.LOST

    def _survivors(self, outlook: _Outlook, batch: Batch, found: IntArray) -> BoolArray:
        """(N,) which tracks of the table live on."""
        tracks, rows = self._tracks, outlook.rows
        missed = found < 0
        dead = outlook.expired | (missed & (outlook.state == TrackState.TENTATIVE))
        hit = np.flatnonzero(~missed)
        boxes = outlook.expected
        boxes[:, hit] = batch.centred.take(found[hit], axis=1)
        seen = hit[tracks.state[rows[hit]] == TrackState.CONFIRMED]
        lost = np.flatnonzero(missed & ~dead)
        gone = lifecycle.merge_duplicates(tracks, rows, outlook.camera, boxes, seen, lost, self.settings.duplicate_iou)
        keep = np.ones(len(tracks.slot), np.bool_)
        keep[rows[dead]] = False
        keep[rows[gone]] = False
        return keep


def _settle(pairs: Pairs, edges: IntArray, worth: FloatArray, camera: IntArray, found: IntArray, taken: BoolArray) -> None:
    """Match among these edges and note the result in `found` and `taken`."""
    first, second = pairs.first[edges], pairs.second[edges]
    chosen = assign(first, second, worth[edges], camera[first], len(found), len(taken))
    found[first[chosen]] = second[chosen]
    taken[second[chosen]] = True
