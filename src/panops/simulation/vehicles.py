"""Draws vehicles: the mesh in true perspective, painted back to front, each polygon lit and mirroring the sky as lacquer and glass do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.camera_model import CameraModel
from panops.simulation.light import Light, display, linear
from panops.simulation.meshes import Mesh, Part
from panops.simulation.noise import generator
from panops.simulation.vehicle_shapes import mesh

FloatArray = NDArray[np.float64]
Rgb = tuple[float, float, float]

NEAREST_M = 0.8
KINDS = ("sedan", "hatch", "suv", "van", "truck", "bus")
CLASS_NAMES = {"sedan": "car", "hatch": "car", "suv": "car", "van": "car", "truck": "truck", "bus": "bus"}
_PAINTS = [
    (186, 190, 194),
    (42, 44, 48),
    (226, 226, 222),
    (120, 124, 128),
    (140, 26, 30),
    (34, 58, 110),
    (58, 84, 76),
    (150, 138, 116),
    (86, 98, 116),
    (170, 92, 40),
]
_BUSES = [(186, 40, 40), (40, 92, 150), (214, 170, 50)]
_TRUCKS = [(44, 84, 150), (170, 40, 40), (226, 226, 222), (58, 110, 72)]


@dataclass(frozen=True, slots=True)
class VehicleLook:
    """A vehicle's kind and the linear colour of each part."""

    kind: str
    colours: tuple[Rgb, ...]


