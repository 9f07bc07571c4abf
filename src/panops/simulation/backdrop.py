"""The parts of a scene that do not depend on its seed, made once and shared by every scene of the same site, size and weather."""

from __future__ import annotations

import math
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation import figures, sites, trees, weather
from panops.simulation.camera_model import CameraModel
from panops.simulation.compositing import blend, contacts, darken, on_ground, window_of
from panops.simulation.light import Light
from panops.simulation.scenery import Site
from panops.simulation.static_picture import Conditions, StaticPicture, render_static
from panops.simulation.trees import SwayingPatch

PARKED_IDS = 1 << 40  # track ids of vehicles that stand begin here, far from those of the script


@dataclass(eq=False)
class Backdrop:
    """Attributes.

    Attributes:
        site: The site.
        camera: Its camera at the picture's size.
        conditions: Light and weather.
        figure_light: What people and vehicles are shaded by.
        still: The picture without anybody.
        sunlit: (H, W) uint8, 255 where the sun reaches the ground.
        patches: What sways.
        air: Noise and rain.
        parked: Vehicles that stand, part of `still`.
    """

    site: Site
    camera: CameraModel
    conditions: Conditions
    figure_light: Light
    still: StaticPicture
    sunlit: weather.Picture
    patches: list[SwayingPatch]
    air: weather.Air
    parked: list[figures.Figure]

    @property
    def size_bytes(self) -> int:
        """Memory of its arrays."""
        still, air = self.still, self.air
        arrays: list[NDArray[Any] | None] = [still.rgb, still.shade, still.depth_cm, still.veil, still.veil_depth_cm, self.sunlit]
        arrays += [air.noise, air.streaks, air.splashes]
        arrays += [patch.frames for patch in self.patches]
        return sum(array.nbytes for array in arrays if array is not None)


_lock = threading.Lock()
_made: weakref.WeakValueDictionary[tuple[str, tuple[int, int], str], Backdrop] = weakref.WeakValueDictionary()


def backdrop(scene: str, size_wh: tuple[int, int], kind: weather.Weather) -> Backdrop:
    """The backdrop of a scene, made on first use (a second or two) and kept while somebody uses it."""
    key = (scene, size_wh, str(kind))
    with _lock:  # held while it is made, so that cameras that open together do not make it twice
        found = _made.get(key)
        if found is None:
            found = _make(scene, size_wh, kind)
            _made[key] = found
        return found


def _make(scene: str, size_wh: tuple[int, int], kind: weather.Weather) -> Backdrop:
    site = sites.site(scene)
    # The field of view is meant for 16:9; a taller picture shows more below and above instead of less at the sides.
    camera = CameraModel(size_wh, site.height_m, math.radians(site.pitch_deg), math.radians(site.hfov_deg))
    state = weather.conditions(site, kind)
    still = render_static(site, camera, state)
    light = weather.figure_light(site, state)
    sunlit = np.rint(255 * np.clip(still.sunlit, 0, 1)).astype(np.uint8)
    parked = []
    for number, one in enumerate(site.parked):
        vehicle = figures.parked(one.kind, one.look, one.at, one.heading, PARKED_IDS + number, camera)
        if vehicle is not None:
            parked.append(vehicle)
    parked.sort(key=lambda vehicle: -vehicle.depth_m)
    for vehicle in parked:
        _bake(still, vehicle, camera, light, state, sunlit)
    inside = site.backdrop == "none"
    wind = 0.25 if inside else {"clear": 1.0, "wind": 3.0, "rain": 1.4, "night": 0.8}[kind]
    patches = trees.plant(still, site.trees, camera, state, wind)
    air = weather.air(size_wh, camera.horizon_px, kind, inside=inside, infrared=state.infrared)
    still.sunlit = np.zeros((0, 0), np.float32)  # kept as `sunlit`, in a quarter of the memory
    return Backdrop(site, camera, state, light, still, sunlit, patches, air, parked)


