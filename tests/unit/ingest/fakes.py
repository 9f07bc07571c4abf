"""A clock that only moves when told, a source that says what a test wants, and bare packets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from panops.domain.errors import SourceError
from panops.domain.packets import Packet, StreamInfo

INFO = StreamInfo("h264", (160, 120), 10.0, None, True, None)


class FakeClock:
    """Time that moves by `wait` and `advance` only. UTC runs beside the monotonic clock, 1000 s ahead until `set_utc`."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.utc_offset_s = 1_000.0
        self.waits: list[float] = []

    def utc_s(self) -> float:
        return self.now_s + self.utc_offset_s

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now_s += max(0.0, seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


def packet(at_s: float, key: bool = False, size: int = 100, epoch: int = 0) -> Packet:
    return Packet(at_s, at_s, key, size, epoch, payload=None)


def gops(count: int, length: int, rate_fps: float = 10.0, size: int = 100, epoch: int = 0, start_s: float = 0.0) -> list[Packet]:
    return [packet(start_s + number / rate_fps, number % length == 0, size, epoch) for number in range(count * length)]


class FakeSource:
    """Gives what `script` holds: packets are returned, errors raised, functions called; then None."""

    def __init__(self, script: Iterable[Packet | SourceError | Callable[[], None]], open_error: SourceError | None = None) -> None:
        self.address = "fake://camera"
        self.closed = threading.Event()
        self.opened = False
        self._script = iter(script)
        self._open_error = open_error

    def open(self) -> StreamInfo:
        if self._open_error is not None:
            raise self._open_error
        self.opened = True
        return INFO

    def read(self) -> Packet | None:
        for step in self._script:
            if isinstance(step, Packet):
                return step
            if isinstance(step, Exception):
                raise step
            step()
        return None

    def close(self) -> None:
        self.closed.set()
