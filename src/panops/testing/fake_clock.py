"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading


class FakeClock:
    """Implements `panops.domain.clock.Clock`. UTC and monotonic time are one and the same; waiting moves both.

    Args:
        now_s: The time it begins with, s.
    """

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.now_s = now_s

    def utc_s(self) -> float:
        """The time, s."""
        return self.now_s

    def monotonic_s(self) -> float:
        """The time, s."""
        return self.now_s

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Let the time pass at once; whether `stop` is set."""
        self.now_s += max(0.0, seconds)
        return stop.is_set()
