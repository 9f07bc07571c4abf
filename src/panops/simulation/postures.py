"""Stances as bodies: a number for each, its skeleton and solids on the ground.

The numbers go on where those of walking and standing end (see `people`), so that a drawn body has one number whatever it does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.simulation.motions import MOTIONS, STAND
from panops.simulation.people import (
    FOOT,
    FOREARM,
    NECK,
    SHANK,
    SPINE,
    STANDING,
    STANDING_BINS,
    THIGH,
    UPPER_ARM,
    Look,
    Skeleton,
    body,
    joint,
)
from panops.simulation.solids import Solids
from panops.simulation.stances import Stance

FloatArray = NDArray[np.float64]

FIRST = STANDING + STANDING_BINS
"""The first number that is a stance's: standing with the arms down."""
STANCES: tuple[Stance, ...] = (STAND, *(stance for motions in MOTIONS.values() for motion in motions for stance in motion.stances))


@dataclass(frozen=True, slots=True, eq=False)
class PosedBody:
    """Somebody in a stance: the joints, and the solids; the lowest of them that is no hem touches the ground, or is its lift above it."""

    skeleton: Skeleton
    solids: Solids


def stance(pose: int) -> Stance:
    """The stance of a pose number from `FIRST` on."""
    return STANCES[pose - FIRST]


def posed(look: Look, pose: int) -> PosedBody:
    """The body of a look at a pose number from `FIRST` on."""
    bones = _skeleton(look, stance(pose))
    solids = body(look, bones)
    # Hems give way: the body itself touches the ground.
    flesh = solids.part(~solids.open_end)
    rise = np.array([0.0, stance(pose).lift * look.height_m - flesh.extent(np.array([0.0, 1.0, 0.0]))[0], 0.0])
    return PosedBody(_moved(bones, rise), solids.moved(rise))


def _skeleton(look: Look, how: Stance) -> Skeleton:
    h = look.height_m
    torso = _rotation(how.torso)
    pelvis = how.pelvis * h
    chest = pelvis + SPINE * h * torso[:, 1]
    skull = torso @ _rotation(how.nod)
    # The neck goes about half of the way that the head turns.
    head = chest + torso @ _rotation(0.5 * how.nod) @ np.array([0.0, NECK * h, 0.015])
    legs, arms, feet = [], [], []
    for number, side in enumerate((1.0, -1.0)):
        hip = pelvis + torso @ np.array([side * 0.052 * h, 0.0, 0.0])
        ankle = _within(hip, how.ankles[number] * h, (THIGH + SHANK) * h)
        knee = joint(hip, ankle, THIGH * h, SHANK * h, how.knees[number])
        foot = _foot(how.toes[number], knee - ankle)
        legs.append((hip, knee, ankle, ankle + FOOT * h * foot[:, 2]))
        feet.append(foot)
        shoulder = chest + torso @ np.array([side * 0.104 * h * look.build**0.5, -0.022 * h, 0.0])
        hand = _within(shoulder, shoulder + torso @ (how.hands[number] * h), (UPPER_ARM + FOREARM) * h)
        arms.append((shoulder, joint(shoulder, hand, UPPER_ARM * h, FOREARM * h, torso @ how.elbows[number]), hand))
    right, left = legs
    thighs = (right[1] - right[0]) + (left[1] - left[0])
    return Skeleton(
        (right[0], left[0]), (right[1], left[1]), (right[2], left[2]), (right[3], left[3]), pelvis, chest,
        (arms[0][0], arms[1][0]), (arms[0][1], arms[1][1]), (arms[0][2], arms[1][2]), head,
        torso, skull, (feet[0], feet[1]), thighs / np.linalg.norm(thighs),
    )  # fmt: skip


def _rotation(turn: FloatArray) -> FloatArray:
    """The matrix (3, 3) of axis times angle (3,), rad."""
    return np.asarray(cv2.Rodrigues(turn.reshape(3, 1))[0], dtype=np.float64)


def _within(start: FloatArray, end: FloatArray, length: float) -> FloatArray:
    """`end`, or as far towards it from `start` as a limb of that length reaches."""
    span = end - start
    distance = float(np.linalg.norm(span))
    return start + span * min(1.0, (length - 2e-3) / distance)


def _foot(toes: FloatArray, shank: FloatArray) -> FloatArray:
    """A foot's frame (3, 3): its z towards the toes, its y as near to the shank's as that allows."""
    ahead = toes / np.linalg.norm(toes)
    up = shank - (shank @ ahead) * ahead
    up = up / np.linalg.norm(up)
    return np.stack([np.cross(up, ahead), up, ahead], axis=1)


def _moved(bones: Skeleton, by: FloatArray) -> Skeleton:
    pairs = ("hips", "knees", "ankles", "toes", "shoulders", "elbows", "hands")
    moved: dict[str, Any] = {name: tuple(point + by for point in getattr(bones, name)) for name in pairs}
    return replace(bones, pelvis=bones.pelvis + by, chest=bones.chest + by, head=bones.head + by, **moved)
