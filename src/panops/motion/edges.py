"""What stands still in a picture, in a form that light hardly touches: which way each edge runs, averaged over time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

SMALL_WH = (160, 90)
"""The picture is looked at in this size, px, whatever shape it has."""
TILES_WH = (10, 6)
"""It is judged tile by tile: what stands in front of the camera hides some of them."""
# A gradient of so many grey levels a pixel counts half: what is much weaker is noise.
_FAINT = 2.0
# Above this many pixels across, a big picture is thinned before it is averaged: that is all the detail that the small one shows.
_ENOUGH_WIDE = 640
# Where shifts are looked for: windows of half the height and more than a third of the width, which overlap.
_WINDOW_WH = (64, 48)
_WINDOW_CORNERS = tuple((x, y) for y in (0, 42) for x in (0, 48, 96))
WINDOWS = len(_WINDOW_CORNERS)


def small_picture(luma: NDArray[np.uint8]) -> Float32Array:
    """A picture (H, W) uint8 as (90, 160) float32, averaged over areas."""
    step = max(1, luma.shape[1] // _ENOUGH_WIDE)
    picture: NDArray[Any] = luma[::step, ::step]
    # Halving is by far the cheapest exact average there is.
    while min(picture.shape[1] // SMALL_WH[0], picture.shape[0] // SMALL_WH[1]) >= 2:
        picture = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if picture.shape != (SMALL_WH[1], SMALL_WH[0]):
        picture = cv2.resize(picture, SMALL_WH, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, dtype=np.float32)


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
    """The mean of (90, 160) float32 over each tile, (6, 10) float32."""
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


@lru_cache(maxsize=1)
def _taper() -> Float32Array:
    """(48, 64) float32 that fades a window out to its edges."""
    width, height = _WINDOW_WH
    taper = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]) ** 0.5
    return taper.astype(np.float32)


def shifts(now: Float32Array, learnt: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Where each window's learnt edges are found now.

    Args:
        now: A map (2, 90, 160), averaged over the last seconds.
        learnt: The one that was learnt.

    Returns:
        Shifts (6, 2) in px of the small picture, right and down; how well the edges fit there (6,), 0..1; and how well where they were.
    """
    found, fits, fits_in_place = np.zeros((WINDOWS, 2), np.float32), np.zeros(WINDOWS, np.float32), np.zeros(WINDOWS, np.float32)
    for window, corner in enumerate(_WINDOW_CORNERS):
        surface = _correlation(_window(now, corner), _window(learnt, corner))
        peak = int(surface.argmax())
        found[window], fits[window], fits_in_place[window] = _refined(surface, peak), surface.flat[peak], surface[0, 0]
    return found, fits, fits_in_place


def _window(edges: Float32Array, corner: tuple[int, int]) -> Float32Array:
    """(48, 64, 2) float32, complex numbers as OpenCV has them."""
    (x, y), (width, height) = corner, _WINDOW_WH
    return np.asarray(cv2.merge([edges[plane, y : y + height, x : x + width] * _taper() for plane in (0, 1)]), dtype=np.float32)


def _correlation(one: Float32Array, other: Float32Array) -> Float32Array:
    """How well `other`, moved by each shift, fits `one`, (48, 64) float32 of -1..1; [0, 0] is no shift, and it wraps around."""
    product = cv2.mulSpectrums(cv2.dft(one, flags=cv2.DFT_COMPLEX_OUTPUT), cv2.dft(other, flags=cv2.DFT_COMPLEX_OUTPUT), 0, conjB=True)
    surface = cv2.idft(product, flags=cv2.DFT_SCALE)[..., 0]
    return np.asarray(surface / (float(np.linalg.norm(one)) * float(np.linalg.norm(other)) + 1e-9), dtype=np.float32)


def _refined(surface: Float32Array, peak: int) -> tuple[float, float]:
    """The place of a peak between pixels, (x, y), by parabolas; a surface wraps around."""
    height, width = surface.shape
    row, column = divmod(peak, width)
    x = column + _vertex(surface[row, column - 1], surface[row, column], surface[row, (column + 1) % width])
    y = row + _vertex(surface[row - 1, column], surface[row, column], surface[(row + 1) % height, column])
    return (x - width if x > width / 2 else x), (y - height if y > height / 2 else y)


def _vertex(before: float, at: float, after: float) -> float:
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
