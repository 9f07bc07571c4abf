"""Bodies of polygons: lofts of cross-sections, boxes and wheels. `vehicle_shapes` makes vehicles of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Part(IntEnum):
    """What a polygon is made of; the look gives each its colour."""

    PAINT = 0
    GLASS = 1
    DARK = 2
    TYRE = 3
    RIM = 4
    HEADLIGHT = 5
    TAILLIGHT = 6
    PLATE = 7
    TRIM = 8
    CARGO = 9
    INDICATOR = 10


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Polygons of a body: x to its right, y up, z forward, m, the origin on the ground below the middle.

    Attributes:
        vertices: (V, 3).
        faces: Vertex numbers of each polygon.
        start: (F,) where each polygon's corners begin in the concatenation of `faces`.
        flat: The concatenation of `faces`.
        normal: (F, 3) unit, pointing outwards.
        centre: (F, 3).
        part: (F,) of `Part`.
        layer: (F,) polygons of a higher layer lie on lower ones and are drawn after them.
        size: Width, height and length, m.
        headlights: (K, 3) where the light comes out in front.
        taillights: (K, 3) likewise behind.
    """

    vertices: FloatArray
    faces: tuple[NDArray[np.int64], ...]
    flat: NDArray[np.int64]
    start: NDArray[np.int64]
    normal: FloatArray
    centre: FloatArray
    part: NDArray[np.int64]
    layer: NDArray[np.int64]
    size: tuple[float, float, float]
    headlights: FloatArray
    taillights: FloatArray