def _bake(
    still: StaticPicture, vehicle: figures.Figure, camera: CameraModel, light: Light, state: Conditions, sunlit: weather.Picture
) -> None:
    """Draw a vehicle that stands into the still picture, its depth included."""
    cast_shadow(still.rgb, still, vehicle, camera, light, state, sunlit)
    window = window_of(vehicle.box, camera.size_wh)
    if window is None:
        return
    rgba = vehicle.pixels(window, light, brightness(vehicle, state, sunlit, camera, 0.0), lamps_on=False)
    if state.infrared:
        rgba[..., :3] = rgba[..., :3].mean(axis=2, keepdims=True).astype(np.uint8)
    x1, y1, x2, y2 = window
    fine = still.depth_cm[2 * y1 : 2 * y2, 2 * x1 : 2 * x2]
    covered = (cv2.resize(rgba[..., 3], (fine.shape[1], fine.shape[0])) > 127) & (fine > vehicle.depth_m * 100)
    small = cv2.resize((fine > vehicle.depth_m * 100).astype(np.float32), (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)
    blend(still.rgb, np.rint(rgba * small[..., None]).astype(np.uint8), window)
    fine[covered] = int(vehicle.depth_m * 100)
    if max(state.light.sun_rgb) > 0.05:
        solid = rgba[..., 3:].astype(np.float32) / 255 * small[..., None]
        shade = still.shade[y1:y2, x1:x2]
        shade[:] = np.rint(shade * (1 - solid) + 0.28 * still.rgb[y1:y2, x1:x2] * solid)


def cast_shadow(
    picture: weather.Picture,
    still: StaticPicture,
    figure: figures.Figure,
    camera: CameraModel,
    light: Light,
    state: Conditions,
    sunlit: weather.Picture,
) -> None:
    """Darken the ground by a figure's shadow: the sun's where the sun shines, and a soft spot below it."""
    small = isinstance(figure, figures.BodyFigure)
    if max(state.light.sun_rgb) > 0.05 or not small:
        window = window_of(figure.shadow_box(camera, light), camera.size_wh, 4)
        if window is not None:
            size = 3 if small else max(3, int(0.12 * camera.scale(*figure.at)) | 1)
            mask = np.asarray(cv2.blur(figure.shadow_mask(camera, light, window), (size, size)), np.uint8)
            if max(state.light.sun_rgb) > 0.05:
                x1, y1, x2, y2 = window
                mask = np.asarray(cv2.multiply(mask, sunlit[y1:y2, x1:x2], scale=1 / 255), np.uint8)
            darken(picture, on_ground(still, mask, window), window, 0.40 if small else 0.55)
    if small:
        spot = contacts(camera, figure.spots(), camera.size_wh)
        if spot is not None and figure.box[3] > spot[1][1]:
            darken(picture, on_ground(still, spot[0], spot[1]), spot[1], 0.42)


def brightness(figure: figures.Figure, state: Conditions, sunlit: weather.Picture, camera: CameraModel, cloud: float) -> figures.Rgb:
    """How much light, against the figure light, falls on a figure where it is.

    Args:
        figure: Whom.
        state: Light and weather.
        sunlit: The backdrop's.
        camera: The camera.
        cloud: How deep in a cloud's shadow it is, 0..1.
    """
    x, z = figure.at
    if state.night:
        total = [0.07, 0.075, 0.09] if not state.infrared else [0.03, 0.03, 0.03]
        for lamp in state.lamps:
            dx, dy, dz = lamp.at[0] - x, lamp.at[1] - 1.1, lamp.at[2] - z
            square = dx * dx + dy * dy + dz * dz
            share = min(1.0, 0.35 + 0.8 * max(dy, 0.0) / math.sqrt(square)) / (square + 1.0)
            total = [value + 0.85 * share * colour for value, colour in zip(total, lamp.rgb, strict=True)]
        if state.infrared:
            lens = 110.0 / (x * x + z * z + camera.height_m**2 + 60.0)
            total = [value + 1.4 * lens for value in total]
        return min(total[0], 1.5), min(total[1], 1.5), min(total[2], 1.5)
    if max(state.light.sun_rgb) <= 0.05:
        return 1.0, 1.0, 1.0
    foot_x, foot_y = camera.ground(x, z)
    column, row = min(max(int(foot_x), 2), camera.size_wh[0] - 3), min(max(int(foot_y), 2), camera.size_wh[1] - 3)
    sun = float(sunlit[row - 2 : row + 3, column - 2 : column + 3].mean()) / 255 * (1 - 0.75 * cloud)
    if state.light.haze_m > 1000:  # indoors
        return 1 + 0.5 * sun, 1 + 0.46 * sun, 1 + 0.40 * sun
    return 0.45 + 0.55 * sun, 0.47 + 0.53 * sun, 0.52 + 0.48 * sun
