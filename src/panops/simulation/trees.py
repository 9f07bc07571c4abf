"""Trees whose leaves sway: thousands of leaf patches drawn once, then a loop of pictures in which every patch moves by its own phase."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.camera_model import CameraModel
from panops.simulation.light import display, linear
from panops.simulation.noise import cloudy, generator, sample
from panops.simulation.scenery import Tree
from panops.simulation.static_picture import FAR_CM, Conditions, StaticPicture, lamp_light

Float32Array = NDArray[np.float32]
_Point = tuple[float, float, float]
LOOP_FPS = 8.0
LOOP_BYTES = 1_500_000  # a tree's loop is cut to this


@dataclass(frozen=True, slots=True, eq=False)
class SwayingPatch:
    """A part of the picture that moves with the wind, over and over.

    Attributes:
        top: Its first row.
        left: Its first column.
        frames: (N, H, W, 3) uint8, opaque.
        fps: How fast the loop runs.
    """

    top: int
    left: int
    frames: NDArray[np.uint8]
    fps: float

    def paste(self, picture: NDArray[np.uint8], time_s: float) -> None:
        """Put the patch of `time_s` into the picture (H, W, 3)."""
        frame = self.frames[int(time_s * self.fps) % len(self.frames)]
        picture[self.top : self.top + frame.shape[0], self.left : self.left + frame.shape[1]] = frame


def plant(still: StaticPicture, trees: tuple[Tree, ...], camera: CameraModel, conditions: Conditions, wind: float) -> list[SwayingPatch]:
    """Draw trees into the still picture, farthest first, and return their loops.

    Args:
        still: Changed in place: picture and depth.
        trees: The trees.
        camera: The camera.
        conditions: The light.
        wind: 1 for a breeze, 3 for a storm.
    """
    patches: list[SwayingPatch] = []
    for tree in sorted(trees, key=lambda one: -one.at[1]):
        drawn = _draw(tree, camera, conditions)
        if drawn is not None:
            patches.append(_loop(still, tree, drawn, wind, grey=conditions.infrared))
    return patches


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A tree's layers (H, W, 4) float32, colours multiplied by alpha 0..1, back to front, for a window of the picture."""

    top: int
    left: int
    layers: tuple[Float32Array, ...]
    depth_m: float
    px_per_m: float


def _draw(tree: Tree, camera: CameraModel, conditions: Conditions) -> _Drawn | None:
    scale = camera.scale(tree.at[0], tree.at[1], tree.crown_base)
    foot_x, foot_y = camera.ground(*tree.at)
    head = camera.project(np.array([[tree.at[0], tree.height, tree.at[1]]]))[0]
    reach = 1.25 * tree.crown_r * scale + 4
    left, right = math.floor(foot_x - reach), math.ceil(foot_x + reach)
    top, bottom = math.floor(head[1] - 0.1 * scale - 4), math.ceil(foot_y + 2)
    width, height = camera.size_wh
    if right <= 0 or left >= width or bottom <= 0 or top >= height:
        return None
    ss = 2
    rng = generator("tree", tree.seed)
    shape = ((bottom - top) * ss, (right - left) * ss)
    lit = _lighting(tree, conditions)
    trunk = _trunk(tree, rng, camera, (left, top), shape, ss, lit)
    layers = [_clusters(tree, rng, camera, (left, top), shape, ss, lit, layer) for layer in range(3)]
    window = (slice(max(0, -top), min(height, bottom) - top), slice(max(0, -left), min(width, right) - left))
    size = shape[1] // ss, shape[0] // ss
    small = [np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA), np.float32)[window] for layer in (trunk, *layers)]
    depth = float(camera.depth(np.array([[tree.at[0], 0.0, tree.at[1]]]))[0])
    return _Drawn(max(0, top), max(0, left), (small[1], small[0], small[2], small[3]), depth, scale)


def _lighting(tree: Tree, conditions: Conditions) -> tuple[Float32Array, Float32Array]:
    """Linear light on a leaf that faces the sun and on one in the shade, (3,) each."""
    light = conditions.light
    point = np.array([[tree.at[0], tree.crown_base, tree.at[1]]], np.float32)
    lamps = lamp_light(point, np.array([[0, 0, -1]], np.float32), conditions.lamps)[0] * 0.4
    if conditions.infrared:
        lamps = lamps + 60.0 / (tree.at[1] ** 2 + 60.0)
    sky = np.asarray(light.sky_rgb, np.float32)
    return np.asarray(light.sun_rgb, np.float32) + 0.8 * sky + lamps, 0.35 * sky + 0.6 * lamps


