"""The answer to come of one picture that waits for a device; `domain.protocols.Ticket`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from panops.domain.errors import ModelError


class DeviceTicket:
    """Answered exactly once; read by the thread that handed the picture over.

    Args:
        began_s: When the picture was handed over.
        hasten: Told that somebody waits for the answer.
        release: Called once when the picture is not needed any more, or None.
    """

    __slots__ = ("_abandoned", "_answered", "_began_s", "_error", "_hasten", "_lock", "_outputs", "_release", "took_s")

    def __init__(self, began_s: float, hasten: Callable[[], None], release: Callable[[], None] | None) -> None:
        self.took_s = 0.0
        self._began_s = began_s
        self._hasten = hasten
        self._release = release
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._abandoned = False
        self._outputs: dict[str, NDArray[Any]] | None = None
        self._error: ModelError | None = None

    @property
    def done(self) -> bool:
        """Whether there is an answer."""
        return self._answered.is_set()

    def release(self) -> None:
        """The picture is not needed any more. Safe to call twice."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def answer(self, outputs: dict[str, NDArray[Any]], now_s: float) -> None:
        """The device's answer."""
        self._settle(outputs, None, now_s)

    def fail(self, error: ModelError, now_s: float) -> None:
        """There will be no answer. The error is this ticket's own: it is raised where the ticket is read."""
        self._settle(None, error, now_s)

    def abandon(self, error: ModelError, now_s: float) -> None:
        """Nobody can tell whether the device will ever answer; should it do so, that answer is dropped."""
        with self._lock:
            self._abandoned = True
            answered = self._answered.is_set()
        if not answered:
            self._settle(None, error, now_s, abandoned=True)

    def _settle(self, outputs: dict[str, NDArray[Any]] | None, error: ModelError | None, now_s: float, *, abandoned: bool = False) -> None:
        with self._lock:
            if self._abandoned and not abandoned:
                return
            if self._answered.is_set():
                raise RuntimeError("a picture was answered twice; please report this")
            self._outputs, self._error = outputs, error
            self.took_s = max(0.0, now_s - self._began_s)
            self._answered.set()
        self.release()

    def result(self) -> dict[str, NDArray[Any]]:
        """The outputs; waits for them. See `domain.protocols.Ticket.result`."""
        if not self._answered.is_set():
            self._hasten()
            self._answered.wait()
        if self._error is not None:
            raise self._error
        if self._outputs is None:
            raise RuntimeError("a picture was answered with nothing; please report this")
        return self._outputs
