"""How somebody holds themselves, as stances: where pelvis, feet and hands are, and what lies between two of them.

Lengths are shares of the height, in the body's frame: x to its right, y up, z forward, the feet near the origin. Knees and elbows follow
from the lengths of the bones, so that every mixture of two stances is a body, too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Posture = Literal[
    "", "walking", "standing", "riding", "hands_up", "waving", "bending", "crouching", "sitting", "falling", "lying", "getting_up",
    "climbing", "jumping",
]  # fmt: skip
"""What somebody is doing, as the truth says it; empty for what is no person."""


@dataclass(frozen=True, slots=True, eq=False)
class Stance:
    """How somebody holds themselves. Pairs (2, 3) are right then left.

    Attributes:
        posture: What it is called.
        pelvis: (3,) its middle; the height only counts against the other parts, for the lowest of all touches the ground.
        torso: (3,) how the upper body is turned against upright, as axis times angle, rad.
        nod: (3,) how the head is turned against the upper body, likewise.
        ankles: (2, 3) where they are.
        toes: (2, 3) which way the feet point, of any length.
        knees: (2, 3) which way the knees bend.
        hands: (2, 3) the wrists, seen from the shoulder in the upper body's frame.
        elbows: (2, 3) which way the elbows bend, in the upper body's frame.
        lift: How far the lowest of all is above the ground.
    """

    posture: Posture
    pelvis: FloatArray
    torso: FloatArray
    nod: FloatArray
    ankles: FloatArray
    toes: FloatArray
    knees: FloatArray
    hands: FloatArray
    elbows: FloatArray
    lift: float = 0.0


def mixed(first: Stance, second: Stance, share: float) -> Stance:
    """What is `share` of the way, 0..1, from one stance to another; named after the nearer one."""
    parts = (field.name for field in fields(Stance) if field.name != "posture")
    arrays = ((1 - share) * getattr(first, name) + share * getattr(second, name) for name in parts)
    return Stance(second.posture if share >= 0.5 else first.posture, *arrays)


def along(stances: tuple[Stance, ...], steps: int, quickening: float = 1.0) -> tuple[Stance, ...]:
    """`steps` stances on the way through several, without the ends; with `quickening` above 1 slow at first."""
    parts = list(pairwise(stances))
    way = []
    for step in range(1, steps + 1):
        place = len(parts) * (step / (steps + 1)) ** quickening
        number = min(int(place), len(parts) - 1)
        way.append(mixed(*parts[number], place - number))
    return tuple(way)


def mirrored(stance: Stance) -> Stance:
    """The same with right and left changed."""
    flip, spin = np.array([-1.0, 1.0, 1.0]), np.array([1.0, -1.0, -1.0])
    swapped = {name: getattr(stance, name)[::-1] * flip for name in ("ankles", "toes", "knees", "hands", "elbows")}
    return replace(stance, pelvis=stance.pelvis * flip, torso=stance.torso * spin, nod=stance.nod * spin, **swapped)
