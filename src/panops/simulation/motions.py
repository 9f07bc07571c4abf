"""What people do beside walking and standing, as stances in order: from raising hands and waving to falling, climbing and jumping."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from panops.simulation.stances import Posture, Stance, along, mirrored, mixed

FloatArray = NDArray[np.float64]
Triple = tuple[float, float, float]
_STILL_S = 60.0  # longer than anything is kept up


def _stance(
    posture: Posture,
    pelvis: Triple,
    torso: Triple = (0.0, 0.0, 0.0),
    nod: Triple = (0.0, 0.0, 0.0),
    *,
    ankles: FloatArray,
    toes: FloatArray,
    knees: FloatArray,
    hands: FloatArray,
    elbows: FloatArray,
) -> Stance:
    return Stance(posture, np.array(pelvis), np.array(torso), np.array(nod), ankles, toes, knees, hands, elbows)


def _both(x: float, y: float, z: float) -> FloatArray:
    """The same for right and left."""
    return np.array([[x, y, z], [-x, y, z]])


def _each(right: Triple, left: Triple) -> FloatArray:
    return np.array([right, left])


def _from(pitch: float, points: FloatArray) -> FloatArray:
    """Vectors (2, 3) of the world in the frame of an upper body bent forward by `pitch` rad."""
    cos, sin = math.cos(pitch), math.sin(pitch)
    return np.asarray(points @ np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]]))


_FLAT = _both(0.1, -0.22, 1.0)  # as a foot that stands points
_FEET = _both(0.056, 0.026, 0.0)
_AHEAD = _both(0.1, 0.0, 1.0)
_BACKWARD = _both(0.4, 0.0, -1.0)

STAND = _stance(
    "standing",
    (0.0, 0.514, 0.0),
    (0.02, 0.0, 0.0),
    ankles=_FEET,
    toes=_FLAT,
    knees=_AHEAD,
    hands=_both(0.035, -0.315, 0.04),
    elbows=_BACKWARD,
)


def _hands_up(variant: int, sway: float) -> Stance:
    """Arms straight up, or bent with the elbows out; `sway` -1..1 moves them a little."""
    if variant == 0:
        hands, elbows = _both(0.03 + 0.012 * sway, 0.319, 0.01 + 0.01 * sway), _both(1.0, 0.0, 0.4)
    else:
        hands, elbows = _both(0.05 + 0.015 * sway, 0.232 + 0.008 * sway, 0.03), _both(1.0, -0.5, 0.2)
    return replace(STAND, posture="hands_up", hands=hands, elbows=elbows, torso=np.array([0.0, 0.0, 0.015 * sway]))


def _waving(phase: float) -> Stance:
    """Both arms go from upright out to the sides and back, `phase` 0..1."""
    spread = 0.15 + 0.78 * (0.5 - 0.5 * math.cos(2 * math.pi * phase))
    hands = 0.313 * _both(math.sin(spread), math.cos(spread), 0.08)
    return replace(STAND, posture="waving", hands=hands, elbows=_both(1.0, -0.6, -0.2), torso=np.array([0.0, 0.0, 0.0]))


_DOWN = replace(
    STAND,
    posture="bending",
    pelvis=np.array([0.0, 0.487, -0.10]),
    torso=np.array([1.92, 0.0, 0.0]),
    nod=np.array([-0.35, 0.0, 0.0]),
    hands=_from(1.92, _both(-0.02, -0.312, 0.02)),
    elbows=_from(1.92, _both(1.0, 0.0, -0.4)),
)
_PICKING = replace(
    STAND,
    posture="bending",
    pelvis=np.array([0.0, 0.455, -0.12]),
    torso=np.array([1.75, 0.12, 0.0]),
    nod=np.array([-0.3, 0.0, 0.0]),
    ankles=_each((0.06, 0.026, -0.04), (-0.06, 0.026, 0.08)),
    hands=_from(1.75, _each((-0.02, -0.312, 0.04), (0.0, -0.17, -0.10))),
    elbows=_from(1.75, _both(1.0, 0.0, -0.4)),
)
_CROUCH = _stance(
    "crouching",
    (0.0, 0.20, -0.10),
    (0.50, 0.0, 0.0),
    (-0.15, 0.0, 0.0),
    ankles=_both(0.075, 0.05, 0.0),
    toes=_both(0.25, -0.42, 1.0),
    knees=_both(0.35, 0.2, 1.0),
    hands=_from(0.50, _both(-0.03, -0.14, 0.19)),
    elbows=_both(1.0, -0.6, -0.3),
)
_SQUAT = replace(
    _CROUCH,
    pelvis=np.array([0.0, 0.21, -0.13]),
    torso=np.array([0.75, 0.0, 0.0]),
    hands=_from(0.75, _each((-0.03, -0.30, 0.10), (0.02, -0.13, 0.17))),
)
_LEANING = _stance(
    "sitting",
    (0.0, 0.045, -0.42),
    (-0.28, 0.0, 0.0),
    (0.2, 0.0, 0.0),
    ankles=_both(0.075, 0.032, 0.0),
    toes=_both(0.3, 1.0, 0.25),
    knees=_both(0.15, 1.0, 0.1),
    hands=_from(-0.28, _both(0.05, -0.228, -0.16)),
    elbows=_BACKWARD,
)
_HUGGING = replace(
    _LEANING,
    pelvis=np.array([0.0, 0.045, -0.25]),
    torso=np.array([0.30, 0.0, 0.0]),
    nod=np.array([0.1, 0.0, 0.0]),
    ankles=_both(0.05, 0.026, 0.0),
    toes=_FLAT,
    hands=_from(0.30, _both(-0.05, -0.14, 0.22)),
    elbows=_both(1.0, -0.6, 0.0),
)

# Straight legs reach the feet at the origin, where they stood before the fall.
_FRONT = _stance(
    "lying",
    (0.0, 0.058, 0.492),
    (1.55, 0.0, 0.0),
    (0.0, 1.1, 0.0),
    ankles=_each((0.07, 0.035, 0.0), (-0.10, 0.035, 0.01)),
    toes=_both(0.25, -0.25, -1.0),
    knees=_both(1.0, 0.1, 0.0),
    hands=_each((0.13, 0.19, 0.03), (0.16, -0.20, 0.03)),
    elbows=_both(1.0, 0.0, 0.0),
)
_BACK = _stance(
    "lying",
    (0.0, 0.062, -0.488),
    (-1.55, 0.0, 0.0),
    (0.1, 0.4, 0.0),
    ankles=_each((0.07, 0.03, 0.0), (-0.09, 0.03, -0.01)),
    toes=_both(0.45, 1.0, 0.3),
    knees=_both(0.2, 1.0, 0.0),
    hands=_each((0.13, -0.27, -0.02), (0.19, 0.17, -0.03)),
    elbows=_both(1.0, 0.0, -0.1),
)
_SIDE = _stance(
    "lying",
    (0.45, 0.092, 0.0),
    (0.0, 0.0, -1.50),
    (0.0, 0.0, -0.45),
    ankles=_each((0.03, 0.006, 0.05), (0.12, 0.03, 0.16)),
    toes=_both(-1.0, 0.0, 0.5),
    knees=_both(0.0, 0.05, 1.0),
    hands=_each((0.0, 0.20, 0.03), (0.02, -0.12, 0.24)),
    elbows=_each((0.0, -0.2, 1.0), (0.8, -0.6, -0.3)),
)

# On the way down: the knees give way, the arms reach out for the ground.
_TUMBLING = replace(STAND, posture="falling")
_FALLING_FORWARD = (
    replace(_TUMBLING, pelvis=np.array([0.0, 0.455, 0.06]), torso=np.array([0.45, 0.0, 0.0]), hands=_both(0.10, -0.10, 0.25)),
    replace(
        _TUMBLING,
        pelvis=np.array([0.0, 0.27, 0.30]),
        torso=np.array([1.10, 0.0, 0.0]),
        ankles=_both(0.06, 0.05, 0.0),
        toes=_both(0.15, -0.9, 0.2),
        hands=_both(0.10, 0.06, 0.27),
    ),
)
_FALLING_BACK = (
    replace(_TUMBLING, pelvis=np.array([0.0, 0.40, -0.13]), torso=np.array([0.12, 0.0, 0.0]), hands=_both(0.12, -0.05, 0.28)),
    replace(
        _TUMBLING,
        pelvis=np.array([0.0, 0.19, -0.33]),
        torso=np.array([-0.60, 0.0, 0.0]),
        toes=_both(0.2, 0.3, 1.0),
        hands=_both(0.22, -0.10, -0.10),
    ),
)
_FALLING_ASIDE = (
    replace(_TUMBLING, pelvis=np.array([0.09, 0.46, 0.0]), torso=np.array([0.1, 0.0, -0.40]), hands=_both(0.22, -0.12, 0.10)),
    replace(
        _TUMBLING,
        pelvis=np.array([0.31, 0.28, 0.0]),
        torso=np.array([0.1, 0.0, -1.0]),
        ankles=_each((0.02, 0.03, 0.0), (-0.02, 0.07, 0.05)),
        toes=_both(-0.3, -0.4, 1.0),
        hands=_each((0.20, -0.10, 0.14), (-0.20, 0.12, 0.12)),
    ),
)

# On the way up again.
_ON_ALL_FOURS = _stance(
    "getting_up",
    (0.0, 0.27, 0.26),
    (1.40, 0.0, 0.0),
    (-0.3, 0.0, 0.0),
    ankles=_both(0.06, 0.035, 0.0),
    toes=_both(0.1, -0.25, -1.0),
    knees=_both(0.1, -1.0, 1.0),
    hands=_from(1.40, _both(0.02, -0.315, 0.04)),
    elbows=_BACKWARD,
)
_PROPPED = replace(
    _CROUCH,
    posture="getting_up",
    pelvis=np.array([0.34, 0.09, -0.05]),
    torso=np.array([0.1, 0.0, -0.55]),
    ankles=_each((0.06, 0.04, 0.04), (0.02, 0.04, 0.10)),
    hands=_each((0.14, -0.26, 0.05), (0.0, -0.20, 0.18)),
)


# Hand over hand: the right hand and foot are up, the other arm holds on and the other leg stands.
_GRIP = replace(
    STAND,
    posture="climbing",
    torso=np.array([0.12, 0.0, 0.0]),
    nod=np.array([-0.3, 0.0, 0.0]),
    ankles=_each((0.075, 0.16, 0.06), (-0.06, 0.026, 0.0)),
    toes=_both(0.1, -0.5, 1.0),
    knees=_both(0.35, 0.1, 1.0),
    hands=_each((0.02, 0.27, 0.12), (-0.03, 0.06, 0.24)),
    elbows=_both(1.0, -0.4, 0.0),
)


def _called(posture: Posture, stances: tuple[Stance, ...]) -> tuple[Stance, ...]:
    return tuple(replace(stance, posture=posture) for stance in stances)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Something to do: the way there, what is done for a while in a loop, and the way back to standing.

    Attributes:
        there: Stances on the way.
        there_s: How long it takes, s.
        held: Stances in a loop; one for keeping still.
        step_s: How long each of them lasts, s.
        back: Stances on the way back.
        back_s: How long it takes, s.
    """

    there: tuple[Stance, ...]
    there_s: float
    held: tuple[Stance, ...]
    step_s: float
    back: tuple[Stance, ...]
    back_s: float

    @property
    def stances(self) -> tuple[Stance, ...]:
        """All of them in order."""
        return (*self.there, *self.held, *self.back)


