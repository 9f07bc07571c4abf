"""Somebody of the script as seen by a camera: exact boxes first, pixels when asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation import animals, cycles, people, vehicles
from panops.simulation.camera_model import CameraModel
from panops.simulation.keypoints import keypoints_of, unburied
from panops.simulation.light import Light
from panops.simulation.script import Actor, Where
from panops.simulation.shading import Material, Sprite, draw
from panops.simulation.solids import Solids, View
from panops.simulation.sprite_cache import SHARED
from panops.simulation.stances import Posture

Box = tuple[float, float, float, float]
Window = tuple[int, int, int, int]
Rgb = tuple[float, float, float]
FloatArray = NDArray[np.float64]

_TURN_BIN = math.radians(15)
_ELEVATION_BIN = math.radians(10)
NEAREST_M = 1.2  # bodies nearer to the lens than this are not drawn


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a figure, as in the truth: a rider and a bicycle are two things of one figure.

    Attributes:
        track_id: Its number.
        class_name: What it is.
        box: Where, px, not clipped to the picture.
        wears: What of `people.worn` a person wears.
        posture: What a person is doing.
        joints: A person's `keypoints` (17, 3), m, in the body's frame; None for what is no person.
    """

    track_id: int
    class_name: str
    box: Box
    wears: tuple[str, ...] = ()
    posture: Posture = ""
    joints: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """Something to draw.

    Attributes:
        things: What it counts as.
        box: x1, y1, x2, y2 of all of it, px, not clipped to the picture.
        depth_m: Distance along the optical axis.
        at: Its ground point, m.
        height_m: Its height.
    """

    things: tuple[Thing, ...]
    box: Box
    depth_m: float
    at: tuple[float, float]
    height_m: float

    def pixels(self, window: Window, light: Light, brightness: Rgb, *, lamps_on: bool) -> NDArray[np.uint8]:
        """Its pixels (H, W, 4) uint8 in a window x1, y1, x2, y2 of the picture, colours multiplied by alpha."""
        raise NotImplementedError

    def depth_in(self, window: Window) -> float | FloatArray:
        """How far away it is, m along the optical axis: all of it, or (2H, 2W) of the half pixels of a window."""
        return self.depth_m

    def spots(self) -> list[tuple[tuple[float, float], float]]:
        """Ground points, m, below which it takes the light of the sky, and how far around, m."""
        return [(self.at, 0.13 + 0.09 * self.height_m)]

    def shadow_mask(self, camera: CameraModel, light: Light, window: Window) -> NDArray[np.uint8]:
        """Its shadow (H, W) uint8, 255 where all sun is taken away, before softening."""
        raise NotImplementedError

    def shadow_box(self, camera: CameraModel, light: Light) -> Box:
        """What its shadow covers, px."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class BodyFigure(Figure):
    """People, animals and cycles: a cached sprite, stretched and sheared to where the camera puts it.

    Attributes:
        key: Names the drawn body but for its resolution and light: its kind, the number of its look, and its pose.
        make: Gives the solids and materials of the body.
        view: From where it is seen, rounded to bins.
        foot: Picture point of its ground point, px.
        across: Pixels a metre along the view's right.
        upward: Pixels a metre along the view's up.
        shear: Pixels to the right for each metre along the view's up.
        sag: Pixels down for each metre along the view's right; none of whoever is upright.
    """

    key: tuple[str, int, int]
    make: Callable[[], tuple[Solids, tuple[Material, ...]]]
    view: View
    foot: tuple[float, float]
    across: float
    upward: float
    shear: float
    sag: float

    def pixels(self, window: Window, light: Light, brightness: Rgb, *, lamps_on: bool) -> NDArray[np.uint8]:
        """See `Figure.pixels`."""
        sprite = self._sprite(light)
        r, (x1, y1, x2, y2) = sprite.px_per_m, window
        left, top = sprite.left + 0.5 / r, sprite.top - 0.5 / r
        matrix = np.array(
            [
                [self.across / r, -self.shear / r, self.foot[0] + self.across * left + self.shear * top - 0.5 - x1],
                [self.sag / r, self.upward / r, self.foot[1] + self.sag * left - self.upward * top - 0.5 - y1],
            ]
        )
        warped = cv2.warpAffine(sprite.rgba, matrix, (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        if brightness != (1.0, 1.0, 1.0):
            warped = cv2.multiply(warped, np.array([*(max(value, 0.0) ** (1 / 2.2) for value in brightness), 1.0]))
            # Brighter than its own alpha it would glow over its edges.
            warped = np.minimum(warped, warped[..., 3:])
        return np.asarray(warped, dtype=np.uint8)

    def part_box(self, parts: Sequence[int]) -> Box:
        """Where those of its solids are that have one of these materials, px, not clipped to the picture."""
        solids, _ = self.make()
        some = solids.part(np.isin(solids.material, parts))
        return placed_box(some, self.view, self.foot, self.across, self.upward, self.shear, self.sag)

    def keypoints(self, joints: FloatArray) -> FloatArray:
        """A thing's `joints` as drawn: (17, 3) of x and y in px, and 1 where no other part of the body hides them, else 0."""
        right, up, _ = self.view.axes()
        along, upward = joints @ right, joints @ up
        x = self.foot[0] + self.across * along + self.shear * upward
        y = self.foot[1] + self.sag * along - self.upward * upward
        return np.stack([x, y, unburied(joints, self.make()[0], self.view)], axis=1)

    def shadow_mask(self, camera: CameraModel, light: Light, window: Window) -> NDArray[np.uint8]:
        """The silhouette laid on the ground away from the sun."""
        sprite = self._sprite(light)
        r, (x1, y1, x2, y2) = sprite.px_per_m, window
        corner, right, up = self._laid(camera, light)
        # Sprite coordinates in metres are laid out by the two vectors; the silhouette's own foreshortening is taken out again.
        columns = np.array([right / r, -up / r]).T
        start = corner + right * (sprite.left + 0.5 / r) + up * (sprite.top - 0.5 / r) - 0.5 - (x1, y1)
        matrix = np.concatenate([columns, start[:, None]], axis=1)
        alpha = np.ascontiguousarray(sprite.rgba[..., 3])
        return np.asarray(
            cv2.warpAffine(alpha, matrix, (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), dtype=np.uint8
        )

    def shadow_box(self, camera: CameraModel, light: Light) -> Box:
        """See `Figure.shadow_box`."""
        corner, right, up = self._laid(camera, light)
        width = max(0.35, 0.45 * self.height_m)
        points = np.array([corner + right * x + up * y for x in (-width, width) for y in (-0.1, 1.1 * self.height_m)])
        return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())

    def _sprite(self, light: Light) -> Sprite:
        wanted = max(self.across, self.upward)
        resolution = 2.0 ** (round(2 * math.log2(max(wanted, 6.0))) / 2)
        resolution = min(resolution, 256.0)

        def make() -> Sprite:
            solids, materials = self.make()
            return draw(solids, materials, self.view, resolution, light)

        return SHARED.get((self.key, self.view, resolution, light), make)

    def _laid(self, camera: CameraModel, light: Light) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Where the shadow begins, and where a metre across and a metre of height of the view go, px."""
        x, z = self.at
        sun = light.sun
        fall = (-sun[0] / max(sun[1], 0.2), -sun[2] / max(sun[1], 0.2))
        length = max(math.hypot(*fall), 1e-6)
        side = (fall[1] / length, -fall[0] / length)
        ground = camera.project(
            np.array([[x, 0, z], [x + fall[0] * self.height_m, 0, z + fall[1] * self.height_m], [x + side[0], 0, z + side[1]]])
        )
        right = ground[2] - ground[0]
        if right[0] < 0:
            right = -right
        return ground[0], right * 0.8, (ground[1] - ground[0]) / (self.height_m * math.cos(self.view.elevation_rad))


@dataclass(frozen=True, slots=True, eq=False)
class VehicleFigure(Figure):
    """A vehicle: its mesh, drawn afresh each time."""

    look: vehicles.VehicleLook
    placed: vehicles.Placed
    camera: CameraModel

    def pixels(self, window: Window, light: Light, brightness: Rgb, *, lamps_on: bool) -> NDArray[np.uint8]:
        """See `Figure.pixels`."""
        return vehicles.paint(self.look, self.placed, self.camera, light, window, brightness, lamps_on=lamps_on)

    def shadow_mask(self, camera: CameraModel, light: Light, window: Window) -> NDArray[np.uint8]:
        """The body's hull laid on the ground away from the sun, and what is below it."""
        mask = np.zeros((window[3] - window[1], window[2] - window[0]), np.uint8)
        for outline in vehicles.shadow(self.placed, camera, light)[::-1]:
            cv2.fillConvexPoly(mask, np.rint((outline - window[:2]) * 16).astype(np.int32), 255, cv2.LINE_8, 4)
        return mask

    def shadow_box(self, camera: CameraModel, light: Light) -> Box:
        """See `Figure.shadow_box`."""
        points = np.concatenate(vehicles.shadow(self.placed, camera, light))
        return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


