from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.config.schema import MotionConfig
from panops.motion.gate import MotionGate, MotionResult
from panops.motion.schedule import CheckSchedule

Luma = NDArray[np.uint8]
RANDOM = np.random.default_rng(0)


def scenery(width: int = 640, height: int = 360) -> Luma:
    """A wall of soft patches, 60..180 bright."""
    coarse = np.random.default_rng(1).uniform(60, 180, (7, 11))
    rows, columns = np.linspace(0, 5.99, height), np.linspace(0, 9.99, width)
    fine = coarse[rows.astype(int)[:, None], columns.astype(int)[None]]
    blended = fine + (coarse[rows.astype(int)[:, None], columns.astype(int)[None] + 1] - fine) * (columns % 1)[None]
    return np.asarray(blended, dtype=np.uint8)


def noisy(picture: Luma, sigma: float = 2.0) -> Luma:
    return np.asarray(np.clip(picture + RANDOM.normal(0, sigma, picture.shape), 0, 255), dtype=np.uint8)


def with_box(picture: Luma, x: int, y: int, width: int = 24, height: int = 60, value: int = 20) -> Luma:
    changed = picture.copy()
    changed[y : y + height, x : x + width] = value
    return changed


def settled(picture: Luma, config: MotionConfig | None = None, seconds: float = 10.0) -> tuple[MotionGate, float]:
    gate = MotionGate(config or MotionConfig())
    time_s = 100.0
    while time_s < 100.0 + seconds:
        gate.look(noisy(picture), time_s)
        time_s += 0.2
    return gate, time_s


def test_a_still_noisy_picture_is_still() -> None:
    gate = MotionGate(MotionConfig())
    picture = scenery()
    results = [gate.look(noisy(picture, 4.0), n / 5) for n in range(100)]
    assert not any(result.moved or result.light_change for result in results)


def test_the_first_look_sets_the_background() -> None:
    result = MotionGate(MotionConfig()).look(scenery(), 0.0)
    assert (result.moved, result.share, result.region, result.light_change) == (False, 0.0, None, False)


@pytest.mark.parametrize("value", [20, 235], ids=["darker", "brighter"])
def test_somebody_is_seen_and_where(value: int) -> None:
    gate, time_s = settled(scenery())
    result = gate.look(with_box(noisy(scenery()), 320, 180, value=value), time_s)
    assert result.moved
    assert not result.light_change
    assert result.share == pytest.approx(24 * 60 / (640 * 360), rel=0.5)
    assert result.region == pytest.approx((0.5, 0.5, 344 / 640, 240 / 360), abs=0.03)
    assert result.blocks.sum() == round(result.share * result.blocks.size)


def test_who_stands_still_is_motion_for_a_moment_only_and_again_when_walking_on() -> None:
    gate, time_s = settled(scenery())
    here = [gate.look(with_box(noisy(scenery()), 300, 180), time_s + n / 5).moved for n in range(25)]
    assert all(here[:5])
    assert not any(here[8:])
    walking = [gate.look(with_box(noisy(scenery()), 300 + 8 * n, 180), time_s + 5 + n / 5).moved for n in range(1, 20)]
    assert sum(walking) >= 18


def test_a_slow_walker_is_seen_all_the_time() -> None:
    gate, time_s = settled(scenery())
    moved = [gate.look(with_box(noisy(scenery()), 100 + 4 * n, 180), time_s + n / 5).moved for n in range(80)]
    assert sum(moved) >= 76


@pytest.mark.parametrize("check_s", [0.05, 0.2, 1.0])
def test_what_was_left_behind_becomes_background_in_real_time(check_s: float) -> None:
    gate, time_s = settled(scenery())
    parked = [noisy(with_box(scenery(), 300, 180, 60, 40)) for _ in range(5)]
    for n in range(round(120 / check_s)):
        gate.look(parked[n % 5], time_s + n * check_s)
    gone = [gate.look(noisy(scenery()), time_s + 120 + n * check_s).moved for n in range(2)]
    assert any(gone)  # it was background, so its going is motion


def test_small_things_count_from_the_least_area_on() -> None:
    picture = scenery()
    for area, seen in ((0.0008, True), (0.02, False)):
        gate, time_s = settled(picture, MotionConfig(min_area=area))
        assert gate.look(with_box(noisy(picture), 320, 180), time_s).moved is seen


