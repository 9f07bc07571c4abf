"""Faces that are drawn as coloured blocks, and a reader that knows them again: for tests without models.

Red says whose face a block is, green which picture of it, blue whether it lives; a small block, a wide one or a dim one has a fault.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.errors import ModelError
from panops.domain.faces import FACE_POINTS, FaceFault, SeenFaces
from panops.domain.frame import Frame

_GREY = 120
_STEP = 32
_LEAST_PX = 40
_DIMENSIONS = 64
# How much one picture of a face differs from another.
_VARIETY = 0.4


class FakeFaceReader:
    """Reads what `drawn` drew.

    Args:
        name: What made the embeddings.
        checks_life: Whether it says if a face is a living one.
        broken: Whether its model fails.
    """

    def __init__(self, name: str = "fake@1", *, checks_life: bool = False, broken: bool = False) -> None:
        self.name = name
        self.dimensions = _DIMENSIONS
        self.threshold = 0.6
        self.checks_life = checks_life
        self.broken = broken

    def read(self, frame: Frame) -> SeenFaces:
        """The blocks of a picture."""
        if self.broken:
            raise ModelError("the model of the fake faces failed")
        image = frame.image
        coloured = (image.max(axis=2).astype(int) - image.min(axis=2) > 24).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(coloured)
        boxes = [tuple(int(value) for value in stats[row][:4]) for row in range(1, count) if stats[row][4] >= 100]
        faults, embedding, live = [], np.full((len(boxes), _DIMENSIONS), np.nan, np.float32), np.full(len(boxes), np.nan, np.float32)
        for row, (left, top, width, height) in enumerate(boxes):
            red, green, blue = np.median(image[top : top + height, left : left + width].reshape(-1, 3), axis=0)
            faults.append(_fault(width, height, float(max(red, green, blue))))
            if faults[-1] is None:
                embedding[row] = face(int(red) // _STEP, int(green) // _STEP)
            if self.checks_life:
                live[row] = 0.1 if blue > 150 else 0.9
        xyxy = np.array([(left, top, left + width, top + height) for left, top, width, height in boxes], np.float32).reshape(-1, 4)
        quality = np.array([0.9 if fault is None else 0.1 for fault in faults], np.float32)
        points = np.zeros((len(boxes), FACE_POINTS, 2), np.float32)
        return SeenFaces(xyxy, np.full(len(boxes), 0.9, np.float32), points, quality, tuple(faults), embedding, live)


def face(who: int, variant: int = 0) -> NDArray[np.float32]:
    """The embedding of a face: the same person's are alike."""
    own = np.random.default_rng(who).normal(size=_DIMENSIONS)
    other = np.random.default_rng(1000 + 10 * who + variant).normal(size=_DIMENSIONS)
    mixed = own / np.linalg.norm(own) + _VARIETY * other / np.linalg.norm(other)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def drawn(*faces: tuple[int, int], side_px: int = 80, shape: float = 1.0, dim: bool = False, living: bool = True, seed: int = 0) -> bytes:
    """A PNG with a block a face.

    Args:
        faces: Who (1..7) and which picture of them (0..3).
        side_px: How high a block is.
        shape: How many times as wide; from 1.6 on a face is turned away.
        dim: Whether there is little light on them.
        living: Whether they are no pictures of pictures.
        seed: Makes pictures of the same faces that differ elsewhere.
    """
    width = int(side_px * shape)
    image = np.full((side_px + 120, max(1, len(faces)) * (width + 80) + 80, 3), _GREY, np.uint8)
    image[0, 0] = seed % 256, seed % 256, seed % 256
    for number, (who, variant) in enumerate(faces):
        left = 80 + number * (width + 80)
        colour = (who * _STEP + _STEP // 2, variant * _STEP + _STEP // 2, 20 if living else 200)
        image[60 : 60 + side_px, left : left + width] = tuple(value // 2 for value in colour) if dim else colour
    return bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1])


def _fault(width: int, height: int, brightest: float) -> FaceFault | None:
    if max(width, height) < _LEAST_PX:
        return FaceFault.SMALL
    if width >= 1.6 * height:
        return FaceFault.TURNED
    return FaceFault.DARK if brightest < 44 else None
