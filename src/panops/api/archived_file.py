"""A recorded file out of an archive, in a folder or a bucket: fetched piece by piece, as the player takes it."""

from __future__ import annotations

import re
from functools import partial

from anyio import CapacityLimiter, fail_after, to_thread
from anyio.lowlevel import RunVar
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from panops.api.media import CACHING, lies_beyond
from panops.api.problems import problem
from panops.domain.errors import PanopsError
from panops.domain.recordings import Segment
from panops.storage.archive import Archive, ArchiveAway, NotInArchive

_PIECE_BYTES = 2 * 1024 * 1024
# An archive that hangs must not take the threads that everything else is answered by; who comes while all of its own wait is told so.
_AT_ONCE, _LONGEST_WAIT_S = 8, 20.0
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?|bytes=-(\d{1,15})")
_threads: RunVar[CapacityLimiter] = RunVar("threads of archives")


def span_of(asked: str | None, length: int) -> tuple[int, int] | None:
    """The first byte that a `Range` header asks for and the one behind its last; None where the whole file is to be sent.

    One range is enough for players; several, and what is none, give the whole file, as RFC 9110 allows.
    """
    match = _RANGE.fullmatch(asked or "")
    if match is None:
        return None
    first, last, newest = match.groups()
    if newest is not None:
        return max(0, length - int(newest)), length
    end = min(length, int(last) + 1) if last is not None else length
    return (int(first), end) if int(first) < end else None


class ArchivedFile(Response):
    """The answer with a file of the archive, or a part of it. Its sha256 is its ETag. No more than one piece of it is in memory.

    Args:
        archive: Where it is.
        segment: Which file.
        name: Its name in the address.
    """

    def __init__(self, archive: Archive, segment: Segment, name: str) -> None:
        super().__init__(None, headers={**CACHING, "ETag": f'"{segment.sha256[:32]}"', "Accept-Ranges": "bytes"}, media_type="video/mp4")
        self._archive = archive
        self._segment = segment
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, a part of it, 304, 416, or 503 where the archive does not answer."""
        headers, size = Headers(scope=scope), self._segment.size_bytes
        etag, asked = self.headers["etag"], headers.get("range")
        if etag in [part.strip().removeprefix("W/") for part in headers.get("if-none-match", "").split(",")]:
            await Response(status_code=304, headers={**CACHING, "ETag": etag})(scope, receive, send)
            return
        if asked is not None and lies_beyond(asked, size):
            why = f"the file has {size} bytes; this range lies beyond"
            await problem(416, why, headers={"Content-Range": f"bytes */{size}"})(scope, receive, send)
            return
        span = None if headers.get("if-range", etag) != etag else span_of(asked, size)
        first, end = span or (0, size)
        try:
            piece = b"" if scope["method"] == "HEAD" else await self._read(first, end)
        except NotInArchive:
            await problem(404, "there is no such recording")(scope, receive, send)
            return
        except PanopsError:
            why = "the archive of recordings does not answer now; try again later"
            await problem(503, why, headers={"Retry-After": "30"})(scope, receive, send)
            return
        await self._begin(send, span, size)
        await self._go_on(Request(scope, receive), send, piece, first, end)

    async def _begin(self, send: Send, span: tuple[int, int] | None, size: int) -> None:
        first, end = span or (0, size)
        self.headers["content-length"] = str(end - first)
        if span is not None:
            self.headers["content-range"] = f"bytes {first}-{end - 1}/{size}"
        await send({"type": "http.response.start", "status": 200 if span is None else 206, "headers": self.raw_headers})

    async def _go_on(self, request: Request, send: Send, piece: bytes, first: int, end: int) -> None:
        """The body. A file that ends too early, or an archive that goes away, breaks the connection off: the player asks again."""
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        at = first
        while True:
            at += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": at < end})
            if at >= end or await request.is_disconnected():
                return
            piece = await self._read(at, end)

    async def _read(self, at: int, end: int) -> bytes:
        wanted = min(_PIECE_BYTES, end - at)
        try:
            with fail_after(_LONGEST_WAIT_S):  # it ends the wait for a thread; a read that runs goes on to its end
                piece = await to_thread.run_sync(partial(self._archive.read, self._segment.path, at, wanted), limiter=_limiter())
        except TimeoutError:
            raise ArchiveAway(f"{self._archive.label} did not answer within {_LONGEST_WAIT_S:g} s") from None
        if len(piece) != wanted:
            raise NotInArchive(f"{self._archive.label} has less of {self._segment.path} than was recorded")
        return piece


def _limiter() -> CapacityLimiter:
    """One for each event loop: it belongs to the loop that made it."""
    try:
        return _threads.get()
    except LookupError:
        limiter = CapacityLimiter(_AT_ONCE)
        _threads.set(limiter)
        return limiter
