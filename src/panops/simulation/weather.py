"""Weather and the camera's own faults: light, clouds' shadows, rain, noise, insects on the lens and jumps of the exposure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.camera_model import CameraModel
from panops.simulation.light import Light
from panops.simulation.noise import TILE, cloudy, generator
from panops.simulation.scenery import Lamp, Site
from panops.simulation.static_picture import Conditions, StaticPicture

Picture = NDArray[np.uint8]
Weather = Literal["clear", "wind", "rain", "night"]
_MARGIN = 64
_GRID = 8  # a cloud's shadow is worked out at every 8th pixel


def conditions(site: Site, weather: Weather) -> Conditions:
    """The light of a site in a weather."""
    inside = site.backdrop == "none"
    burning = tuple(lamp for lamp in site.lamps if lamp.always)
    if weather == "rain" and not inside:
        light = replace(
            site.light,
            sun_rgb=(0.0, 0.0, 0.0),
            sky_rgb=(0.46, 0.49, 0.53),
            ground_rgb=(0.13, 0.13, 0.12),
            haze_rgb=(0.50, 0.54, 0.58),
            haze_m=120.0,
        )
        return Conditions(light, burning, wet=0.85)
    if weather == "night":
        dark = replace(
            site.light,
            sun_rgb=(0.0, 0.0, 0.0),
            sky_rgb=(0.016, 0.020, 0.032),
            ground_rgb=(0.006, 0.006, 0.007),
            haze_rgb=(0.020, 0.024, 0.036),
            haze_m=400.0,
        )
        if inside:
            # One lamp in four is left burning, as in most offices.
            return Conditions(
                dark, tuple(Lamp(lamp.at, (lamp.rgb[0] * 0.16, lamp.rgb[1] * 0.16, lamp.rgb[2] * 0.17)) for lamp in burning), night=True
            )
        return Conditions(dark, site.lamps, night=True, infrared=site.infrared)
    if weather == "rain":
        return Conditions(replace(site.light, sun_rgb=(0.0, 0.0, 0.0)), burning)
    return Conditions(site.light, burning)


def figure_light(site: Site, state: Conditions) -> Light:
    """The light that people and vehicles are shaded by; at night a soft light from above, scaled by what the lamps give where they are."""
    if state.night:
        return Light((0.18, 0.83, -0.53), (0.62, 0.60, 0.56), (0.26, 0.26, 0.28), (0.12, 0.12, 0.12), (0.05, 0.05, 0.06))
    if site.backdrop == "none":
        return replace(
            state.light,
            sun=(-0.35, 0.80, -0.48),
            sun_rgb=(0.50, 0.49, 0.46),
            sky_rgb=(0.52, 0.52, 0.53),
            ground_rgb=(0.30, 0.28, 0.25),
            haze_rgb=(0.4, 0.4, 0.4),
        )
    if max(state.light.sun_rgb) <= 0:
        return replace(state.light, sun=(0.1, 0.95, -0.3), sun_rgb=(0.16, 0.16, 0.17))
    return state.light


@dataclass(frozen=True, slots=True, eq=False)
class CloudShadows:
    """Shadows of clouds that drift over the ground.

    Attributes:
        u: Texture columns (h, w) float32 of the points seen at the grid's pixels.
        v: Texture rows, likewise.
        drift: Texels a second that the clouds move, columns and rows.
        cover: How much of the sky they take: the level above which the texture is a cloud.
        phase: The scene's own place in the texture.
    """

    u: NDArray[np.float32]
    v: NDArray[np.float32]
    drift: tuple[float, float]
    cover: float
    phase: tuple[float, float]

    def at(self, time_s: float) -> Picture | None:
        """How deep in shadow the picture is at each grid pixel, (h, w) uint8, or None where no cloud is near."""
        u = np.mod(self.u + np.float32(self.phase[0] + self.drift[0] * time_s % TILE), TILE)
        v = np.mod(self.v + np.float32(self.phase[1] + self.drift[1] * time_s % TILE), TILE)
        texture = cv2.remap(_cloud_cover(self.cover), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(texture, dtype=np.uint8) if texture.any() else None


@lru_cache(maxsize=4)
def _cloud_cover(level: float) -> Picture:
    cover = np.clip((cv2.GaussianBlur(np.array(cloudy(1.5)), (0, 0), 4) - level) * 9, 0, 1)
    return np.asarray(np.rint(255 * cover * cover * (3 - 2 * cover)), dtype=np.uint8)


def clouds(site: Site, camera: CameraModel, still: StaticPicture, weather: Weather, seed: int) -> CloudShadows | None:
    """The cloud shadows of a scene; None indoors, in the rain and at night, where there are none."""
    if site.backdrop == "none" or weather in ("rain", "night"):
        return None
    width, height = camera.size_wh
    small = (math.ceil(width / _GRID), math.ceil(height / _GRID))
    depth = cv2.resize(still.depth_cm[::2, ::2].astype(np.float32) / 100, small, interpolation=cv2.INTER_AREA)
    rays = cv2.resize(camera.rays(1.0).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    to_ground = np.where(rays[..., 1] < -1e-3, -camera.height_m / np.minimum(rays[..., 1], -1e-3), 90.0)
    points = rays * np.minimum(np.minimum(depth, to_ground), 90.0)[..., None]
    per_m = TILE / 260.0
    rng = generator("clouds", site.name, seed)
    speed = (2.2 if weather == "clear" else 6.5) * per_m
    return CloudShadows(
        (points[..., 0] * per_m).astype(np.float32), (points[..., 2] * per_m).astype(np.float32), (0.9 * speed, 0.35 * speed),
        0.60 if weather == "clear" else 0.55, (float(rng.uniform(0, TILE)), float(rng.uniform(0, TILE))),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Air:
    """Everything between the scene and the stored picture, the same for all scenes of a size and weather.

    Attributes:
        noise: (H + 64, W + 64, 3) uint8, the sensor's noise around `noise_mean`.
        noise_mean: Its mean, taken off again.
        streaks: (2H, W + 64) uint8 of rain, or None.
        splashes: (N, H, W) uint8 of drops hitting the ground, or None.
    """

    noise: Picture
    noise_mean: int
    streaks: Picture | None
    splashes: Picture | None

    def apply(self, picture: Picture, frame_index: int) -> None:
        """Add rain and noise of a frame to the picture (H, W, 3), in place."""
        height, width = picture.shape[:2]
        dice = _dice(frame_index)
        if self.streaks is not None and self.splashes is not None:
            top, left = dice[0] % height, dice[1] % _MARGIN
            rain = cv2.add(self.streaks[top : top + height, left : left + width], self.splashes[dice[2] % len(self.splashes)])
            cv2.add(picture, cv2.cvtColor(rain, cv2.COLOR_GRAY2RGB), dst=picture)
        top, left = dice[3] % _MARGIN, dice[4] % _MARGIN
        cv2.add(picture, self.noise[top : top + height, left : left + width], dst=picture)
        cv2.subtract(picture, np.array([self.noise_mean] * 3 + [0.0]), dst=picture)


def _dice(frame_index: int) -> list[int]:
    """Five numbers that look random and depend on the frame only; cheaper than a generator a frame."""
    value = (frame_index * 0x9E3779B97F4A7C15 + 0x1234567) % 2**64
    dice = []
    for _ in range(5):
        value = (value ^ (value >> 31)) * 0xBF58476D1CE4E5B9 % 2**64
        dice.append((value >> 24) & 0xFFFF)
    return dice


def air(size_wh: tuple[int, int], horizon_px: float, weather: Weather, *, inside: bool, infrared: bool) -> Air:
    """Noise and rain for a picture size; `horizon_px` is where the ground begins to take splashes."""
    width, height = size_wh
    rng = generator("air", weather, width, height)
    sigma = {"clear": 1.0, "wind": 1.0, "rain": 1.6, "night": 3.4}[weather] * (0.7 if inside and weather == "night" else 1.0)
    shape = (height + _MARGIN, width + _MARGIN)
    luma = rng.normal(0, sigma, shape)
    grain = np.repeat(luma[..., None], 3, axis=2) if infrared else luma[..., None] + rng.normal(0, 0.7 * sigma, (*shape, 3))
    mean = int(4 * sigma)
    noise = np.clip(np.rint(grain + mean), 0, 255).astype(np.uint8)
    if weather != "rain" or inside:
        return Air(noise, mean, None, None)
    return Air(noise, mean, _streaks(size_wh, rng), _splashes(size_wh, horizon_px, rng))


def _streaks(size_wh: tuple[int, int], rng: np.random.Generator) -> Picture:
    width, height = size_wh
    layer = np.zeros((height, width + _MARGIN), np.float32)
    unit = height / 360
    for _ in range(int(480 * width / 640)):
        x, y, near = rng.uniform(0, width + _MARGIN), rng.uniform(0, height), rng.random() ** 2
        length, bright = (7 + 30 * near) * unit, 14 + 26 * near
        for shift in (0, -height, height):  # drawn over both edges, so that the tile repeats without a seam
            start, end = (round(x * 8), round((y + shift) * 8)), (round((x - 0.10 * length) * 8), round((y + shift + length) * 8))
            cv2.line(layer, start, end, bright, 2 if near > 0.75 and unit >= 1 else 1, cv2.LINE_AA, 3)
    soft = np.clip(cv2.GaussianBlur(layer, (3, 3), 0.6), 0, 255)
    return np.rint(np.tile(soft, (2, 1))).astype(np.uint8)


def _splashes(size_wh: tuple[int, int], horizon_px: float, rng: np.random.Generator) -> Picture:
    width, height = size_wh
    layers = np.zeros((6, height, width), np.uint8)
    top = float(np.clip(horizon_px + 0.12 * height, 0, height - 2))
    for layer in layers:
        for _ in range(34):
            y = top + (height - top) * rng.random() ** 0.7
            radius = max(1.0, 0.011 * (y - top) * rng.uniform(0.4, 1.3) + 0.8)
            centre = (int(rng.uniform(0, width)), int(y))
            cv2.ellipse(
                layer, centre, (round(radius * 1.6), max(1, round(radius * 0.6))), 0, 0, 360, int(rng.uniform(12, 34)), 1, cv2.LINE_AA
            )
    return layers


class LensFaults:
    """What the seed gives a camera now and then: an insect on the lens, a jump of the exposure.

    Args:
        seed: The scene's seed.
        site: Indoors the light is switched instead of the exposure jumping.
        weather: Insects like the lamp at night.
        size_wh: Picture size, px.
    """

    SLOT_S = 30.0

    def __init__(self, seed: int, site: Site, weather: Weather, size_wh: tuple[int, int]) -> None:
        """Nothing is worked out yet."""
        self._seed, self._site, self._weather, self._size_wh = seed, site, weather, size_wh

    def exposure(self, time_s: float) -> float:
        """Factor on the picture's brightness, 1 most of the time."""
        slot = math.floor(time_s / self.SLOT_S)
        for number in (slot - 1, slot):
            jump = _jump(self._seed, self._site.name, self._weather, self._site.backdrop == "none", number)
            if jump is not None:
                since = time_s - jump[0]
                if 0 <= since < jump[2]:
                    return jump[1] if self._site.backdrop == "none" else 1 + (jump[1] - 1) * math.exp(-since / 1.6)
        return 1.0

    def insect(self, picture: Picture, time_s: float) -> None:
        """Draw the insect that may be on the lens at `time_s`."""
        slot = math.floor(time_s / self.SLOT_S)
        rng_values = _insect(self._seed, self._site.name, self._weather, slot)
        if rng_values is None:
            return
        start, length, *phases = rng_values
        since = time_s - slot * self.SLOT_S - start
        if not 0 <= since < length:
            return
        width, height = self._size_wh
        night = self._weather == "night"
        share = since / length
        pace = 5.0 if night else 0.7
        x = width * (phases[0] + (phases[1] - phases[0]) * share + 0.10 * math.sin(pace * since + 6 * phases[2]))
        y = height * (phases[2] + 0.25 * math.sin(0.8 * pace * since + 6 * phases[3]) + 0.07 * math.sin(2.3 * pace * since))
        radius = max(3, round(height / 360 * (6 + 10 * phases[3])))
        _blend_spot(picture, x, y, radius, (236, 238, 228) if night else (26, 24, 22), 0.75)


