"""One decoded picture, whose pixels are made only when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Pixels(Protocol):
    """The decoder's picture. Implementations live in `ingest`; `ArrayPixels` serves tests and stills."""

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        ...

    def luma(self) -> NDArray[np.uint8]:
        """(H, W) uint8 brightness; a read-only view of the decoder's plane where the format has one, so it costs nothing."""
        ...

    def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB; a fresh array at each call.

        Args:
            size_wh: The size to scale to, px; None leaves it as it is.
            crop_xyxy: Left, top, right, bottom of the part that is wanted, whole px inside the picture; None for the whole.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPixels:
    """Pixels from an RGB array (H, W, 3) uint8."""

    array: NDArray[np.uint8]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.array.shape[1], self.array.shape[0]

    def luma(self) -> NDArray[np.uint8]:
        """(H, W) uint8 brightness by BT.601 weights."""
        return np.asarray(self.array @ np.array([0.299, 0.587, 0.114], np.float32), dtype=np.uint8)

    def rgb(self, size_wh: tuple[int, int] | None = None, crop_xyxy: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB; scaling is by nearest pixel, good enough for tests only."""
        left, top, right, bottom = crop_xyxy or (0, 0, *self.size_wh)
        array = self.array[top:bottom, left:right]
        if size_wh is None or size_wh == (right - left, bottom - top):
            return array.copy()
        width, height = size_wh
        rows = np.arange(height) * array.shape[0] // height
        columns = np.arange(width) * array.shape[1] // width
        return np.ascontiguousarray(array[rows[:, None], columns[None, :]])


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture of one camera.

    Attributes:
        camera_id: The camera.
        sequence: Counts the camera's decoded frames from 0; gaps mean frames that were skipped.
        pts_s: Presentation time in the stream, s from its start, made monotonic.
        captured_at_s: When it was captured: UTC seconds for a live camera, equal to `pts_s` for a file.
        pixels: Where the picture comes from.
    """

    camera_id: str
    sequence: int
    pts_s: float
    captured_at_s: float
    pixels: Pixels

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.pixels.size_wh

    @property
    def luma(self) -> NDArray[np.uint8]:
        """(H, W) uint8 brightness, free of charge for YUV video."""
        return self.pixels.luma()

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB at full size, converted now."""
        return self.pixels.rgb()

    def __repr__(self) -> str:
        """Size and times, not contents."""
        width, height = self.size_wh
        return f"Frame({self.camera_id!r}, #{self.sequence}, {width}x{height}, pts_s={self.pts_s:.3f})"
