"""One model at further sizes of its input: each is compiled once, at its first use, beside the work that goes on."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from panops.domain.errors import ModelUnsupported

log = logging.getLogger(__name__)

Shape = tuple[int, ...]
Compiled = TypeVar("Compiled")

# A size takes some 17 MB, in every process that runs the model.
MOST_SIZES = 6
_BACKGROUND_NICENESS = 10


class FurtherSizes(Generic[Compiled]):
    """Sizes by shape. `takes` and `get` are called by one thread at a time.

    Args:
        model: The model's name, for messages.
        compile_for: Makes the model for a shape; called on a thread of its own, one at a time, or on the caller's where it waits.
        most: So many sizes at most; further ones are refused.
    """

    def __init__(self, model: str, compile_for: Callable[[Shape], Compiled], most: int = MOST_SIZES) -> None:
        self._model = model
        self._compile_for = compile_for
        self._most = most
        self._ready: dict[Shape, Compiled] = {}
        self._known: set[Shape] = set()
        self._wanted: deque[Shape] = deque()
        self._thread: threading.Thread | None = None
        self._compiling = threading.Lock()
        self._closed = False

    def takes(self, shape: Shape, *, wait: bool = False) -> bool:
        """Whether this size is ready; one that is new is compiled now, or meanwhile.

        Args:
            shape: The input's shape.
            wait: Compile now.

        Returns:
            False, too, where the model does not work at this size, or there are enough sizes already.
        """
        if shape in self._ready:
            return True
        if self._closed:
            return False
        if shape not in self._known and len(self._known) < self._most:
            self._known.add(shape)
            self._wanted.append(shape)
        if wait:
            self._work()
        elif self._wanted and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._work_aside, name=f"sizes of {self._model}", daemon=True)
            self._thread.start()
        return shape in self._ready

    def get(self, shape: Shape) -> Compiled | None:
        """The model for this size where it is ready."""
        return self._ready.get(shape)

    def close(self) -> None:
        """Give everything back; what is being compiled is thrown away. Safe to call twice."""
        self._closed = True
        self._wanted.clear()
        self._ready.clear()

    def _work_aside(self) -> None:
        # On Linux a thread has a niceness of its own. Cameras go on meanwhile, and nothing waits for this.
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BACKGROUND_NICENESS)
        self._work()

    def _work(self) -> None:
        with self._compiling:
            while not self._closed:
                try:
                    shape = self._wanted.popleft()
                except IndexError:
                    return
                try:
                    compiled = self._compile_for(shape)
                except ModelUnsupported as error:
                    log.warning("%s cannot be made ready for inputs of %s: %s", self._model, "x".join(map(str, shape)), error)
                    continue
                if not self._closed:
                    self._ready[shape] = compiled
