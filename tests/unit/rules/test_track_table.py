from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.tracks import Tracks
from panops.rules.track_table import TrackTable
from panops.testing.rule_conformance import Sighting, make_tracks


def see(table: TrackTable, time_s: float, *sightings: Sighting) -> list[int]:
    tracks = make_tracks(time_s, sightings)
    slots = table.update(tracks, np.arange(len(tracks)))
    return table.rows["id"][slots].tolist()


def at(track_id: int, x: float = 0.5, y: float = 0.5, first_seen_s: float = -100.0) -> Sighting:
    return Sighting(track_id, x, y, first_seen_s=first_seen_s)


def test_rows_belong_to_their_tracks_in_any_order() -> None:
    table = TrackTable(1.0)
    assert see(table, 0.0, at(7), at(3)) == [7, 3]
    assert see(table, 0.2, at(3), at(5), at(7)) == [3, 5, 7]
    assert table.rows["entered_s"].tolist() == [0.0, 0.2, 0.0]
    assert table.rows["seen_s"].tolist() == [0.2, 0.2, 0.2]


def test_who_is_away_for_too_long_leaves() -> None:
    table = TrackTable(1.0)
    see(table, 0.0, at(1), at(2))
    assert see(table, 1.0, at(2)) == [2]
    assert len(table) == 2
    see(table, 1.2, at(2))
    assert (len(table), table.left["id"].tolist()) == (1, [1])
    see(table, 1.4, at(2))
    assert len(table.left) == 0


def test_who_comes_back_after_that_is_new() -> None:
    table = TrackTable(1.0)
    see(table, 0.0, at(1))
    see(table, 0.5)
    see(table, 2.0, at(1))
    assert table.left["entered_s"].tolist() == [0.0]
    assert table.rows["entered_s"].tolist() == [2.0]


def test_a_blind_spell_ends_everything() -> None:
    table = TrackTable(60.0)
    see(table, 0.0, at(1))
    see(table, 11.0, at(1))
    assert table.rows["entered_s"].tolist() == [11.0]
    assert table.left["entered_s"].tolist() == [0.0]


def test_extra_columns_begin_as_zeros_and_stay_with_their_row() -> None:
    table = TrackTable(1.0, [("count", "i4")])
    see(table, 0.0, at(5))
    table.rows["count"] += 1
    see(table, 0.2, at(5), at(2))
    assert table.rows["count"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("old_seen_at_0_2", "new", "taken_over"),
    [
        pytest.param([], at(2, 0.52, 0.5, first_seen_s=0.2), True, id="beside where it vanished"),
        pytest.param([], at(2, 0.8, 0.5, first_seen_s=0.2), False, id="too far away"),
        pytest.param([], at(2, 0.52, 0.5, first_seen_s=0.0), False, id="was there before"),
        pytest.param([at(1)], at(2, 0.52, 0.5, first_seen_s=0.2), False, id="the old one is still there"),
    ],
)
def test_handover(old_seen_at_0_2: Sequence[Sighting], new: Sighting, taken_over: bool) -> None:
    table = TrackTable(1.0)
    see(table, 0.0, at(1))
    see(table, 0.2, *old_seen_at_0_2, new)
    row = table.rows[table.rows["id"] == 2][0]
    assert (int(row["origin"]), float(row["entered_s"])) == ((1, 0.0) if taken_over else (2, 0.2))


def test_handover_goes_to_the_nearest_and_only_once() -> None:
    table = TrackTable(1.0)
    see(table, 0.0, at(1, 0.5), at(2, 0.6))
    see(table, 0.2, at(3, 0.51, first_seen_s=0.2), at(4, 0.59, first_seen_s=0.2), at(5, 0.55, first_seen_s=0.2))
    assert dict(zip(table.rows["id"].tolist(), table.rows["origin"].tolist(), strict=True)) == {3: 1, 4: 2, 5: 5}


def test_after_clear_everybody_is_new() -> None:
    table = TrackTable(1.0)
    see(table, 0.0, at(1))
    table.clear()
    assert see(table, 0.2, at(1)) == [1]
    assert table.rows["entered_s"].tolist() == [0.2]


@given(st.lists(st.tuples(st.sampled_from([0.25, 0.5, 1.0, 1.25]), st.lists(st.integers(0, 9), unique=True)), max_size=30))
def test_it_agrees_with_a_dictionary(steps: list[tuple[float, list[int]]]) -> None:
    table, plain = TrackTable(1.0), dict[int, list[float]]()
    time_s = looked_s = 0.0
    for step_s, ids in steps:
        time_s += step_s
        plain = {one: stay for one, stay in plain.items() if time_s - stay[1] <= 1.0 or (stay[1] == looked_s and one in ids)}
        for one in ids:
            plain.setdefault(one, [time_s, time_s])[1] = time_s
        slots = table.update(make_tracks(time_s, [at(one) for one in ids]), np.arange(len(ids)))
        assert table.rows["id"][slots].tolist() == ids
        assert table.rows[["id", "entered_s", "seen_s"]].tolist() == [(one, *plain[one]) for one in sorted(plain)]
        looked_s = time_s


def test_empty_looks_cost_no_rows() -> None:
    table = TrackTable(1.0)
    assert len(table.update(Tracks.empty("gate", 0.0), np.zeros(0, np.intp))) == 0
    assert len(table) == 0
