"""Where the learnt edges are found now: window by window, then as one movement of the whole view, which is tried before it is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.motion.edges import SMALL_WH, tile_fit, tile_means

# Windows of half the height and more than a third of the width, which overlap.
_WINDOW_WH = (64, 48)
_WINDOW_CORNERS = tuple((x, y) for y in (0, 42) for x in (0, 48, 96))
WINDOWS = len(_WINDOW_CORNERS)
# A window counts where its edges are found that well, and agrees with a movement that is so many pixels from its own.
_FOUND = 0.2
_AGREES_PX = 1.2
_FEWEST_WINDOWS = 3
# Once the learnt view is moved alike, so many of the tiles that are still in the picture must fit, and fit better than they did.
_FITS = 0.35
_FITTING_SHARE = 0.5
_BETTER = 0.08
_LEAST_PX = 0.6


@dataclass(frozen=True, slots=True)
class Movement:
    """How a view has moved.

    Attributes:
        right: Of the picture's middle, as a share of its width.
        down: Of the picture's middle, as a share of its height.
        share: The share of tiles that fit where they are now, 0..1.
    """

    right: float
    down: float
    share: float


def movement(now: NDArray[np.float32], learnt: NDArray[np.float32], useful: NDArray[np.bool_]) -> Movement | None:
    """How the whole view has moved: shifted, turned, zoomed. None where it is in its place, or is not found elsewhere.

    Long straight edges of a vehicle fit somewhere, too, window by window. So the windows must agree on one movement, and the learnt view,
    moved alike, must fit what is there.

    Args:
        now: A map (2, 90, 160), averaged over the last seconds.
        learnt: The one that was learnt.
        useful: (6, 10), the tiles that have edges enough.
    """
    found, fits, _ = shifts(now, learnt)
    matrix = _agreed(found, fits)
    if matrix is None:
        return None
    corners = np.array([[0, 0, 1], [SMALL_WH[0], 0, 1], [0, SMALL_WH[1], 1], [SMALL_WH[0], SMALL_WH[1], 1]], np.float64)
    if float(np.median(np.hypot(*(corners @ matrix.T - corners[:, :2]).T))) < _LEAST_PX:
        return None
    there, inside = _moved(learnt, matrix), _moved(np.repeat(useful_pixels(useful)[None], 2, axis=0), matrix)[0]
    tiles = tile_means(inside) >= 0.5
    if tiles.sum() < max(6, 0.2 * useful.sum()):
        return None
    fit, fit_in_place = tile_fit(now, there)[tiles], tile_fit(now, learnt)[tiles]
    share = float((fit >= _FITS).mean())
    if share < _FITTING_SHARE or float(np.median(fit)) < float(np.median(fit_in_place)) + _BETTER:
        return None
    middle = np.array([SMALL_WH[0] / 2, SMALL_WH[1] / 2, 1.0])
    right, down = (matrix @ middle - middle[:2]) / SMALL_WH
    return Movement(float(right), float(down), share)


def useful_pixels(useful: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(6, 10) tiles as (90, 160) float32 of 0 and 1."""
    return np.asarray(cv2.resize(useful.astype(np.float32), SMALL_WH, interpolation=cv2.INTER_NEAREST), dtype=np.float32)


def _agreed(found: NDArray[np.float32], fits: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """The movement that most windows agree on, (2, 3) as OpenCV has it, px of the small picture; None where too few do."""
    width, height = _WINDOW_WH
    places = np.array(_WINDOW_CORNERS, np.float64) + np.array([width / 2, height / 2])
    located = np.flatnonzero(fits >= _FOUND)
    targets = places + found
    best: tuple[int, float, NDArray[np.float64] | None] = (0, 0.0, None)
    for guess in [(one,) for one in located] + list(combinations(located, 2)):
        matrix = _similarity(places[list(guess)], targets[list(guess)])
        off = np.hypot(*(np.column_stack([places, np.ones(WINDOWS)]) @ matrix.T - targets).T)
        agree = located[off[located] < _AGREES_PX]
        if (len(agree), float(fits[agree].sum())) > best[:2]:
            best = (len(agree), float(fits[agree].sum()), _similarity(places[agree], targets[agree]))
    return best[2] if best[0] >= _FEWEST_WINDOWS else None


def _similarity(places: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shift, turn and zoom (2, 3) that takes places (N, 2) nearest to targets, by least squares; of one place, the shift."""
    one, other = places[:, 0] + 1j * places[:, 1], targets[:, 0] + 1j * targets[:, 1]
    spread = one - one.mean()
    power = float((np.abs(spread) ** 2).sum())
    factor = complex((spread.conj() * (other - other.mean())).sum() / power) if power > 0 else 1 + 0j
    offset = other.mean() - factor * one.mean()
    return np.array([[factor.real, -factor.imag, offset.real], [factor.imag, factor.real, offset.imag]])


def _moved(edges: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """A map, moved; where nothing comes from, nothing is. Edges turn with the view, by twice the angle as all angles of a map."""
    planes = [cv2.warpAffine(plane, matrix, SMALL_WH, flags=cv2.INTER_LINEAR) for plane in edges]
    angle = 2 * math.atan2(matrix[1, 0], matrix[0, 0])
    if abs(angle) < 1e-3:
        return np.stack(planes)
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return np.stack([cosine * planes[0] - sine * planes[1], sine * planes[0] + cosine * planes[1]])


@lru_cache(maxsize=1)
def _taper() -> NDArray[np.float32]:
    """(48, 64) float32 that fades a window out to its edges."""
    width, height = _WINDOW_WH
    taper = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]) ** 0.5
    return taper.astype(np.float32)


def shifts(now: NDArray[np.float32], learnt: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
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


def _window(edges: NDArray[np.float32], corner: tuple[int, int]) -> NDArray[np.float32]:
    """(48, 64, 2) float32, complex numbers as OpenCV has them."""
    (x, y), (width, height) = corner, _WINDOW_WH
    return np.asarray(cv2.merge([edges[plane, y : y + height, x : x + width] * _taper() for plane in (0, 1)]), dtype=np.float32)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """How well `other`, moved by each shift, fits `one`, (48, 64) float32 of -1..1; [0, 0] is no shift, and it wraps around."""
    product = cv2.mulSpectrums(cv2.dft(one, flags=cv2.DFT_COMPLEX_OUTPUT), cv2.dft(other, flags=cv2.DFT_COMPLEX_OUTPUT), 0, conjB=True)
    surface = cv2.idft(product, flags=cv2.DFT_SCALE)[..., 0]
    return np.asarray(surface / (float(np.linalg.norm(one)) * float(np.linalg.norm(other)) + 1e-9), dtype=np.float32)


def _refined(surface: NDArray[np.float32], peak: int) -> tuple[float, float]:
    """The place of a peak between pixels, (x, y), by parabolas; a surface wraps around."""
    height, width = surface.shape
    row, column = divmod(peak, width)
    x = column + _vertex(surface[row, column - 1], surface[row, column], surface[row, (column + 1) % width])
    y = row + _vertex(surface[row - 1, column], surface[row, column], surface[(row + 1) % height, column])
    return (x - width if x > width / 2 else x), (y - height if y > height / 2 else y)


def _vertex(before: float, at: float, after: float) -> float:
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
