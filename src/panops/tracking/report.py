"""What the tracker tells: one `Tracks` a camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from panops.domain.tracks import Tracks, TrackState
from panops.tracking.intake import Batch
from panops.tracking.kalman import extrapolate
from panops.tracking.settings import TrackerSettings
from panops.tracking.track_table import TrackTable

IntArray = NDArray[np.int64]


def report(
    tracks: TrackTable, batch: Batch, camera_of_slot: IntArray, camera_ids: Sequence[str], settings: TrackerSettings
) -> list[Tracks]:
    """One `Tracks` for each camera of the batch, in the batch's order.

    Args:
        tracks: Every track after the tick.
        batch: The tick.
        camera_of_slot: (S,) index into the batch, -1 for cameras not looked at.
        camera_ids: (C,) their names.
        settings: Says which states are reported.
    """
    camera = camera_of_slot[tracks.slot]
    wanted = tracks.state == TrackState.CONFIRMED
    if settings.report_lost:
        wanted |= tracks.state == TrackState.LOST
    if settings.report_tentative:
        wanted |= tracks.state == TrackState.TENTATIVE
    rows = np.flatnonzero(wanted & (camera >= 0))
    camera = camera[rows]
    track_id, state, detection, class_id = tracks.track_id[rows], tracks.state[rows], tracks.detection[rows], tracks.class_id[rows]
    first_seen_s, last_seen_s, score = tracks.first_seen_s[rows], tracks.last_seen_s[rows], tracks.score[rows].astype(np.float32)
    boxes = _boxes(tracks, rows, camera, batch, settings)
    cuts = np.searchsorted(camera, np.arange(len(camera_ids) + 1)).tolist()
    # Written out: 200 cameras make 1,600 slices a tick, a fifth of all the tracker's time.
    return [
        Tracks(
            name,
            time_s,
            track_id[start:stop],
            boxes[start:stop],
            score[start:stop],
            class_id[start:stop],
            state[start:stop],
            first_seen_s[start:stop],
            last_seen_s[start:stop],
            detection[start:stop],
        )
        for name, time_s, start, stop in zip(camera_ids, batch.time_s.tolist(), cuts[:-1], cuts[1:], strict=True)
    ]


def _boxes(tracks: TrackTable, rows: IntArray, camera: IntArray, batch: Batch, settings: TrackerSettings) -> NDArray[np.float32]:
    """Boxes as detected; of lost tracks where they are expected."""
    seen = tracks.detection[rows] >= 0
    if seen.all():
        return batch.xyxy.take(batch.all_start[camera] + tracks.detection[rows], axis=0)
    boxes = np.empty((len(rows), 4), np.float32)
    boxes[seen] = batch.xyxy[batch.all_start[camera[seen]] + tracks.detection[rows[seen]]]
    hidden = rows[~seen]
    elapsed_s = np.minimum(batch.time_s[camera[~seen]] - tracks.last_seen_s[hidden], settings.horizon_s)
    motion = tracks.motion[:8, hidden]
    expected = extrapolate(motion[:4], motion[4:], elapsed_s * settings.reference_fps, np.zeros(len(hidden)))
    half = expected[2:] / 2
    boxes[~seen] = np.concatenate([expected[:2] - half, expected[:2] + half]).T
    return boxes
