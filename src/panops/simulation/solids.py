"""Bodies made of round cones, ray-traced in closed form: smooth, shaded and seen from any side, fast enough to draw while a camera runs.

A round cone is the hull of two spheres; squashing it along the body's depth makes torsos and heads. Rays are parallel within one body (it
is small against its distance), so each body is traced in its own frame: x to its right, y up, z forward, the origin on the ground.
The intersection is that of Inigo Quilez, "Round cone - intersection" (2019), worked out for parallel rays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]

_FAR = np.float32(1e9)


@dataclass(frozen=True, slots=True, eq=False)
class Solids:
    """N round cones.

    Attributes:
        start: Centres (N, 3) of the first spheres, m.
        end: Centres (N, 3) of the second spheres, m.
        start_r: Radii (N,) of the first spheres, m.
        end_r: Radii (N,) of the second, m.
        squash: (N,) how deep along z a solid is against its width, 1 for round.
        material: (N,) int64, an index into the look's materials.
        open_end: (N,) bool, whether the second sphere is left out, as at the hem of a skirt.
        turn: (N, 3, 3), how each solid is turned against an upright body: what its x, y and z have become, as columns; None for not at all.
        shift: (N, 3) m, what is added to a point turned back to get where its cloth is on an upright body; given with `turn`.
    """

    start: FloatArray
    end: FloatArray
    start_r: FloatArray
    end_r: FloatArray
    squash: FloatArray
    material: NDArray[np.int64]
    open_end: NDArray[np.bool_]
    turn: FloatArray | None = None
    shift: FloatArray | None = None

    def __len__(self) -> int:
        """How many."""
        return len(self.start_r)

    def part(self, rows: slice | NDArray[np.bool_]) -> Solids:
        """Some of them."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        some: dict[str, Any] = {name: None if array is None else array[rows] for name, array in arrays.items()}
        return Solids(**some)

    def moved(self, by: FloatArray) -> Solids:
        """All of them, `by` (3,) m farther."""
        shift = None if self.shift is None or self.turn is None else self.shift - np.einsum("nji,j->ni", self.turn, by)
        return replace(self, start=self.start + by, end=self.end + by, shift=shift)

    def reach(self, direction: FloatArray) -> FloatArray:
        """How far (N,) a solid with radius 1 would go along `direction` (3,), which need not be of length 1."""
        if self.turn is None:
            return np.asarray(np.sqrt(direction[0] ** 2 + direction[1] ** 2 + (self.squash * direction[2]) ** 2))
        flat = self.turn[:, :, 2] @ direction
        return np.asarray(np.sqrt(direction @ direction + (self.squash**2 - 1) * flat**2))

    def extent(self, direction: FloatArray) -> tuple[float, float]:
        """Exact least and greatest coordinate along `direction` (3,), which need not be of length 1."""
        stretched = self.reach(direction)
        first, second = self.start @ direction, self.end @ direction
        low = np.minimum(first - self.start_r * stretched, second - self.end_r * stretched)
        high = np.maximum(first + self.start_r * stretched, second + self.end_r * stretched)
        return float(low.min()), float(high.max())


