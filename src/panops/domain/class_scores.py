"""What a classifier says of pictures, or of parts of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ClassScores:
    """N answers. The array is read-only; whoever wants to change it copies.

    Attributes:
        scores: (N, C) float32, 0..1; each row adds up to 1.
    """

    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check the shape and make the array read-only."""
        if self.scores.ndim != 2 or self.scores.shape[1] == 0:
            raise ValueError(f"expected scores (N, C) with at least one class, got {self.scores.shape}")
        self.scores.setflags(write=False)

    def __len__(self) -> int:
        """How many answers."""
        return len(self.scores)

    def __repr__(self) -> str:
        """Shapes, not contents."""
        return f"ClassScores(n={len(self)}, classes={self.scores.shape[1]})"

    @classmethod
    def empty(cls, class_count: int) -> Self:
        """No answers."""
        return cls(np.zeros((0, class_count), np.float32))

    @property
    def top_class(self) -> NDArray[np.int64]:
        """(N,) int64: the class with the highest score; of equals the first."""
        return np.asarray(self.scores.argmax(1), np.int64) if len(self) else np.zeros(0, np.int64)

    @property
    def top_score(self) -> NDArray[np.float32]:
        """(N,) float32: its score."""
        return np.asarray(self.scores.max(1), np.float32) if len(self) else np.zeros(0, np.float32)