@lru_cache(maxsize=256)
def random_vehicle(seed: int, kind: str = "") -> VehicleLook:
    """The look of vehicle number `seed`; its kind too, unless that is given."""
    rng = generator("vehicle", seed)
    chosen = kind or str(rng.choice(list(KINDS), p=[0.30, 0.24, 0.22, 0.13, 0.08, 0.03]))
    table = _BUSES if chosen == "bus" else _TRUCKS if chosen == "truck" else _PAINTS
    paint = (232, 232, 228) if chosen == "van" and rng.random() < 0.6 else table[int(rng.integers(len(table)))]
    colours: list[Rgb] = [linear(128, 128, 128)] * len(Part)
    colours[Part.PAINT] = linear(*paint)
    colours[Part.GLASS] = linear(26, 32, 38)
    colours[Part.DARK] = linear(26, 26, 28)
    colours[Part.TYRE] = linear(34, 34, 36)
    colours[Part.RIM] = linear(178, 182, 186)
    colours[Part.HEADLIGHT] = linear(236, 240, 244)
    colours[Part.TAILLIGHT] = linear(168, 22, 24)
    colours[Part.PLATE] = linear(226, 226, 216)
    colours[Part.TRIM] = linear(*table[int(rng.integers(len(table)))]) if chosen in ("truck", "bus") else linear(70, 72, 76)
    colours[Part.CARGO] = linear(226, 228, 226)
    colours[Part.INDICATOR] = linear(250, 190, 60)
    return VehicleLook(chosen, tuple(colours))


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A vehicle's mesh put into the world and the picture.

    Attributes:
        mesh: The mesh.
        pixels: (V, 2) picture points, px.
        box: x1, y1, x2, y2 in px, not clipped to the picture.
        rotation: (3, 3) from the body's frame to the world.
        position: (3,) m.
        cut: Picture points of the polygons that reach nearer to the lens than `NEAREST_M`, cut off there, by polygon; empty as a rule.
    """

    mesh: Mesh
    pixels: FloatArray
    box: tuple[float, float, float, float]
    rotation: FloatArray
    position: FloatArray
    cut: dict[int, FloatArray]


def heading_matrix(heading: float) -> FloatArray:
    """Body frame (x right, y up, z forward) to the world for a heading, rad from the z axis towards x; rows are body axes."""
    sin, cos = math.sin(heading), math.cos(heading)
    return np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])


def place(look: VehicleLook, camera: CameraModel, at: tuple[float, float], heading: float) -> Placed | None:
    """Put a vehicle at a ground point; None when all of it is behind the lens or nearer than `NEAREST_M`."""
    body = mesh(look.kind)
    rotation = heading_matrix(heading)
    position = np.array([at[0], 0.0, at[1]])
    world = body.vertices @ rotation + position
    depth = camera.depth(world)
    if float(depth.max()) < NEAREST_M:
        return None
    pixels = camera.project(world)
    cut = _cut_near(body, world, depth, camera)
    shown = np.concatenate([pixels[depth >= NEAREST_M], *cut.values()])
    low, high = shown.min(axis=0), shown.max(axis=0)
    return Placed(body, pixels, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), rotation, position, cut)


def _cut_near(body: Mesh, world: FloatArray, depth: FloatArray, camera: CameraModel) -> dict[int, FloatArray]:
    """Polygons that cross the plane `NEAREST_M` before the lens, cut off at it (Sutherland and Hodgman, 1974), px; empty behind it."""
    if float(depth.min()) >= NEAREST_M:
        return {}
    cut: dict[int, FloatArray] = {}
    for number, face in enumerate(body.faces):
        if (depth[face] >= NEAREST_M).all():
            continue
        kept = []
        for here, following in zip(face, np.roll(face, -1), strict=True):
            if depth[here] >= NEAREST_M:
                kept.append(world[here])
            if (depth[here] >= NEAREST_M) != (depth[following] >= NEAREST_M):
                share = (NEAREST_M - depth[here]) / (depth[following] - depth[here])
                kept.append(world[here] + share * (world[following] - world[here]))
        cut[number] = camera.project(np.array(kept).reshape(-1, 3))
    return cut


def paint(
    look: VehicleLook,
    placed: Placed,
    camera: CameraModel,
    light: Light,
    window: tuple[int, int, int, int],
    brightness: Rgb,
    *,
    lamps_on: bool = False,
) -> NDArray[np.uint8]:
    """Draw a placed vehicle.

    Args:
        look: Its colours.
        placed: Where it is.
        camera: The camera.
        light: The scene's light.
        window: x1, y1, x2, y2 of the part of the picture to draw, px.
        brightness: Factor on all light: below 1 in a shadow, or what lamps give at night.
        lamps_on: Whether its lights burn.

    Returns:
        (H, W, 4) uint8 for the window, colours multiplied by alpha.
    """
    body = placed.mesh
    centre = body.centre @ placed.rotation + placed.position
    normal = body.normal @ placed.rotation
    view = np.array([0.0, camera.height_m, 0.0]) - centre
    distance = np.sqrt(np.einsum("ni,ni->n", view, view))
    facing = np.einsum("ni,ni->n", view, normal) / distance
    visible = np.nonzero(facing > 0)[0]
    order = visible[np.lexsort((-distance[visible], body.layer[visible]))]
    colours = _lit(
        look, body, order, normal[order], view[order] / distance[order, None], facing[order], light, np.asarray(brightness), lamps_on
    )
    x1, y1, x2, y2 = window
    canvas = np.zeros((2 * (y2 - y1), 2 * (x2 - x1), 4), np.uint8)
    points = np.rint((placed.pixels - (x1, y1)) * 32 - 8).astype(np.int32)  # twice the size, 4 bits of fraction, pixel centres
    starts, fill = body.start, cv2.fillConvexPoly
    for face, colour in zip(order.tolist(), colours.tolist(), strict=True):
        polygon = points[starts[face] : starts[face + 1]]
        if face in placed.cut:
            polygon = np.rint((placed.cut[face] - (x1, y1)) * 32 - 8).astype(np.int32)
        if len(polygon) > 2:
            fill(canvas, polygon, colour, 8, 4)
    return np.asarray(cv2.resize(canvas, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _lit(
    look: VehicleLook,
    body: Mesh,
    order: NDArray[np.intp],
    normal: FloatArray,
    view: FloatArray,
    facing: FloatArray,
    light: Light,
    brightness: FloatArray,
    lamps_on: bool,
) -> NDArray[np.uint8]:
    """Display colours (N, 4) of the polygons `order`."""
    part = body.part[order]
    base = np.asarray(look.colours)[part]
    lit = base * light.on(normal.astype(np.float32)) * brightness
    mirrored = 2 * facing[:, None] * normal - view
    rise = mirrored[:, 1]
    sky, haze = np.asarray(light.sky_rgb), np.asarray(light.haze_rgb)
    up = np.clip(rise * 1.6, 0, 1)[:, None]
    environment = np.where(rise[:, None] > 0, haze * (1 - up) + sky * up * 0.9, np.asarray(light.ground_rgb) * 0.5)
    fresnel = 0.04 + 0.96 * (1 - np.clip(facing, 0, 1)) ** 5
    gloss = np.select(
        [part == Part.GLASS, part == Part.PAINT, part == Part.CARGO],
        [np.minimum(0.10 + fresnel, 0.7), np.minimum(0.05 + fresnel, 0.5), 0.04],
        0.03,
    )
    glint = np.maximum(mirrored @ np.asarray(light.sun), 0) ** 24 * max(light.sun_rgb) * np.isin(part, (Part.PAINT, Part.GLASS, Part.RIM))
    lit = lit + (gloss[:, None] * environment + 0.35 * glint[:, None]) * brightness
    # The lower a polygon, the less sky it sees: cars are darker below.
    height = body.centre[order, 1:2]
    lit = lit * np.clip(0.62 + 0.38 * height / 0.8, 0.5, 1.0)
    if lamps_on:
        lit = np.where((part == Part.HEADLIGHT)[:, None], [3.0, 2.9, 2.6], lit)
        lit = np.where((part == Part.TAILLIGHT)[:, None], [1.4, 0.10, 0.06], lit)
        lit = np.where((part == Part.INDICATOR)[:, None], [1.6, 1.0, 0.2], lit)
    return np.asarray(np.rint(np.concatenate([display(lit), np.full((len(lit), 1), 255.0)], axis=1)), dtype=np.uint8)


def shadow(placed: Placed, camera: CameraModel, light: Light) -> list[NDArray[np.float64]]:
    """Outlines (N, 2) in px of the shadow on the ground: first the one below it, then the sun's, which is missing without sun."""
    world = placed.mesh.vertices @ placed.rotation + placed.position
    world = world[camera.depth(world) > NEAREST_M]
    flat = world[world[:, 1] < 0.6] * [1, 0, 1]
    flat = flat[camera.depth(flat) > 0.5]
    if len(flat) < 3:
        return [np.zeros((1, 2))]
    outlines = [cv2.convexHull(camera.project(flat).astype(np.float32))[:, 0].astype(np.float64)]
    if max(light.sun_rgb) > 0.05:
        sun = np.asarray(light.sun)
        cast = world - sun * (world[:, 1:2] / max(float(sun[1]), 0.15))
        cast = cast[camera.depth(cast) > 0.5]
        outlines.append(cv2.convexHull(camera.project(cast).astype(np.float32))[:, 0].astype(np.float64))
    return outlines
