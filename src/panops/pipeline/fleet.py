"""The shard processes of a site by number: started when there are too few, emptied and stopped when there are too many."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from panops.pipeline.shard_handle import ShardHandle

log = logging.getLogger(__name__)

MOST_FAILED_STARTS = 5
"""A shard that ended so often in a row before it was ready is tried on, but without cameras."""


class Fleet:
    """Keeps as many shards as it is told.

    A shard is *leaving* from when it is not needed any more until it has no cameras: it takes no new ones, and those it has go on.

    Args:
        make: Makes the handle of a shard by its number; it is started here.
    """

    def __init__(self, make: Callable[[int], ShardHandle]) -> None:
        self._make = make
        self._handles: dict[int, ShardHandle] = {}
        self._leaving: set[int] = set()
        self._ending: set[int] = set()
        self._past_restarts = 0

    def __iter__(self) -> Iterator[ShardHandle]:
        """All handles by number."""
        return iter([self._handles[index] for index in sorted(self._handles)])

    def get(self, index: int) -> ShardHandle | None:
        """A shard's handle, or None when there is no such shard."""
        return self._handles.get(index)

    @property
    def staying(self) -> list[int]:
        """The numbers of the shards that are not leaving."""
        return [index for index in sorted(self._handles) if index not in self._leaving]

    @property
    def leaving(self) -> frozenset[int]:
        """The numbers of the shards that are emptied."""
        return frozenset(self._leaving)

    @property
    def failing(self) -> frozenset[int]:
        """The numbers of the shards that cannot be started."""
        return frozenset(index for index, handle in self._handles.items() if handle.failed_starts >= MOST_FAILED_STARTS)

    @property
    def open(self) -> list[int]:
        """The numbers of the shards that take cameras: those that can be started, or all when none can."""
        failing = self.failing
        return [index for index in self.staying if index not in failing] or self.staying

    @property
    def ready(self) -> frozenset[int]:
        """The numbers of the shards that run and have said so."""
        return frozenset(index for index, handle in self._handles.items() if handle.ready)

    @property
    def restarts(self) -> int:
        """How often any shard was started again."""
        return self._past_restarts + sum(handle.restarts for handle in self._handles.values())

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that run."""
        return [handle.pid for handle in self if handle.pid is not None]

    def resize(self, count: int, placement: Mapping[str, int]) -> None:
        """Let `count` shards stay: start further ones at once, or let the emptiest leave.

        Args:
            count: How many; at least one.
            placement: The shard of each camera.
        """
        cameras = Counter(placement.values())
        while len(self.staying) < count:
            back = max(self._leaving - self._ending, key=lambda index: (cameras[index], -index), default=None)
            if back is not None:
                self._leaving.discard(back)
                continue
            index = next(number for number in range(len(self._handles) + 1) if number not in self._handles)
            self._handles[index] = self._make(index)
            self._handles[index].start()
            log.info("process %d is started; %d run cameras now", index, len(self.staying))
        while len(self.staying) > count:
            failing = self.failing
            index = min(self.staying, key=lambda number: (number not in failing, cameras[number], -number))
            self._leaving.add(index)
            log.info("process %d is not needed any more; its %d cameras move to the others", index, cameras[index])

    async def stop(self, index: int) -> None:
        """End a shard that has no cameras any more; what it has to write is written first. Its number is free again afterwards."""
        handle = self._handles[index]
        self._leaving.add(index)
        self._ending.add(index)
        await _stop(handle)
        self._past_restarts += handle.restarts
        del self._handles[index]
        self._leaving.discard(index)
        self._ending.discard(index)

    async def stop_all(self) -> None:
        """End all shards at once. Safe to call twice."""
        handles = list(self)
        await asyncio.gather(*(_stop(handle) for handle in handles))
        self._handles, self._leaving, self._ending = {}, set(), set()


async def _stop(handle: ShardHandle) -> None:
    try:
        await handle.stop()
    except Exception as error:  # the others must be stopped, too
        log.error("process %d could not be stopped in order: %s", handle.index, error)
