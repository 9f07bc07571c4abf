"""Renders what stands still, once a scene: each pixel's ray meets the surfaces, gets sun, sky, shadow and lamps, and fades into haze."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.camera_model import CameraModel
from panops.simulation.light import Light, display, linear
from panops.simulation.noise import fractal
from panops.simulation.scenery import Block, Lamp, Site, Surface, Tree
from panops.simulation.surfaces import albedo

Float32Array = NDArray[np.float32]
FAR_CM = 65000


@dataclass(frozen=True, slots=True)
class Conditions:
    """The light and weather that a picture is made for.

    Attributes:
        light: Sun, sky, bounce and haze.
        lamps: The lights that burn.
        wet: 0 for dry, 1 for a street in the rain.
        night: Whether the sky is dark and windows are lit.
        infrared: Whether the camera has switched to infrared: the lens is the lamp, colours are gone.
    """

    light: Light
    lamps: tuple[Lamp, ...] = ()
    wet: float = 0.0
    night: bool = False
    infrared: bool = False


@dataclass(slots=True)
class StaticPicture:
    """The still part of a scene at twice the picture's resolution until `finish` halves it.

    Attributes:
        rgb: (H, W, 3) uint8.
        shade: (H, W, 3) uint8, how much darker each pixel gets when a cloud hides the sun.
        sunlit: (H, W) float32, how much of the sun reaches it, 0..1.
        depth_cm: (2H, 2W) uint16, distance along the optical axis of what stands up, `FAR_CM` for sky and ground; at twice the
            resolution so that things are cut off softly.
        veil: (H, W, 4) uint8 or None: what is seen through, such as a wire fence, colours multiplied by alpha.
        veil_depth_cm: (H, W) uint16, its distance; 0 where there is none.
    """

    rgb: NDArray[np.uint8]
    shade: NDArray[np.uint8]
    sunlit: Float32Array
    depth_cm: NDArray[np.uint16]
    veil: NDArray[np.uint8] | None
    veil_depth_cm: NDArray[np.uint16] | None


def render_static(site: Site, camera: CameraModel, conditions: Conditions) -> StaticPicture:
    """Make the still picture of a site; takes a second or so at 640 x 360."""
    rays = camera.rays(0.5).astype(np.float32)
    solid = [surface for surface in site.surfaces if surface.texture != "mesh"]
    depth, index = _nearest(solid, camera, rays)
    colour = _sky(rays, conditions, site.backdrop)
    dimmed = colour * (0.9 if not conditions.night else 1.0)
    sunlit = np.ones(depth.shape, np.float32)
    eye = np.array([0.0, camera.height_m, 0.0], np.float32)
    for number, surface in enumerate(solid):
        rows, columns = np.nonzero(index == number)
        if not len(rows):
            continue
        points = eye + rays[rows, columns] * depth[rows, columns][:, None]
        lit, clouded, sun = _shade(surface, points, depth[rows, columns] / (2 * camera.focal_px), site, conditions, eye)
        colour[rows, columns], dimmed[rows, columns], sunlit[rows, columns] = lit, clouded, sun
    size = camera.size_wh
    bright = _finish(colour, size, conditions)
    shade = np.clip(bright - _finish(dimmed, size, conditions), 0, 255)
    # Nobody is hidden by the ground they stand on.
    hides = np.append(np.array([not surface.ground for surface in solid], bool), False)
    depth_cm = np.where(hides[index], np.minimum(depth * 100, FAR_CM), FAR_CM).astype(np.uint16)
    veil, veil_depth = _veil(site, camera, rays, depth, conditions)
    if veil is not None:
        bright = np.asarray(bright * (1 - veil[..., 3:] / np.float32(255)) + veil[..., :3], dtype=np.float32)
    return StaticPicture(
        np.rint(bright).astype(np.uint8),
        np.rint(shade).astype(np.uint8),
        np.asarray(cv2.resize(sunlit, size, interpolation=cv2.INTER_AREA), dtype=np.float32),
        depth_cm,
        veil,
        veil_depth,
    )


def _nearest(surfaces: list[Surface], camera: CameraModel, rays: Float32Array) -> tuple[Float32Array, NDArray[np.int16]]:
    """Distance along the optical axis and number of the first surface that each ray meets, (H, W) each; -1 for none."""
    depth = np.full(rays.shape[:2], 1e6, np.float32)
    index = np.full(rays.shape[:2], -1, np.int16)
    for number, surface in enumerate(surfaces):
        window = _window(surface, camera, rays.shape[:2])
        distance, inside, _, _ = _meet(surface, camera, rays[window])
        nearer = inside & (distance < depth[window])
        np.copyto(depth[window], distance, where=nearer)
        index[window][nearer] = number
    return depth, index


def _window(surface: Surface, camera: CameraModel, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the double-size picture that a surface may cover."""
    corners = surface.corners()
    if (camera.depth(corners) < 0.2).any():
        return slice(0, shape[0]), slice(0, shape[1])
    pixels = camera.project(corners) * 2
    low = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, [shape[1], shape[0]]).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 2, 0, [shape[1], shape[0]]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _meet(surface: Surface, camera: CameraModel, rays: Float32Array) -> tuple[Float32Array, NDArray[np.bool_], Float32Array, Float32Array]:
    """Distance, whether the rays meet the surface, and where on it (u, v), each (H, W)."""
    normal = surface.normal.astype(np.float32)
    eye = np.array([0.0, camera.height_m, 0.0])
    offset = np.asarray(surface.origin) - eye
    slant = rays @ normal
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(np.abs(slant) > 1e-7, np.float32(offset @ surface.normal) / slant, np.float32(-1))
    u = distance * (rays @ np.asarray(surface.along_u, np.float32)) - np.float32(offset @ np.asarray(surface.along_u, float))
    v = distance * (rays @ np.asarray(surface.along_v, np.float32)) - np.float32(offset @ np.asarray(surface.along_v, float))
    inside = (distance > 0.1) & (u >= 0) & (u <= surface.size[0]) & (v >= 0) & (v <= surface.size[1])
    return distance, inside, u, v


