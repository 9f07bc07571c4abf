"""What stands still in a picture, in a form that light hardly touches: which way each edge runs, averaged over time."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

SMALL_WH = (160, 90)
"""The picture is looked at in this size, px, whatever shape it has."""
MIDDLE_WH = (320, 180)
"""How sharp it is, is seen in this one."""
TILES_WH = (10, 6)
"""It is judged tile by tile: what stands in front of the camera hides some of them."""
# A gradient of so many grey levels a pixel counts half: what is much weaker is noise.
_FAINT = 2.0
# Above this many pixels across, a big picture is thinned before it is averaged: that is all the detail that the small one shows.
_ENOUGH_WIDE = 640


def middle_picture(luma: NDArray[np.uint8]) -> Float32Array:
    """A picture (H, W) uint8 as (180, 320) float32, averaged over areas."""
    step = max(1, luma.shape[1] // _ENOUGH_WIDE)
    picture: NDArray[Any] = luma[::step, ::step]
    # Halving is by far the cheapest exact average there is.
    if min(picture.shape[1] // MIDDLE_WH[0], picture.shape[0] // MIDDLE_WH[1]) >= 2:
        picture = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if picture.shape != (MIDDLE_WH[1], MIDDLE_WH[0]):
        picture = cv2.resize(picture, MIDDLE_WH, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, dtype=np.float32)


def small_picture(middle: Float32Array) -> Float32Array:
    """The middle picture (180, 320) float32 as (90, 160)."""
    return np.asarray(cv2.resize(middle, SMALL_WH, interpolation=cv2.INTER_AREA), dtype=np.float32)


def edge_map(small: Float32Array) -> Float32Array:
    """Which way edges run, (2, 90, 160) float32 of length 0..1 each; (0, 0) where there is none.

    The gradient's angle is doubled, so that an edge is the same whether its left side is the brighter one (by day) or the darker one (in
    infrared); its strength counts only against noise. Averages over time of anything that does not stand still go to nothing.

    Args:
        small: The picture (90, 160) float32.
    """
    smooth = cv2.GaussianBlur(small, (3, 3), 0.7)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.25)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.25)
    across_squared, down_squared = across * across, down * down
    strength = across_squared + down_squared + np.float32(_FAINT * _FAINT)
    edges = np.empty((2, *small.shape), np.float32)
    np.divide(across_squared - down_squared, strength, out=edges[0])
    np.divide(2 * across * down, strength, out=edges[1])
    return edges


def _product(one: Float32Array, other: Float32Array) -> Float32Array:
    """The scalar product of two maps at each pixel, (90, 160) float32."""
    return np.asarray(one[0] * other[0] + one[1] * other[1], dtype=np.float32)


def tile_means(values: Float32Array) -> Float32Array:
    """The mean of (90, 160) or (180, 320) float32 over each tile, (6, 10) float32."""
    return np.asarray(cv2.resize(values, TILES_WH, interpolation=cv2.INTER_AREA), dtype=np.float32)


def tile_strength(edges: Float32Array) -> Float32Array:
    """How much of each tile is edges, (6, 10) float32 of 0..1, from a map as `edge_map` gives it."""
    return tile_means(_product(edges, edges))


def tile_fit(now: Float32Array, learnt: Float32Array) -> Float32Array:
    """How well each tile's edges are those that were learnt, (6, 10) float32 of -1..1; near 0 where either has none."""
    together = tile_means(_product(now, learnt))
    of_learnt = tile_strength(learnt)
    # A tile that has lost its edges fits nothing, though what is left of it may happen to run the right way.
    return np.asarray(together / np.sqrt((tile_strength(now) + 0.1 * of_learnt) * of_learnt + 1e-9), dtype=np.float32)
