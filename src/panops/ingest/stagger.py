"""Spreads the opening of many cameras over time: two hundred at once would starve those that run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from panops.domain.clock import Clock


class OpenStagger:
    """Lets cameras open a few at a time. One is shared by all feeds of a process.

    Two limits: how soon one opening may follow another (opening costs CPU), and how many may be under way. The second one is generous, for
    a camera that does not answer keeps its place until its time-out, and must not hold up the others.

    Args:
        clock: Time.
        spacing_s: Time between two openings, s.
        at_once: How many may be under way.
    """

    def __init__(self, clock: Clock, spacing_s: float = 0.05, at_once: int = 16) -> None:
        self._clock = clock
        self._spacing_s = spacing_s
        self._places = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._next_s = float("-inf")

    @contextmanager
    def turn(self, stop: threading.Event) -> Iterator[bool]:
        """Wait for a turn and keep it during the `with` block.

        Args:
            stop: Ends the waiting.

        Yields:
            False when `stop` was set, and there is no turn.
        """
        held = False
        while not held and not stop.is_set():
            held = self._places.acquire(timeout=0.1)
        try:
            yield held and not self._clock.wait(stop, self._reserve())
        finally:
            if held:
                self._places.release()

    def _reserve(self) -> float:
        """Take the next free moment; how long it is until then, s."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            at_s = max(now_s, self._next_s)
            self._next_s = at_s + self._spacing_s
            return at_s - now_s
