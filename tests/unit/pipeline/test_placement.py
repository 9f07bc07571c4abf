"""Cameras stay where they are, new ones go where there is room."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.pipeline.placement import MOST_CAMERAS_A_SHARD, place, shard_count


@pytest.mark.parametrize(
    ("cameras", "cores", "wanted", "count"),
    [(0, 2, 0, 1), (1, 2, 0, 1), (12, 2, 0, 1), (13, 2, 0, 2), (200, 2, 0, 4), (200, 16, 0, 16), (20, 16, 0, 2), (5, 2, 3, 3)],
)
def test_shard_count(cameras: int, cores: int, wanted: int, count: int) -> None:
    assert shard_count(cameras, cores, wanted) == count


@given(st.sets(st.integers(0, 400), max_size=300), st.integers(1, 8), st.dictionaries(st.integers(0, 400), st.integers(-1, 9)))
def test_place(cameras: set[int], shards: int, current: dict[int, int]) -> None:
    names = {str(camera) for camera in cameras}
    now = {str(camera): shard for camera, shard in current.items()}
    placed = place(names, shards, now)
    assert set(placed) == names
    assert all(0 <= shard < shards for shard in placed.values())
    assert all(placed[name] == now[name] for name in names if 0 <= now.get(name, -1) < shards)
    fresh = place(names, shards, {})
    load = Counter(fresh.values())
    assert not load or max(load.values()) - min(load.get(index, 0) for index in range(shards)) <= 1


def test_no_shard_is_overfull() -> None:
    for cameras in range(1, 400, 7):
        count = shard_count(cameras, 2)
        load = Counter(place(map(str, range(cameras)), count, {}).values())
        assert max(load.values()) <= MOST_CAMERAS_A_SHARD
