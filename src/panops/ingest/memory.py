"""Gives memory that nobody needs back to the system: after connections ended, and now and then in processes that run for months."""

from __future__ import annotations

import ctypes
import gc
import threading

from panops.domain.clock import Clock

_SPACING_S = 30.0
# M_ARENA_MAX of glibc's malloc.h.
_ARENA_MAX = -8


class FreedMemory:
    """Throws away objects that only hold each other, and asks the C library to give back what is free.

    Python looks through its old objects only once they have grown by a quarter, and counts a decoder that holds a megabyte as one object:
    with cameras that come and go every few seconds a process grew by 50 MB in half an hour before it did (measured), all of it garbage.

    Each connection allocates and frees some hundred small pieces on its own thread. glibc keeps freed memory for later, in pieces too
    scattered to be used again (measured: 7 kB a reconnect, of which half a kilobyte is in use; 1 to 2 MB an hour in a supervisor that only
    waits, while what is in use stays the same). `malloc_trim` returns it.

    Args:
        spacing_s: Do it at most once in so many seconds: it takes some milliseconds, during which other threads wait. They are few
            where everything that stays was frozen (`gc.freeze`) once it was there.
    """

    def __init__(self, spacing_s: float = _SPACING_S) -> None:
        self._spacing_s = spacing_s
        self._lock = threading.Lock()
        self._last_s = float("-inf")
        # Other C libraries have no such function and do not need it.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def give_back(self, clock: Clock) -> bool:
        """Give it back now, unless that was done a short time ago; whether it was done."""
        now_s = clock.monotonic_s()
        with self._lock:
            if self._trim is None or now_s - self._last_s < self._spacing_s:
                return False
            self._last_s = now_s
        gc.collect()
        self._trim(0)
        return True


def share_heaps(most: int = 2) -> bool:
    """Let all threads of this process allocate from `most` heaps; before the first thread starts. Whether the C library can.

    glibc makes up to eight heaps a core for threads that allocate at the same time, and each of them grows to the most that its threads
    ever needed at once. With a thread a camera that is 30 MB a process more (measured). Threads seldom wait for each other here: the large
    buffers, of pictures and tensors, are made once.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(tune is not None and tune(_ARENA_MAX, most))


# One for the process: memory is shared by all cameras.
freed_memory = FreedMemory()
