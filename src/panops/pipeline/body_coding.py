"""Bodies that travel compressed: taken apart within a bound, and made."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from panops.domain.errors import PanopsError

# How zlib calls each container. HTTP's "deflate" is zlib's, RFC 9110 section 8.4.1.2.
_WINDOWS: Mapping[str, int] = {"gzip": 31, "deflate": 15}
CODINGS = tuple(_WINDOWS)
"""The codings by the names that HTTP has for them."""
# Tensors gain little from more, and it is the time that cameras leave.
_LEVEL = 1


class BodyRefused(PanopsError):
    """A compressed body cannot be used; `status` is the HTTP status for it."""

    def __init__(self, status: int, message: str) -> None:
        """Say why."""
        super().__init__(message)
        self.status = status


def decoded(body: memoryview, coding: str, most_bytes: int) -> memoryview:
    """What a body holds.

    Args:
        body: As it came.
        coding: One of `CODINGS`; empty for none, and then it is the body itself.
        most_bytes: A longer one is not unpacked any further.

    Raises:
        BodyRefused: It is damaged (400), or holds more (413).
    """
    if not coding:
        return body
    unpacking = zlib.decompressobj(_WINDOWS[coding])
    try:
        whole = unpacking.decompress(body, most_bytes + 1)
    except zlib.error:
        raise BodyRefused(400, f"the body is not {coding}, as its Content-Encoding says") from None
    if len(whole) > most_bytes:
        raise BodyRefused(413, f"the body unpacks to more than {most_bytes} bytes; send less at once")
    if not unpacking.eof or unpacking.unused_data:
        what = "bytes follow its end" if unpacking.eof else "its end is missing"
        raise BodyRefused(400, f"the body is not {coding}, as its Content-Encoding says: {what}")
    return memoryview(whole)


def encoded(pieces: Iterable[bytes | NDArray[Any]], coding: str) -> bytes:
    """Pieces of a body as one, compressed.

    Args:
        pieces: Bytes, or arrays that are C-contiguous.
        coding: One of `CODINGS`.
    """
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOWS[coding])
    packed = [packing.compress(piece if isinstance(piece, bytes) else piece.data) for piece in pieces]
    return b"".join([*packed, packing.flush()])
