"""What light there is: the sun or moon, the sky, the ground's bounce; colours are linear RGB and become display values by `display`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Light:
    """Light on a scene.

    Attributes:
        sun: Direction to the sun in the world (x right, y up, z away), length 1.
        sun_rgb: Its linear colour and strength on a surface that faces it.
        sky_rgb: Light from above, linear.
        ground_rgb: Light from below, linear.
        haze_rgb: The colour that far things fade to, linear.
        haze_m: At what distance half of a thing's colour is lost, m.
    """

    sun: tuple[float, float, float]
    sun_rgb: tuple[float, float, float]
    sky_rgb: tuple[float, float, float]
    ground_rgb: tuple[float, float, float]
    haze_rgb: tuple[float, float, float] = (0.60, 0.68, 0.78)
    haze_m: float = 220.0

    def on(
        self, normal: NDArray[np.floating], sunlit: NDArray[np.floating] | float = 1.0, open_sky: NDArray[np.floating] | float = 1.0
    ) -> Float32Array:
        """Linear light (..., 3) falling on surfaces of `normal` (..., 3) in the world.

        Args:
            normal: Unit normals.
            sunlit: 0..1, how much of the sun reaches them, of the normals' leading shape or a number.
            open_sky: 0..1, likewise for sky and bounce.
        """
        facing = np.maximum(normal @ np.asarray(self.sun, np.float32), 0) * sunlit
        above = (0.5 + 0.5 * normal[..., 1]) * open_sky
        below = (0.5 - 0.5 * normal[..., 1]) * open_sky
        return np.asarray(
            facing[..., None] * np.asarray(self.sun_rgb, np.float32)
            + above[..., None] * np.asarray(self.sky_rgb, np.float32)
            + below[..., None] * np.asarray(self.ground_rgb, np.float32),
            dtype=np.float32,
        )


def linear(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """A display colour (0..255 each) as linear light 0..1."""
    return (red / 255) ** 2.2, (green / 255) ** 2.2, (blue / 255) ** 2.2


def _curve() -> Float32Array:
    value = np.arange(4096, dtype=np.float64) / 2048
    value = np.where(value > 0.7, 0.7 + 0.3 * np.tanh((value - 0.7) / 0.3), value)
    return (255.0 * value ** (1 / 2.2)).astype(np.float32)


_DISPLAY = _curve()


def display(rgb: NDArray[np.floating]) -> Float32Array:
    """Linear light (..., 3) as display values 0..255 float32, with a soft shoulder instead of burnt-out highlights."""
    return np.asarray(_DISPLAY[np.clip(rgb * np.float32(2048), 0, 4095).astype(np.int16)], dtype=np.float32)