_person = lru_cache(maxsize=512)(people.random_look)


@lru_cache(maxsize=512)
def unburdened(look: int) -> people.Look:
    """The look of whoever does something on their way: they have their hands free, and nothing on their back to lie on."""
    return replace(_person(look), bag="none")


_cycle = lru_cache(maxsize=128)(cycles.random_cycle)
_animal = lru_cache(maxsize=128)(animals.random_animal)


def figure(actor: Actor, where: Where, time_s: float, camera: CameraModel) -> Figure | None:
    """What `actor` looks like to the camera, or None when it is behind it or too near."""
    if actor.kind == "vehicle":
        return _vehicle(vehicles.random_vehicle(actor.look), actor.track_id, (where.x, where.z), where.heading, camera)
    if actor.kind == "person":
        return _walker(actor, where, time_s, camera)
    if actor.kind == "cycle":
        return _rider(actor, where, camera)
    return _animal_figure(actor, where, time_s, camera)


def parked(kind: str, look: int, at: tuple[float, float], heading: float, track_id: int, camera: CameraModel) -> Figure | None:
    """A vehicle that stands."""
    return _vehicle(vehicles.random_vehicle(look, kind), track_id, at, heading, camera)


def _vehicle(look: vehicles.VehicleLook, track_id: int, at: tuple[float, float], heading: float, camera: CameraModel) -> Figure | None:
    placed = vehicles.place(look, camera, at, heading)
    if placed is None:
        return None
    thing = Thing(track_id, vehicles.CLASS_NAMES[look.kind], placed.box)
    depth = float(camera.depth(np.array([[at[0], 0.6, at[1]]]))[0])
    return VehicleFigure((thing,), placed.box, depth, at, placed.mesh.size[1], look, placed, camera)


