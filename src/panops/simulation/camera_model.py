"""A pinhole camera above flat ground: metres in the world to pixels in the picture and back, so that scale follows perspective.

World axes: x to the right, y up, z away from the camera along the ground, all in metres; the camera stands at x = z = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CameraModel:
    """Where the camera is and how it looks.

    Attributes:
        size_wh: Picture width and height, px.
        height_m: Height of the lens above the ground, m.
        pitch_rad: How far it looks down from the horizon, rad, positive down.
        hfov_rad: Horizontal field of view, rad.
    """

    size_wh: tuple[int, int]
    height_m: float
    pitch_rad: float
    hfov_rad: float

    @property
    def focal_px(self) -> float:
        """Focal length in px."""
        return self.size_wh[0] / (2 * math.tan(self.hfov_rad / 2))

    @property
    def centre(self) -> tuple[float, float]:
        """The optical axis in the picture, px."""
        return self.size_wh[0] / 2, self.size_wh[1] / 2

    @property
    def horizon_px(self) -> float:
        """The picture row of the horizon, px; may lie outside the picture."""
        return self.centre[1] - self.focal_px * math.tan(self.pitch_rad)

    def depth(self, points: FloatArray) -> FloatArray:
        """Distance (N,) along the optical axis, m, of world points (N, 3)."""
        y = points[..., 1] - self.height_m
        return np.asarray(-math.sin(self.pitch_rad) * y + math.cos(self.pitch_rad) * points[..., 2])

    def project(self, points: FloatArray) -> FloatArray:
        """Picture points (..., 2) in px of world points (..., 3) in m.

        Points nearer than 0.05 m to the lens, or behind it, are projected as if they were at 0.05 m; see `depth` to tell them apart.
        """
        y = points[..., 1] - self.height_m
        sin, cos = math.sin(self.pitch_rad), math.cos(self.pitch_rad)
        depth = np.maximum(cos * points[..., 2] - sin * y, 0.05)
        up = cos * y + sin * points[..., 2]
        centre_x, centre_y = self.centre
        return np.stack([centre_x + self.focal_px * points[..., 0] / depth, centre_y - self.focal_px * up / depth], axis=-1)

    def ground(self, x: float, z: float) -> tuple[float, float]:
        """The picture point, px, of the ground point `x`, `z` in m."""
        point = self.project(np.array([[x, 0.0, z]]))[0]
        return float(point[0]), float(point[1])

    def scale(self, x: float, z: float, y: float = 0.0) -> float:
        """Pixels a metre at a world point, across the line of sight."""
        return self.focal_px / max(float(self.depth(np.array([[x, y, z]]))[0]), 0.05)

    def rays(self, step: float = 1.0) -> FloatArray:
        """Directions (H', W', 3) of the rays through the centres of the pixels, length 1 along the optical axis.

        Args:
            step: Spacing of the rays, px; 0.5 gives four rays a pixel.
        """
        width, height = round(self.size_wh[0] / step), round(self.size_wh[1] / step)
        centre_x, centre_y = self.centre
        across = ((np.arange(width) + 0.5) * step - centre_x) / self.focal_px
        up = -((np.arange(height) + 0.5) * step - centre_y) / self.focal_px
        sin, cos = math.sin(self.pitch_rad), math.cos(self.pitch_rad)
        rays = np.empty((height, width, 3))
        rays[..., 0] = across[None, :]
        rays[..., 1] = (cos * up - sin)[:, None]
        rays[..., 2] = (sin * up + cos)[:, None]
        return rays

    def ground_at(self, pixels: FloatArray) -> FloatArray:
        """World points (N, 3) on the ground seen at picture points (N, 2) in px; NaN at and above the horizon."""
        sin, cos = math.sin(self.pitch_rad), math.cos(self.pitch_rad)
        centre_x, centre_y = self.centre
        across = (pixels[:, 0] - centre_x) / self.focal_px
        up = -(pixels[:, 1] - centre_y) / self.focal_px
        fall = cos * up - sin
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.where(fall < -1e-9, -self.height_m / fall, np.nan)
        return np.stack([across * distance, np.zeros_like(distance), (sin * up + cos) * distance], axis=1)

    def look(self, x: float, z: float, y: float = 0.0) -> tuple[float, float]:
        """How the camera sees a world point: azimuth from the z axis towards x, and elevation of the camera above the point, rad."""
        return math.atan2(x, z), math.atan2(self.height_m - y, math.hypot(x, z))
