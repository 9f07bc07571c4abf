"""The analysis thread of a shard: a latest-wins slot a camera, emptied in rounds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from panops.domain.clock import Clock
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check, Outcome

log = logging.getLogger(__name__)

# A round is short, so that the first camera of it does not wait for the detector's work on all the others.
MOST_CHECKS_A_ROUND = 8


class AnalysisLoop:
    """Runs checks through the analyst, freshest first come: a newer check of a camera replaces one that still waits.

    Args:
        analyst: What analyses.
        loops: The cameras by id, for counting what is given up.
        clock: Time.
        on_outcome: Called for each outcome on this thread.
        staleness_s: A check that waited longer is not analysed any more.
        checks_a_round: How many checks a round takes at most; a device that works in batches wants more of them.
    """

    def __init__(
        self,
        analyst: Analyst,
        loops: Mapping[str, CameraLoop],
        clock: Clock,
        on_outcome: Callable[[Outcome], None],
        staleness_s: float = 2.0,
        checks_a_round: Callable[[], int] = lambda: MOST_CHECKS_A_ROUND,
    ) -> None:
        self._analyst = analyst
        self._loops = loops
        self._clock = clock
        self._on_outcome = on_outcome
        self._staleness_s = staleness_s
        self._checks_a_round = checks_a_round
        self._slots: dict[str, Check] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._began_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="analysis", daemon=True)
        self.between_rounds = threading.Lock()
        """Held during a round: who holds it may finish and forget a camera."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End after the current round. Safe to call twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def busy_s(self) -> float:
        """For how long the current round has lasted, s; 0.0 between rounds. A round that lasts for many seconds hangs."""
        began_s = self._began_s
        return 0.0 if began_s is None else self._clock.monotonic_s() - began_s

    @property
    def waiting(self) -> int:
        """How many checks wait."""
        return len(self._slots)

    def forget(self, camera_id: str) -> None:
        """Drop what waits of a camera."""
        with self._changed:
            self._slots.pop(camera_id, None)

    def offer(self, check: Check) -> None:
        """Put a check into its camera's slot; an older one that still waits is given up and counted."""
        with self._changed:
            replaced = self._slots.pop(check.camera_id, None)
            self._slots[check.camera_id] = check
            self._changed.notify()
        if replaced is not None:
            self._count(check.camera_id, "superseded")

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._slots and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                # Slots are in the order of their last change, so those that waited longest come first.
                names = list(self._slots)[: self._checks_a_round()]
                checks = [self._slots.pop(name) for name in names]
            self._began_s = self._clock.monotonic_s()
            try:
                self._round(checks)
            except Exception:  # the thread serves all cameras; a fault is told, counted and survived
                log.exception("a round of analysis failed")
                for check in checks:
                    self._count(check.camera_id, "analysis_error")
            finally:
                self._began_s = None

    def _round(self, checks: list[Check]) -> None:
        now_s = self._clock.monotonic_s()
        fresh: list[Check] = []
        for check in checks:
            if now_s - check.arrived_s > self._staleness_s:
                self._count(check.camera_id, "stale")
            else:
                fresh.append(check)
        with self.between_rounds:
            for outcome in self._analyst.round(fresh, self._staleness_s):
                try:
                    self._on_outcome(outcome)
                except Exception:  # one camera's outcome must not cost the others theirs
                    log.exception("camera %s: an outcome could not be passed on", outcome.check.camera_id)

    def _count(self, camera_id: str, cause: str) -> None:
        loop = self._loops.get(camera_id)
        if loop is not None:
            loop.counters.dropped[cause] += 1
