"""A shard tells what was slept through from what came as it happened: checks and events alike."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from panops.domain.events import EventPhase
from panops.pipeline.shard_meter import ShardMeter
from panops.pipeline.wire import figures_from_wire, figures_to_wire


def outcome(event_id: str, captured_s: float, replayed: bool) -> Any:
    event = SimpleNamespace(event_id=event_id, phase=EventPhase.BEGIN)
    check = SimpleNamespace(frame=SimpleNamespace(captured_at_s=captured_s), replayed=replayed)
    return SimpleNamespace(check=check, events=(event,))


def test_events_of_a_camera_that_was_woken_are_counted_apart() -> None:
    now_s = [100.0]
    meter = ShardMeter(cast("Any", SimpleNamespace(utc_s=lambda: now_s[0])))
    outcomes = [outcome("awake", 99.9, replayed=False), outcome("slept", 98.0, replayed=True)]
    for one in outcomes:
        meter.note(one)
    now_s[0] = 100.5
    meter.stored([event for one in outcomes for event in one.events])
    meter.stored([event for one in outcomes for event in one.events])  # it goes on, and is stored again
    figures = figures_from_wire(figures_to_wire(meter.figures(0, 2, 0.0)))
    assert [latency.count for latency in (figures.event_latency, figures.woken_event_latency)] == [1, 1]
    assert abs(figures.event_latency.sum_s - 0.6) < 1e-6
    assert abs(figures.woken_event_latency.sum_s - 2.5) < 1e-6
    assert abs(figures.woken_latency.sum_s - 2.0) < 1e-6
