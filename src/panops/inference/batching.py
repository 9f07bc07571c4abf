"""The engine of one device: a queue and a thread that gives the device one batch after the other."""

from __future__ import annotations

import logging
import math
import threading
import weakref
from typing import Any

from numpy.typing import NDArray

from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import DeviceError, ModelError, ModelUnsupported
from panops.domain.protocols import Backend
from panops.inference.batch_lane import BatchLane
from panops.inference.batch_queue import Batch, BatchQueue, BatchSettings, Request

logger = logging.getLogger(__name__)

# One batch may fail for its own reasons; so many in a row are the device's.
_FAILURES_TO_DEATH = 3
# A dead device is tried again with one batch so often.
_TRY_AGAIN_S = 5.0


class BatchingEngine:
    """Runs the models of one device in batches. Any thread may use it.

    Nothing that a device does ends it: a batch that fails fails its tickets, and a device that fails again and again is called dead, which
    fails every ticket at once, until a try some seconds later succeeds.

    Args:
        device: Its name, for messages.
        settings: Batch sizes and limits.
        clock: Time; its monotonic clock is that of all deadlines.
    """

    def __init__(self, device: str, settings: BatchSettings | None = None, clock: Clock | None = None) -> None:
        self.device = device
        self._clock = clock or SystemClock()
        self._queue = BatchQueue(settings)
        self._changed = threading.Condition()
        self._hastened = False
        self._closed = False
        self._failures = 0
        self._dead_since_s: float | None = None
        self._tried_s = -math.inf
        self._reason = ""
        self._running: Batch | None = None
        self._lanes: weakref.WeakSet[BatchLane] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name=f"device-{device}", daemon=True)
        self._thread.start()

    @property
    def settings(self) -> BatchSettings:
        """Batch sizes and limits."""
        return self._queue.settings

    @property
    def waiting(self) -> int:
        """How many pictures wait."""
        return len(self._queue)

    @property
    def dead_s(self) -> float:
        """For how long the device has failed, s; 0.0 while it works."""
        since_s = self._dead_since_s
        return 0.0 if since_s is None else max(1e-9, self._clock.monotonic_s() - since_s)

    def add(self, backend: Backend, picture: NDArray[Any]) -> BatchLane:
        """A model on this device. It is warmed up first, on the caller's thread, while the batches of others go on.

        Args:
            backend: The model, which belongs to the engine from here on.
            picture: One picture, batch dimension 1; its values do not count.

        Raises:
            ModelError: It cannot be run.
        """
        lane = BatchLane(backend, picture, self.settings.sizes, self._submit, self._hasten, self._clock, self.settings.least_gain)
        lane.warm_up()
        with self._changed:
            if self._closed:
                raise DeviceError(f"{self.device} was closed")
            self._lanes.add(lane)
        return lane

    def close(self, timeout_s: float = 5.0) -> None:
        """End after the batch that runs; whoever waits gets an error. Safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        self._fail(self._taken(), DeviceError(f"{self.device} was closed"))
        running = self._running
        if running is not None:  # it hangs, and nobody shall wait for it
            for request in running.requests:
                request.answer.abandon(DeviceError(f"{self.device} was closed while it did not answer"), self._clock.monotonic_s())
            return
        for lane in tuple(self._lanes):
            lane.free()

    # --- the callers' threads -------------------------------------------------------------------------------------------------

    def _submit(self, request: Request) -> None:
        with self._changed:
            refusal = self._refusal(request)
            given_up = () if refusal is not None else self._queue.put(request)
            self._changed.notify()
        if refusal is not None:
            self._fail((request,), refusal)
        for victim, error in given_up:
            self._fail((victim,), error)

    def _refusal(self, request: Request) -> ModelError | None:
        """Why a request is not even queued."""
        if self._closed:
            return DeviceError(f"{self.device} was closed")
        lane = request.lane
        if isinstance(lane, BatchLane) and not lane.waiting_allowed:
            return ModelUnsupported("the model was closed; open it again before using it")
        if self._dead_since_s is not None:
            now_s = self._clock.monotonic_s()
            if now_s - self._tried_s < _TRY_AGAIN_S:
                return DeviceError(self._reason)
            self._tried_s = now_s
        return None

    def _hasten(self) -> None:
        with self._changed:
            self._hastened = True
            self._changed.notify()

    def _taken(self) -> tuple[Request, ...]:
        with self._changed:
            return self._queue.take_all()

    def _fail(self, requests: tuple[Request, ...], error: ModelError) -> None:
        now_s = self._clock.monotonic_s()
        for request in requests:
            # An error of its own for each: every one is raised, with its traceback, where its ticket is read.
            own = type(error) if isinstance(error, DeviceError) else ModelUnsupported
            request.answer.fail(own(str(error)), now_s)

    # --- the device's thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except Exception:  # a fault of this very code: nobody shall wait for a thread that is gone
            logger.exception("the thread of %s ended", self.device)
            running = self._running
            with self._changed:
                self._closed = True
            error = DeviceError(f"{self.device}: its thread ended by a fault of its own; the log says which")
            for request in running.requests if running is not None else ():
                request.answer.abandon(error, self._clock.monotonic_s())
            self._running = None
            self._dead_since_s = self._clock.monotonic_s()
            self._fail(self._taken(), error)

    def _step(self) -> bool:
        """Run one batch, and keep nothing of it; False when the engine is closed."""
        batch = self._running = self._next()
        if batch is None:
            return False
        self._work(batch)
        self._running = None
        return True

    def _next(self) -> Batch | None:
        """Wait for the next batch; None when the engine is closed."""
        while True:
            with self._changed:
                if self._closed:
                    return None
                decision = self._queue.decide(self._clock.monotonic_s(), hasten=self._hastened)
                if not len(self._queue):
                    self._hastened = False
                if decision.batch is None and not decision.given_up:
                    left_s = decision.wake_s - self._clock.monotonic_s()
                    self._changed.wait(None if math.isinf(left_s) else max(0.0, left_s))
            for request, error in decision.given_up:
                self._fail((request,), error)
            if decision.batch is not None:
                return decision.batch

    def _work(self, batch: Batch) -> None:
        lane = batch.lane
        assert isinstance(lane, BatchLane)  # noqa: S101  # the only kind that `_submit` is given
        try:
            answers = lane.run(batch.requests, batch.size)
        except ModelError as error:
            self._note_failure(str(error))
            self._fail(batch.requests, error)
        except Exception as error:  # whatever a driver throws, the thread serves all cameras
            logger.exception("%s failed", self.device)
            self._note_failure(f"{type(error).__name__}: {error}")
            self._fail(batch.requests, DeviceError(f"{self.device} failed: {error}"))
        else:
            self._note_success()
            now_s = self._clock.monotonic_s()
            for request, outputs in zip(batch.requests, answers, strict=True):
                request.answer.answer(outputs, now_s)

    def _note_success(self) -> None:
        self._failures = 0
        if self._dead_since_s is not None:
            self._dead_since_s = None
            logger.warning("%s works again", self.device)

    def _note_failure(self, reason: str) -> None:
        self._failures += 1
        if self._failures < _FAILURES_TO_DEATH:
            return
        now_s = self._clock.monotonic_s()
        self._reason = f"{self.device} has failed {self._failures} times in a row ({reason}); it is tried again every {_TRY_AGAIN_S:.0f} s"
        self._tried_s = now_s
        if self._dead_since_s is None:
            self._dead_since_s = now_s
            logger.error("%s", self._reason)
        self._fail(self._taken(), DeviceError(self._reason))
