"""Colours a traced body: cloth, skin, hair and metal under the scene's light, as a sprite with soft edges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.light import Light, display
from panops.simulation.noise import TILE, cloudy
from panops.simulation.solids import Solids, View, at_rest, occlusion, trace

Float32Array = NDArray[np.float32]
Pattern = Literal["plain", "stripes", "checks", "reflective", "face", "denim", "fur", "glossy"]
Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """What a part is made of.

    Attributes:
        rgb: Linear colour.
        pattern: How it is drawn.
        second: The pattern's second colour, linear.
        origin: The pattern's origin in the body's frame, m: the head's centre for a face, the belt for a vest.
    """

    rgb: Rgb
    pattern: Pattern = "plain"
    second: Rgb = (0.5, 0.5, 0.5)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A drawn body.

    Attributes:
        rgba: (H, W, 4) uint8, colours multiplied by alpha.
        left: Picture coordinate of the left border, m along the view's right.
        top: Picture coordinate of the upper border, m along the view's up.
        px_per_m: Pixels a metre.
    """

    rgba: NDArray[np.uint8]
    left: float
    top: float
    px_per_m: float

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return int(self.rgba.nbytes)


def draw(solids: Solids, materials: tuple[Material, ...], view: View, px_per_m: float, light: Light) -> Sprite:
    """Trace and colour a body at one and a half times `px_per_m`, then shrink it so that its edges are soft."""
    traced = trace(solids, view, 1.5 * px_per_m, multiple=3)
    albedo = np.zeros(traced.position.shape, np.float32)
    position, normal = at_rest(solids, traced)
    for number, material in enumerate(materials):
        where = np.nonzero(traced.material == number)[0]
        if len(where):
            albedo[where] = _colour(material, position[where], normal[where])
    right, up, to_camera = view.axes()
    # The light stands still in the camera's frame: within a picture the azimuth changes little against the softness of daylight.
    sin, cos = math.sin(view.elevation_rad), math.cos(view.elevation_rad)
    to_world = np.outer(right, (1.0, 0.0, 0.0)) + np.outer(up, (0.0, cos, sin)) + np.outer(to_camera, (0.0, sin, -cos))
    lit = light.on(traced.normal @ to_world.astype(np.float32), open_sky=occlusion(traced))
    rgba = np.zeros((*traced.depth.shape, 4), np.float32)
    rgba[traced.rows, traced.columns, :3] = display(albedo * lit)
    rgba[traced.rows, traced.columns, 3] = 255
    half = cv2.resize(rgba, (rgba.shape[1] // 3 * 2, rgba.shape[0] // 3 * 2), interpolation=cv2.INTER_AREA)
    return Sprite(np.rint(half).astype(np.uint8), traced.left, traced.top, px_per_m)


def _colour(material: Material, position: Float32Array, normal: Float32Array) -> Float32Array:
    """Linear colours (N, 3) of points (N, 3) of one material."""
    colour = np.broadcast_to(np.asarray(material.rgb, np.float32), position.shape).copy()
    local = position - np.asarray(material.origin, np.float32)
    second = np.asarray(material.second, np.float32)
    if material.pattern == "stripes":
        colour[np.mod(local[:, 1], 0.11) < 0.04] = second
    elif material.pattern == "checks":
        across = np.mod(local[:, 0] + 0.3 * local[:, 2], 0.10) < 0.03
        upward = np.mod(local[:, 1], 0.10) < 0.03
        colour[across ^ upward] = 0.5 * colour[across ^ upward] + 0.5 * second
    elif material.pattern == "reflective":
        band = (np.abs(local[:, 1] - 0.12) < 0.025) | (np.abs(local[:, 1] - 0.26) < 0.025)
        band |= (np.abs(np.abs(local[:, 0]) - 0.10) < 0.022) & (local[:, 1] > 0.26)
        colour[band] = second
    elif material.pattern == "face":
        _draw_face(colour, local, normal, second)
    if material.pattern not in ("face", "glossy"):
        # Folds run along the cloth, so the noise is stretched upwards.
        texture = cloudy(1.0)
        column = (position[:, 0] * 700 + position[:, 2] * 550).astype(np.int64) % TILE
        row = (position[:, 1] * 260).astype(np.int64) % TILE
        depth = 0.9 if material.pattern == "denim" else 0.7
        colour *= (1 + depth * (texture[row, column] - 0.5))[:, None]
    if material.pattern == "glossy":
        colour += 0.25 * np.maximum(normal[:, 1:2], 0) ** 8
    return colour


def _draw_face(colour: Float32Array, local: Float32Array, normal: Float32Array, hair: Float32Array) -> None:
    """Eyes, brows, nose and mouth on a head whose centre is the origin; `colour` (N, 3) is changed in place."""
    front = (normal[:, 2] > 0.25) & (local[:, 2] > 0)
    x, y = np.abs(local[:, 0]), local[:, 1]
    socket = front & (np.hypot(x - 0.036, (y - 0.012) * 1.3) < 0.026)
    eye = front & (np.hypot(x - 0.036, (y - 0.012) * 1.8) < 0.014)
    brow = front & (np.abs(x - 0.038) < 0.022) & (np.abs(y - 0.042) < 0.008)
    mouth = front & (x < 0.028) & (np.abs(y + 0.062) < 0.009)
    nostril = front & (x < 0.018) & (np.abs(y + 0.03) < 0.008)
    colour[socket] *= 0.62
    colour[eye] = 0.02
    colour[brow] = 0.4 * colour[brow] + 0.6 * hair
    colour[mouth] *= np.array([0.62, 0.35, 0.35], np.float32)
    colour[nostril] *= 0.6
