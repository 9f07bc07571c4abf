"""One model on a device that takes batches: its sizes, its memory for a batch, and what batches of it take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from panops.domain.clock import Clock
from panops.domain.errors import ModelError, ModelUnsupported
from panops.domain.protocols import Backend, TensorSpec
from panops.inference.batch_queue import Request
from panops.inference.latency import LatencyModel
from panops.inference.tensors import check_inputs, shown
from panops.inference.ticket import DeviceTicket

logger = logging.getLogger(__name__)

# The first run of a shape compiles, allocates and tries out kernels; the later ones are what a batch takes.
_WARM_UP_RUNS = 3
# How far the rows of a batch may be from those of the same picture alone, of the largest value: other kernels round differently, but a
# graph that mixes the pictures of a batch is off by far more.
_ROUNDING = 0.05


class Submit(Protocol):
    """Where a lane's requests go: the engine's queue."""

    def __call__(self, request: Request) -> None:
        """Let it wait, or fail its ticket."""
        ...


class BatchLane:
    """`domain.protocols.BatchRunner`, made by `BatchingEngine.add`. `submit` may be called by any thread, the rest by the engine's.

    Args:
        backend: The model; it belongs to the lane.
        picture: The shape and dtype of one picture, batch dimension 1; its values do not count.
        sizes: Batch sizes that the engine uses, ascending.
        submit: The engine's queue.
        hasten: Told that somebody waits.
        clock: Time.
        least_gain: See `BatchSettings.least_gain`.

    Raises:
        ModelUnsupported: The model has more than one input, or takes no such picture.
    """

    def __init__(
        self,
        backend: Backend,
        picture: NDArray[Any],
        sizes: Sequence[int],
        submit: Submit,
        hasten: Callable[[], None],
        clock: Clock,
        least_gain: float = 0.0,
    ) -> None:
        if len(backend.inputs) != 1:
            raise ModelUnsupported(f"expected a model with one input to make batches of, got {len(backend.inputs)}")
        spec = backend.inputs[0]
        fixed = spec.shape[0] if spec.shape else 0
        self.inputs = (TensorSpec(spec.name, (1, *picture.shape[1:]), spec.dtype),)
        self.outputs = backend.outputs
        self.latency = LatencyModel((fixed,) if fixed > 0 else sizes)
        self._name = spec.name
        self._backend = backend
        self._clock = clock
        self._submit = submit
        self._hasten = hasten
        self._least_gain = least_gain
        # The batch's memory, used again and again; the first rows of it are contiguous for every size.
        self._rows = np.zeros((self.latency.sizes[-1], *picture.shape[1:]), spec.dtype)
        self._closing = False
        check_inputs("the batch", backend.inputs, {self._name: self._rows[: self.latency.sizes[0]]})
        check_inputs("the model", self.inputs, {self._name: picture})

    @property
    def waiting_allowed(self) -> bool:
        """Whether it still takes pictures."""
        return not self._closing

    def submit(
        self, tensor: NDArray[Any], deadline_s: float, *, background: bool = False, release: Callable[[], None] | None = None
    ) -> DeviceTicket:
        """Hand over one picture; see `domain.protocols.BatchRunner.submit`."""
        check_inputs("the model", self.inputs, {self._name: tensor})
        now_s = self._clock.monotonic_s()
        ticket = DeviceTicket(now_s, self._hasten, release)
        self._submit(Request(self, tensor, deadline_s, now_s, background, ticket))
        return ticket

    def close(self) -> None:
        """Take no more pictures; the model is freed with the last reference to it. Safe to call twice."""
        self._closing = True

    def free(self) -> None:
        """Free the model now; the engine calls it when nothing runs."""
        self._closing = True
        self._backend.close()

    def warm_up(self) -> None:
        """Run every size, learn what it takes, and find out whether the model keeps the pictures of a batch apart.

        Raises:
            ModelError: Not even one picture can be run.
        """
        dice = np.random.default_rng(0)
        whole = self._rows
        values = dice.integers(0, 255, whole.shape) if whole.dtype.kind in "ui" else dice.random(whole.shape) * 255
        whole[...] = values
        good: list[int] = []
        for size in self.latency.sizes:
            reason = self._problem(size, tried_before=bool(good))
            if reason:
                logger.warning("the model runs in batches of at most %d: %s", good[-1], reason)
                break
            good.append(size)
        measured = self.latency
        good = self._gaining(good)
        self.latency = LatencyModel(good)
        for size in good:
            self.latency.learn(size, measured.likely_s(size))

    def _gaining(self, sizes: list[int]) -> list[int]:
        """The sizes in which a picture is quicker, by enough, than in the next smaller one that is left."""
        if self._least_gain <= 0.0:
            return sizes
        left = sizes[:1]
        for size in sizes[1:]:
            before, now = (self.latency.likely_s(one) / one for one in (left[-1], size))
            if now <= (1.0 - self._least_gain) * before:
                left.append(size)
        return left

    def _problem(self, size: int, *, tried_before: bool) -> str:
        """Why batches of this size cannot be used; empty when they can. The smallest size raises its error."""
        try:
            for run in range(_WARM_UP_RUNS):
                began_s = self._clock.monotonic_s()
                outputs = self._backend.infer({self._name: self._rows[:size]})
                if run:
                    self.latency.learn(size, self._clock.monotonic_s() - began_s)
            return self._mixed(size, outputs) if tried_before else ""
        except ModelError as error:
            if not tried_before:
                raise
            return str(error)

    def _mixed(self, size: int, outputs: dict[str, NDArray[Any]]) -> str:
        """How a batch differs from its pictures one by one; empty when it does not."""
        alone = self._backend.infer({self._name: self._rows[size - 1 : size]})
        for name, array in outputs.items():
            if array.shape[:1] != (size,):
                return f"its output {name!r} has the shape {shown(array.shape)} for a batch of {size}"
            one, same = alone[name][0].astype(np.float64), array[size - 1].astype(np.float64)
            if one.shape != same.shape or np.abs(one - same).max(initial=0.0) > _ROUNDING * max(1e-6, np.abs(one).max(initial=0.0)):
                return f"its output {name!r} is another one in a batch of {size} than alone"
        return ""

    def run(self, requests: Sequence[Request], size: int) -> list[dict[str, NDArray[Any]]]:
        """The outputs for each request, in order.

        Args:
            requests: At most `size`; their tensors are released as soon as they are copied.
            size: One of the lane's sizes.

        Raises:
            ModelError: The batch failed.
        """
        rows = self._rows[:size]
        for row, request in zip(rows, requests, strict=False):
            np.copyto(row, request.tensor[0])
            request.answer.release()
        began_s = self._clock.monotonic_s()
        outputs = self._backend.infer({self._name: rows})
        self.latency.learn(size, self._clock.monotonic_s() - began_s)
        return [{name: array[index : index + 1] for name, array in outputs.items()} for index in range(len(requests))]