def _shade(
    surface: Surface, points: Float32Array, footprint: Float32Array, site: Site, conditions: Conditions, eye: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Linear light (N, 3) that reaches the lens from points of a surface, the same under a cloud, and the share of sun (N,)."""
    local = points - np.asarray(surface.origin, np.float32)
    u, v = local @ np.asarray(surface.along_u, np.float32), local @ np.asarray(surface.along_v, np.float32)
    distance = np.linalg.norm(points - eye, axis=1)
    normal = surface.normal.astype(np.float32)
    if float(normal @ (eye - points[0])) < 0:
        normal = -normal
    glow = np.asarray(surface.glow, np.float32) * np.float32(0.03 if conditions.night else 1.0)
    if surface.texture == "window":
        base, glow = _window_pane(surface, u, v, conditions)
    elif surface.texture == "glow":
        base = np.full((len(u), 3), 0.8, np.float32)
    else:
        # Flat on the ground a pixel is long and thin; the longer side decides what can be seen.
        slant = np.abs((points - eye) @ normal) / distance
        size = footprint / np.sqrt(np.maximum(slant, 0.05))
        base = albedo(surface.texture, u, v, size, **surface.options)
    light = conditions.light
    sun = sunlight(points + normal * 0.02, light, site.blocks, site.trees)
    openness = _openness(surface, points, u, v, site)
    normals = np.broadcast_to(normal, points.shape)
    lamps = lamp_light(points, normals, conditions.lamps)
    if conditions.infrared:
        lamps = lamps + _infrared(points, normals, eye)
    if surface.ground and conditions.wet:
        base = base * (1 - 0.45 * conditions.wet)
    lit = base * (light.on(normals, sun, openness) + lamps) + glow
    clouded = base * (light.on(normals, sun * 0.25, openness) + lamps) + glow
    if surface.ground and conditions.wet:
        mirrored = _wet(points, eye, normal, conditions) * np.float32(0.15 if surface.texture in ("grass", "gravel") else 1.0)
        lit, clouded = lit + mirrored, clouded + mirrored
    haze = (1 - 0.5 ** (distance / light.haze_m))[:, None]
    veil = np.asarray(light.haze_rgb, np.float32) * haze
    return (
        lit * (1 - haze) + veil,
        clouded * (1 - haze) + veil,
        np.asarray(sun * max(float(normal @ np.asarray(light.sun, np.float32)), 0.0) ** 0.3, np.float32),
    )


def _window_pane(surface: Surface, u: Float32Array, v: Float32Array, conditions: Conditions) -> tuple[Float32Array, Float32Array]:
    """Frame and glass of a window: by day the glass mirrors the sky, at night some are lit."""
    width, height = surface.size
    frame = (np.minimum(u, width - u) < 0.06) | (np.minimum(v, height - v) < 0.06) | (np.abs(u - width / 2) < 0.03)
    tone = 0.05 + 0.16 * (v / height) ** 1.5 + 0.03 * float(surface.options.get("shade", 0))
    slant = np.clip(((u / width + v / height) - 1.1) * 6, 0, 1) * 0.08
    glass = (tone + slant)[:, None] * np.array([0.75, 0.92, 1.1], np.float32)
    curtain = v > height * (0.55 + 0.08 * float(surface.options.get("shade", 0)))
    glass = np.where((curtain & (surface.options.get("shade", 0) in (1, 3)))[:, None], 0.30 * np.array([1, 0.97, 0.9], np.float32), glass)
    base = np.where(frame[:, None], np.asarray(linear(206, 206, 202), np.float32), glass).astype(np.float32)
    glow = np.zeros_like(base)
    if conditions.night and surface.options.get("lit"):
        glow = np.where(frame[:, None], 0, (0.30 + 0.12 * v / height)[:, None] * np.array([1.0, 0.72, 0.38], np.float32)).astype(np.float32)
    return base, glow


def sunlight(points: Float32Array, light: Light, blocks: tuple[Block, ...], trees: tuple[Tree, ...]) -> Float32Array:
    """How much of the sun reaches points (N, 3): 0 behind a block, dappled under a tree, (N,) float32 in 0..1."""
    sun = np.asarray(light.sun, np.float32)
    open_ = np.ones(len(points), np.float32)
    if max(light.sun_rgb) <= 0:
        return open_
    for block in blocks:
        sin, cos = math.sin(block.yaw), math.cos(block.yaw)
        dx, dz = points[:, 0] - block.centre[0], points[:, 2] - block.centre[1]
        origin = (dx * cos - dz * sin, points[:, 1] - block.base_m - block.height / 2, dx * sin + dz * cos)
        direction = (sun[0] * cos - sun[2] * sin, sun[1], sun[0] * sin + sun[2] * cos)
        enter, leave = np.zeros(len(points), np.float32), np.full(len(points), 1e6, np.float32)
        for start, step, half in zip(origin, direction, (block.width / 2, block.height / 2, block.depth / 2), strict=True):
            inverse = 1 / (step if abs(step) > 1e-6 else 1e-6)
            first, second = (-half - start) * inverse, (half - start) * inverse
            enter, leave = np.maximum(enter, np.minimum(first, second)), np.minimum(leave, np.maximum(first, second))
        open_[leave > enter + 0.03] = 0
    for tree in trees:
        middle = np.array([tree.at[0], (tree.crown_base + tree.height) / 2, tree.at[1]], np.float32)
        half = (tree.height - tree.crown_base) / 2
        squash = np.array([1 / tree.crown_r, 1 / half, 1 / tree.crown_r], np.float32)
        local, ray = (points - middle) * squash, sun * squash
        a, b, c = float(ray @ ray), local @ ray, np.einsum("ni,ni->n", local, local) - 1
        inside = b * b - a * c
        chord = np.sqrt(np.maximum(inside, 0)) / a
        reached = (inside > 0) & (-b + chord * a > 0)
        across = points - sun * (points[:, 1:2] / max(float(sun[1]), 0.1))
        leaves = fractal(across[:, 0] + tree.seed, across[:, 2], np.full(len(points), 0.02, np.float32), 7.0, 0.75)
        through = np.clip(1.15 - 1.4 * chord / max(tree.crown_r, 0.5) + 0.9 * leaves, 0.08, 1)
        open_[reached] = np.minimum(open_[reached], through[reached])
    return open_


def lamp_light(points: Float32Array, normals: Float32Array, lamps: tuple[Lamp, ...]) -> Float32Array:
    """Linear light (N, 3) of the lamps on points (N, 3) with normals (N, 3); a lamp a little above the ground lights downwards."""
    total = np.zeros(points.shape, np.float32)
    for lamp in lamps:
        towards = np.asarray(lamp.at, np.float32) - points
        square = np.einsum("ni,ni->n", towards, towards)
        facing = np.maximum(np.einsum("ni,ni->n", towards, normals) / np.sqrt(square), 0.12)
        downwards = np.clip(0.25 + 0.9 * towards[:, 1] / np.sqrt(square), 0.05, 1)
        total += (facing * downwards / (square + 1.0))[:, None] * np.asarray(lamp.rgb, np.float32)
    return total


def _infrared(points: Float32Array, normals: Float32Array, eye: Float32Array) -> Float32Array:
    """The camera's own infrared light."""
    towards = eye - points
    square = np.einsum("ni,ni->n", towards, towards)
    facing = np.maximum(np.einsum("ni,ni->n", towards, normals) / np.sqrt(square), 0.05)
    return np.repeat((facing**0.6 * 110.0 / (square + 60.0))[:, None], 3, axis=1).astype(np.float32)


def _openness(surface: Surface, points: Float32Array, u: Float32Array, v: Float32Array, site: Site) -> Float32Array:
    """How much of the sky a point sees, (N,) in 0.3..1: darker beside walls and in corners."""
    open_ = np.ones(len(points), np.float32)
    if site.backdrop == "none":
        for distance in (u, surface.size[0] - u, v, surface.size[1] - v):
            open_ *= 1 - 0.28 * np.exp(-np.maximum(distance, 0) / 0.35)
    if surface.ground:
        for block in site.blocks:
            if block.base_m > 0.5:
                continue
            sin, cos = math.sin(block.yaw), math.cos(block.yaw)
            dx, dz = points[:, 0] - block.centre[0], points[:, 2] - block.centre[1]
            outside = np.hypot(
                np.maximum(np.abs(dx * cos - dz * sin) - block.width / 2, 0), np.maximum(np.abs(dx * sin + dz * cos) - block.depth / 2, 0)
            )
            open_ *= 1 - 0.6 * np.exp(-outside / (0.15 + 0.18 * block.height))
    elif abs(surface.along_v[1]) > 0.9:
        open_ *= 1 - 0.3 * np.exp(-np.maximum(points[:, 1], 0) / 0.5)
    return np.maximum(open_, 0.3)


def _wet(points: Float32Array, eye: Float32Array, normal: Float32Array, conditions: Conditions) -> Float32Array:
    """The sky and the lamps mirrored in wet ground, most at a grazing look and in puddles, (N, 3) linear."""
    view = eye - points
    length = np.linalg.norm(view, axis=1)
    cosine = np.clip((view @ normal) / length, 0, 1)
    fresnel = 0.03 + 0.97 * (1 - cosine) ** 5
    footprint = length / 600
    puddle = np.clip((fractal(points[:, 0], points[:, 2], footprint, 19.0, 1.5) - 0.12) * 9, 0, 1)
    share = (fresnel * (0.25 + 0.75 * puddle) + 0.04 * puddle) * conditions.wet
    return np.asarray(share[:, None] * (np.asarray(conditions.light.haze_rgb, np.float32) * 0.95), dtype=np.float32)


def _sky(rays: Float32Array, conditions: Conditions, backdrop: str) -> Float32Array:
    """Linear colours (H, W, 3) of the sky and of what stands on the horizon."""
    length = np.linalg.norm(rays, axis=2)
    rise = rays[..., 1] / length
    light = conditions.light
    zenith, horizon = (
        np.asarray(light.sky_rgb, np.float32) * np.array([0.55, 0.75, 1.05], np.float32),
        np.asarray(light.haze_rgb, np.float32),
    )
    mix = np.clip(np.maximum(rise, 0) / 0.45, 0, 1)[..., None] ** 0.6
    sky = horizon * (1 - mix) + zenith * mix
    high = np.maximum(rise, 0.02)
    plane_u, plane_v = rays[..., 0] / (length * high), rays[..., 2] / (length * high)
    clouds = fractal(plane_u, plane_v * 1.6, np.full(rise.shape, 1e-3, np.float32), 26.0, 1.25)
    cover = np.clip((clouds - 0.02) * 3.0, 0, 1)[..., None] * np.clip(rise / 0.08, 0, 1)[..., None]
    bright = np.asarray(light.haze_rgb, np.float32) * (1.12 if not conditions.night else 1.0)
    sky = sky * (1 - 0.75 * cover) + bright * 0.75 * cover
    if backdrop != "none":
        azimuth = np.arctan2(rays[..., 0], rays[..., 2])
        step = np.zeros_like(azimuth)
        if backdrop == "forest":
            fine = np.full(azimuth.shape, 1e-3, np.float32)
            for number, (height, near) in enumerate(((0.044, 0.30), (0.033, 0.48), (0.022, 0.66))):
                wave = fractal(azimuth * 4 + number * 3, step + 2 * number, fine, 16.0, 1.1)
                crowns = fractal(azimuth * 30 + number, rise * 30, fine, 9.0, 0.7)
                below = rise < height * (1 + 0.8 * wave) + 0.012 * crowns
                tone = (
                    np.asarray(linear(76, 92, 62), np.float32)
                    * (max(light.sky_rgb) + 0.5 * max(light.sun_rgb))
                    * (0.85 + 0.5 * crowns[..., None])
                )
                sky = np.where(below[..., None], tone * near + horizon * (1 - near) * 0.85, sky)
        else:
            block = np.floor(azimuth * 26)
            noise = np.sin(block * 12.9898) * 43758.547
            height = 0.03 + 0.06 * (noise - np.floor(noise))
            tone = horizon * (0.78 + 0.08 * np.sin(block * 3.1))[..., None]
            sky = np.where((rise < height)[..., None], tone, sky)
    return np.asarray(sky, dtype=np.float32)


def _veil(
    site: Site, camera: CameraModel, rays: Float32Array, depth: Float32Array, conditions: Conditions
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint16] | None]:
    """Wire mesh as a see-through layer: colour and alpha at the picture's size, and its distance."""
    meshes = [surface for surface in site.surfaces if surface.texture == "mesh"]
    if not meshes:
        return None, None
    rgba = np.zeros((*depth.shape, 4), np.float32)
    where = np.zeros(depth.shape, np.uint16)
    eye = np.array([0.0, camera.height_m, 0.0], np.float32)
    for surface in meshes:
        window = _window(surface, camera, depth.shape)
        distance, inside, u, v = _meet(surface, camera, rays[window])
        inside &= distance < depth[window]
        footprint = distance / (2 * camera.focal_px)
        alpha = _wires(u, v, np.maximum(footprint, 1e-3), float(surface.options.get("spacing", 0.10)))
        rows, columns = np.nonzero(inside)
        points = eye + rays[window][rows, columns] * distance[rows, columns][:, None]
        normals = np.broadcast_to(surface.normal.astype(np.float32), points.shape)
        lamps = lamp_light(points, normals, conditions.lamps) + (_infrared(points, normals, eye) if conditions.infrared else 0)
        colour = display(np.asarray(surface.options.get("rgb", linear(120, 126, 124)), np.float32) * (conditions.light.on(normals) + lamps))
        a = alpha[rows, columns][:, None]
        target = rgba[window]
        target[rows, columns] = np.concatenate([colour * a, 255 * a], axis=1)
        where[window][rows, columns] = np.minimum(distance[rows, columns] * 100, FAR_CM).astype(np.uint16)
    size = camera.size_wh
    small = cv2.resize(rgba, size, interpolation=cv2.INTER_AREA)
    if conditions.infrared:
        small[..., :3] = small[..., :3].mean(axis=2, keepdims=True)
    return np.rint(small).astype(np.uint8), np.ascontiguousarray(where[::2, ::2])


