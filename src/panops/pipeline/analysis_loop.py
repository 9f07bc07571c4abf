"""The analysis thread of a shard: a latest-wins slot a camera, emptied in rounds, the one that has waited longest first."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping

from panops.domain.clock import Clock
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check, Outcome
from panops.pipeline.waiting import WaitMeter

log = logging.getLogger(__name__)

# A round is short, so that the first camera of it does not wait for the detector's work on all the others.
MOST_CHECKS_A_ROUND = 8
# Of what a camera slept through, so many checks may wait; more pictures than that are not held in memory.
_MOST_REPLAYED = 4
# They are late by their nature, but not for ever: what lies further back than a camera's packets reach is of no use.
_REPLAY_STALENESS_S = 60.0


class AnalysisLoop:
    """Runs checks through the analyst: a newer check of a camera takes the place of one that still waits, and with it its turn.

    So every camera's turn comes, however often it sends, and what it then shows is the newest. Checks of what a camera slept through are
    not replaced but stand in line, for `room` is asked before they are made.

    Args:
        analyst: What analyses.
        loops: The cameras by id, for counting what is given up.
        clock: Time.
        on_outcome: Called for each outcome on this thread.
        on_room: Told of a camera when a check of what it slept through no longer waits, whatever became of it.
        staleness_s: A check whose picture is older is not analysed any more.
        checks_a_round: How many checks a round takes at most; a device that works in batches wants more of them.
    """

    def __init__(
        self,
        analyst: Analyst,
        loops: Mapping[str, CameraLoop],
        clock: Clock,
        on_outcome: Callable[[Outcome], None],
        staleness_s: float = 0.8,
        checks_a_round: Callable[[], int] = lambda: MOST_CHECKS_A_ROUND,
        on_room: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._analyst = analyst
        self._loops = loops
        self._clock = clock
        self._on_outcome = on_outcome
        self._staleness_s = staleness_s
        self._checks_a_round = checks_a_round
        self._on_room = on_room
        self._slots: dict[str, deque[Check]] = {}
        self.waits = WaitMeter()
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
        """How many cameras have checks that wait."""
        return len(self._slots)

    def room(self, camera_id: str) -> int:
        """How many more checks of what the camera slept through may wait."""
        return max(0, _MOST_REPLAYED - len(self._slots.get(camera_id, ())))

    @property
    def oldest_wait_s(self) -> float:
        """For how long the check has waited whose turn is next, s; 0.0 when none waits."""
        with self._changed:
            line = next(iter(self._slots.values()), None)
            return self._clock.monotonic_s() - line[0].arrived_s if line else 0.0

    def forget(self, camera_id: str) -> None:
        """Drop what waits of a camera."""
        with self._changed:
            self._slots.pop(camera_id, None)

    def offer(self, check: Check) -> None:
        """Put a check into its camera's slot; one that still waits there is given up and counted."""
        replaced = False
        with self._changed:
            line = self._slots.setdefault(check.camera_id, deque())
            if line and not check.replayed and not line[-1].replayed:
                line.pop()
                replaced = True
            line.append(check)
            self._changed.notify()
        if replaced:
            self._count(check.camera_id, "superseded")

    def _take(self) -> list[Check]:
        """The checks of the next round, at most one a camera; called under the lock."""
        checks = []
        for name in list(self._slots)[: self._checks_a_round()]:
            line = self._slots.pop(name)
            checks.append(line.popleft())
            if line:
                self._slots[name] = line  # behind all others that wait
        return checks

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._slots and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                checks = self._take()
            self._began_s = self._clock.monotonic_s()
            try:
                self._round(checks)
            except Exception:  # the thread serves all cameras; a fault is told, counted and survived
                log.exception("a round of analysis failed")
                for check in checks:
                    self._count(check.camera_id, "analysis_error")
            finally:
                self._began_s = None
                for check in checks:
                    if check.replayed:
                        self._on_room(check.camera_id)

    def _round(self, checks: list[Check]) -> None:
        now_s = self._clock.monotonic_s()
        fresh: list[Check] = []
        for check in checks:
            self.waits.add(now_s - check.arrived_s)
            if now_s - check.since_s > (_REPLAY_STALENESS_S if check.replayed else self._staleness_s):
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
