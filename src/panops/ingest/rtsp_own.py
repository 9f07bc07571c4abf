"""RTSP cameras read by ourselves: H.264 or H.265 inside the RTSP connection, which is what nearly all cameras send."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt, SourceError, SourceStalled
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import Address
from panops.ingest.live_packets import BURST_S, LARGEST_BURST
from panops.ingest.pace import BUSY_PACE_S, rest_s
from panops.ingest.reactor import Reactor
from panops.ingest.rtsp_session import RtspSession
from panops.ingest.rtsp_stream import RtspStream
from panops.ingest.rtsp_wire import make_room
from panops.ingest.stoppable import Stopped

# Without announced parameter sets one whole GOP may have to pass.
_FIRST_PICTURE_S = 12.0
# The first picture is often late: cameras and servers are busy with the connection. The earliest of some tells the time.
_SETTLE_S = 0.5
_LONGEST_BURST_S = 2.0


class OwnRtspSource:
    """A `Source` that can also hand its packets over by itself (`push`), read by the process's reactor.

    All but `close` belong to one thread. That thread closes the connection itself when it is at work while `close` is called.

    Args:
        address: Where it is, with the login.
        clock: Time.
        reactor: Reads it once it is pushed.
        open_s: Time to connect, s.
        stall_s: How long the camera may send nothing, s.
    """

    def __init__(self, address: Address, clock: Clock, reactor: Reactor, *, open_s: float = 10.0, stall_s: float = 10.0) -> None:
        self._where = address
        self._clock = clock
        self._reactor = reactor
        self._open_s = open_s
        self._stall_s = stall_s
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._is_busy = False
        self._is_pushed = False
        self._stream: RtspStream | None = None
        self._pulled: deque[Packet] | None = None
        self._after_burst: SourceError | None = None
        self._room: memoryview | None = None
        self._rested_s = 0.0

    @property
    def address(self) -> str:
        """The address for people: the password is never in it."""
        return self._where.masked

    @property
    def info(self) -> StreamInfo | None:
        """The stream that the newest packet belongs to, or None before `open`."""
        return self._stream.info if self._stream else None

    @property
    def cpu_s(self) -> float:
        """CPU time of the reactor for it, s."""
        return self._stream.cpu_s if self._stream else 0.0

    @property
    def lost(self) -> int:
        """Pictures given up because packets of theirs were missing."""
        return self._stream.lost if self._stream else 0

    def open(self) -> StreamInfo:
        """Connect, and wait for the first picture that says what the stream is.

        Raises:
            SourceError: One of its kinds, saying what is wrong.
            Unusual: It is one for FFmpeg.
        """
        with self._at_work(), contextlib.ExitStack() as undo:
            session = RtspSession(self._where, self._stop, self._open_s)
            undo.callback(session.close)
            offer = session.open()
            stream = RtspStream(session, offer, self._where, self._clock, self._stall_s)
            session.play(offer)
            stream.begin()
            self._room = make_room()
            info = self._first_picture(stream)
            self._stream = stream
            undo.pop_all()
        return info

    def read(self) -> Packet | None:
        """The next packet, blocking at most the stall limit; None after `close`.

        Raises:
            SourceError: The connection broke, stalled, or the data is damaged.
        """
        stream = self._opened()
        with self._at_work():
            if self._pulled is None:
                self._pulled = deque()
                self._begin(stream, self._pulled.append)
            while not self._pulled and not self._stop.is_set():
                if self._after_burst is not None:
                    stream.finish(self._after_burst)
                    raise self._after_burst
                self._try_to_pump(stream)
            return None if self._stop.is_set() else self._pulled.popleft()

    def push(self, take: Callable[[Packet], None]) -> None:
        """Give every packet to `take` until the connection ends or `close` is called; `take` runs on the reactor's thread.

        Raises:
            SourceError: As `read`.
        """
        stream = self._opened()
        with self._at_work():
            self._begin(stream, take)
            self._room = None
            if self._after_burst is None and not self._stop.is_set():
                self._is_pushed = True
                self._reactor.add(stream)
                if self._stop.is_set():  # `close` may have come before it could see that
                    self._reactor.remove(stream)
                stream.ended.wait()
            else:
                stream.finish(self._after_burst)
        if stream.failure is not None and not self._stop.is_set():
            raise stream.failure

    def close(self) -> None:
        """Give everything back; ends a blocked call within a fraction of a second. Safe to call twice, from any thread."""
        self._stop.set()
        with self._lock:
            stream, is_busy = self._stream, self._is_busy
        if stream is not None and self._is_pushed:
            self._reactor.remove(stream)
        elif stream is not None and not is_busy:
            stream.finish(None)

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._lock:
            self._is_busy = True
        try:
            yield
        finally:
            with self._lock:
                self._is_busy = False
                stream = self._stream
            if self._stop.is_set() and stream is not None and not stream.ended.is_set() and not self._is_pushed:
                stream.finish(None)

    def _opened(self) -> RtspStream:
        if self._stream is None:
            raise SourceError(f"{self.address} is not open")
        return self._stream

    # --- reading on the caller's own thread -----------------------------------------------------------------------------------

    def _first_picture(self, stream: RtspStream) -> StreamInfo:
        give_up_s = time.monotonic() + max(self._open_s, _FIRST_PICTURE_S)
        while stream.info is None and not self._stop.is_set():
            if self._after_burst is not None:
                raise self._after_burst
            if time.monotonic() > give_up_s:
                if not stream.heard:
                    raise SourceStalled(f"{self.address} is connected, but sends no picture")
                raise SourceCorrupt(f"{self.address} plays, but no picture of it can be decoded")
            self._try_to_pump(stream, 0.2)
        if stream.info is None or self._stop.is_set():
            raise SourceError(f"{self.address} was closed while it was being opened")
        return stream.info

    def _begin(self, stream: RtspStream, take: Callable[[Packet], None]) -> None:
        """Read what comes at once, and a little more, so that the first pictures' capture times are right too; hand it out."""
        settled_s = self._clock.monotonic_s() + _SETTLE_S
        while len(stream.burst) < LARGEST_BURST and self._after_burst is None and not self._stop.is_set():
            self._rest()
            began_s = self._clock.monotonic_s()
            self._try_to_pump(stream)
            now_s = self._clock.monotonic_s()
            if now_s >= settled_s and (now_s - began_s > BURST_S or now_s >= settled_s + _LONGEST_BURST_S):
                break
        stream.flow(take)

    def _try_to_pump(self, stream: RtspStream, wait_s: float = 1.0) -> None:
        """Read once, waiting `wait_s` at most; what goes wrong is kept for after the pictures that came before it."""
        assert self._room is not None, "opened before"  # noqa: S101  # for the type checker
        self._rest()
        try:
            if stream.wait(time.monotonic() + wait_s):
                began_s, used_s = time.monotonic(), time.thread_time()
                stream.receive(self._room)
                now_s = time.monotonic()
                self._rested_s = now_s + rest_s(BUSY_PACE_S, now_s - began_s, time.thread_time() - used_s)
            stream.tick(self._clock.monotonic_s())
        except Stopped:
            return
        except SourceError as error:
            self._after_burst = error

    def _rest(self) -> None:
        """Leave the processor to others between two reads, as the reactor does; a picture that has come does not wait for it."""
        left_s = self._rested_s - time.monotonic()
        if left_s > 0:
            self._stop.wait(left_s)
