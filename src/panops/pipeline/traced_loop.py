"""A camera's loop that notes when each stage ended. It is made only where traces are wanted, so that others pay nothing."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from panops.domain.clock import Clock
from panops.domain.events import Event, EventPhase
from panops.domain.frame import Frame
from panops.domain.protocols import Observation, PendingDetections
from panops.domain.tracks import Tracks
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check, Outcome
from panops.pipeline.tracing import FrameTimes, FrameTracer, tracer_from_environment

# So many checks of one camera may wait for the analysis.
_MOST_CHECKS = 16


class TracedCameraLoop(CameraLoop):
    """A `CameraLoop` whose frames leave a trace when an event begins with them.

    Args:
        tracer: Who is told.
        *args: See `CameraLoop`.
        **named: See `CameraLoop`.
    """

    def __init__(self, tracer: FrameTracer, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._tracer = tracer
        # Frame -> when its decoding and the look of the gate ended, monotonic clock, s. Written by the decode worker, read by the analysis.
        self._gated: OrderedDict[int, tuple[float, float]] = OrderedDict()
        self._detected_s = self._ruled_s = -math.inf

    def consider(self, frame: Frame) -> Check | None:
        """See `CameraLoop`."""
        began_s = self.clock.monotonic_s()
        check = super().consider(frame)
        if check is not None:
            self._gated[frame.sequence] = (began_s, self.clock.monotonic_s())
            if len(self._gated) > _MOST_CHECKS:
                self._gated.popitem(last=False)
        return check

    def detect(self, check: Check, pending: PendingDetections | None = None) -> tuple[Observation | None, float]:
        """See `CameraLoop`."""
        found = super().detect(check, pending)
        self._detected_s = self.clock.monotonic_s()
        return found

    def conclude(self, check: Check, tracks: Tracks, inference_s: float) -> Outcome:
        """See `CameraLoop`."""
        tracked_s = self.clock.monotonic_s()
        self._ruled_s = -math.inf
        outcome = super().conclude(check, tracks, inference_s)
        begun = [event for event in outcome.events if event.phase is EventPhase.BEGIN]
        if begun:
            done_s = self.clock.monotonic_s()
            decoded_s, gated_s = self._gated.get(check.frame.sequence, (check.arrived_s, check.arrived_s))
            # A check that needed no detector has no time in it.
            detected_s = max(self._detected_s, gated_s)
            came_s = check.taken_s if math.isfinite(check.taken_s) else decoded_s
            ruled_s = self._ruled_s if math.isfinite(self._ruled_s) else done_s
            times = FrameTimes(check.frame.captured_at_s, (came_s, decoded_s, gated_s, detected_s, tracked_s, ruled_s, done_s))
            model = str(getattr(self.detector, "name", ""))
            for event in begun:
                self._tracer.note(event, times, model)
        return outcome

    def _judged(self, check: Check, tracks: Tracks, events: list[Event]) -> list[Event]:
        self._ruled_s = self.clock.monotonic_s()
        return super()._judged(check, tracks, events)


class Traces:
    """A shard's traces, or that there are none.

    Args:
        shard: Its number.
        clock: Time.
    """

    def __init__(self, shard: int, clock: Clock) -> None:
        self._tracer = tracer_from_environment(shard, clock)

    def loop(self, *args: Any) -> CameraLoop:
        """A camera's loop; see `CameraLoop`."""
        return CameraLoop(*args) if self._tracer is None else TracedCameraLoop(self._tracer, *args)

    def stored(self, events: Sequence[Event]) -> None:
        """These are in the database now."""
        if self._tracer is not None:
            self._tracer.stored(events)
