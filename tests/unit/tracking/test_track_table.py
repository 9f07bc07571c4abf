from __future__ import annotations

import numpy as np

from panops.tracking.kalman import initiate
from panops.tracking.track_table import TrackTable


def table(slots: list[int], first_id: int) -> TrackTable:
    count = len(slots)
    ids = np.arange(first_id, first_id + count)
    measured = np.tile(ids.astype(np.float64), (4, 1))
    whole, real = np.zeros(count, np.int64), np.zeros(count)
    motion = np.concatenate(initiate(measured, 0.05, 0.01))
    return TrackTable(motion, np.array(slots), ids, whole, whole, whole, real, whole, real, real, real, whole)


def test_merging_keeps_cameras_together_and_the_older_first() -> None:
    merged = table([0, 0, 2, 3], 10).merged(np.array([0, 2, 3]), table([0, 1, 3], 20))
    assert merged.slot.tolist() == [0, 0, 1, 2, 3, 3]
    assert merged.track_id.tolist() == [10, 20, 21, 12, 13, 22]
    assert merged.motion[0].tolist() == [10, 20, 21, 12, 13, 22]


def test_filters_are_copies_and_come_back_where_they_belong() -> None:
    tracks = table([0, 0, 1], 1)
    rows = np.array([2, 0])
    state = tracks.filters(rows)
    assert state.position[0].tolist() == [3, 1]
    state.position[:] = 7
    assert tracks.motion[0].tolist() == [1, 2, 3]
    tracks.set_filters(rows, state)
    assert tracks.motion[:4].tolist() == [[7, 2, 7]] * 4
    assert np.array_equal(tracks.filters(np.arange(3)).v, np.tile((10 * 0.01 * np.array([1.0, 2.0, 3.0])) ** 2, (4, 1)))


def test_an_empty_table_takes_part() -> None:
    merged = TrackTable.empty().merged(np.zeros(0, np.int64), table([1, 2], 1))
    assert merged.track_id.tolist() == [1, 2]
    assert len(merged.take(np.zeros(0, np.int64)).slot) == 0
