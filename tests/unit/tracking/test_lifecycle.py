from __future__ import annotations

import numpy as np
import pytest

from panops.domain.tracks import TrackState
from panops.tracking.lifecycle import merge_duplicates
from panops.tracking.track_table import TrackTable


def table(first_seen_s: list[float], group: list[int] | None = None) -> TrackTable:
    count = len(first_seen_s)
    whole = np.arange(count)
    return TrackTable.empty()._replace(
        slot=np.zeros(count, np.int64),
        track_id=whole + 1,
        state=np.full(count, TrackState.CONFIRMED),
        group=np.array(group or [0] * count),
        first_seen_s=np.array(first_seen_s),
    )


@pytest.mark.parametrize(
    ("first_seen_s", "group", "shift", "expected_gone", "expected_id"),
    [
        pytest.param([1.0, 2.0], [0, 0], 1.0, [0], 1, id="the lost one is older: its identity goes on"),
        pytest.param([2.0, 1.0], [0, 0], 1.0, [0], 2, id="the seen one is older: the lost one goes"),
        pytest.param([1.0, 2.0], [0, 1], 1.0, [], 2, id="another class"),
        pytest.param([1.0, 2.0], [0, 0], 20.0, [], 2, id="too far apart"),
    ],
)
def test_a_lost_track_under_a_seen_one(
    first_seen_s: list[float], group: list[int], shift: float, expected_gone: list[int], expected_id: int
) -> None:
    tracks = table(first_seen_s, group)
    boxes = np.array([[50.0, 50.0 + shift], [50.0, 50.0], [40.0, 40.0], [40.0, 40.0]])
    gone = merge_duplicates(tracks, np.arange(2), np.zeros(2, np.int64), boxes, np.array([1]), np.array([0]), 0.85)
    assert gone.tolist() == expected_gone
    assert tracks.track_id[1] == expected_id
    assert tracks.first_seen_s[1] == (min(first_seen_s) if expected_gone else first_seen_s[1])


def test_one_lost_track_under_two_seen_ones_is_joined_once() -> None:
    tracks = table([1.0, 2.0, 3.0])
    boxes = np.tile(np.array([[50.0], [50.0], [40.0], [40.0]]), 3)
    gone = merge_duplicates(tracks, np.arange(3), np.zeros(3, np.int64), boxes, np.array([1, 2]), np.array([0]), 0.85)
    assert gone.tolist() == [0]
    assert tracks.track_id.tolist() == [1, 1, 3]


def test_nothing_lost() -> None:
    none = np.zeros(0, np.int64)
    assert merge_duplicates(table([1.0]), np.arange(1), none, np.ones((4, 1)), np.arange(1), none, 0.85).tolist() == []