def _walker(actor: Actor, where: Where, time_s: float, camera: CameraModel) -> Figure | None:
    look = _person(actor.look) if actor.deed is None else unburdened(actor.look)
    kind = "person" if actor.deed is None else "doer"
    if where.moving:
        pose = int(where.distance / people.stride_m(look) * people.GAIT_BINS) % people.GAIT_BINS
    else:
        pose = people.STANDING + int(time_s * 0.9 + actor.look) % people.STANDING_BINS
    turn = 0.0 if where.moving else 0.5 * math.sin(0.35 * time_s + actor.look)

    body = _solids(kind, actor.look, pose)

    def make() -> tuple[Solids, tuple[Material, ...]]:
        return body, look.materials

    return _body(
        (kind, actor.look, pose), make, [("person", actor.track_id, body)], where, where.heading + turn, look.height_m, 0.0, camera,
        people.worn(look), "walking" if where.moving else "standing", _joints("person", actor.look, pose),
    )  # fmt: skip


def _rider(actor: Actor, where: Where, camera: CameraModel) -> Figure | None:
    look = _cycle(actor.look)
    pose = int(where.distance / cycles.DEVELOPMENT_M * cycles.POSES) % cycles.POSES
    if look.kind == "motorcycle":
        pose = 0

    everything, count = cycles.solids(look, pose)

    def make() -> tuple[Solids, tuple[Material, ...]]:
        return everything, look.materials

    machine, rider = (everything.part(rows) for rows in (slice(0, count), slice(count, None)))
    # The rider gets the number after the machine's: numbers of a slot are far enough apart.
    named = [(look.kind, actor.track_id, machine), ("person", actor.track_id + 32, rider)]
    wears = people.worn(look.rider)
    joints = _joints("cycle", actor.look, pose)
    return _body(("cycle", actor.look, pose), make, named, where, where.heading, look.rider.height_m, 0.0, camera, wears, "riding", joints)


