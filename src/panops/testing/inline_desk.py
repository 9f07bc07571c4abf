"""`panops.pipeline.inference_order.Desk` without a process: the same clerk, store and models, one order after the other in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from panops.models.store import ModelStore
from panops.pipeline.inference_clerk import InferenceClerk
from panops.pipeline.inference_order import Order, Reply
from panops.pipeline.model_index import ModelIndex
from panops.pipeline.open_models import OpenModels

_MOST_BYTES = 32 * 1024 * 1024


class InlineDesk:
    """For tests of what is around it; it never has too much to do.

    Args:
        models: The folder of the store.
    """

    def __init__(self, models: Path) -> None:
        store = ModelStore(models)
        self._open = OpenModels(store)
        self._clerk = InferenceClerk(store, self._open, _MOST_BYTES)
        self._index = ModelIndex(store)
        self._turn = asyncio.Lock()
        self.callers: list[str] = []

    @property
    def index(self) -> ModelIndex:
        """Which models there are."""
        return self._index

    async def ask(self, order: Order, body: Sequence[bytes], caller: str) -> Reply:
        """Have an order done."""
        self.callers.append(caller)
        async with self._turn:
            done = await asyncio.to_thread(self._clerk.do, order, memoryview(b"".join(body)))
        whole = b"".join(piece if isinstance(piece, bytes) else piece.tobytes() for piece in done.pieces)
        return Reply(done.status, done.media_type, whole, done.header_bytes, done.error, done.model, done.run_s, coding=done.coding)

    def close(self) -> None:
        """Free the models. Safe to call twice."""
        self._open.close()