class SolidsBuilder:
    """Collects round cones; `build` gives the arrays."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rows: list[tuple[float, ...]] = []
        self._frame: tuple[FloatArray, FloatArray] | None = None
        self._frames: list[tuple[FloatArray, FloatArray]] = []

    def turned(self, turn: FloatArray, about: FloatArray, origin: tuple[float, float, float]) -> None:
        """What is added from now on is turned by `turn` (3, 3) about the point `about`, which is at `origin` on an upright body, m."""
        self._frame = (turn, np.asarray(origin) - turn.T @ about)

    def cone(
        self,
        start: tuple[float, float, float] | FloatArray,
        end: tuple[float, float, float] | FloatArray,
        radii: tuple[float, float],
        material: int,
        squash: float = 1.0,
        *,
        open_end: bool = False,
    ) -> None:
        """Add the hull of two spheres at `start` and `end` with `radii`, m; `open_end` cuts the second sphere off."""
        self._rows.append((*map(float, start), *map(float, end), *radii, squash, float(material), float(open_end)))
        if self._frame is not None:
            self._frames.append(self._frame)

    def ball(self, centre: tuple[float, float, float] | FloatArray, radius: float, material: int, squash: float = 1.0) -> None:
        """Add a sphere."""
        x, y, z = (float(value) for value in centre)
        self.cone((x, y, z), (x, y + 1e-4, z), (radius, radius), material, squash)

    def build(self) -> Solids:
        """Everything added so far."""
        rows = np.array(self._rows)
        built = Solids(rows[:, :3], rows[:, 3:6], rows[:, 6], rows[:, 7], rows[:, 8], rows[:, 9].astype(np.int64), rows[:, 10] > 0)
        if not self._frames:
            return built
        turns, shifts = zip(*self._frames, strict=True)
        return replace(built, turn=np.array(turns), shift=np.array(shifts))


@dataclass(frozen=True, slots=True)
class View:
    """From where a body is seen.

    Attributes:
        turn_rad: The body's heading less the azimuth it is seen at: 0 shows its back, pi its face, pi/2 its right side turned away.
        elevation_rad: How high the camera stands above the body, seen from the body.
    """

    turn_rad: float
    elevation_rad: float

    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The picture's right, the picture's up and the direction to the camera in the body's frame, each (3,)."""
        sin_t, cos_t = math.sin(self.turn_rad), math.cos(self.turn_rad)
        sin_e, cos_e = math.sin(self.elevation_rad), math.cos(self.elevation_rad)
        right = np.array([cos_t, 0.0, sin_t])
        up = np.array([-sin_e * sin_t, cos_e, sin_e * cos_t])
        to_camera = np.array([cos_e * sin_t, sin_e, -cos_e * cos_t])
        return right, up, to_camera


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """What parallel rays hit.

    Attributes:
        rows: (N,) picture rows of the rays that hit something.
        columns: (N,) their columns.
        material: (N,) int64.
        normal: (N, 3) float32 in the body's frame.
        position: (N, 3) float32 of the points hit, m, in the body's frame.
        owner: (N,) int16, the number of the solid hit.
        depth: (H, W) float32, m towards the camera; very low where nothing was hit.
        left: Picture coordinate of the left border, m along the picture's right.
        top: Picture coordinate of the upper border, m along the picture's up.
        px_per_m: Rays a metre.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    material: NDArray[np.int64]
    normal: Float32Array
    position: Float32Array
    owner: NDArray[np.int16]
    depth: Float32Array
    left: float
    top: float
    px_per_m: float


def trace(solids: Solids, view: View, px_per_m: float, multiple: int = 1) -> Traced:
    """Trace `solids` with `px_per_m` rays a metre; height and width are multiples of `multiple`."""
    cast = _cast(solids, view)
    margin = 1.5 * multiple / px_per_m
    left, top = float(cast.low[:, 0].min()) - margin, float(cast.high[:, 1].max()) + margin
    width = multiple * math.ceil((float(cast.high[:, 0].max()) + margin - left) * px_per_m / multiple)
    height = multiple * math.ceil((top - float(cast.low[:, 1].min()) + margin) * px_per_m / multiple)
    depth = np.full((height, width), -_FAR, np.float32)
    index = np.full((height, width), -1, np.int16)
    kind = np.zeros((height, width), np.int8)
    # Windows of rays that may meet each solid, in rows and columns.
    first = np.clip(np.floor(np.stack([top - cast.high[:, 1], cast.low[:, 0] - left], axis=1) * px_per_m), 0, None).astype(np.int64)
    last = np.minimum(np.ceil(np.stack([top - cast.low[:, 1], cast.high[:, 0] - left], axis=1) * px_per_m) + 1, [height, width]).astype(
        np.int64
    )
    size = last - first
    # Solids of about one size are traced together: for the many small ones the calls cost more than the arithmetic.
    order = np.argsort(size[:, 0] * size[:, 1], kind="stable")
    for group in np.array_split(order, max(1, round(len(order) / 6))):
        tall, wide = int(size[group, 0].max()), int(size[group, 1].max())
        across = (left + (first[group, 1, None] + np.arange(wide) + 0.5) / px_per_m).astype(np.float32)
        upward = (top - (first[group, 0, None] + np.arange(tall) + 0.5) / px_per_m).astype(np.float32)
        near, kinds = _meet(cast, group, across[:, None, :], upward[:, :, None])
        for place, number in enumerate(group):
            rows, columns = slice(first[number, 0], last[number, 0]), slice(first[number, 1], last[number, 1])
            inside = slice(0, size[number, 0]), slice(0, size[number, 1])
            nearer = near[place][inside] > depth[rows, columns]
            np.copyto(depth[rows, columns], near[place][inside], where=nearer)
            np.copyto(index[rows, columns], np.int16(number), where=nearer)
            np.copyto(kind[rows, columns], kinds[place][inside], where=nearer)
    hit_rows, hit_columns = np.nonzero(index >= 0)
    owner, reach = index[hit_rows, hit_columns], depth[hit_rows, hit_columns]
    right, up, to_camera = (axis.astype(np.float32) for axis in view.axes())
    across_m = (left + (hit_columns + 0.5) / px_per_m).astype(np.float32)
    upward_m = (top - (hit_rows + 0.5) / px_per_m).astype(np.float32)
    position = across_m[:, None] * right + upward_m[:, None] * up + reach[:, None] * to_camera
    normal = _normals(cast, owner, kind[hit_rows, hit_columns], position)
    return Traced(hit_rows, hit_columns, solids.material[owner], normal, position, owner, depth, left, top, px_per_m)


@dataclass(frozen=True, slots=True, eq=False)
class _Cast:
    """What the intersection needs of each solid, in the frame where it is round. Vectors are (N, 3), numbers (N,), all float32.

    `length` is how much longer a step towards the camera is there; `dots` (14, N) are the products of the axis, the start, the picture's
    axes and the direction of view that the intersection is made of; `low` and `high` (N, 2) bound the solid in the picture, m.
    """

    first: Float32Array
    axis: Float32Array
    length: Float32Array
    shrink: Float32Array
    start_r: Float32Array
    end_r: Float32Array
    open_end: NDArray[np.bool_]
    dots: Float32Array
    low: FloatArray
    high: FloatArray


def _cast(solids: Solids, view: View) -> _Cast:
    axes = view.axes()
    shrink = _shrink(solids)
    first, second = _shrunk(solids.start, shrink), _shrunk(solids.end, shrink)
    right, up, to_camera = (_shrunk(np.broadcast_to(axis, (len(solids), 3)), shrink) for axis in axes)
    length = np.linalg.norm(to_camera, axis=1)
    bounds = []
    for direction in axes[:2]:
        stretched = solids.reach(direction)
        a, b = solids.start @ direction, solids.end @ direction
        reach_a, reach_b = solids.start_r * stretched, solids.end_r * stretched
        bounds.append((np.minimum(a - reach_a, b - reach_b), np.maximum(a + reach_a, b + reach_b)))
    axis, ray = second - first, -to_camera / length[:, None]

    def dot(a: FloatArray, b: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("ni,ni->n", a, b))

    dots = [
        dot(axis, axis), dot(axis, ray), dot(axis, right), dot(axis, up), dot(axis, first), dot(ray, right), dot(ray, up), dot(ray, first),
        2 * dot(right, up), dot(right, right), 2 * dot(right, first), dot(up, up), 2 * dot(up, first), dot(first, first),
    ]  # fmt: skip
    narrow = [array.astype(np.float32) for array in (first, axis, length, shrink, solids.start_r, solids.end_r)]
    low, high = (np.stack([bound[side] for bound in bounds], axis=1) for side in (0, 1))
    first32, axis32, length32, shrink32, start_r, end_r = narrow
    return _Cast(first32, axis32, length32, shrink32, start_r, end_r, solids.open_end, np.array(dots, np.float32), low, high)


def _shrink(solids: Solids) -> FloatArray:
    """What makes solids round: factors (N, 3), or matrices (N, 3, 3) where they are turned."""
    if solids.turn is None:
        factors = np.ones((len(solids), 3))
        factors[:, 2] = 1.0 / solids.squash
        return factors
    flat = solids.turn[:, :, 2]
    return np.asarray(np.eye(3) + (1.0 / solids.squash - 1.0)[:, None, None] * flat[:, :, None] * flat[:, None, :])


def _shrunk(vectors: NDArray[Any], shrink: NDArray[Any]) -> NDArray[Any]:
    """Vectors (N, 3) in the frame where their solids are round."""
    return np.asarray(vectors * shrink if shrink.ndim == 2 else np.einsum("nij,nj->ni", shrink, vectors))


def _meet(cast: _Cast, group: NDArray[np.int64], across: Float32Array, upward: Float32Array) -> tuple[Float32Array, NDArray[np.int8]]:
    """Where parallel rays meet a group of solids.

    Args:
        cast: All solids.
        group: The numbers (G,) of those to trace.
        across: Picture coordinates (G, 1, W), m.
        upward: Likewise (G, H, 1).

    Returns:
        Distance towards the camera (G, H, W), very low where nothing is met, and what is met: 1 the side, 2 the first sphere, 3 the second.
    """
    start_r, end_r = cast.start_r[group][:, None, None], cast.end_r[group][:, None, None]
    dots = cast.dots[:, group, None, None]
    # Every dot product is linear (m5: quadratic) in the picture coordinates, so it is made of outer sums instead of 3-vectors.
    m0, m2 = dots[0], dots[1]
    m1 = across * dots[2] + (upward * dots[3] - dots[4])
    m3 = across * dots[5] + (upward * dots[6] - dots[7])
    m5 = (across * dots[8]) * upward
    m5 += across * (across * dots[9] - dots[10])
    m5 += upward * (upward * dots[11] - dots[12]) + dots[13]
    slope = start_r - end_r
    d2 = m0 - slope * slope
    k2 = d2 - m2 * m2
    k2 = np.where(np.abs(k2) < 1e-9, np.float32(1e-9), k2)
    k1 = d2 * m3 - m2 * m1 + m2 * slope * start_r
    k0 = d2 * m5 - m1 * (m1 - 2 * slope * start_r) - m0 * start_r * start_r
    k0 *= k2
    inside = k1 * k1
    inside -= k0
    root = np.sqrt(np.maximum(inside, 0))
    distance = (root + k1) * (-1.0 / k2)
    along = m1 + distance * m2 - start_r * slope
    body = (inside >= 0) & (along > 0) & (along < d2) & (d2 > 1e-7)
    near = np.where(body, distance, np.float32(1e6))
    # Seen nearly along its axis a cone is steeper than the rays: they meet it once, either root may be the one, and a sphere may be nearer.
    steep = k2 < 0
    if steep.any():
        distance = (root - k1) * (1.0 / k2)
        along = m1 + distance * m2 - start_r * slope
        other = steep & (inside >= 0) & (along > 0) & (along < d2) & (d2 > 1e-7) & (distance < near)
        np.copyto(near, distance, where=other)
        body |= other
    kind = body.astype(np.int8)
    missed = ~body | steep
    for which, b, c in ((2, m3, m5 - start_r * start_r), (3, m3 - m2, m5 - 2 * m1 + (m0 - end_r * end_r))):
        inside = b * b - c
        distance = -b - np.sqrt(np.maximum(inside, 0))
        better = (inside >= 0) & (distance < near) & missed
        if which == 3:
            better &= ~cast.open_end[group][:, None, None]
        np.copyto(near, distance, where=better)
        kind[better] = which
    near = near * (-1.0 / cast.length[group][:, None, None])
    near[kind == 0] = -2 * _FAR
    return near, kind


def _normals(cast: _Cast, owner: NDArray[np.int16], kind: NDArray[np.int8], position: Float32Array) -> Float32Array:
    """Unit normals (N, 3) in the body's frame at hits."""
    axis, shrink = cast.axis[owner], cast.shrink[owner]
    at = _shrunk(position, shrink) - cast.first[owner]
    slope = cast.start_r - cast.end_r
    d2 = np.einsum("ni,ni->n", cast.axis, cast.axis) - slope * slope
    progress = np.einsum("ni,ni->n", at, axis) - (cast.start_r * slope)[owner]
    # The side's normal leaves out what lies along the axis; a sphere's starts at its centre.
    share = np.where(kind == 1, progress / np.maximum(d2, 1e-9)[owner], kind == 3).astype(np.float32)
    normal = _shrunk(at - share[:, None] * axis, shrink)
    normal /= np.sqrt(np.maximum(np.einsum("ni,ni->n", normal, normal), 1e-18))[:, None]
    return np.asarray(normal, dtype=np.float32)


