"""Counters that begin anew: a camera that moves to another process, a shard that leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from panops.bench.increase import CameraIncrease, camera_increase, latency_increase, stages_increase
from panops.bench.scrape import CameraCounts
from tests.unit.bench.tallies import latency


def counts(packets: int, **more: int) -> CameraCounts:
    return CameraCounts(True, packets=packets, checks=packets, dropped=Counter(more))


def grew(packets: int, **more: int) -> CameraCounts:
    return replace(counts(packets, **more), up=False)


def test_what_grew() -> None:
    grown = camera_increase([(0.0, counts(100, stale=2)), (5.0, counts(125, stale=2)), (10.0, counts(150, stale=3))])
    assert grown == CameraIncrease(10.0, grew(50, stale=1))


def test_an_interval_in_which_a_camera_moved_counts_neither_way() -> None:
    readings = [(0.0, counts(100, stale=2)), (5.0, counts(125, stale=2)), (10.0, counts(9)), (15.0, counts(34, stale=1))]
    assert camera_increase(readings) == CameraIncrease(10.0, grew(50, stale=1), moved=1)


def test_a_camera_that_nothing_is_said_of() -> None:
    # It was away in between, but what counts goes on.
    assert camera_increase([(0.0, counts(100)), (5.0, None), (10.0, counts(110))]) == CameraIncrease(10.0, grew(10))
    # It is gone: the time goes on, and its counters do not.
    assert camera_increase([(0.0, counts(100)), (5.0, counts(125)), (10.0, None)]) == CameraIncrease(10.0, grew(25))
    assert camera_increase([(0.0, None), (10.0, counts(20))]) == CameraIncrease(10.0, grew(20))
    assert camera_increase([(0.0, None), (10.0, None)]) == CameraIncrease(10.0)


def test_sums_over_processes_never_fall() -> None:
    whole = latency_increase([latency(0.01, 0.2), latency(0.01, 0.01, 0.2), latency(0.01), latency(0.01, 0.3)])
    assert whole.counts == latency(0.01, 0.3).counts
    assert stages_increase([{"decode": 5.0, "gate": 1.0}, {"decode": 7.0, "gate": 1.5}, {"decode": 3.0}, {"decode": 4.0}]) == {
        "decode": 3.0,
        "gate": 0.5,
    }
