"""The API's way to models: bodies within limits, orders to the desk, its answers as HTTP knows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

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


class InferenceService:
    """What routes use.

    Args:
        desk: Has orders done; None where this server runs no models for programs.
        registry: Where the metrics are.
    """

    def __init__(self, desk: Desk | None, registry: CollectorRegistry) -> None:
        self._desk = desk
        self._counts = InferenceCounts(registry)
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
            ProblemError: 415: it is compressed; 429: there is no room for it now.
        """
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.strip().lower() != "identity":
            raise ProblemError(415, f"expected a body without Content-Encoding, got {ascii(encoding)[:40]}; send it as it is")
        pieces: list[bytes] = []
        held = 0
        try:
            # What it says of its length is taken at once, so that many slow senders cannot begin together what has no room.
            held = self._take(int(request.headers.get("content-length", "0")))
            length = 0
            async for piece in request.stream():
                length += len(piece)
                if length > held:
                    held += self._take(length - held)
                pieces.append(piece)
            yield pieces
        finally:
            self._held_bytes -= held

    async def ask(self, order: Order, body: Sequence[bytes], caller: Caller) -> Reply:
        """Have an order done.

        Raises:
            ProblemError: Whatever is not 200.
        """
        try:
            reply = await self._there().ask(order, body, caller.username)
        except DeskBusy as error:
            self._counts.refused("busy")
            raise ProblemError(429, str(error), headers={"Retry-After": str(error.retry_after_s)}) from error
        except DeskDown as error:
            self._counts.refused("failed")
            raise ProblemError(503, str(error), headers={"Retry-After": "1"}) from error
        self._counts.answered(reply)
        if reply.status != 200:
            raise ProblemError(reply.status, reply.error, headers={"Retry-After": "1"} if reply.status == 503 else None)
        return reply

    def _there(self) -> Desk:
        if self._desk is None:
            raise ProblemError(503, "this server runs no models for programs")
        return self._desk

    def _take(self, count: int) -> int:
        if self._held_bytes + count > MOST_BYTES:
            self._counts.refused("busy")
            raise ProblemError(
                429, "as many request bodies are being read as there is room for; try again in a moment", headers={"Retry-After": "1"}
            )
        self._held_bytes += count
        return count