def _there_and_back(held: Stance, steps: int, seconds: float, *over: Stance) -> Motion:
    there = along((STAND, *over, held), steps)
    return Motion(there, seconds, (held,), _STILL_S, there[::-1], seconds)


def _raising(held: tuple[Stance, ...], step_s: float) -> Motion:
    # Arms that are not up yet are not up: whoever raises them stands.
    there = _called("standing", along((STAND, held[0]), 4))
    return Motion(there, 0.6, held, step_s, there[::-1], 0.6)


def _fall(down: tuple[Stance, ...], lying: Stance, up: tuple[Stance, ...]) -> Motion:
    # As a pole falls: hardly at first, then ever faster.
    there = _called("falling", along((STAND, *down, lying), 6, 1.5))
    return Motion(there, 0.6, (lying,), _STILL_S, _called("getting_up", along((lying, *up, _CROUCH, STAND), 10)), 3.0)


def _climb(lift: float, steps: int, seconds: float) -> Motion:
    """Up in place, hand over hand, to `lift` of one's height, and down again; nothing is drawn that is climbed."""
    grips = (_GRIP, mirrored(_GRIP))
    there = tuple(replace(grips[step % 2], lift=lift * (step + 1) / steps) for step in range(steps))
    return Motion(there, seconds, tuple(replace(grip, lift=lift) for grip in grips), 1.2, there[::-1], seconds)


