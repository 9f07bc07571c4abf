"""The words a site is described in: surfaces, boxes, trees, lamps, parked vehicles and the ways that people and vehicles take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from panops.simulation.light import Light, linear

Point = tuple[float, float, float]
Ground = tuple[float, float]
Rgb = tuple[float, float, float]
FloatArray = NDArray[np.float64]
SIGNAL_S = 32.0

Traffic = Literal["walk", "drive", "cycle", "cat", "bird"]

_LEAVES = linear(78, 96, 50)


@dataclass(frozen=True, slots=True)
class Surface:
    """A flat rectangle.

    Attributes:
        origin: One corner, m.
        along_u: Unit vector of its first edge.
        along_v: Unit vector of its second edge; `along_u` x `along_v` need not point anywhere special, both sides are seen.
        size: Lengths of the edges, m.
        texture: A name of `surfaces.TEXTURES`, or `window`, `glow`, `mesh`.
        options: Passed to the texture.
        glow: Light that it gives off itself, linear.
        ground: Whether it lies on the ground: gets wet in the rain and takes contact shadows.
    """

    origin: Point
    along_u: Point
    along_v: Point
    size: tuple[float, float]
    texture: str
    options: Mapping[str, Any] = field(default_factory=dict)
    glow: Rgb = (0.0, 0.0, 0.0)
    ground: bool = False

    @property
    def normal(self) -> FloatArray:
        """Unit normal (3,); the renderer turns it towards the camera."""
        return np.cross(np.asarray(self.along_u), np.asarray(self.along_v))

    def corners(self) -> FloatArray:
        """The corners (4, 3)."""
        o, u, v = np.asarray(self.origin), np.asarray(self.along_u) * self.size[0], np.asarray(self.along_v) * self.size[1]
        return np.array([o, o + u, o + u + v, o + v])


@dataclass(frozen=True, slots=True)
class Block:
    """A box that throws a shadow: its centre on the ground, width (x), height (y) and depth (z), turned by `yaw`, base at `base_m`."""

    centre: Ground
    width: float
    height: float
    depth: float
    yaw: float = 0.0
    base_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree at a ground point: total height, crown radius and where the crown begins, m; `seed` is its shape."""

    at: Ground
    height: float
    crown_r: float
    crown_base: float
    seed: int
    rgb: Rgb = _LEAVES


@dataclass(frozen=True, slots=True)
class Lamp:
    """A point light: where, colour times strength (linear light at 1 m, facing), and whether it burns by day too."""

    at: Point
    rgb: Rgb
    always: bool = False


@dataclass(frozen=True, slots=True)
class Parked:
    """A vehicle that never moves: its kind, look, ground point and heading."""

    kind: str
    look: int
    at: Ground
    heading: float


