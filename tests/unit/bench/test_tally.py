"""What is made of two readings: what was due, what was done, and whether that is held."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from panops.bench.film_shape import FilmShape
from panops.bench.measure import camera_tally, sent_between
from panops.bench.record import percentiles_ms, record_run, stage_ms
from panops.bench.scrape import CameraCounts
from panops.bench.tally import CameraTally, RunTally
from panops.bench.verdict import judge
from tests.unit.bench.tallies import SHAPE, camera, latency, run

BEFORE = CameraCounts(up=True, packets=1000, checks=1000, analysed=200, woken=3, dropped=Counter(superseded=5, queue_full=10))


def after(packets: int = 100, checks: int = 100, analysed: int = 25, woken: int = 0, **dropped: int) -> CameraCounts:
    """So much later."""
    counts = BEFORE.dropped + Counter(dropped)
    return CameraCounts(True, False, 1000 + packets, 1000 + checks, 200 + analysed, 3 + woken, counts)


@pytest.mark.parametrize(
    ("now", "shape", "due", "done", "held"),
    [
        (after(), SHAPE, 100.0, 100, True),
        (after(checks=98), SHAPE, 100.0, 98, True),
        (after(checks=97), SHAPE, 100.0, 97, False),
        # A check may lie on the edge of a short time.
        (after(packets=20, checks=19), SHAPE, 20.0, 19, True),
        # Begun and never finished.
        (after(superseded=4), SHAPE, 100.0, 96, False),
        (after(checks=90, stale=4, queue_full=10), SHAPE, 100.0, 86, False),
        # 15 pictures a second, 5 of them looked at.
        (after(packets=300), FilmShape(rate_fps=15.0), 100.0, 100, True),
        # A camera that sends less than is asked for has every picture looked at.
        (after(packets=40, checks=40), FilmShape(rate_fps=2.0), 40.0, 40, True),
        # Nothing came: nothing was due, and that is not held.
        (after(packets=0, checks=0), SHAPE, 0.0, 0, False),
    ],
)
def test_what_came_of_a_camera(now: CameraCounts, shape: FilmShape, due: float, done: int, held: bool) -> None:
    tally = camera_tally("cam-001", shape, BEFORE, now, 100)
    assert (tally.due, tally.done, tally.held) == (pytest.approx(due), done, held)
    assert tally.detector == 25
    assert tally.offered == 100
    assert sum(tally.dropped.values()) == sum(now.dropped.values()) - 15


@pytest.mark.parametrize(
    ("now", "slept", "due", "held"),
    [
        # Ten keyframes of a hundred pictures, and nothing given up.
        (after(checks=10), True, 10.0, True),
        # It woke for a while and was looked at every time.
        (after(checks=40, woken=1), False, 40.0, True),
        # It woke, and a third of its checks was given up.
        (after(checks=30, woken=1, overload=15), False, 45.0, False),
        # Not even its keyframes.
        (after(checks=5), True, 10.0, False),
        # What was slept through is looked at afterwards: more checks than were due.
        (after(checks=120, woken=2), True, 100.0, True),
    ],
)
def test_a_camera_that_slept_owes_what_it_was_awake_for(now: CameraCounts, slept: bool, due: float, held: bool) -> None:
    tally = camera_tally("cam-001", SHAPE, BEFORE, now, 100, slept=slept)
    assert tally.slept
    assert (tally.due, tally.held) == (pytest.approx(due), held)


def test_where_nobody_counts_what_is_sent() -> None:
    assert sent_between({}, {}, "cam-001") is None
    assert sent_between({"cam-001": 5}, {"cam-001": 30}, "cam-001") == 25
    assert camera_tally("cam-001", SHAPE, BEFORE, after(), None).offered == 100


def short(count: int, of: int) -> list[CameraTally]:
    return [camera(number, 0.5 if number <= count else 1.0) for number in range(1, of + 1)]


@pytest.mark.parametrize(
    ("tally", "held", "words"),
    [
        (run(), True, "held: each of the 4 cameras got at least 98 % of its checks"),
        (run(1), True, "held: the camera got"),
        (run(cameras=4, asleep=2.6), True, "3 of them asleep on their keyframes on average"),
        (run(cameras=4, share=0.5), False, "4 of 4 cameras got less than 98 % of their checks; the worst, cam-001, got 50 %"),
        (replace(run(), cameras=short(2, 8)), False, "2 of 8 cameras got less"),
        (replace(run(), cameras=[camera(1), camera(2, 0.0, up=False)]), False, "1 of 2 cameras were not live (cam-002)"),
        (replace(run(), cameras=[camera(1), camera(2, offered=150)]), False, "pictures of 1 camera piled up unread (cam-002)"),
        (replace(run(), cameras=[camera(1, dropped={"queue_full": 2})]), False, "2.0 % of the checks were given up, most as 'queue_full'"),
        (replace(run(), cameras=[camera(1, dropped={"queue_full": 1})]), True, "held"),
        (run(restarts=1), False, "1 process ended unexpectedly"),
        (replace(run(), cameras=[]), False, "there were no cameras"),
    ],
)
def test_the_verdict(tally: RunTally, held: bool, words: str) -> None:
    verdict = judge(tally, 5.0)
    assert verdict.held is held
    assert words in verdict.words
    assert verdict.words.startswith("held" if held else "not held")


def test_sums_over_the_cameras() -> None:
    tally = replace(run(), cameras=[camera(1, 0.5, {"stale": 30, "superseded": 20}), camera(2, dropped={"stale": 2})])
    assert (tally.done_share, tally.dropped_share, tally.detector_share) == (0.75, 0.26, 0.4)
    assert tally.dropped == Counter(stale=32, superseded=20)
    assert tally.worst == tally.cameras[0]


def test_costs() -> None:
    tally = run(4)
    assert tally.all_cores == pytest.approx(0.08)
    assert tally.cpu_ms_a_camera_s == pytest.approx(20.0)
    # The stages share out what the kernel saw the shards use, however late they were told.
    assert stage_ms(tally) == pytest.approx({"decode": 7.5, "detect": 2.5, "supervisor": 10.0})
    assert sum(stage_ms(tally).values()) == pytest.approx(tally.cpu_ms_a_camera_s)


def test_the_record_is_short_and_whole() -> None:
    record = record_run(run(4), 5.0)
    assert record["held"] is True
    assert record["checks"] == {
        "due": 400, "done": 400, "done_share": 1.0, "cameras_held": 4, "worst_share": 1.0, "detector_per_s": 6.0, "detector_share": 0.3,
    }  # fmt: skip
    assert record["memory_mib"]["all"] == 262.0
    assert record["cpu"]["ms_a_camera_s"] == 20.0
    assert 15 < record["check_latency_ms"]["p50"] < 25
    assert record["event_latency_ms"]["count"] == 2
    assert record["woken_latency_ms"] == {"count": 0}
    loop = record_run(replace(run(4), name="loop", api=None, stages_s={}), 5.0)
    assert not {"events", "api_ms", "event_latency_ms", "relief"} & set(loop)


def test_percentiles() -> None:
    told = percentiles_ms(latency(*[0.010] * 90, *[0.100] * 8, *[1.0] * 2))
    assert told["p50"] == pytest.approx(10, rel=0.125)
    assert told["p95"] == pytest.approx(100, rel=0.125)
    assert told["p99"] == pytest.approx(1000, rel=0.125)