def _animal_figure(actor: Actor, where: Where, time_s: float, camera: CameraModel) -> Figure | None:
    look = _animal(actor.kind, actor.look)
    rise = 0.0
    if actor.kind == "cat":
        pose = int(where.distance / animals.CAT_STRIDE_M * animals.POSES) % animals.POSES
    else:
        pose = int(time_s * 4 * animals.POSES + actor.look) % animals.POSES
        rise = 2.6 + 0.5 * math.sin(time_s * 1.3 + actor.look)

    def make() -> tuple[Solids, tuple[Material, ...]]:
        return animals.solids(look, pose), look.materials

    body = animals.solids(look, pose)
    return _body(
        (actor.kind, actor.look, pose), make, [(actor.kind, actor.track_id, body)], where, where.heading, 0.4 * look.size, rise, camera
    )


@lru_cache(maxsize=1024)
def _solids(kind: str, look: int, pose: int) -> Solids:
    """Solids of a person, remembered: boxes need them at each frame."""
    return people.solids(_person(look) if kind == "person" else unburdened(look), pose)


@lru_cache(maxsize=1024)
def _joints(kind: str, look: int, pose: int) -> FloatArray:
    """Key points (17, 3) of whoever walks, stands or rides, m, in the body's frame; remembered as solids are."""
    return keypoints_of(people.skeleton(_person(look), pose) if kind == "person" else cycles.riding(_cycle(look), pose))


def _body(
    key: tuple[str, int, int],
    make: Callable[[], tuple[Solids, tuple[Material, ...]]],
    named: list[tuple[str, int, Solids]],
    where: Where,
    heading: float,
    height: float,
    rise: float,
    camera: CameraModel,
    wears: tuple[str, ...] = (),
    posture: Posture = "",
    joints: FloatArray | None = None,
) -> Figure | None:
    """Place a body: its sprite's stretch and shear make its foot and head land exactly where the camera sees them."""
    points = np.array([[where.x, rise, where.z], [where.x, rise + height, where.z], [where.x, rise + height / 2, where.z]])
    depth = camera.depth(points)
    if float(depth.min()) < NEAREST_M:
        return None
    azimuth, elevation = camera.look(where.x, where.z, rise + height / 2)
    turn = round((heading - azimuth) / _TURN_BIN) * _TURN_BIN
    view = View(math.remainder(turn, 2 * math.pi), round(elevation / _ELEVATION_BIN) * _ELEVATION_BIN)
    foot, head, _ = camera.project(points)
    across = camera.focal_px / float(depth[2])
    tall = height * math.cos(view.elevation_rad)
    upward = max(float(foot[1] - head[1]) / tall, 0.3 * across)
    shear = float(head[0] - foot[0]) / tall
    at = (float(foot[0]), float(foot[1]))
    things = []
    for class_name, track_id, solids in named:
        box = placed_box(solids, view, at, across, upward, shear)
        things.append(
            Thing(track_id, class_name, box, wears, posture, joints) if class_name == "person" else Thing(track_id, class_name, box)
        )
    boxes = np.array([thing.box for thing in things])
    whole: Box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    return BodyFigure(
        tuple(things),
        whole,
        float(depth[0]),
        (where.x, where.z),
        height,
        key,
        make,
        view,
        at,
        across,
        upward,
        shear,
        0.0,
    )


def placed_box(solids: Solids, view: View, foot: tuple[float, float], across: float, upward: float, shear: float, sag: float = 0.0) -> Box:
    """The box of solids of a body whose origin is seen at `foot`, px; see `BodyFigure` for the others."""
    right, up, _ = view.axes()
    x1, x2 = solids.extent(across * right + shear * up)
    low, high = solids.extent(up * upward - sag * right)
    return (foot[0] + x1, foot[1] - high, foot[0] + x2, foot[1] - low)
