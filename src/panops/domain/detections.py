"""What a detector saw in one frame, as a struct of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N detections of one frame. Arrays are read-only; whoever wants to change them copies.

    Attributes:
        xyxy: Boxes (N, 4) float32, px of the source frame: left, top, right, bottom.
        score: (N,) float32, 0..1.
        class_id: (N,) int64, an index into the detector's `classes`.
        keypoints: (N, K, 3) float32 of x, y in px and score, or None.
        mask: (N, H, W) bool, or None.
        embedding: (N, D) float32, or None.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int64]
    keypoints: NDArray[np.float32] | None = None
    mask: NDArray[np.bool_] | None = None
    embedding: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Check the lengths and make the arrays read-only."""
        count = len(self.xyxy)
        if self.xyxy.shape != (count, 4) or self.score.shape != (count,) or self.class_id.shape != (count,):
            raise ValueError(
                f"expected xyxy (N, 4), score (N,), class_id (N,); got {self.xyxy.shape}, {self.score.shape}, {self.class_id.shape}"
            )
        for array in (self.xyxy, self.score, self.class_id, self.keypoints, self.mask, self.embedding):
            if array is not None:
                if len(array) != count:
                    raise ValueError(f"expected {count} rows in every array, got {len(array)}")
                array.setflags(write=False)

    def __len__(self) -> int:
        """How many detections."""
        return len(self.xyxy)

    @classmethod
    def empty(cls) -> Self:
        """No detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Detections:
        """The rows that `keep`, a mask (N,) or indices (K,), names."""
        return Detections(
            self.xyxy[keep],
            self.score[keep],
            self.class_id[keep],
            None if self.keypoints is None else self.keypoints[keep],
            None if self.mask is None else self.mask[keep],
            None if self.embedding is None else self.embedding[keep],
        )

    @classmethod
    def concat(cls, parts: Sequence[Detections]) -> Detections:
        """All rows of `parts` in order; an optional array is kept only where every non-empty part has it."""
        full = [part for part in parts if len(part)]
        if not full:
            return cls.empty()

        def joined(arrays: Sequence[NDArray[np.generic] | None]) -> NDArray[np.generic] | None:
            present = [array for array in arrays if array is not None]
            return np.concatenate(present) if len(present) == len(arrays) else None

        return cls(
            np.concatenate([part.xyxy for part in full]),
            np.concatenate([part.score for part in full]),
            np.concatenate([part.class_id for part in full]),
            joined([part.keypoints for part in full]),  # type: ignore[arg-type]  # numpy generics do not carry through
            joined([part.mask for part in full]),  # type: ignore[arg-type]
            joined([part.embedding for part in full]),  # type: ignore[arg-type]
        )

    def __repr__(self) -> str:
        """Shapes, not contents."""
        extras = [name for name in ("keypoints", "mask", "embedding") if getattr(self, name) is not None]
        return f"Detections(n={len(self)}{''.join(', +' + name for name in extras)})"
