from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.timestamps import TimestampRepair

_WRAP_33_S = 2**33 / 90000
_WRAP_32_S = 2**32 / 90000


def _run(times: list[float | None], rate_fps: float | None = 10.0, arrivals: list[float] | None = None) -> list[float]:
    repair = TimestampRepair(rate_fps)
    return [repair.repair(time, time, arrivals[number] if arrivals is not None else None)[0] for number, time in enumerate(times)]


@pytest.mark.parametrize(
    ("name", "times", "expected"),
    [
        ("sound", [0.0, 0.1, 0.2], [0.0, 0.1, 0.2]),
        ("starts anywhere", [900.0, 900.1, 900.2], [0.0, 0.1, 0.2]),
        ("negative", [-5.0, -4.9, -4.8], [0.0, 0.1, 0.2]),
        ("missing in the middle", [0.0, None, 0.2, 0.3], [0.0, 0.1, 0.2, 0.3]),
        ("missing at the start", [None, 7.0, 7.1], [0.0, 0.1, 0.2]),
        ("all missing", [None, None, None], [0.0, 0.1, 0.2]),
        ("one repeated", [0.0, 0.1, 0.1, 0.2], [0.0, 0.1, 0.101, 0.2]),
        ("one late", [0.0, 0.1, 0.05, 0.2], [0.0, 0.1, 0.101, 0.2]),
        ("jumps ahead", [0.0, 0.1, 5000.0, 5000.1], [0.0, 0.1, 0.2, 0.3]),
        ("jumps back", [5000.0, 5000.1, 3.0, 3.1], [0.0, 0.1, 0.2, 0.3]),
        ("33 bits wrap", [_WRAP_33_S - 0.1, 0.0, 0.1], [0.0, 0.1, 0.2]),
        ("32 bits wrap", [_WRAP_32_S - 0.1, 0.0, 0.1], [0.0, 0.1, 0.2]),
        ("wraps with a picture lost", [_WRAP_33_S - 0.1, 0.1, 0.2], [0.0, 0.2, 0.3]),
    ],
)
def test_broken_times_are_repaired(name: str, times: list[float | None], expected: list[float]) -> None:
    assert _run(times) == pytest.approx(expected, abs=1e-3), name


def test_a_clock_set_back_by_less_than_a_gap_costs_no_more_than_two_pictures() -> None:
    repaired = _run([number * 0.1 for number in range(10)] + [0.5 + number * 0.1 for number in range(10)])
    steps = [after - before for before, after in itertools.pairwise(repaired)]
    assert sum(step < 0.05 for step in steps) <= 2
    assert repaired[-1] == pytest.approx(1.9, abs=0.25)


def test_a_camera_that_repeats_one_time_for_ever_follows_arrival() -> None:
    repaired = _run([3.0] * 50, arrivals=[100 + number * 0.2 for number in range(50)])
    assert repaired[-1] == pytest.approx(9.8, abs=0.5)


def test_a_pause_that_arrival_confirms_is_kept_and_one_it_denies_is_not() -> None:
    assert _run([0.0, 0.1, 20.1], arrivals=[50.0, 50.1, 70.1])[-1] == pytest.approx(20.1)
    assert _run([0.0, 0.1, 20.1], arrivals=[50.0, 50.1, 50.2])[-1] == pytest.approx(0.2, abs=0.02)


def test_a_jump_goes_on_for_as_long_as_it_took() -> None:
    assert _run([0.0, 0.1, 9000.0], arrivals=[50.0, 50.1, 53.1])[-1] == pytest.approx(3.1)


def test_b_frames_keep_their_places() -> None:
    repair = TimestampRepair(25.0)
    order = [(0.0, -0.08), (0.16, -0.04), (0.08, 0.0), (0.04, 0.04), (0.12, 0.08), (0.32, 0.12)]
    repaired = [repair.repair(40 + pts, 40 + dts) for pts, dts in order]
    assert [pts for pts, _ in repaired] == pytest.approx([pts for pts, _ in order])
    assert [dts for _, dts in repaired] == pytest.approx([dts for _, dts in order])


def test_b_frames_without_first_decode_times_as_in_matroska() -> None:
    repair = TimestampRepair(30.0, reorders=True)
    order = [(0.0, None), (0.133, None), (0.067, 0.0), (0.033, 0.033), (0.1, 0.067)]
    repaired = [repair.repair(pts, dts) for pts, dts in order]
    assert [pts for pts, _ in repaired] == pytest.approx([pts for pts, _ in order])
    decode = [dts for _, dts in repaired]
    assert decode == sorted(set(decode))


def test_a_film_played_again_follows_one_step_after_its_last_picture() -> None:
    repair = TimestampRepair(10.0)
    first = [repair.repair(time, time)[0] for time in (0.0, 0.1, 0.2)]
    repair.splice()
    again = [repair.repair(time, time)[0] for time in (0.0, 0.1, 0.2)]
    assert first + again == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_spliced_film_with_b_frames_begins_after_the_last_shown_picture() -> None:
    repair = TimestampRepair(10.0)
    order = [(0.0, -0.2), (0.3, -0.1), (0.1, 0.0), (0.2, 0.1)]
    first = [repair.repair(pts, dts) for pts, dts in order]
    repair.splice()
    again = [repair.repair(pts, dts) for pts, dts in order]
    assert sorted(pts for pts, _ in first + again) == pytest.approx([number / 10 for number in range(8)])
    decode = [dts for _, dts in first + again]
    assert decode == sorted(set(decode))


_TIMES = st.one_of(st.none(), st.floats(-1e5, 1e5), st.sampled_from([0.0, 0.04, 95443.7, 47721.8]))


@given(st.lists(st.tuples(_TIMES, _TIMES, st.floats(0, 30)), max_size=60), st.sampled_from([None, 5.0, 25.0, 0.0, 1e9]))
def test_whatever_comes_in_decode_times_grow_and_do_not_run_away(
    packets: list[tuple[float | None, float | None, float]], rate: float | None
) -> None:
    repair = TimestampRepair(rate)
    now_s, last_s = 0.0, None
    for pts, dts, waited_s in packets:
        now_s += waited_s
        shown_s, decode_s = repair.repair(pts, dts, now_s)
        assert shown_s >= decode_s
        if last_s is not None:
            assert decode_s > last_s
            assert decode_s - last_s <= max(5.0, 1.3 * waited_s + 1.0, 2.0 / 5.0) + 1e-6
        last_s = decode_s


@given(st.lists(st.floats(0.01, 2.0), min_size=2, max_size=50), st.floats(-1e4, 1e4))
def test_sound_times_are_not_touched(steps: list[float], start_s: float) -> None:
    times = [start_s]
    for step in steps:
        times.append(times[-1] + step)
    repair = TimestampRepair(10.0)
    repaired = [repair.repair(time, time)[0] for time in times]
    assert repaired == pytest.approx([time - start_s for time in times], abs=1e-6)
    assert repair.repaired == 0


def test_b_frames_of_a_film_with_a_picture_in_five_seconds_keep_their_places() -> None:
    repair = TimestampRepair(0.2, 60.0)
    shown = [repair.repair(pts_s, dts_s)[0] for pts_s, dts_s in ((10.0, 0.0), (25.0, 5.0), (15.0, 10.0), (20.0, 15.0), (30.0, 20.0))]
    assert sorted(shown) == pytest.approx([0.0, 5.0, 10.0, 15.0, 20.0])
    assert shown == pytest.approx([0.0, 15.0, 5.0, 10.0, 20.0])
