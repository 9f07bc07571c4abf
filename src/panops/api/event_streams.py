"""The open event streams: how many there may be, what they hear of reviews, and their end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from panops.api.security import Caller, Resolver
from panops.pipeline.live import EventNotice


@dataclass(frozen=True, slots=True)
class _Open:
    via: str
    username: str
    put: Callable[[EventNotice], None]
    closing: asyncio.Event


class EventStreams:
    """All open streams, and how many there may be.

    Args:
        resolve: Finds the caller again, to notice a session that was ended.
        limit: The most at once.
        limit_of_one: The most at once of one user or token.
    """

    def __init__(self, resolve: Resolver, limit: int = 100, limit_of_one: int = 10) -> None:
        self.resolve = resolve
        self._limit = limit
        self._limit_of_one = limit_of_one
        self._open: dict[object, _Open] = {}
        self._closing = False

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def refusal(self, caller: Caller) -> str:
        """Why there is no place for one more; empty where there is."""
        if self._closing or len(self._open) >= self._limit:
            return "too many event streams are open; try again later"
        if sum((one.via, one.username) == (caller.via, caller.username) for one in self._open.values()) >= self._limit_of_one:
            return f"{caller.username} has {self._limit_of_one} event streams open already; close some"
        return ""

    @contextlib.contextmanager
    def one_more(self, caller: Caller, put: Callable[[EventNotice], None]) -> Iterator[asyncio.Event]:
        """Count a stream while it is open; the value is set when it has to end."""
        key, closing = object(), asyncio.Event()
        self._open[key] = _Open(caller.via, caller.username, put, closing)
        try:
            yield closing
        finally:
            del self._open[key]

    def event_changed(self, event_id: str, camera_id: str) -> None:
        """Somebody reviewed an event."""
        for one in self._open.values():
            one.put(EventNotice(event_id, camera_id, "", "review"))

    def close_all(self) -> None:
        """End every stream and take no new ones."""
        self._closing = True
        for one in self._open.values():
            one.closing.set()
