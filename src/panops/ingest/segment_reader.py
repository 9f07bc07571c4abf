"""Reads recorded files: how long one is, what a killed process left of one, and a span of several as one film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from panops.domain.errors import SourceCorrupt
from panops.ingest.remux import TIME_BASE

_LARGEST_HEAD = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file.

    Attributes:
        path: The file.
        from_s: Where it begins, s from the file's start; the keyframe at or before that is the first picture.
        to_s: Where it ends, s from the file's start.
    """

    path: Path
    from_s: float
    to_s: float


class OtherStream(SourceCorrupt):
    """Files that cannot be one film, because the camera's stream was another one from some file on.

    Attributes:
        index: The first piece that does not go with those before it.
    """

    def __init__(self, index: int) -> None:
        """Name the piece."""
        super().__init__("the camera's picture or codec was another one from here on")
        self.index = index


def is_whole(path: Path) -> bool:
    """Whether a file was closed in order: then it has its index. One that grows, or that a killed process left, has fragments.

    Raises:
        OSError: It cannot be read.
    """
    return not any(kind == b"moof" for kind in _boxes(path))


def _boxes(path: Path) -> Iterator[bytes]:
    """The kinds of a file's outermost boxes, in order."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size:
            file.seek(at)
            head = file.read(_LARGEST_HEAD)
            length = int.from_bytes(head[:4], "big")
            yield head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:  # to the end of the file, or damaged
                return
            at += length


def length_s(path: Path) -> float:
    """How long a file plays, s: up to the end of its last whole picture.

    Raises:
        SourceCorrupt: No picture of it can be read.
        OSError: It cannot be read.
    """
    end_s = 0.0
    with _opened(path) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.pts is not None and packet.time_base:
                end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    if end_s <= 0:
        raise SourceCorrupt(f"{path.name} holds no whole picture")
    return end_s


def finish(path: Path, temporary: Path) -> None:
    """Give a file that a killed process left its index, with all whole pictures of it, and put it in the same place.

    Raises:
        SourceCorrupt: No picture of it can be read.
        OSError: The disk refuses.
    """
    copy_pieces([Piece(path, 0.0, float("inf"))], temporary)
    temporary.replace(path)


def copy_pieces(pieces: Sequence[Piece], target: Path, stopped: Callable[[], bool] = lambda: False) -> float:
    """One MP4 of parts of files, not encoded again; what lies between them is left out.

    Args:
        pieces: In order; each is a part of a file of its own.
        target: The file to write.
        stopped: Asked now and then whether nobody wants it any more.

    Returns:
        How long it plays, s.

    Raises:
        OtherStream: A piece's stream is not that of the first one.
        SourceCorrupt: A file cannot be read, or there is nothing in it.
        OSError: The disk refuses.
    """
    film = _Film(target)
    try:
        for index, piece in enumerate(pieces):
            if stopped():
                break
            with _opened(piece.path) as container:
                film.add(index, piece, container)
    except (av.error.OSError, av.error.FileNotFoundError, av.error.PermissionError):
        raise
    except (av.error.FFmpegError, ValueError) as error:
        raise SourceCorrupt(f"the film cannot be written: {getattr(error, 'strerror', None) or error}") from error
    finally:
        film.close()
    if film.end == 0:
        raise SourceCorrupt("expected recorded pictures, got none that can be read")
    return float(film.end * TIME_BASE)


class _Film:
    """The file that is written, its stream, and its length so far in ticks."""

    def __init__(self, target: Path) -> None:
        self.end = 0
        self._output: OutputContainer = av.open(target, "w", format="mp4")
        self._stream: VideoStream | None = None
        self._kind: tuple[str, int, int, bytes | None] | None = None
        self._last_dts: int | None = None

    def add(self, index: int, piece: Piece, container: InputContainer) -> None:
        source = container.streams.video[0]
        context = source.codec_context
        kind = (context.name, context.width, context.height, bytes(context.extradata or b""))
        if self._stream is None:
            self._stream, self._kind = self._output.add_stream_from_template(source), kind
            self._stream.time_base = TIME_BASE
            if context.name == "hevc":
                self._stream.codec_context.codec_tag = "hvc1"
        elif kind != self._kind:
            raise OtherStream(index)
        self._copy(piece, container, source, self._stream)

    def _copy(self, piece: Piece, container: InputContainer, source: VideoStream, stream: VideoStream) -> None:
        if piece.from_s > 0 and source.time_base:
            container.seek(round(piece.from_s / source.time_base), stream=source, backward=True)
        begin = self.end
        first_pts: int | None = None
        for packet in container.demux(source):
            if packet.pts is None or packet.dts is None or not packet.time_base:
                continue
            if float(packet.dts * packet.time_base) >= piece.to_s:
                break
            scale = packet.time_base / TIME_BASE
            pts, dts = round(packet.pts * scale), round(packet.dts * scale)
            if first_pts is None:
                first_pts = pts
            pts, dts = pts - first_pts + begin, dts - first_pts + begin
            if self._last_dts is not None:
                dts = max(dts, self._last_dts + 1)
            duration = max(1, round((packet.duration or 0) * scale))
            packet.stream, packet.time_base = stream, TIME_BASE
            packet.pts, packet.dts, packet.duration = max(pts, dts), dts, duration
            self._last_dts = dts
            self.end = max(self.end, packet.pts + duration)
            self._output.mux_one(packet)

    def close(self) -> None:
        self._output.close()


def _opened(path: Path) -> InputContainer:
    try:
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file", "format_whitelist": "mov"})
    except (av.error.InvalidDataError, ValueError) as error:
        raise SourceCorrupt(f"{path.name} cannot be read as video: {getattr(error, 'strerror', None) or error}") from error
    if not container.streams.video:
        container.close()
        raise SourceCorrupt(f"{path.name} holds no video")
    return container
