"""Puts drawn figures into a picture: cut off by what stands before them, blended over what is behind, with shadows and headlights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.camera_model import CameraModel
from panops.simulation.figures import Box, Window
from panops.simulation.static_picture import FAR_CM, StaticPicture

Picture = NDArray[np.uint8]
Rgb = tuple[float, float, float]


def window_of(box: Box, size_wh: tuple[int, int], margin: int = 1) -> Window | None:
    """The pixels x1, y1, x2, y2 that a box touches within the picture, or None."""
    x1, y1 = max(0, math.floor(box[0]) - margin), max(0, math.floor(box[1]) - margin)
    x2, y2 = min(size_wh[0], math.ceil(box[2]) + margin), min(size_wh[1], math.ceil(box[3]) + margin)
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def visibility(still: StaticPicture, window: Window, depth_m: float | NDArray[np.float64]) -> Picture | None:
    """How much of each pixel of a window is not covered by scenery nearer than `depth_m`: (H, W) uint8, or None for all of it.

    `depth_m` is one for all, or (2H, 2W) for the half pixels.
    """
    x1, y1, x2, y2 = window
    fine = still.depth_cm[2 * y1 : 2 * y2, 2 * x1 : 2 * x2]
    limit = int(min(depth_m * 100, FAR_CM - 1)) if isinstance(depth_m, float) else np.minimum(depth_m * 100, FAR_CM - 1)
    farther = fine > limit
    if farther.all():
        return None
    return np.asarray(
        cv2.resize(farther.astype(np.uint8) * np.uint8(255), (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def on_ground(still: StaticPicture, mask: Picture, window: Window) -> Picture:
    """A mask (H, W) without the pixels where something stands: a shadow on the ground is not seen through a wall."""
    open_ = visibility(still, window, (FAR_CM - 1) / 100)
    return mask if open_ is None else np.asarray(cv2.multiply(mask, open_, scale=1 / 255), dtype=np.uint8)


def blend(picture: Picture, rgba: Picture, window: Window) -> None:
    """Lay pixels (H, W, 4), colours multiplied by alpha, over a window of the picture."""
    x1, y1, x2, y2 = window
    part = picture[y1:y2, x1:x2]
    alpha = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(rgba, 3)), cv2.COLOR_GRAY2RGB)
    behind = cv2.multiply(part, alpha, scale=1 / 255)
    part[:] = cv2.add(behind, cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB))


def behind_mesh(picture: Picture, still: StaticPicture, window: Window, depth_m: float) -> None:
    """Lay the wire mesh over a window again, where it is nearer than `depth_m`."""
    if still.veil is None or still.veil_depth_cm is None:
        return
    x1, y1, x2, y2 = window
    depth = still.veil_depth_cm[y1:y2, x1:x2]
    nearer = (depth > 0) & (depth < depth_m * 100)
    if nearer.any():
        blend(picture, still.veil[y1:y2, x1:x2] * nearer[..., None].astype(np.uint8), window)


def darken(picture: Picture, mask: Picture, window: Window, strength: float) -> None:
    """Multiply a window by 1 - strength where the mask (H, W) uint8 is 255."""
    x1, y1, x2, y2 = window
    part = picture[y1:y2, x1:x2]
    factor = cv2.convertScaleAbs(cv2.bitwise_not(mask), alpha=strength, beta=255 * (1 - strength))
    part[:] = cv2.multiply(part, cv2.cvtColor(factor, cv2.COLOR_GRAY2RGB), scale=1 / 255)


def contact(camera: CameraModel, at: tuple[float, float], radius_m: float, size_wh: tuple[int, int]) -> tuple[Picture, Window] | None:
    """A soft dark spot on the ground below somebody: its mask and window."""
    foot = camera.ground(*at)
    scale = camera.scale(*at)
    wide = max(1.5, radius_m * scale)
    flat = max(1.0, wide * math.sin(camera.look(*at)[1]))
    window = window_of((foot[0] - 2 * wide, foot[1] - 2 * flat, foot[0] + 2 * wide, foot[1] + 2 * flat), size_wh)
    if window is None:
        return None
    x1, y1, x2, y2 = window
    dx = (np.arange(x1, x2, dtype=np.float32) + np.float32(0.5 - foot[0])) / np.float32(wide)
    dy = (np.arange(y1, y2, dtype=np.float32) + np.float32(0.5 - foot[1])) / np.float32(flat)
    return (255 * np.exp(-(dx[None, :] ** 2 + dy[:, None] ** 2))).astype(np.uint8), window


def contacts(
    camera: CameraModel, spots: Sequence[tuple[tuple[float, float], float]], size_wh: tuple[int, int]
) -> tuple[Picture, Window] | None:
    """The soft spots below somebody as one mask: where two meet the darker one counts."""
    found = [spot for at, radius_m in spots if (spot := contact(camera, at, radius_m, size_wh)) is not None]
    if len(found) < 2:
        return found[0] if found else None
    windows = [window for _, window in found]
    x1, y1 = min(window[0] for window in windows), min(window[1] for window in windows)
    x2, y2 = max(window[2] for window in windows), max(window[3] for window in windows)
    whole: Picture = np.zeros((y2 - y1, x2 - x1), np.uint8)
    for mask, (left, top, right, bottom) in found:
        rows, columns = slice(top - y1, bottom - y1), slice(left - x1, right - x1)
        whole[rows, columns] = np.maximum(whole[rows, columns], mask)
    return whole, (x1, y1, x2, y2)


def add_light(picture: Picture, outline: NDArray[np.floating], rgb: Rgb, soft_px: int) -> None:
    """Add light of display colour `rgb` (0..255) within an outline (N, 2) px, its edge softened."""
    height, width = picture.shape[:2]
    low, high = outline.min(axis=0) - 2 * soft_px, outline.max(axis=0) + 2 * soft_px
    window = window_of((float(low[0]), float(low[1]), float(high[0]), float(high[1])), (width, height))
    if window is None:
        return
    x1, y1, x2, y2 = window
    mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
    cv2.fillConvexPoly(mask, np.rint((outline - (x1, y1)) * 16).astype(np.int32), 255, cv2.LINE_8, 4)
    size = (2 * soft_px + 1, 2 * soft_px + 1)
    soft = cv2.blur(cv2.blur(mask, size), size)
    light = cv2.merge([cv2.convertScaleAbs(soft, alpha=value / 255) for value in rgb])
    part = picture[y1:y2, x1:x2]
    part[:] = cv2.add(part, light)


def add_glare(picture: Picture, x: float, y: float, radius: float, rgb: Rgb) -> None:
    """Add a round glow that fades with the square of the distance."""
    height, width = picture.shape[:2]
    window = window_of((x - 3 * radius, y - 3 * radius, x + 3 * radius, y + 3 * radius), (width, height))
    if window is None:
        return
    x1, y1, x2, y2 = window
    dx = (np.arange(x1, x2, dtype=np.float32) + np.float32(0.5 - x)) / np.float32(radius)
    dy = (np.arange(y1, y2, dtype=np.float32) + np.float32(0.5 - y)) / np.float32(radius)
    square = dx[None, :] ** 2 + dy[:, None] ** 2
    glow = np.exp(-4 * square) + 0.22 * np.maximum(1 - square / 9, 0) ** 2
    part = picture[y1:y2, x1:x2]
    part[:] = cv2.add(part, np.clip(glow[..., None] * np.array(rgb, np.float32), 0, 255).astype(np.uint8))
