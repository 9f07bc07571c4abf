"""IP cameras over RTSP: TCP by default, UDP when asked for; read by ourselves where we can, by FFmpeg otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from panops.domain.clock import Clock
from panops.domain.errors import SourceCorrupt, SourceError
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import Address
from panops.ingest.reactor import Reactor, reactor
from panops.ingest.reader_choice import ReaderChoice, Unusual, reader_choice
from panops.ingest.rtsp_ffmpeg import FfmpegRtspSource
from panops.ingest.rtsp_own import OwnRtspSource


class RtspSource:
    """A camera at an `rtsp://` or `rtsps://` address. Which reader reads it is decided while connecting.

    Args:
        address: Where it is, with the login.
        clock: Time.
        transport: `tcp` (video inside the RTSP connection) or `udp`.
        open_s: Time to connect, s.
        stall_s: How long the camera may send nothing, s.
        reactor: Reads the cameras that are pushed; the process's own unless another is given.
        choice: Remembers which cameras are for FFmpeg; the process's own unless another is given.
    """

    def __init__(
        self,
        address: Address,
        clock: Clock,
        *,
        transport: Literal["tcp", "udp"] = "tcp",
        open_s: float = 10.0,
        stall_s: float = 10.0,
        reactor: Reactor = reactor,
        choice: ReaderChoice = reader_choice,
    ) -> None:
        self._where = address
        self._clock = clock
        self._choice = choice
        self._own: OwnRtspSource | None = None
        if transport == "tcp" and address.scheme == "rtsp" and not choice.for_ffmpeg(address.masked, clock):
            self._own = OwnRtspSource(address, clock, reactor, open_s=open_s, stall_s=stall_s)
        self._ffmpeg = FfmpegRtspSource(address, clock, transport=transport, open_s=open_s, stall_s=stall_s)

    @property
    def address(self) -> str:
        """The address for people: the password is never in it."""
        return self._where.masked

    @property
    def reader(self) -> Literal["own", "ffmpeg"]:
        """Who reads it, as far as is known."""
        return "own" if self._own is not None else "ffmpeg"

    @property
    def info(self) -> StreamInfo | None:
        """The stream that the newest packet belongs to, or None before `open`."""
        return self._reader.info

    @property
    def cpu_s(self) -> float:
        """CPU time spent on it by other threads than the one that reads or pushes, s."""
        return self._own.cpu_s if self._own is not None else 0.0

    @property
    def lost(self) -> int:
        """Pictures given up because packets of theirs were missing, where that is known."""
        return self._own.lost if self._own is not None else 0

    def open(self) -> StreamInfo:
        """Connect. Blocks at most the connect time-out, and until the first picture.

        Raises:
            SourceError: One of its kinds, saying what is wrong.
        """
        own = self._own
        if own is None:
            return self._ffmpeg.open()
        try:
            return own.open()
        except Unusual as error:
            reason = str(error)
        except SourceCorrupt as error:
            self._doubt(error)
            raise
        self._own = None
        info = self._ffmpeg.open()  # where `close` was called in the meantime, it raises at once
        self._choice.remember(self.address, reason, self._clock)
        return info

    def read(self) -> Packet | None:
        """The next packet, blocking at most the stall limit; None after `close`.

        Raises:
            SourceError: The connection broke, stalled, or the data is damaged.
        """
        try:
            return self._reader.read()
        except SourceCorrupt as error:
            self._doubt(error)
            raise

    def push(self, take: Callable[[Packet], None]) -> None:
        """Give every packet to `take` until the connection ends or `close` is called; `take` may run on another thread.

        Raises:
            SourceError: As `read`.
        """
        if self._own is None:
            while (packet := self._ffmpeg.read()) is not None:
                take(packet)
            return
        try:
            self._own.push(take)
        except SourceCorrupt as error:
            self._doubt(error)
            raise

    def close(self) -> None:
        """Give everything back; ends a blocked call. Safe to call twice, from any thread."""
        if self._own is not None:
            self._own.close()
        self._ffmpeg.close()

    @property
    def _reader(self) -> OwnRtspSource | FfmpegRtspSource:
        return self._own if self._own is not None else self._ffmpeg

    def _doubt(self, error: SourceError) -> None:
        """What our reader takes for damage FFmpeg may be able to read: the next connection is its."""
        if self._own is not None:
            self._choice.remember(self.address, f"our reader gave up: {error}", self._clock)