def _wires(u: Float32Array, v: Float32Array, footprint: Float32Array, spacing: float) -> Float32Array:
    """Coverage 0..1 of a diamond mesh of wires; far away an even veil."""
    total = np.zeros_like(u)
    for diagonal in (u + v, u - v):
        distance = np.abs(np.mod(diagonal, spacing) - spacing / 2)
        near = np.clip((0.004 - distance) / footprint + 0.5, 0, 1)
        far = np.clip((footprint - 0.25 * spacing) / (0.4 * spacing), 0, 1)
        total = np.maximum(total, near * (1 - far) + far * 0.11)
    rail = np.abs(v - 0.04) < 0.02
    return np.asarray(np.where(rail, 0.9, total * 0.9), dtype=np.float32)


def _finish(colour: Float32Array, size: tuple[int, int], conditions: Conditions) -> Float32Array:
    """Halve, darken the corners a little as lenses do, and turn into display values (H, W, 3) float32."""
    small: Float32Array = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    x, y = np.linspace(-1, 1, size[0], dtype=np.float32), np.linspace(-1, 1, size[1], dtype=np.float32)
    small *= (1 - (0.26 if conditions.infrared else 0.13) * (x[None, :] ** 2 + y[:, None] ** 2))[..., None]
    if conditions.infrared:
        small = np.repeat((small @ np.array([0.4, 0.4, 0.2], np.float32))[..., None], 3, axis=2)
    return display(small)
