"""A device without hardware: a backend whose batches take what a latency model says, and that fails when it is told to."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import DeviceError, ModelUnsupported
from panops.domain.protocols import TensorSpec

INPUT = "pictures"
OUTPUT = "rows"


@dataclass(frozen=True, slots=True)
class DeviceLatency:
    """What a batch takes: `base_s + item_s * size`, with jitter, and now and then a hiccup.

    The defaults are those of no real device; they have the shape that GPUs have, where one picture costs nearly as much as eight.

    Attributes:
        base_s: What a batch costs before its first picture.
        item_s: What each picture adds.
        jitter: The share by which a batch may be slower or quicker, evenly spread.
        hiccup_every: Every so many batches one takes `hiccup_s` more; 0 for never.
        hiccup_s: How much more.
        seed: Of the jitter.
    """

    base_s: float = 0.004
    item_s: float = 0.0004
    jitter: float = 0.1
    hiccup_every: int = 0
    hiccup_s: float = 0.0
    seed: int = 0

    def sampler(self) -> Callable[[int], float]:
        """A function from batch size to seconds; the same seed gives the same series."""
        dice = random.Random(self.seed)  # noqa: S311  # test data, not a secret
        count = 0

        def sample(size: int) -> float:
            nonlocal count
            count += 1
            took_s = (self.base_s + self.item_s * size) * (1.0 + self.jitter * dice.uniform(-1.0, 1.0))
            return took_s + (self.hiccup_s if self.hiccup_every and count % self.hiccup_every == 0 else 0.0)

        return sample


class FakeDevice:
    """`domain.protocols.Backend`: pictures (N, 1, H, W) uint8 to rows (N, 2) int64, the first pixel of each and its sum.

    So each answer tells which picture it is of.

    Args:
        latency: What a batch takes; None for no time at all.
        size_wh: Width and height of a picture, px.
        batch: The batch size that the file has; -1 takes any.
        wait: How time passes; a test with a clock of its own gives its own.
    """

    def __init__(
        self,
        latency: DeviceLatency | None = None,
        *,
        size_wh: tuple[int, int] = (4, 4),
        batch: int = -1,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        width, height = size_wh
        self.inputs = (TensorSpec(INPUT, (batch, 1, height, width), np.dtype(np.uint8)),)
        self.outputs = (TensorSpec(OUTPUT, (batch, 2), np.dtype(np.int64)),)
        self.batches: list[int] = []
        self.closed = False
        self.gate = threading.Event()
        """While it is not set, a batch does not end: `hold` clears it."""
        self.entered = threading.Event()
        """Set when a batch begins."""
        self.gate.set()
        self._sample = latency.sampler() if latency is not None else None
        self._wait = wait
        self._failures: list[Exception] = []

    def picture(self, mark: int) -> NDArray[np.uint8]:
        """A picture (1, 1, H, W) whose first pixel is `mark`, 0 to 255."""
        _, channels, height, width = self.inputs[0].shape
        tensor = np.zeros((1, channels, height, width), np.uint8)
        tensor[0, 0, 0, 0] = mark
        return tensor

    def hold(self) -> None:
        """Let no batch end until `gate` is set."""
        self.entered.clear()
        self.gate.clear()

    def fail(self, times: int = 1, error: Exception | None = None) -> None:
        """The next batches fail."""
        self._failures += [error or DeviceError("the fake device was told to fail")] * times

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run a batch."""
        if self.closed:
            raise ModelUnsupported("the fake device was closed")
        pictures = inputs[INPUT]
        self.batches.append(len(pictures))
        self.entered.set()
        if self._sample is not None:
            self._wait(self._sample(len(pictures)))
        self.gate.wait()
        if self._failures:
            raise self._failures.pop(0)
        first = pictures[:, 0, 0, 0].astype(np.int64)
        return {OUTPUT: np.stack([first, pictures.sum(axis=(1, 2, 3), dtype=np.int64)], axis=1)}

    def close(self) -> None:
        """Free it. Safe to call twice."""
        self.closed = True
