"""One thread that reads all the cameras of a process.

A thread a camera wakes for every packet and fights for Python's lock; here one wake-up serves all cameras that have something, each with
one large read. Nobody is served twice before everybody was served once, so a camera that floods takes no turn of another's, and the pause
between two rounds, at least as long as the round computed, bounds what all of them can take of the machine.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from typing import Protocol

from panops.domain.errors import SourceError
from panops.ingest.pace import BUSY_PACE_S, rest_s
from panops.ingest.rtsp_wire import make_room

log = logging.getLogger(__name__)

# Rounds closer together cost more wake-ups and gain nothing: a picture comes in several pieces, and several cameras send at nearly the
# same time. A lone picture is not held up, for the pause comes after it. While somebody has more than a turn takes, the pause is short.
_PACE_S = 0.02
_TICK_S = 1.0


class Flow(Protocol):
    """What a reactor reads."""

    cpu_s: float

    def fileno(self) -> int:
        """Its socket."""
        ...

    def receive(self, room: memoryview) -> bool:
        """Something is there: read once, without waiting.

        Returns:
            Whether there is probably more.

        Raises:
            SourceError: It has ended.
        """
        ...

    def tick(self, now_s: float) -> None:
        """About once a second.

        Raises:
            SourceError: It has ended.
        """
        ...

    def finish(self, failure: SourceError | None) -> None:
        """It is read no more: close it. None says that somebody asked for the end."""
        ...


class Reactor:
    """Reads flows on a thread of its own, which runs while there are any. Safe to use from several threads.

    Args:
        pace_s: The shortest time between two rounds, s.
        tick_s: Time between ticks, s.
    """

    def __init__(self, pace_s: float = _PACE_S, tick_s: float = _TICK_S) -> None:
        self._pace_s = pace_s
        self._tick_s = tick_s
        self._lock = threading.Lock()
        self._orders: deque[tuple[Flow, bool]] = deque()
        self._waker: socket.socket | None = None
        self._flows: set[Flow] = set()

    def __len__(self) -> int:
        """How many flows are read."""
        return len(self._flows)

    def add(self, flow: Flow) -> None:
        """Read a flow from now on. Returns at once."""
        self._order(flow, True)

    def remove(self, flow: Flow) -> None:
        """Read a flow no more; its `finish` tells when that is done. One that has ended already, or was never added, is left alone."""
        self._order(flow, False)

    def _order(self, flow: Flow, begin: bool) -> None:
        try:
            with self._lock:
                if self._waker is None:
                    if not begin:
                        return
                    self._waker = self._start()
                self._orders.append((flow, begin))
                with contextlib.suppress(BlockingIOError):  # it is awake anyway
                    self._waker.send(b"!")
        except (OSError, RuntimeError) as error:  # too many open files, or threads
            log.warning("the RTSP reactor cannot start: %s", error)
            _finish(flow, SourceError(f"the thread that reads cameras cannot start ({error}); raise the limit of open files and threads"))

    def _start(self) -> socket.socket:
        """Let the thread run; what wakes it.

        Raises:
            OSError: There are too many open files.
            RuntimeError: There are too many threads.
        """
        with contextlib.ExitStack() as undo:
            ear, waker = socket.socketpair()
            for end in (ear, waker):
                undo.callback(end.close)
                end.setblocking(False)
            selector = undo.enter_context(selectors.DefaultSelector())
            selector.register(ear, selectors.EVENT_READ, None)
            threading.Thread(target=self._run, args=(selector, ear), name="rtsp-reactor", daemon=True).start()
            undo.pop_all()
        return waker

    # --- the thread ---------------------------------------------------------------------------------------------------------

    def _run(self, selector: selectors.BaseSelector, ear: socket.socket) -> None:
        with ear, selector:
            try:
                self._read_all(selector, ear)
            except Exception:
                log.exception("the RTSP reactor failed; its cameras connect again")
                self._give_up()

    def _read_all(self, selector: selectors.BaseSelector, ear: socket.socket) -> None:
        room = make_room()
        used_s, tick_at_s = time.thread_time(), 0.0
        while True:
            ready = selector.select(max(0.0, tick_at_s - time.monotonic()) if self._flows else None)
            began_s, busy = time.monotonic(), False
            spent: list[tuple[Flow, float]] = []
            for key, _ in ready:
                flow: Flow | None = key.data
                if flow is None:
                    with contextlib.suppress(BlockingIOError):
                        ear.recv(4096)
                    continue
                flow_began_s = time.perf_counter()
                busy = self._serve(selector, flow, room) or busy
                spent.append((flow, time.perf_counter() - flow_began_s))
            self._obey(selector)
            if began_s >= tick_at_s:
                tick_at_s = began_s + self._tick_s
                for flow in tuple(self._flows):
                    self._serve(selector, flow, None, began_s)
            if not self._flows and self._finished():
                return
            before_s, used_s = used_s, _account(spent, used_s)
            pace_s = min(BUSY_PACE_S, self._pace_s) if busy else self._pace_s
            time.sleep(rest_s(pace_s, time.monotonic() - began_s, used_s - before_s))

    def _serve(self, selector: selectors.BaseSelector, flow: Flow, room: memoryview | None, tick_s: float = 0.0) -> bool:
        """One camera's turn, to read into `room`, or to tick; whether it has more. Whatever happens in it is that camera's own."""
        try:
            if room is not None:
                return flow.receive(room)
            flow.tick(tick_s)
        except SourceError as error:
            self._let_go(selector, flow, error)
        except Exception as error:  # a fault in a consumer must not end the other cameras
            log.exception("reading a camera failed")
            self._let_go(selector, flow, SourceError(f"reading failed with {type(error).__name__}; the log has the details"))
        return False

    def _obey(self, selector: selectors.BaseSelector) -> None:
        while self._orders:
            flow, begin = self._orders.popleft()
            if begin:
                try:
                    selector.register(flow, selectors.EVENT_READ, flow)
                except (ValueError, OSError, KeyError) as error:
                    log.debug("a connection was closed before it could be read: %s", error)
                    flow.finish(SourceError("the connection was closed before it could be read"))
                else:
                    self._flows.add(flow)
            elif flow in self._flows:
                self._let_go(selector, flow, None)

    def _let_go(self, selector: selectors.BaseSelector, flow: Flow, failure: SourceError | None) -> None:
        self._flows.discard(flow)
        with contextlib.suppress(KeyError, ValueError, OSError):
            selector.unregister(flow)
        _finish(flow, failure)

    def _finished(self) -> bool:
        with self._lock:
            if self._orders:
                return False
            waker, self._waker = self._waker, None
        if waker is not None:
            waker.close()
        return True

    def _give_up(self) -> None:
        failure = SourceError("reading failed; the log has the details")
        with self._lock:
            waker, self._waker = self._waker, None
            flows = [*self._flows, *(flow for flow, begin in self._orders if begin)]
            self._flows.clear()
            self._orders.clear()
        if waker is not None:
            waker.close()
        for flow in flows:
            _finish(flow, failure)


def _finish(flow: Flow, failure: SourceError | None) -> None:
    try:
        flow.finish(failure)
    except Exception:
        log.exception("a camera's connection could not be closed")


def _account(spent: list[tuple[Flow, float]], used_s: float) -> float:
    """Share the thread's CPU time since `used_s` among those that were served, by how long each took; the thread's CPU time now, s.

    One system call a round; asking before and after each camera would cost more than reading it.
    """
    now_s = time.thread_time()
    total_s = sum(took_s for _, took_s in spent)
    for flow, took_s in spent:
        flow.cpu_s += (now_s - used_s) * took_s / total_s if total_s else 0.0
    return now_s


reactor = Reactor()
"""The process's own."""
