from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.ingest.rtp_clock import DecodeTimes, RtpClock


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=30))
def test_steps_survive_any_wrap(start: int, steps: list[int]) -> None:
    clock, ticks = RtpClock(90_000), start
    origin_s = clock.seconds(start)
    for step in steps:
        ticks += step
        assert clock.seconds(ticks % 2**32) - origin_s == pytest.approx((ticks - start) / 90_000, abs=1e-6)


@pytest.mark.parametrize(
    ("delay", "shown", "decoded"),
    [
        (0, [0.0, 0.1, 0.2], [0.0, 0.1, 0.2]),
        (1, [0.0, 0.2, 0.1, 0.4, 0.3], [None, 0.0, 0.1, 0.2, 0.3]),
        # I P B b b: a pyramid
        (2, [0.0, 0.4, 0.2, 0.1, 0.3, 0.8], [None, None, 0.0, 0.1, 0.2, 0.3]),
    ],
)
def test_decode_times(delay: int, shown: list[float], decoded: list[float | None]) -> None:
    times = DecodeTimes(delay)
    assert [times.decode_s(pts_s) for pts_s in shown] == decoded
    assert times.delay == delay


def test_more_b_frames_than_announced_are_noticed() -> None:
    times = DecodeTimes(0)
    shown = [0.0, 0.4, 0.2, 0.1, 0.3, 0.8, 0.6, 0.5, 0.7, 1.2]
    decoded = [times.decode_s(pts_s) for pts_s in shown]
    assert times.delay == 2
    assert decoded[5:] == [0.3, 0.4, 0.5, 0.6, 0.7]


@given(st.integers(0, 4), st.lists(st.floats(0, 1000), max_size=60))
def test_a_decode_time_is_never_after_its_presentation(delay: int, shown: list[float]) -> None:
    times = DecodeTimes(delay)
    for pts_s in shown:
        decode_s = times.decode_s(pts_s)
        assert decode_s is None or decode_s <= pts_s
        assert times.delay <= 16


def test_a_clock_that_was_set_back_is_no_b_frame() -> None:
    times = DecodeTimes(0)
    assert [times.decode_s(pts_s) for pts_s in (100.0, 100.1, 3.0, 3.1)] == [100.0, 100.1, 3.0, 3.1]
    assert times.delay == 0
