"""The sun of a clear day."""

from __future__ import annotations

import math

from panops.simulation.light import Light


def daylight(azimuth_deg: float, elevation_deg: float, warm: float = 1.0) -> Light:
    """The light of a clear day.

    Args:
        azimuth_deg: Where the sun is, from the z axis (away from the camera) towards x (right).
        elevation_deg: How high it stands.
        warm: Above 1 for the yellower light of a low sun.
    """
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    sun = (math.sin(azimuth) * math.cos(elevation), math.sin(elevation), math.cos(azimuth) * math.cos(elevation))
    return Light(sun, (1.50, 1.36 - 0.05 * (warm - 1), 1.14 / warm), (0.47, 0.54, 0.66), (0.22, 0.20, 0.17), (0.64, 0.73, 0.84))