def at_rest(solids: Solids, traced: Traced) -> tuple[Float32Array, Float32Array]:
    """Where the points hit are on an upright body, m, and their normals there, both (N, 3) float32: cloth goes with what wears it."""
    if solids.turn is None or solids.shift is None:
        return traced.position, traced.normal
    turn, shift = solids.turn.astype(np.float32)[traced.owner], solids.shift.astype(np.float32)[traced.owner]
    return np.einsum("nji,nj->ni", turn, traced.position) + shift, np.einsum("nji,nj->ni", turn, traced.normal)


def buried(solids: Solids, view: View, points: FloatArray) -> FloatArray:
    """How far (N,), m, the surface that the camera sees lies before points (N, 3) of the body's frame; negative where none does."""
    right, up, to_camera = view.axes()
    across, upward = ((points @ axis)[None, None].astype(np.float32) for axis in (right, up))
    near, _ = _meet(_cast(solids, view), np.arange(len(solids)), across, upward)
    return np.asarray(near[:, 0].max(axis=0) - points @ to_camera, dtype=np.float64)


def occlusion(traced: Traced, radius_m: float = 0.09, strength: float = 5.0) -> Float32Array:
    """How open each hit is, (N,) float32 in 0.35..1: parts behind a nearer one are darkened, as between legs or under an arm."""
    size = max(3, int(radius_m * traced.px_per_m) | 1)
    covered = np.zeros(traced.depth.shape, np.float32)
    covered[traced.rows, traced.columns] = 1
    weight = cv2.blur(covered, (size, size))
    mean = cv2.blur(traced.depth * covered, (size, size)) / np.maximum(weight, 1e-3)
    excess = (mean - traced.depth)[traced.rows, traced.columns]
    return np.clip(1.0 - strength * np.maximum(excess - 0.01, 0), 0.35, 1.0).astype(np.float32)
