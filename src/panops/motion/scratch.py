"""The paper that gates calculate on: what is used within one look only, one set for all cameras of a thread."""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.typing import NDArray

# The picture is halved until it is about this wide: 2x2 means are by far the cheapest exact shrink there is.
TARGET_WIDTH_PX = 160
# So many picture sizes a thread; a site has a handful.
_MOST_SIZES = 16


class Scratch:
    """Buffers for pictures of one size. Each look writes what it reads; nothing in them outlasts it.

    A set is 180 kB, more than what a gate remembers of its camera. One a camera would have to come from memory at each look; the one that
    all share stays in the processor's cache.

    Attributes:
        halves: The picture halved, and halved again; the last one is the small picture.
        small_wh: Width and height of the small picture, px.
        blocks_wh: The same of its blocks of 2x2 px.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        """Make the buffers for pictures of `size_wh` px."""
        width, height = size_wh
        self.halves: list[NDArray[np.uint8]] = []
        for _ in range(max(0, round(math.log2(max(width, 1) / TARGET_WIDTH_PX)))):
            width, height = width // 2, height // 2
            self.halves.append(np.zeros((max(height, 1), max(width, 1)), np.uint8))
        width, height = max(width, 1), max(height, 1)
        blocks = (max(height // 2, 1), max(width // 2, 1))
        self.small_wh, self.blocks_wh = (width, height), (blocks[1], blocks[0])
        self.background_8 = np.zeros((height, width), np.uint8)
        self.difference = np.zeros((height, width), np.uint8)
        self.mask = np.zeros((height, width), np.uint8)
        self.block_now = np.zeros(blocks, np.uint8)
        self.block_background = np.zeros(blocks, np.uint8)
        self.near_now = np.zeros(blocks, np.uint8)
        self.near_background = np.zeros(blocks, np.uint8)
        self.relit = np.zeros(blocks, np.float32)
        self.gain = np.zeros(blocks, np.float32)
        self.block_difference = np.zeros(blocks, np.uint8)
        self.block_left = np.zeros(blocks, np.uint8)
        self.block_step = np.zeros(blocks, np.uint8)
        self.changed = np.zeros(blocks, np.bool_)
        self.ageing = np.zeros(blocks, np.float32)
        self.active = np.zeros(blocks, np.bool_)
        self.together = np.zeros(blocks, np.uint8)


class _Sets(threading.local):
    def __init__(self) -> None:
        self.by_size: dict[tuple[int, int], Scratch] = {}


_sets = _Sets()


def scratch_for(size_wh: tuple[int, int]) -> Scratch:
    """The calling thread's buffers for pictures of a size, px."""
    found = _sets.by_size.get(size_wh)
    if found is None:
        if len(_sets.by_size) >= _MOST_SIZES:
            _sets.by_size.clear()
        found = _sets.by_size[size_wh] = Scratch(size_wh)
    return found
