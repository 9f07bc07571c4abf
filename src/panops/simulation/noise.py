"""Seeded noise: generators that depend on words and numbers only, and endless textures sampled in metres."""

from __future__ import annotations

import zlib
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

TILE = 512


def generator(*keys: int | str) -> np.random.Generator:
    """A random generator that is the same in every process for the same `keys`: words by their CRC, numbers modulo 2**64."""
    words = [zlib.crc32(key.encode()) if isinstance(key, str) else key % 2**64 for key in keys]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


@lru_cache(maxsize=8)
def cloudy(roughness: float = 1.0, seed: int = 1) -> Float32Array:
    """An endless texture (512, 512) float32, mean 0.5, mostly within 0..1, read-only.

    Args:
        roughness: 0 for white noise, 1 for clouds or stains, 2 for smooth hills: the exponent of the falling spectrum.
        seed: Which of many.
    """
    white = generator("noise", seed).standard_normal((TILE, TILE))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]) * TILE
    spectrum = np.fft.rfft2(white) / np.maximum(frequency, 1.0) ** roughness
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (TILE, TILE))
    texture: Float32Array = np.asarray(0.5 + field / (4 * field.std()), dtype=np.float32)
    texture.setflags(write=False)
    return texture


def sample(texture: Float32Array, u: NDArray[np.floating], v: NDArray[np.floating]) -> Float32Array:
    """The endless `texture` at texel coordinates `u` (columns) and `v` (rows), arrays of one shape; bilinear."""
    count, width = u.size, 1024
    rows = -(-count // width)
    flat = np.zeros((2, rows * width), np.float32)  # OpenCV samples pictures, so a list of points is folded into one
    flat[0, :count], flat[1, :count] = np.mod(u, TILE).ravel(), np.mod(v, TILE).ravel()
    column, row = flat.reshape(2, rows, width)
    found = cv2.remap(texture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found.ravel()[:count].reshape(u.shape), dtype=np.float32)


def fractal(
    u_m: NDArray[np.floating], v_m: NDArray[np.floating], footprint_m: NDArray[np.floating], period_m: float, roughness: float = 1.0
) -> Float32Array:
    """Noise over a surface, -1..1, fading out where a pixel covers so much that the detail would only flicker.

    Args:
        u_m: Surface coordinates (H, W), m.
        v_m: Likewise, across `u_m`.
        footprint_m: How many metres a pixel covers there (H, W).
        period_m: After how many metres the texture repeats; its finest detail is 1/512 of it.
        roughness: See `cloudy`.
    """
    per_m = TILE / period_m
    value = sample(cloudy(roughness), u_m * per_m, v_m * per_m) * 2 - 1
    # A falling spectrum keeps its coarse part under a big footprint; white noise does not.
    finest = footprint_m * per_m
    fade = 1.0 / (1.0 + (finest / (6 if roughness < 0.5 else 60)) ** 2)
    return (value * fade).astype(np.float32)