class MeshBuilder:
    """Collects polygons."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._points: list[FloatArray] = []
        self._faces: list[tuple[FloatArray, FloatArray, Part, int]] = []

    def face(
        self, points: Sequence[Sequence[float]] | FloatArray, outward: Sequence[float] | FloatArray, part: Part, layer: int = 0
    ) -> None:
        """Add a polygon; `outward` says which side is outside."""
        corners = np.asarray(points, np.float64)
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        if float(np.linalg.norm(normal)) < 1e-9 and len(corners) > 3:
            normal = np.cross(corners[2] - corners[0], corners[3] - corners[0])
        length = float(np.linalg.norm(normal))
        if length < 1e-9:
            return
        normal /= length
        if normal @ np.asarray(outward) < 0:
            normal = -normal
        self._faces.append((corners, normal, part, layer))

    def both(self, points: Sequence[Sequence[float]], outward: Sequence[float], part: Part, layer: int = 0) -> None:
        """Add a polygon of the right side and its mirror image."""
        mirror = np.array([-1.0, 1.0, 1.0])
        self.face(points, outward, part, layer)
        self.face(np.asarray(points) * mirror, np.asarray(outward) * mirror, part, layer)

    def box(self, low: Sequence[float], high: Sequence[float], part: Part, layer: int = 0) -> None:
        """Add five sides of a box, all but its floor."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        self.face([(x1, y0, z0), (x1, y0, z1), (x1, y1, z1), (x1, y1, z0)], (1, 0, 0), part, layer)
        self.face([(x0, y0, z0), (x0, y0, z1), (x0, y1, z1), (x0, y1, z0)], (-1, 0, 0), part, layer)
        self.face([(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)], (0, 0, 1), part, layer)
        self.face([(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)], (0, 0, -1), part, layer)
        self.face([(x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)], (0, 1, 0), part, layer)

    def loft(self, stations: FloatArray, glass: Sequence[tuple[float, float]] = ()) -> None:
        """Skin a body from stations (N, 6): z, sill, belt and top heights, half widths at belt and top.

        Args:
            stations: From the tail to the nose.
            glass: Spans of z whose upper surface (windscreen, rear window) is glass.
        """
        rings = [_ring(*row) for row in stations]
        middle = float(stations[:, 3].mean()) / 2
        for ring, following in pairwise(rings):
            span = (ring[0, 2] + following[0, 2]) / 2
            for strip in range(len(ring) - 1):
                quad = np.array([ring[strip], following[strip], following[strip + 1], ring[strip + 1]])
                outward = quad.mean(axis=0) - np.array([0.0, middle, span])
                is_glass = strip == len(ring) - 2 and any(low < span < high for low, high in glass)
                self.face(quad, outward, Part.GLASS if is_glass else Part.PAINT)
                self.face(quad * [-1, 1, 1], outward * [-1, 1, 1], Part.GLASS if is_glass else Part.PAINT)
        for ring, outward in ((rings[0], (0, 0, -1)), (rings[-1], (0, 0, 1))):
            self.face(np.concatenate([ring, (ring * [-1, 1, 1])[::-1]]), outward, Part.PAINT)

    def wheel(self, side: float, z: float, radius: float, width: float = 0.2) -> None:
        """Add a wheel whose outer face is at x = `side`: arch, tyre, rim and hub, and its tread seen from front and behind."""
        out = np.sign(side)
        angles = np.arange(18) * (2 * math.pi / 18)
        ring = np.stack([np.zeros(18), np.sin(angles), np.cos(angles)], axis=1)
        centre = np.array([side, radius, z])
        inner = centre - np.array([out * width, 0, 0])
        for part, layer, share, shift in (
            (Part.DARK, 1, 1.13, 0.0),
            (Part.TYRE, 2, 1.0, 0.005),
            (Part.RIM, 3, 0.64, 0.01),
            (Part.DARK, 4, 0.52, 0.012),
        ):
            self.face(centre + ring * radius * share + [out * shift, 0, 0], (out, 0, 0), part, layer)
        for spoke in range(5):
            turn = spoke * 2 * math.pi / 5
            local = np.array([[0, 0.06, 0.10], [0, 0.06, -0.10], [0, 0.56, -0.06], [0, 0.56, 0.06]]) * radius
            y, zz = local[:, 1] * math.cos(turn) - local[:, 2] * math.sin(turn), local[:, 1] * math.sin(turn) + local[:, 2] * math.cos(turn)
            self.face(centre + np.stack([np.full(4, out * 0.014), y, zz], axis=1), (out, 0, 0), Part.RIM, 5)
        for first, second in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            quad = np.array([centre + first * radius, centre + second * radius, inner + second * radius, inner + first * radius])
            if quad[:, 1].mean() < radius * 1.1:
                self.face(quad, first + second, Part.TYRE, -1)

    def build(self, headlights: Sequence[Sequence[float]], taillights: Sequence[Sequence[float]]) -> Mesh:
        """The mesh of everything added."""
        vertices = np.concatenate([corners for corners, _, _, _ in self._faces])
        starts = np.cumsum([0, *(len(corners) for corners, _, _, _ in self._faces)])
        faces = tuple(np.arange(a, b) for a, b in pairwise(starts))
        span = vertices.max(axis=0) - vertices.min(axis=0)
        return Mesh(
            vertices,
            faces,
            np.arange(len(vertices)),
            starts,
            np.array([normal for _, normal, _, _ in self._faces]),
            np.array([corners.mean(axis=0) for corners, _, _, _ in self._faces]),
            np.array([part for _, _, part, _ in self._faces], np.int64),
            np.array([layer for _, _, _, layer in self._faces], np.int64),
            (float(span[0]), float(vertices[:, 1].max()), float(span[2])),
            np.asarray(headlights, np.float64).reshape(-1, 3),
            np.asarray(taillights, np.float64).reshape(-1, 3),
        )


def _ring(z: float, sill: float, belt: float, top: float, belt_w: float, top_w: float) -> FloatArray:
    """The right half of a cross-section (6, 3), from the sill up to the middle of the roof."""
    return np.array(
        [
            [belt_w * 0.90, sill, z],
            [belt_w * 0.985, sill + 0.18 * (belt - sill), z],
            [belt_w, sill + 0.6 * (belt - sill), z],
            [belt_w * 0.975, belt, z],
            [top_w, top, z],
            [0.0, top + 0.025, z],
        ]
    )
