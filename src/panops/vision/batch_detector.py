"""A vision task and a device that takes batches as one detector: looks are begun, then collected."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from panops.domain.detections import Detections
from panops.domain.errors import ModelError
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.protocols import BatchRunner, Ticket, VisionTask
from panops.vision.model_task import check_input

MakeTask = Callable[[], VisionTask[Detections]]


class BatchDetector:
    """`domain.protocols.StartingDetector` from a model on a device. Any thread may call it; keeps nothing of any camera.

    A task writes each picture into a tensor of its own, again and again. Here the device may still read that tensor while the next
    picture is prepared, so there are as many tasks as pictures under way at once, each with its tensor; none is made anew a frame.

    Args:
        manifest: The model.
        make_task: Makes a task of the model (`vision.registry.open_task`).
        runner: The model on the device; `close` closes it.

    Raises:
        ModelUnsupported: The file's input does not fit the manifest.
    """

    def __init__(self, manifest: ModelManifest, make_task: MakeTask, runner: BatchRunner) -> None:
        check_input(manifest, runner.inputs)
        self._make_task = make_task
        self._runner = runner
        self._finishing = make_task()  # reads outputs only, so it serves all threads
        self._idle: deque[VisionTask[Detections]] = deque()
        self.classes = manifest.classes

    def start(self, frame: Frame, deadline_s: float) -> PendingLook:
        """Prepare a frame and hand it to the device. What the device does wrong is told by the look's `result`."""
        return self._start(frame, deadline_s, background=False)

    def detect(self, frame: Frame) -> Detections:
        """All objects above the task's lowest score, in px of the frame. Without a deadline, it yields to the looks of `start`.

        Raises:
            ModelError: The model or the device failed.
        """
        return self._start(frame, math.inf, background=True).result()

    def forget(self, camera_id: str) -> None:
        """Nothing is remembered of a camera."""

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        self._runner.close()

    def _start(self, frame: Frame, deadline_s: float, *, background: bool) -> PendingLook:
        try:
            task = self._idle.pop()
        except IndexError:
            task = self._make_task()
        handed_over = False
        try:
            inputs, context = task.prepare(frame)
            (tensor,) = inputs.values()
            ticket = self._runner.submit(tensor, deadline_s, background=background, release=lambda: self._idle.append(task))
            handed_over = True
        except ModelError as error:
            return PendingLook(self._finishing, None, None, error)
        finally:
            if not handed_over:
                self._idle.append(task)
        return PendingLook(self._finishing, ticket, context)


class PendingLook:
    """`domain.protocols.PendingDetections`: a ticket, and what its outputs mean.

    Args:
        task: Reads the outputs.
        ticket: The device's, or None where the picture never reached it.
        context: What the task needs to map results back to the frame.
        error: Why it never reached the device.
    """

    __slots__ = ("_context", "_error", "_task", "_ticket")

    def __init__(self, task: VisionTask[Detections], ticket: Ticket | None, context: Any, error: ModelError | None = None) -> None:
        self._task = task
        self._ticket = ticket
        self._context = context
        self._error = error

    @property
    def took_s(self) -> float:
        """Seconds from the hand-over to the device's answer; 0.0 while there is none."""
        return self._ticket.took_s if self._ticket is not None else 0.0

    def result(self) -> Detections:
        """What was seen; waits for it. See `domain.protocols.PendingDetections.result`."""
        if self._error is not None or self._ticket is None:
            raise self._error or ModelError("the picture was not handed over")
        return self._task.finish(self._ticket.result(), self._context)
