"""Cameras stay where they are, new ones go where the load is least; shards come at once and go late."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.pipeline.placement import MOST_CAMERAS_A_SHARD, SiteSize, likely_costs, place, shard_count


@pytest.mark.parametrize(
    ("cameras", "cores", "wanted", "load_cores", "count"),
    [
        (0, 2, 0, 0.0, 1),
        (1, 2, 0, 0.0, 1),
        (12, 2, 0, 0.0, 1),
        (13, 2, 0, 0.0, 2),
        (200, 2, 0, 0.0, 4),
        (200, 16, 0, 0.0, 16),
        (20, 16, 0, 0.0, 2),
        (5, 2, 3, 0.0, 3),
        # Few cameras that are dear: one process more for each 0.7 cores, while there are cores and cameras.
        (8, 16, 0, 0.69, 1),
        (8, 16, 0, 0.71, 2),
        (8, 16, 0, 4.0, 6),
        (8, 2, 0, 4.0, 2),
        (3, 16, 0, 4.0, 3),
        (3, 16, 1, 4.0, 1),
    ],
)
def test_shard_count(cameras: int, cores: int, wanted: int, load_cores: float, count: int) -> None:
    assert shard_count(cameras, cores, wanted, load_cores) == count


def test_no_shard_is_overfull() -> None:
    for cameras in range(1, 400, 7):
        count = shard_count(cameras, 2)
        load = Counter(place(map(str, range(cameras)), range(count), {}).values())
        assert max(load.values()) <= MOST_CAMERAS_A_SHARD


@given(
    st.sets(st.integers(0, 400), max_size=300),
    st.sets(st.integers(0, 9), min_size=1),
    st.sets(st.integers(0, 9)),
    st.dictionaries(st.integers(0, 400), st.integers(-1, 9)),
    st.dictionaries(st.integers(0, 400), st.floats(0.0, 0.5)),
)
def test_place(cameras: set[int], shards: set[int], leaving: set[int], current: dict[int, int], known: dict[int, float]) -> None:
    leaving = leaving - shards
    names, now = {str(camera) for camera in cameras}, {str(camera): shard for camera, shard in current.items()}
    costs = {str(camera): cost for camera, cost in known.items()}
    placed = place(names, sorted(shards), now, costs, leaving)
    assert set(placed) == names
    stays = {name for name in names if now.get(name) in shards | leaving}
    assert all(placed[name] == now[name] for name in stays)
    assert all(placed[name] in shards for name in names - stays)
    fresh = place(names, sorted(shards), {})
    load = Counter(fresh.values())
    assert not load or max(load.values()) - min(load.get(index, 0) for index in shards) <= 1


def test_new_cameras_go_where_the_measured_load_is_least() -> None:
    current = {"a": 0, "b": 1, "c": 1, "d": 1}
    known = {"a": 0.4, "b": 0.05, "c": 0.05, "d": 0.06}
    # Three cameras cost less than one; a new one counts as the median, 0.055, so it takes some until the loads are even.
    placed = place([*current, "e", "f", "g", "h", "i"], [0, 1], current, known)
    assert [placed[name] for name in "efghi"] == [1, 1, 1, 1, 1]
    full = {f"x{number}": 1 for number in range(MOST_CAMERAS_A_SHARD)}
    assert place([*full, "a", "new"], [0, 1], {**full, "a": 0}, {"a": 3.0})["new"] == 0


def test_unknown_costs() -> None:
    assert likely_costs("abc", {}) == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert likely_costs("abcd", {"a": 0.1, "b": 0.5, "c": 0.2, "gone": 9.0}) == {"a": 0.1, "b": 0.5, "c": 0.2, "d": 0.2}


def test_a_site_grows_at_once_and_shrinks_late() -> None:
    size = SiteSize(cores=2, shrink_after_s=600)
    assert size.shards(0, 12, 1) == 1
    assert size.shards(1, 13, 1) == 2
    assert size.shards(2, 113, 2) == 3
    # 12 would do with one again, but not 15: a few cameras more and it would have to come back.
    assert [size.shards(at_s, 12, 2) for at_s in (10, 2000)] == [2, 2]
    assert [size.shards(at_s, 9, 2) for at_s in (2001, 2600, 2601)] == [2, 2, 1]


def test_a_dip_does_not_shrink_a_site() -> None:
    size = SiteSize(cores=2, shrink_after_s=600)
    for at_s in range(0, 6000, 100):
        assert size.shards(at_s, 40 if at_s % 500 == 0 else 5, 2) == 2


def test_a_heavy_load_asks_for_more_after_a_minute() -> None:
    size = SiteSize(cores=4, grow_after_s=60)
    assert [size.shards(at_s, 8, 1, load_cores=1.5) for at_s in (0, 59, 60)] == [1, 1, 3]
    assert [size.shards(at_s, 8, 3, load_cores=1.5) for at_s in (61, 10_000)] == [3, 3]
    assert [size.shards(at_s, 8, 3, load_cores=1.2) for at_s in (10_001, 20_000)] == [3, 3]  # 1.5 would not fit two
    assert [size.shards(at_s, 8, 3, load_cores=1.0) for at_s in (20_001, 20_601)] == [3, 2]


def test_a_number_that_is_asked_for_is_obeyed_at_once() -> None:
    size = SiteSize(cores=2)
    assert [size.shards(at_s, 3, current, wanted) for at_s, current, wanted in ((0, 1, 4), (1, 4, 2), (2, 2, 1))] == [4, 2, 1]
    assert [size.shards(at_s, 3, 4) for at_s in (3, 602, 603)] == [4, 4, 1]
