"""What is made of two readings: what was due, what was done, and whether that is held."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from panops.bench.film_shape import FilmShape
from panops.bench.increase import camera_increase
from panops.bench.measure import camera_tally, sent_between
from panops.bench.peer import peer_camera
from panops.bench.processes import Usage
from panops.bench.record import percentiles_ms, record_run, stage_ms
from panops.bench.scrape import CameraCounts
from panops.bench.tally import CameraTally, RunTally, usage_between
from panops.bench.verdict import judge
from panops.testing.load_cameras import Offered
from tests.unit.bench.tallies import SHAPE, camera, latency, run

BEFORE = CameraCounts(up=True, packets=1000, checks=1000, analysed=200, woken=3, dropped=Counter(superseded=5, queue_full=10))


def after(packets: int = 100, checks: int = 100, analysed: int = 25, woken: int = 0, reconnects: int = 0, **dropped: int) -> CameraCounts:
    """So much later."""
    counts = BEFORE.dropped + Counter(dropped)
    return CameraCounts(True, False, 1000 + packets, 1000 + checks, 200 + analysed, 3 + woken, reconnects, counts)


def told(now: CameraCounts, shape: FilmShape = SHAPE, seconds: float = 20.0, *, slept: bool = False, unsent: int = 0) -> CameraTally:
    """What is made of the two readings."""
    grown = camera_increase([(0.0, BEFORE), (seconds, now)])
    return camera_tally("cam-001", shape, grown, Offered(sent=100, unsent=unsent), seconds, up=now.up, slept=slept)


@pytest.mark.parametrize(
    ("now", "shape", "due", "done", "held"),
    [
        (after(), SHAPE, 100.0, 100, True),
        (after(checks=98), SHAPE, 100.0, 98, True),
        (after(checks=97), SHAPE, 100.0, 97, False),
        # What came in the last second is not told yet.
        (after(packets=93, checks=93), SHAPE, 93.0, 93, True),
        # Begun and never finished.
        (after(superseded=4), SHAPE, 100.0, 96, False),
        (after(checks=90, stale=4, queue_full=10), SHAPE, 100.0, 86, False),
        # 15 pictures a second, 5 of them looked at.
        (after(packets=300), FilmShape(rate_fps=15.0), 100.0, 100, True),
        # A camera that sends less than is asked for has every picture looked at.
        (after(packets=40, checks=40), FilmShape(rate_fps=2.0), 40.0, 40, True),
        # It was away for half of the time and is back: what did not come was due all the same.
        (after(packets=50, checks=50), SHAPE, 92.0, 50, False),
        (after(packets=0, checks=0), SHAPE, 92.0, 0, False),
        # Every check was done, but the connection broke.
        (after(reconnects=1), SHAPE, 100.0, 100, False),
    ],
)
def test_what_came_of_a_camera(now: CameraCounts, shape: FilmShape, due: float, done: int, held: bool) -> None:
    tally = told(now, shape)
    assert (tally.due, tally.done, tally.held) == (pytest.approx(due), done, held)
    assert tally.detector == 25
    assert tally.offered == 100
    assert sum(tally.dropped.values()) == sum(now.dropped.values()) - 15


def test_the_peer_is_judged_by_the_same_rule() -> None:
    for packets, checks in ((100, 100), (93, 93), (100, 97), (92, 90), (50, 50), (0, 0)):
        ours = told(after(packets=packets, checks=checks))
        before, now = {"pictures": 7, "checks": 7, "opened": 1}, {"pictures": 7 + packets, "checks": 7 + checks, "opened": 1}
        theirs = peer_camera(SHAPE, "cam-001", before, now, Offered(sent=100), 20.0)
        assert (theirs.due, theirs.done, theirs.held) == (pytest.approx(ours.due), ours.done, ours.held)
    again = peer_camera(SHAPE, "cam-001", before, {"pictures": 107, "checks": 107, "opened": 2}, Offered(sent=100), 20.0)
    assert (again.reconnects, again.held) == (1, False)


def test_pictures_that_nobody_read_are_no_holding() -> None:
    assert not told(after(), unsent=3).held


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
        # It was away, so most of its keyframes did not come.
        (after(packets=30, checks=3), True, 9.2, False),
        # What is slept through is looked at afterwards: more checks than were due.
        (after(checks=120, woken=2), True, 100.0, True),
    ],
)
def test_a_camera_that_slept_owes_what_it_was_awake_for(now: CameraCounts, slept: bool, due: float, held: bool) -> None:
    tally = told(now, slept=slept)
    assert tally.slept
    assert (tally.due, tally.held) == (pytest.approx(due), held)


def test_where_nobody_counts_what_is_sent_the_rate_says_it() -> None:
    assert sent_between({}, {}, "cam-001", 20.0, 5.0).sent == 100
    before, now = {"cam-001": Offered(1, 6, 5, 1)}, {"cam-001": Offered(1, 35, 30, 5)}
    assert sent_between(before, now, "cam-001", 20.0, 5.0) == Offered(1, 29, 25, 4)


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
        (
            replace(run(), cameras=[camera(1), camera(2, reconnects=1)]),
            False,
            "the connection of 1 camera broke and was made again (cam-002)",
        ),
        (replace(run(), cameras=[camera(1, unsent=2)]), False, "pictures of 1 camera were given up by the sender"),
        (replace(run(), cameras=[camera(1, moved=1)]), True, "cameras went to another process 1 time"),
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


def test_processes_are_told_apart_by_their_ids() -> None:
    before = {"supervisor": Usage(5.0, 1, 10), "shard 0": Usage(90.0, 1, 11), "shard 1": Usage(50.0, 1, 12)}
    between = [{**before, "shard 0": Usage(94.0, 0, 11)}]
    # The first shard has left, so the second one has its name now, and a new one has come.
    after = {"supervisor": Usage(6.0, 2, 10), "shard 0": Usage(55.0, 3, 12), "shard 1": Usage(2.0, 4, 13)}
    cores, memory = usage_between(before, after, 10.0, between)
    assert cores == pytest.approx({"supervisor": 0.1, "shard 0": 0.5, "shard 1": 0.2, "ended": 0.4})
    assert memory == {"supervisor": 2, "shard 0": 3, "shard 1": 4}


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
