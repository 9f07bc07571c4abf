"""What has been learnt of a camera's view: arrays while it is watched, bytes while it is not."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from panops.motion.edges import SMALL_WH, TILES_WH

BRIGHTNESS_BINS = 8
"""How sharp a picture is depends on its light: that is learnt for so many steps of brightness."""
_VERSION = 1
_ARRAYS = ("edges", "detail", "sharpness", "sharpness_looks")
_LARGEST_BYTES = 1_000_000
_MAP_SHAPE, _TILE_SHAPE = (2, SMALL_WH[1], SMALL_WH[0]), (TILES_WH[1], TILES_WH[0])


def _steps(brightness: float) -> tuple[tuple[int, float], tuple[int, float]]:
    """The two nearest steps of a brightness (0..255), each with its share of 1."""
    place = min(max(brightness / 255, 0.0), 1.0) * (BRIGHTNESS_BINS - 1)
    lower = min(int(place), BRIGHTNESS_BINS - 2)
    return (lower, lower + 1 - place), (lower + 1, place - lower)


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


@dataclass(slots=True)
class ViewMemory:
    """What one camera's pictures have been like.

    Attributes:
        edges: (2, 90, 160) float32, the mean of the edge maps.
        detail: (6, 10) float32, how much detail each tile has had in the last minutes, grey levels.
        sharpness: (8, 6, 10) float32, by brightness: the logarithm of each tile's fine detail by its coarse detail.
        sharpness_looks: (8,) float32, at how many looks each of them was learnt.
        usual_fit: How well a look fits what was learnt when all is well, 0..1.
        looks: How many looks it was learnt from.
        learnt_s: For how long it was learnt, s.
    """

    edges: NDArray[np.float32] = field(default_factory=lambda: _zeros(*_MAP_SHAPE))
    detail: NDArray[np.float32] = field(default_factory=lambda: _zeros(*_TILE_SHAPE))
    sharpness: NDArray[np.float32] = field(default_factory=lambda: _zeros(BRIGHTNESS_BINS, *_TILE_SHAPE))
    sharpness_looks: NDArray[np.float32] = field(default_factory=lambda: _zeros(BRIGHTNESS_BINS))
    usual_fit: float = 1.0
    looks: int = 0
    learnt_s: float = 0.0

    def learn_sharpness(self, sharpness: NDArray[np.float32], brightness: float, least_weight: float) -> None:
        """Take one look's (6, 10) into the two steps of brightness that are nearest to its own."""
        for step, share in _steps(brightness):
            self.sharpness_looks[step] += share
            weight = share * max(1.0 / max(float(self.sharpness_looks[step]), 1.0), least_weight)
            self.sharpness[step] += (sharpness - self.sharpness[step]) * np.float32(weight)

    def usual_sharpness(self, brightness: float) -> tuple[NDArray[np.float32], float]:
        """What is usual at a brightness, (6, 10), and at how many looks it was learnt."""
        steps = [(step, share * float(self.sharpness_looks[step])) for step, share in _steps(brightness)]
        looks = sum(count for _, count in steps)
        usual = sum((self.sharpness[step] * np.float32(count / max(looks, 1e-6)) for step, count in steps), _zeros(*_TILE_SHAPE))
        return usual, looks

    def to_bytes(self) -> bytes:
        """Everything in about 25 kB; edges are kept to 1/127."""
        target = io.BytesIO()
        scalars = np.array([_VERSION, self.usual_fit, self.looks, self.learnt_s], np.float64)
        np.savez_compressed(
            target,
            scalars=scalars,
            edges=np.rint(self.edges * 127).astype(np.int8),
            detail=self.detail.astype(np.float16),
            sharpness=self.sharpness.astype(np.float16),
            sharpness_looks=self.sharpness_looks,
        )
        return target.getvalue()

    @classmethod
    def from_bytes(cls, blob: bytes) -> ViewMemory:
        """What `to_bytes` gave.

        Raises:
            ValueError: It is something else, or of another version: the view has to be learnt anew.
        """
        if len(blob) > _LARGEST_BYTES:
            raise ValueError(f"expected a learnt view of at most {_LARGEST_BYTES} bytes, got {len(blob)}; it is learnt anew")
        try:
            with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
                version, usual_fit, looks, learnt_s = stored["scalars"].tolist()
                arrays = {name: np.asarray(stored[name], dtype=np.float32) for name in _ARRAYS}
        except (KeyError, ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(f"expected a learnt view, got other bytes ({type(error).__name__}); it is learnt anew") from error
        arrays["edges"] /= np.float32(127)
        fresh = cls()
        for name, array in arrays.items():
            if array.shape != getattr(fresh, name).shape or not np.isfinite(array).all():
                raise ValueError(f"expected {name} of shape {getattr(fresh, name).shape}, got {array.shape}; the view is learnt anew")
        if version != _VERSION:
            raise ValueError(f"expected a learnt view of version {_VERSION}, got {version:g}; it is learnt anew")
        return cls(**arrays, usual_fit=float(usual_fit), looks=int(looks), learnt_s=float(learnt_s))
