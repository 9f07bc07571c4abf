"""Who does what on their way: raises their hands, waves, bends down, crouches, sits, falls, climbs or jumps, where, when and for how long.

Each walker has a generator of their own for it, so that nothing else of a film changes when some of them do something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from panops.simulation import postures
from panops.simulation.camera_model import CameraModel
from panops.simulation.motions import MOTIONS, Motion
from panops.simulation.noise import generator
from panops.simulation.scenery import Site, footprint
from panops.simulation.stances import Posture

FloatArray = NDArray[np.float64]

# How likely each is, and between how many seconds it is kept up.
_CHOICE = {
    "hands_up": (0.20, 3.0, 8.0),
    "waving": (0.15, 3.0, 6.0),
    "bending": (0.20, 2.0, 4.0),
    "crouching": (0.12, 3.0, 6.0),
    "sitting": (0.13, 6.0, 12.0),
    "fall": (0.20, 6.0, 15.0),
}
# Of those who do something and are asked to leave the ground, likewise.
_OFF_THE_GROUND = {"climbing": (0.7, 3.0, 8.0), "jumping": (0.3, 3.0, 6.0)}
TURN_S = 1.0  # standing and turning before and after, but for a fall
_LENGTH_M = 1.9  # what somebody takes up who falls
_MARGIN_M = 0.4
_UPRIGHT_M, _CLIMBED_M = 2.0, 3.6  # how high heads may come
_CROSSING_M = 11.3


@dataclass(frozen=True, slots=True)
class Doing:
    """What somebody is about at a moment.

    Attributes:
        pose: A pose number of `postures`.
        posture: What it is called.
        turn_rad: How far they have turned from their way, rad to the right.
    """

    pose: int
    posture: Posture
    turn_rad: float


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that somebody does once while they pause.

    Attributes:
        name: A key of `motions.MOTIONS`.
        variant: Which of its motions.
        place_m: How far along their way, m.
        held_s: How long they keep it up, s.
        turn_rad: How far they turn from their way before, rad; 0 before a fall.
        begins_s: When they stop for it, s after they came.
    """

    name: str
    variant: int
    place_m: float
    held_s: float
    turn_rad: float
    begins_s: float = 0.0

    @property
    def motion(self) -> Motion:
        """What it consists of."""
        return MOTIONS[self.name][self.variant]

    @property
    def turns_s(self) -> float:
        """How long they stand and turn before it, and again after it, s."""
        return 0.0 if self.name == "fall" else TURN_S

    @property
    def seconds(self) -> float:
        """How long they pause for it altogether, s."""
        return 2 * self.turns_s + self.motion.there_s + self.held_s + self.motion.back_s

    def at(self, local_s: float) -> Doing | None:
        """What they are about `local_s` after they came, or None when they walk or stand as always."""
        since, motion = local_s - self.begins_s, self.motion
        if not 0 <= since < self.seconds:
            return None
        first = _first_pose(self.name, self.variant)
        begun = since - self.turns_s
        held = begun - motion.there_s
        left = held - self.held_s
        turned = min(1.0, since / TURN_S, (self.seconds - since) / TURN_S) if self.turns_s else 0.0
        turn = self.turn_rad * (0.5 - 0.5 * math.cos(math.pi * turned))
        if begun < 0 or left >= motion.back_s:
            return Doing(postures.FIRST, postures.stance(postures.FIRST).posture, turn)
        if held < 0:
            pose = first + _step(begun / motion.there_s, len(motion.there))
        elif left < 0:
            pose = first + len(motion.there) + int(held / motion.step_s) % len(motion.held)
        else:
            pose = first + len(motion.there) + len(motion.held) + _step(left / motion.back_s, len(motion.back))
        return Doing(pose, postures.stance(pose).posture, turn)


def _step(share: float, count: int) -> int:
    return min(max(int(share * count), 0), count - 1)


@cache
def _first_pose(name: str, variant: int) -> int:
    """The number of a motion's first stance."""
    number = postures.FIRST + 1
    for other, motions in MOTIONS.items():
        for index, motion in enumerate(motions):
            if (other, index) == (name, variant):
                return number
            number += len(motion.stances)
    raise KeyError(name, variant)


