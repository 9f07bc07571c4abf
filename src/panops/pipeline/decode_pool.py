"""A few decode workers for many cameras, the one whose packets have waited longest first.

A thread a camera that decodes would starve the detector (measured: 200 runnable decoders drop a quarter of all checks); PyAV releases the
interpreter lock, so one or two workers use what the machine has.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable

from panops.domain.clock import Clock
from panops.pipeline.waiting import WaitMeter

log = logging.getLogger(__name__)


class DecodePool:
    """Calls `work(camera_id)` for every camera that has packets; never for the same camera on two threads at once.

    Args:
        work: Decodes everything that is pending for a camera.
        clock: Time.
        workers: How many threads.
    """

    def __init__(self, work: Callable[[str], None], clock: Clock, workers: int = 1) -> None:
        self._work = work
        self._clock = clock
        self._heap: list[tuple[float, str]] = []
        self._waiting: set[str] = set()
        self._busy: dict[str, float] = {}
        self._again: set[str] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self.waits = WaitMeter()
        self._threads = [threading.Thread(target=self._run, name=f"decode-{index}", daemon=True) for index in range(workers)]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the workers after what they are doing now; what waits is left. Safe to call twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    @property
    def busy_s(self) -> float:
        """For how long the longest decoding that is under way has lasted, s."""
        with self._changed:
            return max((self._clock.monotonic_s() - began_s for began_s in self._busy.values()), default=0.0)

    @property
    def oldest_wait_s(self) -> float:
        """For how long the camera has waited whose turn is next, s; 0.0 when none waits."""
        with self._changed:
            return self._clock.monotonic_s() - self._heap[0][0] if self._heap else 0.0

    def notify(self, camera_id: str) -> None:
        """A camera has packets. Cheap; called for each packet by the demux threads."""
        with self._changed:
            if camera_id in self._waiting:
                return
            if camera_id in self._busy:
                self._again.add(camera_id)
                return
            self._waiting.add(camera_id)
            heapq.heappush(self._heap, (self._clock.monotonic_s(), camera_id))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._heap and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                since_s, camera_id = heapq.heappop(self._heap)
                self._waiting.discard(camera_id)
                now_s = self._busy[camera_id] = self._clock.monotonic_s()
                self.waits.add(now_s - since_s)
            try:
                self._work(camera_id)
            except Exception:  # one camera's fault must not stop the worker that all of them share
                log.exception("decoding camera %s failed", camera_id)
            finally:
                self._done(camera_id)

    def _done(self, camera_id: str) -> None:
        with self._changed:
            self._busy.pop(camera_id, None)
            if camera_id in self._again:
                self._again.discard(camera_id)
                self._waiting.add(camera_id)
                heapq.heappush(self._heap, (self._clock.monotonic_s(), camera_id))
                self._changed.notify()