def _jumps(lift: float) -> Motion:
    """Again and again on the spot."""
    low = replace(mixed(STAND, _CROUCH, 0.3), posture="jumping")
    up = tuple(replace(STAND, posture="jumping", lift=lift * share) for share in (0.6, 1.0, 0.6))
    return Motion((low,), 0.25, (*up, low, low), 0.12, (low,), 0.25)


_SWAYS = (0.0, 0.8, 1.0, 0.3, -0.5, -1.0, -0.4)

MOTIONS: dict[str, tuple[Motion, ...]] = {
    "hands_up": tuple(_raising(tuple(_hands_up(number, sway) for sway in _SWAYS), 0.4) for number in (0, 1)),
    "waving": (_raising(tuple(_waving(number / 8) for number in range(8)), 0.14),),
    "bending": tuple(_there_and_back(one, 5, 0.9) for one in (_DOWN, _PICKING, mirrored(_PICKING))),
    "crouching": tuple(_there_and_back(one, 5, 0.9) for one in (_CROUCH, _SQUAT, mirrored(_SQUAT))),
    "sitting": tuple(_there_and_back(one, 7, 1.8, _CROUCH) for one in (_LEANING, _HUGGING)),
    "fall": (
        _fall(_FALLING_FORWARD, _FRONT, (_ON_ALL_FOURS,)),
        _fall(_FALLING_BACK, _BACK, (_LEANING,)),
        _fall(_FALLING_ASIDE, _SIDE, (_PROPPED,)),
        _fall(tuple(map(mirrored, _FALLING_ASIDE)), mirrored(_SIDE), (mirrored(_PROPPED),)),
    ),
    "climbing": (_climb(0.65, 6, 3.0), _climb(0.9, 8, 3.6)),
    "jumping": (_jumps(0.18),),
}
"""Every deed's variants."""