@dataclass(frozen=True, slots=True)
class Way:
    """A way that traffic takes.

    Attributes:
        traffic: Who takes it.
        points: Ground points it leads through, m.
        weight: How often it is taken, against the other ways.
        stops: Where (share of the length) somebody may stand for a while, with how likely and how long at most, s.
        both: Whether it is taken in either direction.
        spread_m: How far to the side of it people may keep.
        bound: Whether a vehicle waits at the stops as if for a barrier: it always does.
        back: Whether people go back the way they came when they reach its end.
        signal: Where it crosses other traffic (share of the length), and from when until when in each `SIGNAL_S` it may be passed, s.
    """

    traffic: Traffic
    points: tuple[Ground, ...]
    weight: float = 1.0
    stops: tuple[tuple[float, float, float], ...] = ()
    both: bool = True
    spread_m: float = 0.35
    bound: bool = False
    back: bool = False
    signal: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that does not move, and the ways of what does.

    Attributes:
        name: The scene's name.
        height_m: The camera's height.
        pitch_deg: How far it looks down.
        hfov_deg: Its horizontal field of view.
        surfaces: What is seen.
        blocks: What throws shadows.
        trees: Trees, swaying.
        lamps: Lights at night, or always.
        parked: Vehicles that stand.
        ways: Where traffic goes.
        light: The light of a clear day.
        backdrop: What stands on the horizon; `none` indoors.
        zones: Areas worth watching, as ground polygons in m, by name.
        lines: Tripwires worth having, as ground points in m, by name.
        boom: A barrier's post, its boom's other end (ground points) and how high it hangs, or None.
        infrared: Whether the camera sees by infrared at night: grey, with its own light.
    """

    name: str
    height_m: float
    pitch_deg: float
    hfov_deg: float
    surfaces: tuple[Surface, ...]
    blocks: tuple[Block, ...]
    trees: tuple[Tree, ...]
    lamps: tuple[Lamp, ...]
    parked: tuple[Parked, ...]
    ways: tuple[Way, ...]
    light: Light
    backdrop: Literal["none", "city", "forest"]
    zones: Mapping[str, tuple[Ground, ...]]
    lines: Mapping[str, tuple[Ground, ...]]
    boom: tuple[Ground, Ground, float] | None = None
    infrared: bool = False


class SiteBuilder:
    """Collects surfaces and blocks."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.surfaces: list[Surface] = []
        self.blocks: list[Block] = []

    def floor(self, low: Ground, high: Ground, texture: str, y: float = 0.0, **options: Any) -> None:
        """A level rectangle from `low` to `high` (x, z), m. Later ones lie on earlier ones."""
        # A hair above what was laid before, so that the nearer one wins.
        lift = y + 0.0015 * len(self.surfaces)
        self.surfaces.append(
            Surface((low[0], lift, low[1]), (1, 0, 0), (0, 0, 1), (high[0] - low[0], high[1] - low[1]), texture, options, ground=y < 0.3)
        )

    def strip(self, start: Ground, end: Ground, width: float, texture: str, y: float = 0.0, **options: Any) -> None:
        """A level band of `width` m from `start` to `end`; its u runs along it."""
        length = math.dist(start, end)
        ux, uz = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        origin = (start[0] + uz * width / 2, y + 0.0015 * len(self.surfaces), start[1] - ux * width / 2)
        self.surfaces.append(Surface(origin, (ux, 0, uz), (-uz, 0, ux), (length, width), texture, options, ground=y < 0.3))

    def wall(self, start: Ground, end: Ground, low: float, high: float, texture: str, glow: Rgb = (0, 0, 0), **options: Any) -> None:
        """An upright rectangle over the line from `start` to `end`, between heights `low` and `high`, m."""
        length = math.dist(start, end)
        along = ((end[0] - start[0]) / length, 0.0, (end[1] - start[1]) / length)
        self.surfaces.append(Surface((start[0], low, start[1]), along, (0, 1, 0), (length, high - low), texture, options, glow))

    def block(self, block: Block, texture: str, top: str = "concrete", glow: Rgb = (0, 0, 0), **options: Any) -> None:
        """A box with four walls and a lid that throws a shadow."""
        corners = footprint(block)
        low, high = block.base_m, block.base_m + block.height
        for first, second in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            self.wall((first[0], first[1]), (second[0], second[1]), low, high, texture, glow, **options)
        u, v = corners[1] - corners[0], corners[3] - corners[0]
        lid = (u[0] / block.width, 0.0, u[1] / block.width), (v[0] / block.depth, 0.0, v[1] / block.depth)
        self.surfaces.append(Surface((corners[0][0], high, corners[0][1]), *lid, (block.width, block.depth), top))
        self.blocks.append(block)

    def windows(
        self, start: Ground, end: Ground, rows: tuple[float, ...], count: int, size: tuple[float, float], lit: float = 0.25
    ) -> None:
        """`count` windows in each of the rows (sill heights, m) on the wall from `start` to `end`, just in front of its left-hand side.

        `lit` is the share of them in which a light burns at night.
        """
        a, b = np.asarray(start), np.asarray(end)
        length = math.dist(start, end)
        along = (b - a) / length
        out = np.array([-along[1], along[0]]) * 0.03
        for storey, sill in enumerate(rows):
            for number in range(count):
                middle = a + along * length * (number + 0.5) / count + out
                first, second = middle - along * size[0] / 2, middle + along * size[0] / 2
                burning = ((storey * 31 + number * 17 + int(abs(start[0]) * 7)) * 2654435761 % 1000) / 1000 < lit
                self.wall(
                    (first[0], first[1]),
                    (second[0], second[1]),
                    sill,
                    sill + size[1],
                    "window",
                    lit=burning,
                    size=size,
                    shade=(storey * 7 + number * 3) % 5,
                )


def footprint(block: Block) -> FloatArray:
    """The corners (4, 2) of a block on the ground, m."""
    sin, cos = math.sin(block.yaw), math.cos(block.yaw)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [block.width / 2, block.depth / 2]
    turned = np.stack([half[:, 0] * cos + half[:, 1] * sin, -half[:, 0] * sin + half[:, 1] * cos], axis=1)
    return np.asarray(turned + np.asarray(block.centre))
