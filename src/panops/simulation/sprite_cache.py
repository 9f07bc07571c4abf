"""Drawn bodies, kept for all scenes of the process together and no more than a set number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from panops.simulation.shading import Sprite

LIMIT_BYTES = 12_000_000


class SpriteCache:
    """Least recently used goes first. Safe to use from several threads: two may draw the same sprite at once, and either one is kept.

    Args:
        limit_bytes: How much memory the sprites may take.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        """Begin empty."""
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._sprites: OrderedDict[Hashable, Sprite] = OrderedDict()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """What the sprites take now."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], Sprite]) -> Sprite:
        """The sprite of `key`, drawn by `make` when it is not there; `make` must give the same for the same key."""
        with self._lock:
            found = self._sprites.get(key)
            if found is not None:
                self._sprites.move_to_end(key)
                return found
        made = make()
        with self._lock:
            if key not in self._sprites:
                self._sprites[key] = made
                self._bytes += made.size_bytes
                while self._bytes > self._limit and len(self._sprites) > 1:
                    _, gone = self._sprites.popitem(last=False)
                    self._bytes -= gone.size_bytes
        return made


SHARED = SpriteCache()
