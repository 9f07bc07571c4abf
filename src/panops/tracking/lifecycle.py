"""Birth, confirmation, the vote on the class, being lost, and death of tracks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panops.domain.tracks import TrackState
from panops.tracking.association import corners, overlaps
from panops.tracking.intake import Batch
from panops.tracking.kalman import initiate
from panops.tracking.settings import TrackerSettings
from panops.tracking.track_table import TrackTable

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# So much lead of the class vote is enough: a truck taken for a car for minutes may still become a truck within seconds.
_GREATEST_LEAD = 20.0


def match(tracks: TrackTable, rows: IntArray, batch: Batch, detections: IntArray, settings: TrackerSettings) -> None:
    """Note in place that `rows` (M,) were seen as `detections` (M,)."""
    score = batch.score[detections]
    hits = tracks.hits[rows] + 1
    sure = (hits >= settings.confirm_hits) | (score >= settings.sure_score) | (tracks.state[rows] != TrackState.TENTATIVE)
    tracks.hits[rows] = hits
    tracks.state[rows] = np.where(sure, TrackState.CONFIRMED, TrackState.TENTATIVE)
    tracks.score[rows] = score
    tracks.last_seen_s[rows] = batch.time_s[batch.camera[detections]]
    tracks.detection[rows] = batch.row[detections]
    _vote(tracks, rows, batch.class_id[detections], score)


def born(batch: Batch, detections: IntArray, group: IntArray, track_id: IntArray, settings: TrackerSettings) -> TrackTable:
    """New tracks.

    Args:
        batch: The tick.
        detections: (B,) the detections they begin with, ascending.
        group: (B,) class groups.
        track_id: (B,) their ids.
        settings: The policy.
    """
    score, camera = batch.score[detections], batch.camera[detections]
    time_s = batch.time_s[camera]
    sure = (score >= settings.sure_score) | (settings.confirm_hits <= 1)
    motion = initiate(batch.centred[:, detections], settings.position_noise, settings.velocity_noise)
    return TrackTable(
        motion=np.concatenate(motion),
        slot=batch.slot[camera],
        track_id=track_id,
        state=np.where(sure, TrackState.CONFIRMED, TrackState.TENTATIVE).astype(np.int64),
        hits=np.ones(len(detections), np.int64),
        class_id=batch.class_id[detections],
        class_lead=score,
        group=group,
        score=score,
        first_seen_s=time_s,
        last_seen_s=time_s.copy(),
        detection=batch.row[detections],
    )


def merge_duplicates(
    tracks: TrackTable, rows: IntArray, camera: IntArray, boxes: FloatArray, seen: IntArray, lost: IntArray, least_iou: float
) -> IntArray:
    """Join lost tracks with seen ones of the same place and class; the older identity goes on with the newer motion.

    ByteTrack drops the younger of the two; when that is the one just seen, its object would be without a track for a frame.

    Args:
        tracks: Changed in place.
        rows: (A,) the rows of the tracks looked at.
        camera: (A,) their cameras, ascending.
        boxes: (4, A) where they are now.
        seen: Indices 0 .. A - 1 of those seen in this tick, ascending.
        lost: Indices of the lost ones, ascending.
        least_iou: The overlap from which two are the same.

    Returns:
        (G,) indices of the tracks to be dropped.
    """
    if len(seen) == 0 or len(lost) == 0:
        return lost[:0]
    count = np.bincount(camera[seen], minlength=int(camera[-1]) + 1)
    start = np.cumsum(count) - count
    of_lost = camera[lost]
    pairs = overlaps(corners(boxes.take(lost, axis=1), 0.0), corners(boxes.take(seen, axis=1), 0.0), start[of_lost], count[of_lost])
    pairs = pairs.select(pairs.iou > least_iou)
    old, new = lost[pairs.first], seen[pairs.second]
    gone: set[int] = set()
    # Rare, so one by one: a lost track may overlap two seen ones, and the first join decides.
    for index, old_row, new_row in zip(old.tolist(), rows[old].tolist(), rows[new].tolist(), strict=True):
        if index in gone or tracks.group[old_row] != tracks.group[new_row]:
            continue
        gone.add(index)
        if tracks.first_seen_s[old_row] < tracks.first_seen_s[new_row]:
            tracks.first_seen_s[new_row] = tracks.first_seen_s[old_row]
            tracks.track_id[new_row] = tracks.track_id[old_row]
    return np.array(sorted(gone), dtype=np.int64)


def _vote(tracks: TrackTable, rows: IntArray, class_id: IntArray, score: FloatArray) -> None:
    """Boyer and Moore's majority vote, weighted by score: one counter a track finds a class that has more than half of all votes."""
    leader, lead = tracks.class_id[rows], tracks.class_lead[rows]
    lead = lead + np.where(class_id == leader, score, -score)
    tracks.class_id[rows] = np.where(lead < 0, class_id, leader)
    tracks.class_lead[rows] = np.minimum(np.abs(lead), _GREATEST_LEAD)
