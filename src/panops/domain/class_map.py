"""What each part of a picture shows, as a map of classes: what a segmentation model gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """One class each cell of a grid that covers a whole picture. Read-only.

    Attributes:
        class_id: (H, W) uint8, an index into the model's `classes`, in the model's own resolution.
        size_wh: The picture's size, px; the grid may have other proportions.
    """

    class_id: NDArray[np.uint8]
    size_wh: tuple[int, int]

    def __post_init__(self) -> None:
        """Check the shape and make the array read-only."""
        if self.class_id.ndim != 2 or not self.class_id.size or self.class_id.dtype != np.uint8:
            raise ValueError(f"expected class ids (H, W) uint8, got {self.class_id.shape} {self.class_id.dtype}")
        self.class_id.setflags(write=False)

    def shares(self, count: int) -> NDArray[np.float64]:
        """(count,) which share of the picture each class takes, 0..1; classes beyond `count` are left out."""
        return np.bincount(self.class_id.ravel(), minlength=count)[:count] / self.class_id.size

    def at_size(self, size_wh: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """(H, W) uint8, the map at the picture's own size or another one, px; each pixel takes the nearest cell's class."""
        width, height = size_wh or self.size_wh
        rows = ((np.arange(height) + 0.5) * self.class_id.shape[0] / height).astype(np.int64)
        columns = ((np.arange(width) + 0.5) * self.class_id.shape[1] / width).astype(np.int64)
        return np.ascontiguousarray(self.class_id[rows[:, None], columns[None, :]])

    def __repr__(self) -> str:
        """Shapes, not contents."""
        return f"ClassMap({self.class_id.shape[1]}x{self.class_id.shape[0]} of {self.size_wh[0]}x{self.size_wh[1]} px)"
