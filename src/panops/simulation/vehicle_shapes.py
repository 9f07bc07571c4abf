"""The shapes of cars, vans, lorries and buses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from panops.simulation.meshes import Mesh, MeshBuilder, Part

FloatArray = NDArray[np.float64]

# z, sill, belt, top, half width at the belt, half width at the top: from the tail to the nose.
_SEDAN = [
    (-2.24, 0.42, 0.72, 0.80, 0.74, 0.60), (-2.20, 0.30, 0.86, 0.96, 0.82, 0.68),
    (-2.05, 0.24, 0.93, 1.01, 0.87, 0.72), (-1.62, 0.20, 0.95, 1.03, 0.90, 0.72),
    (-1.28, 0.19, 0.96, 1.22, 0.90, 0.66), (-0.92, 0.19, 0.96, 1.38, 0.91, 0.61),
    (-0.45, 0.19, 0.95, 1.44, 0.91, 0.60), (0.05, 0.19, 0.94, 1.45, 0.91, 0.60),
    (0.38, 0.19, 0.93, 1.40, 0.91, 0.61), (0.72, 0.19, 0.92, 1.20, 0.90, 0.66),
    (1.06, 0.19, 0.90, 0.99, 0.90, 0.72), (1.60, 0.20, 0.84, 0.91, 0.89, 0.70),
    (2.02, 0.22, 0.75, 0.82, 0.86, 0.66), (2.18, 0.26, 0.68, 0.73, 0.80, 0.60),
    (2.26, 0.36, 0.58, 0.62, 0.70, 0.54),
]  # fmt: skip
_HATCH = [
    (-1.98, 0.40, 0.74, 0.82, 0.74, 0.62), (-1.94, 0.26, 0.92, 1.02, 0.84, 0.70),
    (-1.78, 0.22, 0.97, 1.26, 0.87, 0.64), (-1.55, 0.20, 0.98, 1.44, 0.88, 0.60),
    (-1.10, 0.19, 0.97, 1.50, 0.88, 0.60), (-0.40, 0.19, 0.96, 1.52, 0.88, 0.61),
    (0.15, 0.19, 0.95, 1.50, 0.88, 0.61), (0.45, 0.19, 0.94, 1.43, 0.88, 0.62),
    (0.80, 0.19, 0.93, 1.20, 0.87, 0.66), (1.12, 0.20, 0.91, 1.00, 0.87, 0.70),
    (1.55, 0.21, 0.85, 0.92, 0.86, 0.66), (1.86, 0.24, 0.74, 0.80, 0.82, 0.60),
    (1.98, 0.36, 0.62, 0.66, 0.72, 0.54),
]  # fmt: skip
_SUV = [
    (-2.28, 0.48, 0.86, 0.95, 0.80, 0.68), (-2.24, 0.36, 1.02, 1.12, 0.90, 0.76),
    (-2.10, 0.30, 1.08, 1.40, 0.93, 0.70), (-1.92, 0.27, 1.09, 1.62, 0.94, 0.66),
    (-1.30, 0.26, 1.08, 1.70, 0.95, 0.66), (-0.40, 0.26, 1.07, 1.73, 0.95, 0.67),
    (0.20, 0.26, 1.06, 1.71, 0.95, 0.67), (0.52, 0.26, 1.05, 1.62, 0.95, 0.68),
    (0.86, 0.26, 1.04, 1.36, 0.94, 0.72), (1.18, 0.26, 1.02, 1.13, 0.94, 0.77),
    (1.75, 0.27, 0.97, 1.06, 0.93, 0.75), (2.10, 0.30, 0.88, 0.96, 0.90, 0.70),
    (2.26, 0.40, 0.74, 0.80, 0.80, 0.62),
]  # fmt: skip
_VAN = [
    (-2.70, 0.42, 1.10, 2.10, 0.94, 0.82), (-2.66, 0.34, 1.16, 2.22, 0.98, 0.86),
    (-1.60, 0.30, 1.18, 2.28, 0.99, 0.87), (-0.30, 0.30, 1.18, 2.30, 0.99, 0.87),
    (0.80, 0.30, 1.17, 2.28, 0.99, 0.86), (1.15, 0.30, 1.16, 2.18, 0.98, 0.84),
    (1.50, 0.30, 1.15, 1.80, 0.98, 0.83), (1.88, 0.30, 1.12, 1.30, 0.97, 0.82),
    (2.35, 0.32, 1.00, 1.12, 0.95, 0.78), (2.58, 0.34, 0.88, 0.98, 0.90, 0.72),
    (2.66, 0.42, 0.72, 0.80, 0.82, 0.66),
]  # fmt: skip


def _car(
    stations: Sequence[tuple[float, ...]],
    glass: tuple[tuple[float, float], ...],
    side: tuple[tuple[float, ...], ...],
    wheels: tuple[float, float, float],
) -> Mesh:
    """A car, van or SUV: `side` are windows as z0, z1, top z0, top z1 at belt and roof; `wheels` rear z, front z, radius."""
    table = np.array(stations)
    builder = MeshBuilder()
    builder.loft(table, glass)
    width = float(table[:, 4].max())
    for low_z0, low_z1, top_z0, top_z1 in side:
        corners = []
        for z, up in ((low_z0, 0.08), (low_z1, 0.08), (top_z1, 0.86), (top_z0, 0.86)):
            belt, top, belt_w, top_w = (float(np.interp(z, table[:, 0], table[:, column])) for column in (2, 3, 4, 5))
            corners.append((belt_w * 0.975 * (1 - up) + top_w * up + 0.006, belt * (1 - up) + top * up, z))
        builder.both(corners, (1, 0.3, 0), Part.GLASS, 1)
    nose, tail = table[-1], table[0]
    for z in (side[0][0], side[-1][1], (side[0][1] + side[-1][0]) / 2):
        builder.both(
            [
                (width + 0.004, table[:, 1].min() + 0.1, z),
                (width + 0.004, nose[2] + 0.3, z),
                (width + 0.004, nose[2] + 0.3, z + 0.025),
                (width + 0.004, table[:, 1].min() + 0.1, z + 0.025),
            ],
            (1, 0, 0),
            Part.DARK,
            1,
        )
        builder.both(
            [
                (width + 0.01, nose[2] + 0.22, z + 0.1),
                (width + 0.01, nose[2] + 0.22, z + 0.28),
                (width + 0.01, nose[2] + 0.26, z + 0.28),
                (width + 0.01, nose[2] + 0.26, z + 0.1),
            ],
            (1, 0, 0),
            Part.TRIM,
            1,
        )
    sill = float(table[:, 1].min())
    builder.both(
        [
            (width + 0.004, sill, wheels[0]),
            (width + 0.004, sill, wheels[1]),
            (width + 0.004, sill + 0.1, wheels[1]),
            (width + 0.004, sill + 0.1, wheels[0]),
        ],
        (1, 0, 0),
        Part.DARK,
        1,
    )
    _ends(builder, nose, tail, table)
    for z in wheels[:2]:
        for x in (width + 0.005, -width - 0.005):
            builder.wheel(x, z, wheels[2])
    builder.box((-width + 0.15, 0.14, tail[0] + 0.3), (width - 0.15, sill + 0.2, nose[0] - 0.3), Part.DARK, -2)
    mirror_z = side[-1][1] - 0.12
    for sign in (1, -1):
        builder.box(
            (min(sign * width, sign * (width + 0.16)), nose[2] + 0.34, mirror_z),
            (max(sign * width, sign * (width + 0.16)), nose[2] + 0.48, mirror_z + 0.1),
            Part.PAINT,
            0,
        )
    lamp_x = float(table[-2, 4]) - 0.2
    return builder.build(
        [(lamp_x, nose[2] + 0.05, nose[0]), (-lamp_x, nose[2] + 0.05, nose[0])],
        [(lamp_x, tail[2] + 0.08, tail[0]), (-lamp_x, tail[2] + 0.08, tail[0])],
    )


def _ends(builder: MeshBuilder, nose: FloatArray, tail: FloatArray, table: FloatArray) -> None:
    """Lights, grille, plates and bumpers."""
    front, wide = nose[0] + 0.01, float(table[-2, 4])
    y = float(nose[2])
    builder.both(
        [
            (wide - 0.34, y - 0.04, front),
            (wide - 0.02, y - 0.01, front - 0.07),
            (wide - 0.02, y + 0.12, front - 0.09),
            (wide - 0.34, y + 0.08, front - 0.02),
        ],
        (0.3, 0.2, 1),
        Part.HEADLIGHT,
        1,
    )
    builder.both(
        [
            (wide - 0.02, y - 0.01, front - 0.07),
            (wide + 0.06, y + 0.02, front - 0.24),
            (wide + 0.06, y + 0.14, front - 0.24),
            (wide - 0.02, y + 0.12, front - 0.09),
        ],
        (1, 0.2, 0.6),
        Part.HEADLIGHT,
        1,
    )
    builder.face(
        [(-0.42, y - 0.10, front), (0.42, y - 0.10, front), (0.46, y + 0.05, front), (-0.46, y + 0.05, front)], (0, 0, 1), Part.DARK, 1
    )
    builder.face(
        [(-0.6, nose[1] - 0.06, front), (0.6, nose[1] - 0.06, front), (0.55, nose[1] + 0.06, front), (-0.55, nose[1] + 0.06, front)],
        (0, 0, 1),
        Part.DARK,
        1,
    )
    builder.face(
        [(-0.26, y - 0.2, front + 0.01), (0.26, y - 0.2, front + 0.01), (0.26, y - 0.09, front + 0.01), (-0.26, y - 0.09, front + 0.01)],
        (0, 0, 1),
        Part.PLATE,
        2,
    )
    back, y, wide = tail[0] - 0.01, float(tail[2]), float(table[1, 4])
    builder.both(
        [
            (wide - 0.30, y - 0.06, back),
            (wide - 0.03, y - 0.06, back + 0.03),
            (wide - 0.03, y + 0.13, back + 0.04),
            (wide - 0.30, y + 0.10, back + 0.01),
        ],
        (0.2, 0, -1),
        Part.TAILLIGHT,
        1,
    )
    builder.both(
        [
            (wide - 0.03, y - 0.06, back + 0.03),
            (wide + 0.05, y - 0.02, back + 0.22),
            (wide + 0.05, y + 0.13, back + 0.22),
            (wide - 0.03, y + 0.13, back + 0.04),
        ],
        (1, 0, -0.6),
        Part.TAILLIGHT,
        1,
    )
    builder.face(
        [(-0.26, y - 0.12, back - 0.01), (0.26, y - 0.12, back - 0.01), (0.26, y + 0.0, back - 0.01), (-0.26, y + 0.0, back - 0.01)],
        (0, 0, -1),
        Part.PLATE,
        2,
    )
    builder.face(
        [
            (-wide + 0.12, tail[1] - 0.1, back),
            (wide - 0.12, tail[1] - 0.1, back),
            (wide - 0.12, tail[1] + 0.05, back),
            (-wide + 0.12, tail[1] + 0.05, back),
        ],
        (0, 0, -1),
        Part.DARK,
        1,
    )


def _truck() -> Mesh:
    """A box lorry: cab in front, white box behind."""
    builder = MeshBuilder()
    builder.box((-1.20, 0.95, -3.6), (1.20, 3.25, 1.75), Part.CARGO)
    builder.box((-0.5, 0.5, -3.5), (0.5, 0.95, 3.2), Part.DARK, -2)
    builder.box((-1.15, 0.55, 1.95), (1.15, 1.45, 3.75), Part.PAINT)
    builder.box((-1.12, 1.45, 1.95), (1.12, 2.45, 3.55), Part.PAINT)
    builder.face([(-1.02, 1.5, 3.56), (1.02, 1.5, 3.56), (0.98, 2.25, 3.56), (-0.98, 2.25, 3.56)], (0, 0, 1), Part.GLASS, 1)
    builder.both([(1.13, 1.5, 2.5), (1.13, 1.5, 3.4), (1.13, 2.2, 3.35), (1.13, 2.2, 2.5)], (1, 0, 0), Part.GLASS, 1)
    builder.both([(0.65, 0.75, 3.76), (1.08, 0.75, 3.76), (1.08, 0.98, 3.76), (0.65, 0.98, 3.76)], (0, 0, 1), Part.HEADLIGHT, 1)
    builder.face([(-0.6, 0.95, 3.76), (0.6, 0.95, 3.76), (0.6, 1.35, 3.76), (-0.6, 1.35, 3.76)], (0, 0, 1), Part.DARK, 1)
    builder.face([(-1.1, 0.5, 3.77), (1.1, 0.5, 3.77), (1.1, 0.68, 3.77), (-1.1, 0.68, 3.77)], (0, 0, 1), Part.DARK, 1)
    builder.face([(-0.26, 0.52, 3.78), (0.26, 0.52, 3.78), (0.26, 0.63, 3.78), (-0.26, 0.63, 3.78)], (0, 0, 1), Part.PLATE, 2)
    builder.face([(-0.02, 1.0, -3.61), (0.02, 1.0, -3.61), (0.02, 3.2, -3.61), (-0.02, 3.2, -3.61)], (0, 0, -1), Part.DARK, 1)
    builder.both([(0.75, 0.8, -3.61), (1.15, 0.8, -3.61), (1.15, 0.94, -3.61), (0.75, 0.94, -3.61)], (0, 0, -1), Part.TAILLIGHT, 1)
    builder.face([(-1.15, 0.55, -3.62), (1.15, 0.55, -3.62), (1.15, 0.72, -3.62), (-1.15, 0.72, -3.62)], (0, 0, -1), Part.DARK, 0)
    builder.both([(1.205, 1.7, -3.0), (1.205, 1.7, 1.2), (1.205, 2.35, 1.2), (1.205, 2.35, -3.0)], (1, 0, 0), Part.TRIM, 1)
    builder.both([(1.0, 0.5, -1.2), (1.0, 0.5, 1.4), (1.0, 0.85, 1.4), (1.0, 0.85, -1.2)], (1, 0, 0), Part.DARK, 0)
    for z in (-2.4, 2.75):
        for x in (1.16, -1.16):
            builder.wheel(x, z, 0.48, 0.3)
    return builder.build([(0.87, 0.86, 3.8), (-0.87, 0.86, 3.8)], [(0.95, 0.87, -3.65), (-0.95, 0.87, -3.65)])


def _bus() -> Mesh:
    """A city bus."""
    builder = MeshBuilder()
    builder.box((-1.25, 0.32, -5.5), (1.25, 3.0, 5.5), Part.PAINT)
    builder.box((-1.2, 3.0, -3.0), (1.2, 3.2, 2.5), Part.CARGO, 1)
    for number in range(7):
        z = -5.1 + number * 1.42
        builder.both([(1.256, 1.3, z), (1.256, 1.3, z + 1.28), (1.256, 2.5, z + 1.28), (1.256, 2.5, z)], (1, 0, 0), Part.GLASS, 1)
    for z in (-0.2, 3.9):
        builder.face([(1.26, 0.45, z), (1.26, 0.45, z + 1.2), (1.26, 2.5, z + 1.2), (1.26, 2.5, z)], (1, 0, 0), Part.GLASS, 2)
    builder.face([(-1.15, 1.1, 5.51), (1.15, 1.1, 5.51), (1.12, 2.5, 5.51), (-1.12, 2.5, 5.51)], (0, 0, 1), Part.GLASS, 1)
    builder.face([(-0.8, 2.6, 5.51), (0.8, 2.6, 5.51), (0.8, 2.9, 5.51), (-0.8, 2.9, 5.51)], (0, 0, 1), Part.INDICATOR, 1)
    builder.face([(-1.05, 1.5, -5.51), (1.05, 1.5, -5.51), (1.0, 2.5, -5.51), (-1.0, 2.5, -5.51)], (0, 0, -1), Part.GLASS, 1)
    builder.both([(0.7, 0.6, 5.51), (1.15, 0.6, 5.51), (1.15, 0.82, 5.51), (0.7, 0.82, 5.51)], (0, 0, 1), Part.HEADLIGHT, 1)
    builder.both([(0.9, 0.7, -5.51), (1.2, 0.7, -5.51), (1.2, 1.2, -5.51), (0.9, 1.2, -5.51)], (0, 0, -1), Part.TAILLIGHT, 1)
    builder.both([(1.256, 0.55, -5.5), (1.256, 0.55, 5.5), (1.256, 0.85, 5.5), (1.256, 0.85, -5.5)], (1, 0, 0), Part.TRIM, 1)
    for z in (-2.9, 3.1):
        for x in (1.262, -1.262):
            builder.wheel(x, z, 0.48, 0.3)
    return builder.build([(0.92, 0.7, 5.55), (-0.92, 0.7, 5.55)], [(1.05, 0.95, -5.55), (-1.05, 0.95, -5.55)])


@cache
def mesh(kind: str) -> Mesh:
    """The body of a `sedan`, `hatch`, `suv`, `van`, `truck` or `bus`."""
    if kind == "sedan":
        return _car(_SEDAN, ((-1.62, -0.92), (0.38, 1.06)), ((-1.18, -0.42, -0.86, -0.42), (-0.34, 0.82, -0.34, 0.36)), (-1.36, 1.38, 0.32))
    if kind == "hatch":
        return _car(_HATCH, ((-1.94, -1.55), (0.45, 1.12)), ((-1.58, -0.50, -1.44, -0.50), (-0.42, 0.90, -0.42, 0.42)), (-1.22, 1.24, 0.31))
    if kind == "suv":
        return _car(_SUV, ((-2.24, -1.92), (0.52, 1.18)), ((-1.98, -0.62, -1.84, -0.62), (-0.54, 0.98, -0.54, 0.50)), (-1.38, 1.40, 0.37))
    if kind == "van":
        return _car(_VAN, ((1.15, 1.88),), ((0.52, 1.62, 0.52, 1.22),), (-1.65, 1.72, 0.35))
    return _truck() if kind == "truck" else _bus()
