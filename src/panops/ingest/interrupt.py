"""Lets one thread end another thread's blocked FFmpeg call.

FFmpeg asks an interrupt callback several times a second whether to give up; PyAV's answers "yes" when the call's time is over, by
comparing `time.monotonic()` with the call's start. PyAV offers no way to shorten that time while a call runs. So that a camera can
be removed at once, and not only after its time-out, the name `time` inside `av.container.core` is replaced by a clock that jumps
ahead, only for threads that somebody asked to stop. Should a later PyAV no longer look the clock up there, blocked calls still end
by their time-outs; `tests/unit/ingest/test_interrupt.py` would tell.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

import av.container.core

# Thread identity -> how often its clock was read since it was asked to stop.
_asked: dict[int, int] = {}
_FAR_S = 1e6


class _JumpingClock:
    """Stands in for the module `time` inside `av.container.core`, which uses its `monotonic` only."""

    @staticmethod
    def monotonic() -> float:
        now_s = time.monotonic()
        if _asked:
            thread = threading.get_ident()
            if thread in _asked:
                # Each reading is later than the one before, so it does not matter whether the call's start was read before or after.
                _asked[thread] += 1
                now_s += _FAR_S * _asked[thread]
        return now_s


setattr(av.container.core, "time", _JumpingClock)  # noqa: B010  # the stubs do not list the module's imports


class Interrupt:
    """Wraps one thread's blocking calls: `with interrupt: ...`; `request` from any thread ends the one that runs and all later ones.

    Attributes:
        requested: Whether somebody asked to stop. It stays so.
    """

    def __init__(self) -> None:
        self.requested = False
        self._thread: int | None = None
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether a thread is inside a wrapped call."""
        return self._thread is not None

    def request(self) -> bool:
        """End the call that runs now, if any; True when there was one."""
        with self._lock:
            self.requested = True
            if self._thread is not None:
                _asked.setdefault(self._thread, 0)
            return self._thread is not None

    def __enter__(self) -> Self:
        """Begin a blocking call."""
        with self._lock:
            self._thread = threading.get_ident()
            if self.requested:
                _asked.setdefault(self._thread, 0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End it."""
        with self._lock:
            if self._thread is not None:
                _asked.pop(self._thread, None)
            self._thread = None