def test_weak_changes_count_from_the_threshold_on() -> None:
    picture = np.full((360, 640), 100, np.uint8)
    for threshold, seen in ((12.0, True), (60.0, False)):
        gate, time_s = settled(picture, MotionConfig(threshold=threshold))
        assert gate.look(with_box(noisy(picture), 320, 180, value=130), time_s).moved is seen


def test_a_single_speck_is_noise() -> None:
    gate, time_s = settled(scenery(), MotionConfig(min_area=0.0))
    assert not gate.look(with_box(noisy(scenery()), 320, 184, 8, 8), time_s).moved


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 40.0), (1.4, 0.0), (0.5, 0.0), (0.8, 60.0)])
def test_a_jump_of_the_light_is_told_and_over_in_a_moment(gain: float, offset: float) -> None:
    gate, time_s = settled(scenery())
    relit = np.asarray(np.clip(scenery() * gain + offset, 0, 255), dtype=np.uint8)
    results = [gate.look(noisy(relit), time_s + n / 5) for n in range(50)]
    assert results[0].light_change
    assert sum(result.light_change for result in results) == 1
    assert sum(result.moved for result in results) <= 5


def test_a_cloud_that_comes_and_goes_is_no_motion() -> None:
    gate, time_s = settled(scenery())
    moved = 0
    for n in range(100):
        share = 1 - 0.4 * np.sin(np.pi * n / 100)  # down to 60 % and back in 20 s
        moved += gate.look(noisy(np.asarray(scenery() * share, dtype=np.uint8)), time_s + n / 5).moved
    assert moved <= 5


def test_somebody_who_comes_with_the_light_is_seen() -> None:
    gate, time_s = settled(scenery())
    relit = np.asarray(scenery() * 0.6, dtype=np.uint8)
    results = [gate.look(with_box(noisy(relit), 100 + 12 * n, 180, value=200), time_s + n / 5) for n in range(20)]
    assert results[0].light_change
    assert sum(result.moved for result in results) >= 15


def test_another_scene_is_told_and_looked_at() -> None:
    gate, time_s = settled(scenery())
    random = np.asarray(np.kron(np.random.default_rng(2).integers(0, 2, (18, 32)) * 200 + 20, np.ones((20, 20))), dtype=np.uint8)
    results = [gate.look(noisy(random), time_s + n / 5) for n in range(25)]
    assert (results[0].moved, results[0].light_change) == (True, True)
    assert not any(result.moved for result in results[10:])


def test_leaves_in_the_wind_are_learnt() -> None:
    picture = scenery()
    random = np.random.default_rng(3)
    gate, moved = MotionGate(MotionConfig()), []
    for n in range(200):
        look = noisy(picture)
        look[40:160, 400:600] = np.kron(random.integers(60, 110, (12, 20)), np.ones((10, 10)))
        moved.append(gate.look(look, n / 5).moved)
    assert np.mean(moved[50:]) < 0.1
    look = noisy(picture)
    assert gate.look(with_box(look, 100, 200), 40.0).moved  # elsewhere it sees as well as ever


def test_a_covered_lens_is_told() -> None:
    gate, time_s = settled(scenery())
    assert gate.look(np.zeros((360, 640), np.uint8), time_s).light_change


def test_switched_off_everything_moves() -> None:
    result = MotionGate(MotionConfig(enabled=False)).look(scenery(), 0.0)
    assert (result.moved, result.share, result.region) == (True, 1.0, (0.0, 0.0, 1.0, 1.0))


