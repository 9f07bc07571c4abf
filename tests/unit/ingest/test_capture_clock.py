"""Capture times: not moved by what is late once, and not left behind by what stays late."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.capture_clock import CaptureClock


def _captures(pts: list[float], delays: list[float], clock: CaptureClock, wall_s: float = 1e9) -> list[float]:
    """Capture times found for pictures taken at 1000 + pts on the monotonic clock that arrive late by `delays`."""
    arrivals: list[float] = []
    for time, delay in zip(pts, delays, strict=True):
        arrivals.append(max(1000 + time + delay, arrivals[-1] if arrivals else 0.0))
    return [clock.captured_at_s(time, arrival, arrival + wall_s) for time, arrival in zip(pts, arrivals, strict=True)]


def test_network_jitter_does_not_move_capture_times() -> None:
    dice = random.Random(4)
    pts = [number * 0.2 for number in range(1500)]
    found = _captures(pts, [0.02 + dice.expovariate(20) for _ in pts], CaptureClock())
    errors = [captured - (1e9 + 1000 + time) for captured, time in zip(found, pts, strict=True)][50:]
    assert max(errors) - min(errors) < 0.03
    assert min(errors) > 0.015
    assert max(errors) < 0.06


def test_one_packet_late_by_seconds_is_not_dated_late() -> None:
    pts = [number * 0.2 for number in range(100)]
    delays = [0.02] * 100
    delays[50] = 3.0
    found = _captures(pts, delays, CaptureClock())
    assert found[50] - found[49] == pytest.approx(0.2, abs=0.02)


def test_a_drifting_camera_clock_is_followed() -> None:
    pts = [number * 0.2 for number in range(9000)]
    # The camera's clock is slow by 200 parts in a million: after half an hour 0.36 s.
    found = _captures(pts, [0.02 + time * 2e-4 for time in pts], CaptureClock())
    true_s = 1e9 + 1000 + pts[-1] * (1 + 2e-4)
    assert found[-1] == pytest.approx(true_s, abs=0.05)


def test_a_burst_after_opening_is_dated_back_when_primed() -> None:
    clock = CaptureClock()
    clock.prime(1000.0)
    found = [clock.captured_at_s(number * 0.2, 1002.0, 1e9 + 1002.0) for number in range(10)]
    assert found == pytest.approx([1e9 + 1000 + number * 0.2 for number in range(10)])


def test_wall_clock_steps() -> None:
    clock = CaptureClock()
    before = clock.captured_at_s(0.0, 100.0, 5000.0)
    ahead = clock.captured_at_s(1.0, 101.0, 5001.0 + 3600)
    back = clock.captured_at_s(2.0, 102.0, 5002.0)
    later = clock.captured_at_s(3.0, 103.0, 5003.0)
    assert ahead - before == pytest.approx(3601.0)
    assert (back, later) == (pytest.approx(5002.0), pytest.approx(5003.0))


def test_a_clock_set_back_by_hours_does_not_hold_capture_times() -> None:
    clock = CaptureClock()
    times = [number * 0.1 for number in range(100)]
    found = [clock.captured_at_s(time, 100.0 + time, 9e5 + time - (3 * 3600 if time >= 5 else 0)) for time in times]
    assert found[49] - found[50] == pytest.approx(3 * 3600 - 0.1)
    assert [later - earlier for earlier, later in itertools.pairwise(found[50:])] == pytest.approx([0.1] * 49)


@pytest.mark.parametrize("step_s", [-0.9, -0.05, 0.05, 0.9])
def test_small_corrections_of_the_clock_never_make_capture_times_go_back(step_s: float) -> None:
    clock = CaptureClock()
    times = [number * 0.1 for number in range(400)]
    found = [clock.captured_at_s(time, 100.0 + time, 5000.0 + time + (step_s if time >= 1 else 0)) for time in times]
    assert all(earlier < later for earlier, later in itertools.pairwise(found))
    assert found[-1] == pytest.approx(5000.0 + times[-1] + step_s)


@given(
    st.lists(st.tuples(st.floats(0.001, 5.0), st.floats(0.0, 5.0)), min_size=1, max_size=60),
    st.floats(-1e5, 1e5),
)
def test_capture_times_grow_and_are_never_in_the_future(steps: list[tuple[float, float]], start_s: float) -> None:
    clock, pts, arrival, last = CaptureClock(), start_s, 1000.0, float("-inf")
    for number, (step, waited) in enumerate(steps):
        pts, arrival = pts + step, arrival + waited
        captured = clock.captured_at_s(pts, arrival, 1e9 + arrival)
        assert captured > last
        assert captured <= 1e9 + arrival + 1e-6 * (number + 1) + 1e-6
        last = captured


def _ages(pts: list[float], arrivals: list[float]) -> list[float]:
    """How old each picture is said to be when it arrives, s; capture times grow."""
    clock = CaptureClock()
    found = [clock.captured_at_s(time, arrival, arrival + 1e9) for time, arrival in zip(pts, arrivals, strict=True)]
    assert all(earlier < later for earlier, later in itertools.pairwise(found))
    return [arrival + 1e9 - captured for arrival, captured in zip(arrivals, found, strict=True)]


@pytest.mark.parametrize(("real_fps", "stamped_fps"), [(24.0, 25.0), (14.9, 15.0), (29.97, 30.0), (20.0, 25.0)])
def test_time_stamps_that_are_not_the_time_do_not_make_pictures_old(real_fps: float, stamped_fps: float) -> None:
    numbers = range(round(600 * real_fps))
    ages = _ages([number / stamped_fps for number in numbers], [1000 + number / real_fps for number in numbers])
    assert max(ages) < 1.0


def test_a_delay_that_stays_is_believed_and_one_that_ends_is_forgotten() -> None:
    dice = random.Random(5)
    pts = [number / 10 for number in range(1200)]
    arrivals = [1000 + time + dice.uniform(0, 0.03) + 1.5 * (30 <= time < 60) for time in pts]
    arrivals = list(itertools.accumulate(arrivals, max))
    ages = _ages(pts, arrivals)
    assert max(ages[:300]) < 0.1
    assert min(ages[300:315]) > 1.4
    assert max(ages[325:]) < 0.1


def test_a_pause_of_the_network_that_is_made_up_for_is_no_new_delay() -> None:
    pts = [number / 10 for number in range(400)]
    # Nothing comes for 5 s; then twice as much as is taken, until all has come.
    arrivals = [1000 + (time if not 10 <= time < 20 else 15 + (time - 10) / 2) for time in pts]
    ages = _ages(pts, arrivals)
    for time, age, arrival in zip(pts, ages, arrivals, strict=True):
        assert age == pytest.approx(arrival - 1000 - time, abs=0.1)


def test_pieces_of_some_seconds_are_as_old_as_they_are() -> None:
    dice = random.Random(6)
    pts = [number / 25 for number in range(3000)]
    # Pieces of 6 s each, which come whole, a little more or less late.
    pieces = [1000 + 6.0 * (number + 1) + dice.uniform(0, 0.4) for number in range(20)]
    ages = _ages(pts, [pieces[int(time // 6)] + 1e-5 * (number % 150) for number, time in enumerate(pts)])
    for time, age in list(zip(pts, ages, strict=True))[150:]:  # nobody told it of the first piece
        assert age == pytest.approx(6.0 - time % 6, abs=0.6)


def test_a_picture_in_five_seconds_late_twice_moves_nothing() -> None:
    pts = [5.0 * number for number in range(20)]
    ages = _ages(pts, [1000 + time + 0.8 * (number in {10, 11}) for number, time in enumerate(pts)])
    assert max(ages[12:]) < 0.01
    assert min(ages[10:12]) > 0.7
