"""Memory that the API's process and the worker share: a body is written there once, and its tensors are read in place."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import Self

# What a large body took goes back to the system at once; a few pages stay, since the next body needs them again.
_KEEP_BYTES = 4 * 1024 * 1024
_PAGE_BYTES = mmap.PAGESIZE


class InferenceSlots:
    """Places for orders that are with the worker: each has room for a body and for an answer. Memory is taken as it is written to.

    It has no name in any file system, so nothing is left behind however the processes end.

    Args:
        handle: The memory's file descriptor; it stays the caller's.
        count: How many places.
        body_bytes: Room for a body in each, whole pages.
        answer_bytes: Room for an answer in each, whole pages.
    """

    def __init__(self, handle: int, count: int, body_bytes: int, answer_bytes: int) -> None:
        self.count = count
        self.body_bytes = body_bytes
        self.answer_bytes = answer_bytes
        self._map = mmap.mmap(handle, count * (body_bytes + answer_bytes))
        self._view = memoryview(self._map)

    @classmethod
    def make(cls, count: int, body_bytes: int, answer_bytes: int) -> tuple[Self, int]:
        """New ones, and their file descriptor, which the caller closes once the other process has it.

        Raises:
            OSError: The system gives none.
        """
        body_bytes, answer_bytes = (-(-size // _PAGE_BYTES) * _PAGE_BYTES for size in (body_bytes, answer_bytes))
        handle = os.memfd_create("panops-inference", os.MFD_CLOEXEC)
        try:
            os.ftruncate(handle, count * (body_bytes + answer_bytes))
            return cls(handle, count, body_bytes, answer_bytes), handle
        except OSError:
            os.close(handle)
            raise

    def body(self, slot: int) -> memoryview:
        """The room for the body of one place."""
        begin = slot * (self.body_bytes + self.answer_bytes)
        return self._view[begin : begin + self.body_bytes]

    def answer(self, slot: int) -> memoryview:
        """The room for the answer of one place."""
        begin = slot * (self.body_bytes + self.answer_bytes) + self.body_bytes
        return self._view[begin : begin + self.answer_bytes]

    def put_body(self, slot: int, pieces: Sequence[bytes], start: int) -> int:
        """Write a body from `start` on; how long it is.

        Raises:
            ValueError: It is longer than its place.
        """
        room, at = self.body(slot), start
        for piece in pieces:
            room[at : at + len(piece)] = piece
            at += len(piece)
        return at - start

    def give_back(self, slot: int, body_bytes: int, answer_bytes: int) -> None:
        """The place is free again; what so many bytes of it took beyond the usual goes back to the system."""
        begin = slot * (self.body_bytes + self.answer_bytes)
        for start, used in ((begin, body_bytes), (begin + self.body_bytes, answer_bytes)):
            if used > _KEEP_BYTES:
                self._map.madvise(mmap.MADV_REMOVE, start, -(-used // _PAGE_BYTES) * _PAGE_BYTES)

    def close(self) -> None:
        """Let go of the memory. Safe to call twice."""
        self._view.release()
        try:
            self._map.close()
        except BufferError:  # somebody reads in it still; it goes with the last view
            return
