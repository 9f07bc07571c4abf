from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.motion.schedule import CheckSchedule


def due_times(schedule: CheckSchedule, times: list[float]) -> list[float]:
    return [time_s for time_s in times if schedule.due(time_s)]


@pytest.mark.parametrize(
    ("source_fps", "check_fps", "expected"),
    [
        pytest.param(25, 5, 50, id="a fifth of the frames"),
        pytest.param(5, 5, 50, id="all frames"),
        pytest.param(3, 5, 30, id="a slower camera: all frames"),
        pytest.param(15, 4, 40, id="rates that do not divide"),
        pytest.param(30, 7, 70, id="nor here"),
        pytest.param(10, 0.5, 5, id="every two seconds"),
    ],
)
def test_rates_hold_on_average(source_fps: float, check_fps: float, expected: int) -> None:
    times = [1_700_000_000.0 + n / source_fps for n in range(int(10 * source_fps))]
    assert len(due_times(CheckSchedule(check_fps, 10), times)) == pytest.approx(expected, abs=1)


def test_jitter_costs_no_check() -> None:
    times = [n / 10 + (0.015 if n % 3 == 0 else -0.015 if n % 3 == 1 else 0.0) for n in range(200)]
    checks = due_times(CheckSchedule(5, 10), times)
    assert len(checks) == pytest.approx(100, abs=1)
    assert max(later - earlier for earlier, later in pairwise(checks)) < 0.35


def test_an_hour_of_an_odd_rate_does_not_drift() -> None:
    schedule = CheckSchedule(5, 10)
    assert sum(schedule.due(n / 29.97) for n in range(round(29.97 * 3600))) == pytest.approx(18000, abs=1)


def test_after_a_pause_there_is_one_check_and_no_burst() -> None:
    schedule = CheckSchedule(5, 10)
    assert due_times(schedule, [0.0, 0.04, 60.0, 60.04, 60.08, 60.12, 60.2]) == [0.0, 60.0, 60.2]


def test_a_file_that_begins_again_is_looked_at() -> None:
    schedule = CheckSchedule(5, 10)
    assert due_times(schedule, [100.0, 100.2, 0.0, 0.1, 0.2]) == [100.0, 100.2, 0.0, 0.2]


@given(st.floats(0.1, 60), st.lists(st.floats(0.001, 5), min_size=1, max_size=100))
def test_there_is_never_more_than_one_check_a_period(check_fps: float, steps: list[float]) -> None:
    schedule, time_s, checks = CheckSchedule(check_fps, 10), 1e9, []
    for step_s in steps:
        time_s += step_s
        if schedule.due(time_s):
            checks.append(time_s)
    assert len(checks) <= math.ceil((time_s - checks[0]) * check_fps + 0.25) + 1
    assert len(checks) >= 1


def test_the_detector_runs_while_something_moves_and_two_seconds_longer() -> None:
    schedule = CheckSchedule(5, refresh_s=60)
    assert schedule.wants_detector(False, 0, 0.0)  # the first look of all
    wanted = [n / 5 for n in range(1, 50) if schedule.wants_detector(2.0 <= n / 5 <= 3.0, 0, n / 5)]
    assert wanted == [n / 5 for n in range(10, 26)]


def test_it_runs_while_anything_is_tracked() -> None:
    schedule = CheckSchedule(5, refresh_s=60)
    schedule.wants_detector(False, 0, 0.0)
    assert [schedule.wants_detector(False, tracked, 1.0 + tracked) for tracked in (0, 1, 5)] == [False, True, True]


@pytest.mark.parametrize(("refresh_s", "expected"), [(10.0, [0, 10, 20]), (0.0, list(range(30))), (1.0, list(range(30)))])
def test_an_idle_picture_is_refreshed(refresh_s: float, expected: list[int]) -> None:
    schedule = CheckSchedule(1, refresh_s)
    assert [second for second in range(30) if schedule.wants_detector(False, 0, float(second))] == expected


def test_the_refresh_counts_from_the_last_run() -> None:
    schedule = CheckSchedule(1, refresh_s=10, hold_s=0)
    schedule.wants_detector(False, 0, 0.0)
    assert schedule.wants_detector(True, 0, 6.0)
    assert [second for second in range(7, 30) if schedule.wants_detector(False, 0, float(second))] == [16, 26]


def test_a_rate_of_nothing_is_refused() -> None:
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="expected check_fps above 0"):
            CheckSchedule(wrong, 10)


def test_fewer_checks_on_the_same_beat_and_each_one_given_up_is_counted() -> None:
    schedule = CheckSchedule(5.0, 10.0)
    times = [number / 10 for number in range(100)]
    assert sum(schedule.due(at_s) for at_s in times[:20]) == 10
    schedule.slow_down(1.0)
    due = [at_s for at_s in times[20:80] if schedule.due(at_s)]
    assert all(1.0 - 1e-9 <= later - earlier <= 1.0 + 1e-9 for earlier, later in pairwise(due))
    assert len(due) + schedule.given_up == 30
    schedule.slow_down(5.0)
    assert sum(schedule.due(at_s) for at_s in times[80:]) == 10
    assert len(due) + schedule.given_up == 30


def test_frames_that_are_not_decoded_count_as_the_checks_they_would_have_been() -> None:
    schedule = CheckSchedule(5.0, 10.0)
    assert schedule.due(0.0)
    for number in range(1, 10):
        schedule.pass_over(number / 10)
    assert schedule.given_up == 4
    schedule.pass_over(-5.0)  # before the newest: says nothing
    assert schedule.given_up == 4
    assert schedule.due(1.0)
