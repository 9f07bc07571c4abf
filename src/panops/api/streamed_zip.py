"""A zip archive that is made while it is sent: at no time is more of it in memory than one piece."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

PIECE_BYTES = 256 * 1024


class _Sink(io.RawIOBase):
    """Takes what `zipfile` writes; it cannot be wound back, so sizes and sums follow each file."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """It is for writing only."""
        return True

    def write(self, data: object) -> int:
        """Keep a piece until it is taken."""
        piece = bytes(memoryview(data))  # type: ignore[arg-type]  # whatever zipfile writes is a buffer
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


class StreamedZip:
    """Files go in one after the other; each call gives the bytes of the archive that it makes. Blocks on what it reads."""

    def __init__(self) -> None:
        self._sink = _Sink()
        # Pictures and clips are compressed already.
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED, allowZip64=True)

    def add_file(self, name: str, file: BinaryIO, size_bytes: int, at_s: float) -> Iterator[tuple[bytes, bytes]]:
        """Put an open file in.

        Args:
            name: Its path in the archive.
            file: Read to its end.
            size_bytes: How long it is thought to be; it decides the format only.
            at_s: Its time, UTC s.

        Yields:
            Pieces of the archive, each with the piece of the file that was read for it.
        """
        entry = _entry(name, at_s)
        entry.file_size = size_bytes
        with self._zip.open(entry, "w") as target:
            while piece := file.read(PIECE_BYTES):
                target.write(piece)
                yield self._sink.take(), piece
        yield self._sink.take(), b""

    def add_text(self, name: str, text: str, at_s: float) -> bytes:
        """Put a text in."""
        self._zip.writestr(_entry(name, at_s), text.encode())
        return self._sink.take()

    def end(self) -> bytes:
        """The archive's table of contents."""
        self._zip.close()
        return self._sink.take()


def _entry(name: str, at_s: float) -> zipfile.ZipInfo:
    # A zip knows no year before 1980; its times have no zone, so they are UTC.
    when = time.gmtime(max(at_s, 315_532_800.0))
    entry = zipfile.ZipInfo(name, when[:6])
    entry.external_attr = 0o600 << 16
    return entry
