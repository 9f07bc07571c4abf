"""One FFmpeg input: opens it, gives its video packets, and closes it, from any thread and at once.

What an input may do is fenced in: it names the protocols and the container formats that it expects, so that a playlist fetched over HTTP
cannot read local files, a text file is not shown as video by FFmpeg's terminal-art reader, and junk is refused after a bounded look.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import av
import av.error
from av.container import InputContainer
from av.stream import Discard
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from panops.domain.errors import SourceCorrupt, SourceError, SourceUnsupported
from panops.domain.packets import StreamInfo
from panops.ingest.address import Address
from panops.ingest.failure import open_failure, read_failure
from panops.ingest.hls_opener import HlsOpener
from panops.ingest.interrupt import Interrupt

log = logging.getLogger(__name__)

# Damaged stretches of a file may fail to parse; after this many in a row the rest is given up.
_MOST_BAD_READS = 16
_TAGGED_LENGTH = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
LARGEST_SIDE_PX = 16384
LARGEST_PICTURE_PX = 8192 * 8192


@dataclass(frozen=True, slots=True)
class Input:
    """What to open, and how.

    Attributes:
        address: For messages, and for the secrets to keep out of them.
        url: What FFmpeg opens.
        format: The demuxer to use, or None to find it out among those allowed.
        options: FFmpeg's options.
        thorough: Options for a second try when the first one found the stream but not its picture size; None for no second try.
        open_s: Time to open, s.
        read_s: Time for one read, s.
        opener: Opens all that the input names, itself included, in FFmpeg's place; None: FFmpeg does.
    """

    address: Address
    url: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    thorough: Mapping[str, str] | None = None
    open_s: float = 10.0
    read_s: float = 10.0
    opener: HlsOpener | None = None


class Demuxer:
    """One input. `open` and `read` belong to one thread; `close` may be called from any.

    FFmpeg's structures are touched inside `with self._interrupt` only. That is what makes `close` safe: it frees them itself when no
    thread is inside, and leaves it to that thread otherwise.

    Args:
        what: What to open.

    Attributes:
        format: Name of the container format, empty before `open`.
        duration_s: The input's length with all its streams, s, or None where it has none or does not say.
    """

    def __init__(self, what: Input) -> None:
        self.what = what
        self.format = ""
        self.duration_s: float | None = None
        self._interrupt = Interrupt()
        self._lock = threading.Lock()
        self._container: InputContainer | None = None
        self._stream: VideoStream | None = None
        self._packets: Iterator[av.Packet[VideoStream]] | None = None
        self._bad_reads = 0

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._interrupt.requested

    def open(self) -> StreamInfo:
        """Open the input and find its video.

        Returns:
            The stream, with a copy of its codec parameters that stays valid when the input is closed.

        Raises:
            SourceError: Its kind and message say what is wrong.
        """
        info: StreamInfo | None = None
        failure: SourceError | None = None
        with self._interrupt:
            try:
                info = self._open()
            except SourceError as error:
                failure = error
        if self.is_closed() or info is None:
            self._release()
        if self.is_closed():
            failure = SourceError(f"{self.what.address.masked} was closed while it was being opened")
        if failure is not None or info is None:
            raise failure or SourceError(f"{self.what.address.masked} cannot be opened")
        return info

    def read(self) -> av.Packet[VideoStream] | None:
        """The next packet of the video, or None at the end, or when `close` was called.

        Raises:
            SourceError: The connection broke or stalled, or the data is damaged for good.
        """
        while not self.is_closed():
            packet, failure = self._read()
            if self.is_closed():
                break
            if failure is None:
                if packet is None:
                    return None
                if packet.size:  # an empty one is FFmpeg's sign that the end has come
                    self._bad_reads = 0
                    return packet
                continue
            if not isinstance(failure, SourceCorrupt) or self._bad_reads >= _MOST_BAD_READS:
                raise failure
            self._bad_reads += 1
            self._packets = None
        self._release()
        return None

    def close(self) -> None:
        """Give everything back; ends a blocked `open` or `read` within a fraction of a second. Safe to call twice, from any thread."""
        inside = self._interrupt.request()
        if self.what.opener is not None:
            self.what.opener.close()
        if not inside:
            self._release()

    def _open(self) -> StreamInfo:
        what = self.what
        stream = self._connect(what.options)
        if not size_of(stream)[0] and what.thorough is not None and not self.is_closed():
            self._release()
            stream = self._connect(what.thorough)
        self._check(stream)
        self._stream = stream
        context = stream.codec_context
        return StreamInfo(
            codec=context.codec.canonical_name,
            size_wh=size_of(stream),
            rate_fps=sane_rate(stream.average_rate or stream.guessed_rate or stream.base_rate),
            duration_s=_length_s(self._container, stream),
            live=True,
            template=keep_stream(stream),
        )

    def _connect(self, options: Mapping[str, str]) -> VideoStream:
        what, began_s = self.what, time.monotonic()
        failure: SourceError | None = None
        container: InputContainer | None = None
        try:
            container = av.open(
                what.url,
                "r",
                format=what.format,
                options=dict(options),
                timeout=(what.open_s, what.read_s),
                metadata_errors="replace",
                io_open=what.opener,
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            failure = open_failure(error, what.address, time.monotonic() - began_s, what.open_s)
        # Raised outside of the handler: the library's error, which may hold the password, is not chained to ours.
        if failure is not None or container is None:
            raise failure or SourceError(f"{what.address.masked} cannot be opened")
        with self._lock:
            self._container = container
        self.format = container.format.name
        self.duration_s = container.duration / 1e6 if container.duration and container.duration > 0 else None
        return self._pick(container)

    def _pick(self, container: InputContainer) -> VideoStream:
        """The first video stream; nothing else of the input is read."""
        if not container.streams.video:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            raise SourceUnsupported(f"{self.what.address.masked} holds no video (found: {kinds})")
        chosen = container.streams.video[0]
        for stream in container.streams:
            if stream.index != chosen.index:
                stream.discard = Discard.all
        return chosen

    def _check(self, stream: VideoStream) -> None:
        where = self.what.address.masked
        context: VideoCodecContext | None = stream.codec_context
        if context is None:
            raise SourceUnsupported(f"{where}: its video codec is unknown")
        width, height = size_of(stream)
        if not width or not height:
            raise SourceCorrupt(f"{where} is {context.name} video, but no picture of it can be decoded")
        if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_PICTURE_PX:
            raise SourceUnsupported(f"{where}: pictures of {width}x{height} are larger than can be handled")

    def _read(self) -> tuple[av.Packet[VideoStream] | None, SourceError | None]:
        packet: av.Packet[VideoStream] | None = None
        with self._interrupt:
            container, stream = self._container, self._stream
            if self.is_closed():
                return None, None
            if container is None or stream is None:
                return None, SourceError(f"{self.what.address.masked} is not open")
            try:
                if self._packets is None:
                    self._packets = container.demux(stream)
                packet = next(self._packets, None)
            except IndexError:
                # At the end PyAV also flushes streams that appeared while it read (a stray one in MPEG-TS), but does not know them.
                return None, None
            except (av.error.FFmpegError, OSError, ValueError) as error:
                return None, read_failure(error, self.what.address, self.what.read_s)
        return packet, None

    def _release(self) -> None:
        with self._lock:
            container, self._container = self._container, None
            self._packets = self._stream = None
        if container is not None:
            container.close()
        if self.what.opener is not None:
            self.what.opener.release()


def size_of(stream: VideoStream) -> tuple[int, int]:
    """Width and height, px; zeros while unknown, or without a decoder (there is no codec context then, whatever the stubs say)."""
    context: VideoCodecContext | None = stream.codec_context
    return (context.width, context.height) if context is not None else (0, 0)


def _length_s(container: InputContainer | None, stream: VideoStream) -> float | None:
    """The video's own length, s: the container's counts sound that begins earlier or ends later. None where neither is known."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    starts_at_s = float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0
    if container is not None and container.start_time:
        starts_at_s = max(0.0, starts_at_s - container.start_time / 1e6)
    tag = _TAGGED_LENGTH.fullmatch(stream.metadata.get("DURATION", ""))  # Matroska's: where the stream ends
    if tag is not None:
        return max(0.0, 3600.0 * int(tag[1]) + 60.0 * int(tag[2]) + float(tag[3]) - starts_at_s) or None
    if container is None or not container.duration or container.duration <= 0:
        return None
    return max(0.0, container.duration / 1e6 - starts_at_s) or None


def sane_rate(rate: Fraction | None) -> float | None:
    """A rate as frames/s, or None where there is none or nobody would believe it."""
    return float(rate) if rate and 0.01 <= float(rate) <= 1000 else None


def keep_stream(stream: VideoStream) -> VideoStream:
    """A stream of the same codec parameters that belongs to a container of its own, which is never written or closed.

    FFmpeg frees an input's streams when it is closed, while decoders and clips of its packets are made later.
    """
    holder = av.open("parameters", "w", format="null")  # makes no file
    kept: VideoStream = holder.add_stream_from_template(stream, opaque=True)
    # Nothing was begun, so this only makes the container forget the stream. The stream goes on holding the container: without the circle
    # both are freed at once when nobody needs them, not some time later by the garbage collector (measured: 7 kB more a reconnect).
    holder.close()
    return kept