def _trunk(
    tree: Tree,
    rng: np.random.Generator,
    camera: CameraModel,
    origin: tuple[int, int],
    shape: tuple[int, int],
    ss: int,
    lit: tuple[Float32Array, Float32Array],
) -> Float32Array:
    """Trunk and branches."""
    layer = np.zeros((*shape, 4), np.float32)
    bark = np.asarray(linear(92, 76, 60), np.float32)
    thick = 0.045 * tree.height * 0.5
    limbs: list[tuple[_Point, _Point, float]] = [
        ((0.0, 0.0, 0.0), (0.0, tree.crown_base + 0.45 * (tree.height - tree.crown_base), 0.0), thick)
    ]
    for _ in range(7):
        start = rng.uniform(0.75, 1.0) * tree.crown_base + rng.uniform(0, 0.4) * (tree.height - tree.crown_base)
        angle, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.4, 0.9) * tree.crown_r
        limbs.append(
            ((0.0, start, 0.0), (math.cos(angle) * reach, start + rng.uniform(0.5, 1.2) * reach, math.sin(angle) * reach), thick * 0.4)
        )
    root = np.array([tree.at[0], 0.0, tree.at[1]])
    for low, high, thickness in limbs:
        ends = camera.project(np.array([low, high]) + root)
        pixels = (ends - origin) * ss
        scale = camera.scale(*tree.at) * ss
        for shift, tone in ((0.0, 0.55), (-0.25, 0.9)):
            direction = np.array([thickness * scale * shift, 0.0])
            width = max(1.0, thickness * scale * (1.0 - abs(shift) * 1.6))
            shade = display(bark * (lit[1] * 1.6 + lit[0] * 0.45 * tone) * tone)
            cv2.fillPoly(layer, [_limb(pixels + direction, width, width * 0.45)], (*map(float, shade), 1.0), cv2.LINE_8, 4)
    layer[..., :3] *= layer[..., 3:]
    return layer


def _limb(ends: NDArray[np.float64], wide: float, narrow: float) -> NDArray[np.int32]:
    along = ends[1] - ends[0]
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) / 2
    corners = np.array([ends[0] + across * wide, ends[1] + across * narrow, ends[1] - across * narrow, ends[0] - across * wide])
    return np.asarray(np.rint(corners * 16), dtype=np.int32)