@lru_cache(maxsize=256)
def _jump(seed: int, name: str, weather: str, inside: bool, slot: int) -> tuple[float, float, float] | None:
    """When, how strong and how long a slot's jump is, or None."""
    rng = generator("exposure", name, seed, slot)
    likely = {"clear": 0.16, "wind": 0.28, "rain": 0.08, "night": 0.14}[weather] if not inside else 0.12
    if rng.random() > likely or slot == 0:
        return None
    start = slot * LensFaults.SLOT_S + float(rng.uniform(4, 26))
    if inside:
        return start, float(rng.uniform(0.45, 0.6)), float(rng.uniform(3.0, 8.0))
    return start, float(rng.choice([0.62, 0.74, 1.28, 1.45])), 9.0


@lru_cache(maxsize=256)
def _insect(seed: int, name: str, weather: str, slot: int) -> tuple[float, ...] | None:
    """Start and length in s and four shares of a slot's insect, or None."""
    rng = generator("insect", name, seed, slot)
    likely = {"clear": 0.10, "wind": 0.04, "rain": 0.0, "night": 0.40}[weather] if name != "room" else 0.04
    if rng.random() > likely:
        return None
    return (float(rng.uniform(0, 18)), float(rng.uniform(3, 11)), *(float(value) for value in rng.uniform(0.05, 0.95, 4)))


def _blend_spot(picture: Picture, x: float, y: float, radius: int, rgb: tuple[int, int, int], strength: float) -> None:
    """A blurred round spot, cut off at the picture's edges."""
    reach = 2 * radius
    left, top = int(x) - reach, int(y) - reach
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + 2 * reach, picture.shape[1]), min(top + 2 * reach, picture.shape[0])
    if x2 <= x1 or y2 <= y1:
        return
    dx, dy = np.arange(x1, x2) - x, np.arange(y1, y2) - y
    alpha = strength * np.exp(-((dx[None, :] ** 2 + 1.6 * dy[:, None] ** 2) / radius**2))[..., None]
    part = picture[y1:y2, x1:x2]
    part[:] = np.rint(part * (1 - alpha) + np.array(rgb) * alpha)
