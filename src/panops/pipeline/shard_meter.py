"""What a shard measures of itself: CPU time by stage, and how long pictures and events take to get through."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from panops.domain.clock import Clock
from panops.domain.events import Event, EventPhase
from panops.pipeline.check import Outcome
from panops.pipeline.latency import LatencyHistogram
from panops.pipeline.live import ShardFigures
from panops.pipeline.stage_meter import StageMeter

# Events whose storing is waited for; more than that wait only where storage does not work, and their time then says nothing.
_MOST_WAITING = 10_000


class ShardMeter:
    """Follows outcomes on the analysis thread and stored events on the writer's thread.

    Args:
        clock: Time.

    Attributes:
        stages: CPU time by stage.
        previous_demux_s: CPU time of connections that are closed, s.
    """

    def __init__(self, clock: Clock) -> None:
        self.stages = StageMeter()
        self.previous_demux_s = 0.0
        self._clock = clock
        self._checks = LatencyHistogram()
        self._events = LatencyHistogram()
        self._woken = LatencyHistogram()
        self._woken_events = LatencyHistogram()
        # When the picture was taken, and whether it had been slept through.
        self._told: dict[str, tuple[float, bool]] = {}
        self._lock = threading.Lock()

    def note(self, outcome: Outcome) -> None:
        """An outcome of the analysis."""
        captured_s = outcome.check.frame.captured_at_s
        replayed = outcome.check.replayed
        (self._woken if replayed else self._checks).add(self._clock.utc_s() - captured_s)
        # What had been slept through is late by its nature; its events are not counted among those that came as they happened.
        begun = [event.event_id for event in outcome.events if event.phase is EventPhase.BEGIN] if outcome.events else ()
        if begun:
            with self._lock:
                if len(self._told) < _MOST_WAITING:
                    self._told.update(dict.fromkeys(begun, (captured_s, replayed)))

    def stored(self, events: Sequence[Event]) -> None:
        """Events that are in the database now."""
        now_s = self._clock.utc_s()
        with self._lock:
            for event in events:
                told = self._told.pop(event.event_id, None)
                if told is not None:
                    captured_s, replayed = told
                    (self._woken_events if replayed else self._events).add(now_s - captured_s)

    def figures(self, index: int, cameras: int, demux_s: float) -> ShardFigures:
        """The figures so far.

        Args:
            index: The shard's number.
            cameras: How many cameras it has.
            demux_s: CPU time of the connections that are open, s.
        """
        self.stages.set("demux", self.previous_demux_s + demux_s)
        return ShardFigures(
            index,
            cameras,
            cpu_s={stage: round(used_s, 3) for stage, used_s in self.stages.with_other().items()},
            check_latency=self._checks,
            event_latency=self._events,
            woken_latency=self._woken,
            woken_event_latency=self._woken_events,
        )
