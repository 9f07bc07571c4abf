from __future__ import annotations

import numpy as np
import pytest

from panops.domain.tracks import Tracks, TrackState


def some(count: int) -> Tracks:
    ids = np.arange(count, dtype=np.int64)
    times = np.full(count, 5.0)
    state = np.full(count, TrackState.CONFIRMED.value, np.int64)
    return Tracks(
        "gate", 5.0, ids, np.zeros((count, 4), np.float32), np.ones(count, np.float32), ids.copy(), state, times, times.copy(), ids.copy()
    )


def test_empty_has_the_right_shapes() -> None:
    empty = Tracks.empty("gate", 3.0)
    assert (len(empty), empty.camera_id, empty.time_s, empty.xyxy.shape, empty.track_id.dtype) == (0, "gate", 3.0, (0, 4), np.int64)


def test_select_takes_rows_of_everything() -> None:
    for keep in (np.array([False, True, False, True]), np.array([1, 3])):
        part = some(4).select(keep)
        assert part.track_id.tolist() == [1, 3]
        assert part.detection_index.tolist() == [1, 3]
        assert (part.camera_id, part.time_s, len(part.xyxy)) == ("gate", 5.0, 2)


def test_lengths_that_differ_are_refused() -> None:
    whole = some(3)
    with pytest.raises(ValueError, match="expected 3 rows in every array, got 2"):
        Tracks("gate", 5.0, whole.track_id, whole.xyxy[:2], *(whole._arrays()[2:]))  # type: ignore[arg-type]


def test_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        some(2).track_id[0] = 9


def test_repr_tells_time_and_count() -> None:
    assert repr(some(3)) == "Tracks('gate', time_s=5.000, n=3)"