def test_a_new_picture_size_and_a_reset_begin_anew() -> None:
    gate, time_s = settled(scenery())
    assert not gate.look(noisy(np.asarray(scenery(768, 432) // 2, dtype=np.uint8)), time_s).moved
    gate.reset()
    assert not gate.look(np.full((432, 768), 200, np.uint8), time_s + 0.2).moved


def test_time_that_goes_back_or_leaps_is_survived() -> None:
    gate, time_s = settled(scenery())
    for jump_s in (-50.0, 0.0, 1e9, -1e9):
        assert not gate.look(noisy(scenery()), time_s + jump_s).moved


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 40))
def test_any_size_and_row_padding_works(width: int, height: int, padding: int) -> None:
    gate = MotionGate(MotionConfig(min_area=0.0))
    wide = np.zeros((height, width + padding), np.uint8)
    for n, value in enumerate((100, 100, 240)):
        wide[:, : width // 2] = value
        result = gate.look(wide[:, :width], n / 5)
        assert 0.0 <= result.share <= 1.0
        assert result.region is None or 0.0 <= result.region[0] < result.region[2] <= 1.0


def test_the_picture_is_left_alone_and_blocks_cannot_be_written() -> None:
    picture = scenery()
    picture.setflags(write=False)
    result = MotionGate(MotionConfig()).look(picture, 0.0)
    with pytest.raises(ValueError, match="read-only"):
        result.blocks[0, 0] = True


def test_a_steady_gate_allocates_next_to_nothing() -> None:
    gate, time_s = settled(scenery())
    pictures = [noisy(scenery()) for _ in range(5)]
    tracemalloc.start()
    try:
        for n in range(100):
            gate.look(pictures[n % 5], time_s + n / 5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000  # the small picture alone would be 14,400


def test_it_agrees_with_a_plain_running_average() -> None:
    """Background after still looks: every pixel by itself, first a plain mean, then an exponential one of the time that passed."""
    gate = MotionGate(MotionConfig())
    pictures = [np.full((90, 160), value, np.uint8) for value in (100, 104, 98, 101, 103, 99, 102, 100)]
    times = [0.0, 0.2, 0.4, 0.8, 2.0, 2.2, 5.0, 9.0]
    expected, looked_s = 100.0, 0.0
    for n, (picture, time_s) in enumerate(zip(pictures, times, strict=True)):
        gate.look(picture, time_s)
        if n:
            weight = max(1 - np.exp(-(time_s - looked_s) / 4.0), 1 / (n + 1))
            expected += weight * (float(picture[0, 0]) - expected)
        looked_s = time_s
    assert gate._background == pytest.approx(np.full((90, 160), expected), abs=0.01)


def looks(path: Path, check_fps: float) -> Iterator[tuple[float, MotionResult]]:
    """The gate's results on a clip."""
    gate, schedule = MotionGate(MotionConfig()), CheckSchedule(check_fps, 10)
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is None or not schedule.due(frame.time):
                continue
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            yield frame.time, gate.look(rows[: frame.height, : frame.width], frame.time)


# When somebody, or a shadow, is in the picture: read off the frames. The data's own README gives when the visitor is fully there.
VISITS = [(6.0, 20.6), (22.7, 45.4), (50.1, 70.6), (74.3, 87.5), (92.1, 120.7), (123.2, 136.5)]


def test_six_visits_open_the_gate_and_an_empty_room_closes_it(shared_data: Path) -> None:
    found = list(looks(shared_data / "videos" / "intel_one-by-one-person-detection.mp4", 5.0))
    for start_s, end_s in VISITS:
        opened = [time_s for time_s, result in found if result.moved and start_s - 0.1 <= time_s < end_s]
        assert opened, f"nothing moved between {start_s} and {end_s} s"
        assert opened[0] <= start_s + 0.5
    empty = [result.moved for time_s, result in found if not any(start_s - 0.1 <= time_s <= end_s for start_s, end_s in VISITS)]
    assert len(empty) > 100
    assert np.mean(empty) <= 0.2


def test_the_sun_comes_out_and_the_gate_opens_for_a_moment_only(shared_data: Path) -> None:
    found = list(looks(shared_data / "videos" / "dvrscan_issue53_brightness_change.avi", 5.0))
    assert any(result.light_change for _, result in found)
    assert sum(result.moved for _, result in found) * 0.2 <= 1.5
    assert not any(result.moved for time_s, result in found if time_s > 4.2)


def test_a_look_can_be_taken_back() -> None:
    """After going back, the gate says of the same pictures what it says without the look in between."""
    straight, time_s = settled(scenery())
    detour, _ = settled(scenery())
    straight.go_back(detour.remember())  # noise is drawn anew each time: begin alike
    memory = detour.remember()
    assert detour.look(with_box(scenery(), 300, 100), time_s + 2.0).moved
    detour.go_back(memory)
    for step in range(1, 10):
        picture = noisy(with_box(scenery(), 250 + 6 * step, 100))
        one, other = straight.look(picture, time_s + step / 5), detour.look(picture, time_s + step / 5)
        assert (one.moved, one.share, one.region) == (other.moved, other.share, other.region)
    other_size = MotionGate(MotionConfig())
    other_size.look(scenery(320, 180), 0.0)
    other_size.go_back(memory)  # of another picture size: nothing happens
    assert not other_size.look(scenery(320, 180), 0.2).moved
