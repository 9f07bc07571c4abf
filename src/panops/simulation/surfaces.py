"""What walls and floors are made of: procedural textures over surface metres, one function a material."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panops.simulation.light import linear
from panops.simulation.noise import fractal

Float32Array = NDArray[np.float32]
Rgb = tuple[float, float, float]
Texture = Callable[..., Float32Array]

# Linear colours that the materials have unless a site says otherwise.
_ASPHALT = linear(98, 98, 100)
_CONCRETE = linear(150, 148, 142)
_PAVING = linear(158, 150, 140)
_GRASS = linear(92, 112, 52)
_GRAVEL = linear(150, 140, 124)
_BRICK = linear(150, 82, 62)
_PLASTER = linear(206, 196, 176)
_CORRUGATED = linear(128, 142, 152)
_SHUTTER = linear(196, 198, 196)
_TILES = linear(186, 180, 170)
_WOOD = linear(150, 104, 66)
_PAINTED = linear(200, 200, 196)
_STRIPES = linear(205, 60, 50)
_STRIPES_SECOND = linear(225, 225, 220)
_CROSSING = linear(214, 212, 204)
_CROSSING_BASE = linear(98, 98, 100)
_PAINT = linear(214, 212, 204)
_PAINT_BASE = linear(98, 98, 100)


def _flat(rgb: Rgb, like: Float32Array) -> Float32Array:
    return np.broadcast_to(np.asarray(rgb, np.float32), (*like.shape, 3)).copy()


def _groove(value: Float32Array, period: float, width: float, footprint: Float32Array) -> Float32Array:
    """How much of a pixel lies in a groove of `width` every `period` m, 0..1; wide pixels see the average, so nothing flickers."""
    distance = np.abs(np.mod(value + period / 2, period) - period / 2)
    soft = np.maximum(footprint, 1e-4)
    edge = np.clip((width / 2 - distance) / soft + 0.5, 0, 1)
    far = np.clip((soft - 0.3 * period) / (0.5 * period), 0, 1)
    return np.asarray(edge * (1 - far) + far * (width / period), dtype=np.float32)


def _cell(value: Float32Array, other: Float32Array, period: tuple[float, float], footprint: Float32Array) -> Float32Array:
    """A number -1..1 for each tile, the same all over the tile; 0 where tiles are smaller than pixels."""
    column, row = np.floor(value / period[0]), np.floor(other / period[1])
    raw = np.sin(column * 12.9898 + row * 78.233) * 43758.547
    fade = 1.0 / (1.0 + (2 * footprint / min(period)) ** 2)
    return np.asarray(((raw - np.floor(raw)) * 2 - 1) * fade, dtype=np.float32)


def asphalt(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _ASPHALT) -> Float32Array:
    """Worn asphalt: grain, stains, mended patches and cracks."""
    grain = fractal(u, v, footprint, 3.0, 0.15)
    stains = fractal(u, v, footprint, 23.0, 1.3)
    crack = np.abs(fractal(u, v, footprint, 31.0, 1.15))
    colour = _flat(rgb, u) * (1 + 0.22 * grain + 0.35 * stains)[..., None]
    line = np.clip(1 - crack / (0.010 + footprint * 0.05), 0, 1) * (stains > 0.10) / (1 + 3 * footprint * 8)
    mended = np.clip((fractal(u + 7, v + 3, footprint, 70.0, 2.0) - 0.55) * 25, 0, 1)
    return np.asarray(colour * (1 - 0.55 * line - 0.18 * mended)[..., None], dtype=np.float32)


def concrete(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _CONCRETE, slab: float = 4.0) -> Float32Array:
    """Concrete slabs with joints and stains."""
    grain = fractal(u, v, footprint, 4.0, 0.35)
    stains = fractal(u, v, footprint, 17.0, 1.2)
    joint = np.maximum(_groove(u, slab, 0.025, footprint), _groove(v, slab, 0.025, footprint))
    tone = 1 + 0.14 * grain + 0.30 * stains + 0.06 * _cell(u, v, (slab, slab), footprint)
    return np.asarray(_flat(rgb, u) * (tone * (1 - 0.55 * joint))[..., None], dtype=np.float32)


def paving(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _PAVING, stone: float = 0.4) -> Float32Array:
    """Paving stones, each second row shifted by half a stone."""
    row = np.floor(v / stone)
    shifted = u + np.mod(row, 2) * stone / 2
    joint = np.maximum(_groove(shifted, stone, 0.016, footprint), _groove(v, stone, 0.016, footprint))
    tone = (
        1
        + 0.12 * _cell(shifted, v, (stone, stone), footprint)
        + 0.16 * fractal(u, v, footprint, 6.0, 0.6)
        + 0.22 * fractal(u, v, footprint, 19.0, 1.3)
    )
    return np.asarray(_flat(rgb, u) * (tone * (1 - 0.5 * joint))[..., None], dtype=np.float32)


def grass(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _GRASS) -> Float32Array:
    """A meadow: blades near by, tufts and dry patches farther off."""
    blades = fractal(u * 1.6, v, footprint, 2.2, 0.2)
    tufts = fractal(u, v, footprint, 9.0, 0.8)
    patches = fractal(u, v, footprint, 37.0, 1.4)
    colour = _flat(rgb, u) * (1 + 0.45 * blades + 0.5 * tufts)[..., None]
    dry = np.clip(0.25 + 0.9 * patches, 0, 0.75)[..., None]
    return np.asarray(colour * (1 - dry) + colour * np.array([1.55, 1.18, 0.95], np.float32) * dry, dtype=np.float32)


def gravel(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _GRAVEL) -> Float32Array:
    """Loose stones."""
    tone = 1 + 0.42 * fractal(u, v, footprint, 2.6, 0.25) + 0.35 * fractal(u, v, footprint, 15.0, 1.2)
    return np.asarray(_flat(rgb, u) * tone[..., None], dtype=np.float32)


def brick(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _BRICK) -> Float32Array:
    """Brickwork in stretcher bond."""
    row = np.floor(v / 0.085)
    shifted = u + np.mod(row, 2) * 0.13
    mortar = np.maximum(_groove(shifted, 0.26, 0.014, footprint), _groove(v, 0.085, 0.014, footprint))
    tone = (
        1
        + 0.28 * _cell(shifted, v, (0.26, 0.085), footprint)
        + 0.25 * fractal(u, v, footprint, 11.0, 1.2)
        + 0.1 * fractal(u, v, footprint, 3.0, 0.3)
    )
    colour = _flat(rgb, u) * tone[..., None]
    return np.asarray(
        colour * (1 - mortar[..., None]) + mortar[..., None] * np.asarray(linear(168, 160, 150), np.float32), dtype=np.float32
    )


def plaster(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _PLASTER) -> Float32Array:
    """Rendered wall with rain streaks and a darker foot."""
    streaks = fractal(u * 3, v * 0.25, footprint, 14.0, 1.1)
    tone = 1 + 0.08 * fractal(u, v, footprint, 4.0, 0.4) + 0.13 * streaks + 0.12 * fractal(u, v, footprint, 21.0, 1.3)
    foot = 0.22 * np.exp(-np.maximum(v, 0) / 0.45)
    return np.asarray(_flat(rgb, u) * (tone * (1 - foot))[..., None], dtype=np.float32)


def corrugated(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _CORRUGATED, rib: float = 0.33) -> Float32Array:
    """Ribbed sheet metal, joined every six metres, dirty at the foot."""
    wave = np.sin(u * (2 * np.pi / rib)) / (1 + (3 * footprint / rib) ** 2)
    joint = _groove(u, 6.0, 0.05, footprint) + _groove(v, 3.2, 0.03, footprint)
    tone = 1 + 0.22 * wave + 0.10 * fractal(u * 2, v * 0.3, footprint, 13.0, 1.1) - 0.35 * joint
    foot = 0.25 * np.exp(-np.maximum(v, 0) / 0.35)
    return np.asarray(_flat(rgb, u) * (tone * (1 - foot))[..., None], dtype=np.float32)


def shutter(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _SHUTTER) -> Float32Array:
    """A roller door: sections across."""
    groove = _groove(v, 0.52, 0.035, footprint)
    fine = np.sin(v * (2 * np.pi / 0.13)) / (1 + (3 * footprint / 0.13) ** 2)
    tone = 1 + 0.07 * fine + 0.08 * fractal(u, v, footprint, 9.0, 1.1) - 0.4 * groove
    return np.asarray(_flat(rgb, u) * (tone * (1 - 0.3 * np.exp(-np.maximum(v, 0) / 0.2)))[..., None], dtype=np.float32)


def tiles(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _TILES, size: float = 0.6) -> Float32Array:
    """Floor tiles with a soft marbling."""
    joint = np.maximum(_groove(u, size, 0.010, footprint), _groove(v, size, 0.010, footprint))
    tone = (
        1
        + 0.05 * _cell(u, v, (size, size), footprint)
        + 0.07 * fractal(u, v, footprint, 5.0, 1.0)
        + 0.03 * fractal(u, v, footprint, 3.0, 0.3)
    )
    return np.asarray(_flat(rgb, u) * (tone * (1 - 0.35 * joint))[..., None], dtype=np.float32)


def wood(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _WOOD) -> Float32Array:
    """Boards along u."""
    grain = fractal(u * 0.25, v * 4, footprint, 5.0, 0.8)
    groove = _groove(v, 0.16, 0.008, footprint)
    tone = 1 + 0.25 * grain + 0.14 * _cell(u * 0, v, (1.0, 0.16), footprint) - 0.4 * groove
    return np.asarray(_flat(rgb, u) * tone[..., None], dtype=np.float32)


def painted(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _PAINTED) -> Float32Array:
    """A painted surface, nearly even."""
    return np.asarray(_flat(rgb, u) * (1 + 0.05 * fractal(u, v, footprint, 6.0, 1.1))[..., None], dtype=np.float32)


def stripes(
    u: Float32Array,
    v: Float32Array,
    footprint: Float32Array,
    rgb: Rgb = _STRIPES,
    second: Rgb = _STRIPES_SECOND,
    period: float = 0.8,
) -> Float32Array:
    """Two colours in turn along u, as on a barrier."""
    share = _groove(u, period, period / 2, footprint)[..., None]
    return np.asarray(_flat(rgb, u) * share + _flat(second, u) * (1 - share), dtype=np.float32)


def crossing(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _CROSSING, base: Rgb = _CROSSING_BASE) -> Float32Array:
    """A zebra crossing: bars along v, every metre of u, worn."""
    share = _groove(u, 1.0, 0.5, footprint) * np.clip(1.05 - 0.7 * np.maximum(fractal(u, v, footprint, 5.0, 0.7) - 0.05, 0), 0.3, 1)
    return np.asarray(asphalt(u, v, footprint, base) * (1 - share[..., None]) + _flat(rgb, u) * share[..., None], dtype=np.float32)


def paint(u: Float32Array, v: Float32Array, footprint: Float32Array, rgb: Rgb = _PAINT, base: Rgb = _PAINT_BASE) -> Float32Array:
    """Road paint, worn through to the asphalt here and there."""
    worn = np.clip(1.0 - 1.2 * np.maximum(fractal(u, v, footprint, 4.0, 0.6) - 0.1, 0) - 0.15, 0.2, 1)[..., None]
    return np.asarray(asphalt(u, v, footprint, base) * (1 - worn) + _flat(rgb, u) * worn, dtype=np.float32)


TEXTURES: dict[str, Texture] = {
    "asphalt": asphalt,
    "concrete": concrete,
    "paving": paving,
    "grass": grass,
    "gravel": gravel,
    "brick": brick,
    "plaster": plaster,
    "corrugated": corrugated,
    "shutter": shutter,
    "tiles": tiles,
    "wood": wood,
    "painted": painted,
    "stripes": stripes,
    "crossing": crossing,
    "paint": paint,
}


def albedo(texture: str, u: Float32Array, v: Float32Array, footprint: Float32Array, **options: Any) -> Float32Array:
    """Linear colours (N, 3) of the named texture at surface points `u`, `v` (N,) in m; `footprint` (N,) is the size of a pixel there, m."""
    return np.clip(TEXTURES[texture](u, v, footprint, **options), 0.0, 1.0)