def _clusters(
    tree: Tree,
    rng: np.random.Generator,
    camera: CameraModel,
    origin: tuple[int, int],
    shape: tuple[int, int],
    ss: int,
    lit: tuple[Float32Array, Float32Array],
    layer: int,
) -> Float32Array:
    """One layer of leaf patches: 0 behind the trunk, 2 in front."""
    picture = np.zeros((*shape, 4), np.float32)
    scale = camera.scale(tree.at[0], tree.at[1], tree.crown_base) * ss
    half = (tree.height - tree.crown_base) / 2
    middle = np.array([0.0, tree.crown_base + half, 0.0])
    # Balls of leaves spread over the crown; leaves sit on the balls, so light and shade fall in clumps as on real trees.
    balls = 16
    around = rng.normal(size=(balls, 3))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    centres = around * rng.uniform(0.35, 0.8, (balls, 1)) * [tree.crown_r, half, tree.crown_r] + middle
    centres[:, 2] += (1 - layer) * 0.45 * tree.crown_r
    radii = rng.uniform(0.30, 0.48, balls) * min(tree.crown_r, half)
    leaf_px = max(2.2, 0.085 * scale)
    count = int(np.clip(3.2 * (tree.crown_r * scale) * (half * scale) / leaf_px**2, 300, 2600))
    which = rng.integers(0, balls, count)
    normal = rng.normal(size=(count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    points = centres[which] + normal * (radii[which] * rng.uniform(0.55, 1.0, count) ** 0.5)[:, None]
    order = np.argsort(-points[:, 2] + 0.3 * points[:, 1])
    pixels = (camera.project(points + np.array([tree.at[0], 0.0, tree.at[1]])) - origin) * ss
    outward = (points - middle) / [tree.crown_r, half, tree.crown_r]
    facing = 0.55 * normal + 0.6 * outward
    # The side to the camera and the upper side get some sun whatever way it stands: leaves let light through.
    towards = np.array([0.45, 0.75, -0.45])
    bright = np.clip(0.38 + 0.42 * (facing @ towards), 0.04, 1.0) * (0.8 + 0.1 * layer)
    tint = rng.uniform(0.75, 1.3, (count, 1)) * np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.09, (count, 3)) * [1.2, 0.5, 0.6]
    colours = display((np.asarray(tree.rgb) * tint * (bright[:, None] * lit[0] * 1.15 + lit[1] * 0.9)).astype(np.float32))
    angle = rng.uniform(0, 180, count)
    sizes = leaf_px * rng.uniform(0.6, 1.5, count)
    for i in order:
        axes = (max(1, round(sizes[i] * 0.9)), max(1, round(sizes[i] * 0.5)))
        red, green, blue = (float(value) for value in colours[i])
        cv2.ellipse(picture, (int(pixels[i, 0]), int(pixels[i, 1])), axes, float(angle[i]), 0, 360, (red, green, blue, 1.0), -1)
    return picture


def _loop(still: StaticPicture, tree: Tree, drawn: _Drawn, wind: float, *, grey: bool) -> SwayingPatch:
    """Let the layers sway over what is behind them, and put the first picture of the loop and the tree's depth into the still one."""
    height, width = drawn.layers[0].shape[:2]
    rows, columns = slice(drawn.top, drawn.top + height), slice(drawn.left, drawn.left + width)
    behind = still.rgb[rows, columns].astype(np.float32)
    fine = slice(2 * drawn.top, 2 * (drawn.top + height)), slice(2 * drawn.left, 2 * (drawn.left + width))
    farther = still.depth_cm[fine] > drawn.depth_m * 100
    visible = np.asarray(cv2.resize(farther.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA), np.float32)[..., None]
    cover = np.clip(np.add.reduce([image[..., 3] for image in drawn.layers]), 0, 1)
    mesh = _mesh_before(still, (rows, columns), drawn, cover[..., None] * visible)
    count = int(np.clip(LOOP_BYTES // (height * width * 3), 6, 28))
    frames = np.empty((count, height, width, 3), np.uint8)
    for number, layers in enumerate(_swaying(tree, drawn, wind, count)):
        picture = behind
        for layer in layers:
            picture = picture * (1 - layer[..., 3:] * visible) + layer[..., :3] * visible
        if mesh is not None:
            picture = picture * (1 - mesh[..., 3:] / np.float32(255)) + mesh[..., :3]
        if grey:
            picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
        frames[number] = np.clip(picture + 0.5, 0, 255)
    still.rgb[rows, columns] = frames[0]
    if still.shade[rows, columns].any():
        share = cover[..., None] * visible
        shade = still.shade[rows, columns]
        shade[:] = np.rint(shade * (1 - share) + 0.28 * frames[0] * share)
    hides = np.asarray(cv2.resize(cover, (2 * width, 2 * height)), np.float32) > 0.5
    still.depth_cm[fine][hides & farther] = min(int(drawn.depth_m * 100), FAR_CM)
    return SwayingPatch(drawn.top, drawn.left, frames, LOOP_FPS * (0.8 + 0.2 * wind))


def _swaying(tree: Tree, drawn: _Drawn, wind: float, count: int) -> Iterator[list[Float32Array]]:
    """The layers at each of `count` moments of a loop. Each patch of leaves has its own phase; the trunk holds still."""
    height, width = drawn.layers[0].shape[:2]
    grid_y, grid_x = np.mgrid[0:height, 0:width].astype(np.float32)
    patch = max(3.0, 0.22 * drawn.px_per_m)
    phase = sample(cloudy(0.9, tree.seed % 3 + 1), grid_x * (9 / patch), grid_y * (9 / patch)) * 4 * math.pi
    looseness = np.clip((0.8 * height - grid_y) / height + 0.25, 0.0, 1.0)
    reach = wind * np.clip(0.035 * drawn.px_per_m, 0.35, 2.2) * looseness
    for number in range(count):
        turn = 2 * math.pi * number / count
        layers = []
        for layer, image in enumerate(drawn.layers):
            if layer == 1:
                layers.append(image)
                continue
            sway = 0.01 * wind * drawn.px_per_m * math.sin(turn + layer)
            dx = reach * (np.sin(turn + phase + layer) + 0.5 * np.sin(2 * turn + 1.7 * phase)) + sway * looseness
            dy = 0.45 * reach * np.sin(turn + 1.3 * phase + 2 * layer)
            where = (grid_x + dx).astype(np.float32), (grid_y + dy).astype(np.float32)
            layers.append(np.asarray(cv2.remap(image, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32))
        yield layers


def _mesh_before(still: StaticPicture, window: tuple[slice, slice], drawn: _Drawn, share: Float32Array) -> Float32Array | None:
    """The part of a wire mesh that is nearer than the tree, thinned to where the tree hides the one already drawn; None without a mesh."""
    if still.veil is None or still.veil_depth_cm is None:
        return None
    depth = still.veil_depth_cm[window]
    return np.asarray(still.veil[window] * ((depth > 0) & (depth < drawn.depth_m * 100))[..., None] * share, dtype=np.float32)
