"""What a thing looks like, in 288 small numbers: the directions of its edges, cell by cell.

Enough to know the same thing in the same place again; no more is asked of it.
"""

from __future__ import annotations

import base64
import binascii

import cv2
import numpy as np
from numpy.typing import NDArray

Appearance = NDArray[np.float32]

_WINDOW = (32, 64)
_CELL = 8
_DIRECTIONS = 9
_LENGTH = 288
# Room around the box: the same bush is boxed a little differently every time.
_ROOM = 0.15


def appearance_of(luma: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> Appearance | None:
    """The appearance of a box.

    Args:
        luma: Brightness (H, W) uint8.
        xyxy: The box (4,), px.

    Returns:
        (288,) float32 of length 1; None where the box is smaller than 4 px or outside of the picture.
    """
    height, width = luma.shape
    left, top, right, bottom = (float(value) for value in xyxy)
    across, down = _ROOM * (right - left), _ROOM * (bottom - top)
    x1, y1 = max(int(left - across), 0), max(int(top - down), 0)
    x2, y2 = min(int(right + across) + 1, width), min(int(bottom + down) + 1, height)
    if x2 - x1 < 4 or y2 - y1 < 4:
        return None
    patch = cv2.resize(np.ascontiguousarray(luma[y1:y2, x1:x2]), _WINDOW, interpolation=cv2.INTER_AREA)
    return _unit(_edges(patch.astype(np.float32)))


def likeness(one: Appearance, other: Appearance) -> float:
    """How alike two appearances are: 1 for the same, about 0 for two things that have nothing in common."""
    return float(one @ other)


def as_text(appearance: Appearance) -> str:
    """For the database: a byte a number, in base64."""
    return base64.b64encode(np.rint(np.clip(appearance * 512, -127, 127)).astype(np.int8).tobytes()).decode()


def from_text(text: str) -> Appearance | None:
    """What `as_text` wrote; None for anything else."""
    try:
        raw = np.frombuffer(base64.b64decode(text, validate=True), np.int8)
    except (binascii.Error, ValueError):
        return None
    return _unit(raw.astype(np.float32)) if len(raw) == _LENGTH else None


def _edges(patch: NDArray[np.float32]) -> Appearance:
    """Histograms of edge directions, (288,): Dalal and Triggs, Histograms of Oriented Gradients for Human Detection, CVPR 2005.

    Cells of 8x8 px, nine directions without sign, blocks of 2x2 cells that do not overlap, each brought to length 1 and cut at 0.2.
    """
    dx, dy = cv2.Sobel(patch, cv2.CV_32F, 1, 0, ksize=1), cv2.Sobel(patch, cv2.CV_32F, 0, 1, ksize=1)
    direction = np.mod(np.arctan2(dy, dx), np.pi) * (_DIRECTIONS / np.pi)
    lower = np.floor(direction)
    upper_share = direction - lower
    first = lower.astype(np.int64) % _DIRECTIONS
    across, down = _WINDOW[0] // _CELL, _WINDOW[1] // _CELL
    rows, columns = np.indices(patch.shape) // _CELL
    cell = (rows * across + columns) * _DIRECTIONS
    strength = np.hypot(dx, dy)
    size = across * down * _DIRECTIONS
    cells = np.bincount((cell + first).ravel(), (strength * (1 - upper_share)).ravel(), size)
    cells += np.bincount((cell + (first + 1) % _DIRECTIONS).ravel(), (strength * upper_share).ravel(), size)
    blocks = cells.reshape(down // 2, 2, across // 2, 2, _DIRECTIONS).transpose(0, 2, 1, 3, 4).reshape(-1, 4 * _DIRECTIONS)
    # What is weaker than noise stays small instead of being blown up.
    blocks = np.minimum(blocks / (np.linalg.norm(blocks, axis=1, keepdims=True) + 16.0), 0.2)
    flat: Appearance = blocks.reshape(-1).astype(np.float32)
    return flat


def _unit(vector: Appearance) -> Appearance:
    """Without its mean, which all things have in common, and of length 1."""
    vector = vector - vector.mean()
    unit: Appearance = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-6))
    return unit
