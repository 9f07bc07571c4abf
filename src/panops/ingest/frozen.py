"""Tells a camera that shows the very same picture for ever from a scene in which nothing moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Pictures are thinned to about this many points and cut into tiles; of each tile only a hash is kept.
_COLUMNS, _ROWS = 160, 90
_TILES_WH = (16, 9)
# Tiles that may differ: where the camera writes the seconds of its clock into the picture.
_CLOCK_SHARE = 0.05
# How many different pictures are remembered: a group of pictures that is encoded in the same way again and again has a few dozen.
_REMEMBERED = 64
_FEWEST_LOOKS = 5
# A pause longer than this share of the limit proves nothing about the time between.
_LONGEST_PAUSE = 0.5

_weights = np.random.default_rng(2026).integers(1, 2**32, (256, 256), dtype=np.uint32) | np.uint32(1)


class FrozenDetector:
    """Says when nothing new has been seen for too long.

    A sensor always has noise, yet two pictures of a living camera can be equal to the last bit: at a low bit rate an encoder copies
    still blocks from picture to picture. And two pictures of a frozen camera can differ: its encoder refines the same input from
    picture to picture and begins again at each keyframe (measured with x264: three points in four change by a level or more, frozen
    or not). What tells them apart is that a frozen camera's pictures come back: each one was seen before, group after group, while a
    living camera's keyframe is encoded from noise that never comes again. So a picture counts as new when it is unlike every
    remembered one, and the camera is frozen when nothing new has come for `frozen_s`. That must be longer than a few groups of
    pictures.

    What it does not see: a hanging sensor behind an encoder whose rate control never settles. What it takes for frozen: a noiseless drawing
    (a computer's screen, a test picture); there `frozen_s: 0` switches it off.

    Args:
        frozen_s: Nothing new for so long means frozen, s; 0 switches the detector off.
    """

    def __init__(self, frozen_s: float) -> None:
        self._frozen_s = frozen_s
        self._spacing_s = min(1.0, frozen_s / 20)
        self._known: NDArray[np.uint32] = np.zeros((0, 0), np.uint32)
        self._next = 0
        self._shape: tuple[int, ...] = ()
        self._since_s: float | None = None
        self._last_s = float("-inf")
        self._looks = 0
        self._frozen = False

    @property
    def same_since_s(self) -> float | None:
        """When something new was seen last, s, or None before the first picture."""
        return self._since_s

    def look(self, luma: NDArray[np.uint8], time_s: float) -> bool:
        """Take a picture into account. Cheap: about one picture a second is really looked at.

        Args:
            luma: (H, W) uint8 brightness, of any size.
            time_s: Its capture time, s.

        Returns:
            Whether the camera is frozen.
        """
        if self._frozen_s <= 0 or 0 <= time_s - self._last_s < self._spacing_s:
            return self._frozen
        paused = not 0 <= time_s - self._last_s <= max(self._frozen_s * _LONGEST_PAUSE, self._spacing_s)
        self._last_s = time_s
        if self._is_new(luma) or paused or self._since_s is None:
            self._since_s = time_s
            self._looks = 0
        self._looks += 1
        self._frozen = time_s - self._since_s >= self._frozen_s and self._looks >= _FEWEST_LOOKS
        return self._frozen

    def _is_new(self, luma: NDArray[np.uint8]) -> bool:
        """Whether the picture is unlike every remembered one; it is remembered then, in the oldest one's place."""
        hashes = _tile_hashes(luma)
        if luma.shape != self._shape:
            self._shape, self._known, self._next = luma.shape, np.zeros((_REMEMBERED, hashes.size), np.uint32), 0
        unlike = np.count_nonzero(self._known != hashes, axis=1)
        if unlike.min() <= _CLOCK_SHARE * hashes.size:
            return False
        self._known[self._next] = hashes
        self._next = (self._next + 1) % _REMEMBERED
        return True


def _tile_hashes(luma: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """One number a tile (at most 144,), equal for equal tiles; the points are taken as they are, for averaging would hide the noise."""
    height, width = luma.shape
    thin = luma[:: max(1, height // _ROWS), :: max(1, width // _COLUMNS)]
    rows, columns = min(_TILES_WH[1], thin.shape[0]), min(_TILES_WH[0], thin.shape[1])
    tall, wide = min(256, thin.shape[0] // rows), min(256, thin.shape[1] // columns)
    tiles = thin[: rows * tall, : columns * wide].reshape(rows, tall, columns, wide)
    return np.asarray(np.einsum("atbw,tw->ab", tiles, _weights[:tall, :wide], dtype=np.uint32, casting="unsafe").ravel())
