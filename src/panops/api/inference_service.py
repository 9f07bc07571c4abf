"""The API's way to models: bodies within limits, orders to the desk, its answers as HTTP knows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from panops.api.inference_counts import InferenceCounts
from panops.api.problems import ProblemError
from panops.api.security import Caller
from panops.pipeline.inference_order import Desk, DeskBusy, DeskDown, Order, Reply
from panops.pipeline.model_index import ModelIndex

MOST_BODY_BYTES = 32 * 1024 * 1024
MOST_BYTES = 128 * 1024 * 1024
"""Of all bodies that are being read or wait."""


class Room:
    """What a body takes of the room that all have together.

    Args:
        take: Takes so many bytes more, or gives them back.

    Attributes:
        held: Bytes that are taken now.
    """

    def __init__(self, take: Callable[[int], None]) -> None:
        self._take = take
        self.held = 0

    def be(self, count: int) -> None:
        """Take so many bytes in all.

        Raises:
            ProblemError: 429: there is no room for them now.
        """
        self._take(count - self.held)
        self.held = count


class InferenceService:
    """What routes use.

    Args:
        desk: Has orders done; None where this server runs no models for programs.
        registry: Where the metrics are.

    Attributes:
        counts: What the metrics say of programs.
    """

    def __init__(self, desk: Desk | None, registry: CollectorRegistry) -> None:
        self._desk = desk
        self.counts = InferenceCounts(registry)
        self._held_bytes = 0

    @property
    def index(self) -> ModelIndex:
        """Which models there are; blocks.

        Raises:
            ProblemError: 503: this server runs no models for programs.
        """
        return self._there().index

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[Sequence[bytes]]:
        """A request's body in pieces, which count against `MOST_BYTES` until the block is left.

        Raises:
            ProblemError: 429: there is no room for it now.
        """
        with self.room() as room:
            # What it says of its length is taken at once, so that many slow senders cannot begin together what has no room.
            room.be(int(request.headers.get("content-length", "0")))
            pieces: list[bytes] = []
            length = 0
            async for piece in request.stream():
                length += len(piece)
                room.be(max(length, room.held))
                pieces.append(piece)
            yield pieces

    @contextmanager
    def room(self) -> Iterator[Room]:
        """Room for a body, which is free again when the block is left."""
        room = Room(self._take)
        try:
            yield room
        finally:
            room.be(0)

    async def ask(self, order: Order, body: Sequence[bytes], caller: Caller) -> Reply:
        """Have an order done.

        Raises:
            ProblemError: Whatever is not 200.
        """
        try:
            reply = await self._there().ask(order, body, caller.username)
        except DeskBusy as error:
            self.counts.refused("busy")
            raise ProblemError(429, str(error), headers={"Retry-After": str(error.retry_after_s)}) from error
        except DeskDown as error:
            self.counts.refused("failed")
            raise ProblemError(503, str(error), headers={"Retry-After": "1"}) from error
        self.counts.answered(reply)
        if reply.status != 200:
            raise ProblemError(reply.status, reply.error, headers={"Retry-After": "1"} if reply.status == 503 else None)
        return reply

    def _there(self) -> Desk:
        if self._desk is None:
            raise ProblemError(503, "this server runs no models for programs")
        return self._desk

    def _take(self, count: int) -> None:
        if count > 0 and self._held_bytes + count > MOST_BYTES:
            self.counts.refused("busy")
            raise ProblemError(
                429, "as many request bodies are being read as there is room for; try again in a moment", headers={"Retry-After": "1"}
            )
        self._held_bytes += count


def coding_of(request: Request, offered: Sequence[str] = ()) -> str:
    """How a request's body is compressed; empty for not at all.

    Args:
        request: The request.
        offered: What it may be.

    Raises:
        ProblemError: 415: something else.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        return ""
    if coding not in offered:
        wanted = f"Content-Encoding {' or '.join(offered)}, or none" if offered else "a body without Content-Encoding"
        raise ProblemError(415, f"expected {wanted}, got {ascii(coding)[:40]}; send it as it is")
    return coding
