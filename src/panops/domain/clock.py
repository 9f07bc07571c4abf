"""Time, passed in wherever it is needed so that tests own it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Wall and monotonic time in seconds, and a wait that can be interrupted."""

    def utc_s(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds of a clock that never goes back; only differences mean something."""
        ...

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait `seconds` or until `stop` is set; True when it was set."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def utc_s(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds of the system's monotonic clock."""
        return time.monotonic()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait `seconds` or until `stop` is set; True when it was set."""
        return stop.wait(max(0.0, seconds))