def deed_of(
    site: Site,
    seed: int,
    track_id: int,
    share: float,
    path: FloatArray,
    along: FloatArray,
    heading: FloatArray,
    crossing_m: float | None,
    climbs: float = 0.0,
) -> Deed | None:
    """What a walker does, or None.

    Args:
        site: Where.
        seed: The script's.
        track_id: The walker's.
        share: The share of walkers, 0..1, who do something.
        path: Ground points (P, 2) of the way, m.
        along: (P,) how far along it they are, m.
        heading: (P,) which way it goes there, rad.
        crossing_m: How far along the way traffic is crossed, if it is.
        climbs: The share of those who do something, 0..1, who leave the ground: climb up in place, or jump.

    Returns:
        None also for a way with no place where the camera would see it and nothing is in the way.
    """
    if share <= 0:
        return None
    rng = generator("deed", site.name, seed, track_id)
    does, chosen, variant, held, turn, where = rng.random(6).tolist()
    if does >= share:
        return None
    choice = _OFF_THE_GROUND if rng.random() < climbs else _CHOICE
    odds = np.cumsum([odds for odds, _, _ in choice.values()])
    name = list(choice)[int(np.searchsorted(odds / odds[-1], chosen, side="right"))]
    _, least_s, most_s = choice[name]
    number = int(variant * len(MOTIONS[name]))
    turn_rad = 0.0 if name == "fall" else (2 * turn - 1) * 2.4
    far_end = path + _laid(heading + turn_rad, _reach(name, number))
    top_m = _CLIMBED_M if name == "climbing" else _UPRIGHT_M
    good = _seen(site, path, top_m) & _seen(site, far_end, top_m) & (along > 1.0) & (along < along[-1] - 1.0)
    if crossing_m is not None:
        # Nobody stops where cars drive.
        good &= (along < crossing_m - 2.0) | (along > crossing_m + _CROSSING_M + 1.0)
    good &= _free(site, path, far_end)
    places = along[good]
    if not len(places):
        return None
    place = float(places[int(where * len(places))])
    return Deed(name, number, place, least_s + (most_s - least_s) * held, turn_rad)


def _reach(name: str, variant: int) -> tuple[float, float]:
    """Which way, right and forward, somebody's body goes from their feet, m."""
    held = MOTIONS[name][variant].held[0]
    if name != "fall":
        return 0.0, min(0.0, 2 * float(held.pelvis[2]))
    right, _, forward = held.pelvis / np.linalg.norm(held.pelvis) * _LENGTH_M
    return float(right), float(forward)


def _seen(site: Site, path: FloatArray, top_m: float) -> NDArray[np.bool_]:
    """Which of the ground points (P, 2) are well within the picture, with whoever is there from the ground to a height."""
    camera = CameraModel((1600, 900), site.height_m, math.radians(site.pitch_deg), math.radians(site.hfov_deg))
    low, high = (np.stack([path[:, 0], np.full(len(path), height), path[:, 1]], axis=1) for height in (0.0, top_m))
    good = np.minimum(camera.depth(low), camera.depth(high)) > 2.5
    for points in (camera.project(low), camera.project(high)):
        good &= (points[:, 0] > 160) & (points[:, 0] < 1440) & (points[:, 1] > 0) & (points[:, 1] < 860)
    return good


def _laid(facing: FloatArray, reach: tuple[float, float]) -> FloatArray:
    """Where (P, 2) `reach`, right and forward, goes on the ground from whoever faces those ways (P,)."""
    right, forward = reach
    sin, cos = np.sin(facing), np.cos(facing)
    return np.stack([right * cos + forward * sin, forward * cos - right * sin], axis=1)


def _free(site: Site, path: FloatArray, far_end: FloatArray) -> NDArray[np.bool_]:
    """Where a body with its feet on the path (P, 2) and its head at the far end (P, 2) lies in nothing."""
    free = np.ones(len(path), bool)
    for block in site.blocks:
        if block.base_m > 2.0:
            continue
        corners = footprint(block)
        origin, u, v = corners[0], corners[1] - corners[0], corners[3] - corners[0]
        for share in (0.0, 0.35, 0.7, 1.0):
            offset = path + share * (far_end - path) - origin
            inside = np.ones(len(path), bool)
            for side in (u, v):
                length = float(np.hypot(*side))
                place = offset @ side / length
                inside &= (place > -_MARGIN_M) & (place < length + _MARGIN_M)
            free &= ~inside
    return free
