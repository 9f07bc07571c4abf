"""People: what they look like, how they walk, and the solids of one moment of it.

Proportions follow Drillis and Contini (1966), segment lengths as shares of the height; the gait follows the usual textbook curves of hip
and knee (Winter, "Biomechanics and Motor Control of Human Movement").
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from panops.simulation.light import linear
from panops.simulation.noise import generator
from panops.simulation.shading import Material, Pattern
from panops.simulation.solids import Solids, SolidsBuilder

FloatArray = NDArray[np.float64]
Point = tuple[float, float, float]
Top = Literal["shirt", "jacket", "coat", "hoodie", "vest"]
Bottom = Literal["trousers", "jeans", "skirt", "shorts"]
Head = Literal["short", "long", "bald", "cap", "beanie", "hood", "helmet"]
Bag = Literal["none", "backpack", "shoulder", "case"]

GAIT_BINS = 12
STANDING = GAIT_BINS  # poses from here on are standing ones
STANDING_BINS = 8
WORKERS = 1 << 30
"""Looks from this number on are people who are dressed for a building site, each of hat and vest as it comes."""
STRIDE_M = 1.38  # two steps of somebody 1.75 m tall
UPRIGHT = np.eye(3)
UPRIGHT.setflags(write=False)
THIGH, SHANK, FOOT, SPINE, NECK, UPPER_ARM, FOREARM = 0.245, 0.246, 0.108, 0.285, 0.115, 0.175, 0.15
"""Lengths of bones as shares of the height."""

_SKIN, _HAIR, _TOP, _BOTTOM, _SHOE, _BAG, _HEADGEAR, _LEGS, _FACE, _INNER = range(10)
_SKINS = [(236, 200, 176), (222, 178, 150), (198, 150, 118), (160, 112, 80), (112, 76, 54), (78, 52, 40)]
_HAIRS = [(34, 26, 22), (58, 40, 28), (92, 64, 40), (150, 112, 68), (196, 164, 110), (140, 138, 136), (22, 20, 22)]
_TOPS = [
    (158, 48, 48), (48, 66, 112), (212, 210, 204), (46, 47, 52), (70, 98, 76), (186, 154, 84), (122, 128, 136),
    (104, 62, 84), (104, 134, 164), (138, 108, 82), (176, 104, 70), (74, 68, 96), (60, 62, 66), (96, 100, 104),
]  # fmt: skip
_BOTTOMS = [(44, 58, 96), (36, 38, 44), (92, 88, 80), (168, 150, 118), (60, 74, 112), (70, 60, 52), (112, 118, 126)]
_SHOES = [(40, 34, 30), (176, 174, 170), (74, 54, 40), (30, 30, 34), (52, 48, 50), (110, 56, 50)]
_HELMETS = [(250, 208, 40)] * 4 + [(236, 236, 232)] * 3 + [(240, 120, 36), (48, 92, 168), (186, 40, 40)]
_BAGS = [(48, 52, 60), (150, 60, 44), (40, 78, 90), (110, 86, 60), (170, 150, 60)]


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody looks like; equal looks are drawn alike.

    Attributes:
        height_m: Height without headgear.
        build: Girth, 1 is average.
        top: What the upper body wears.
        bottom: What the legs wear.
        head: Hair or headgear.
        bag: What is carried.
        materials: One for each part, in the order of the parts above.
    """

    height_m: float
    build: float
    top: Top
    bottom: Bottom
    head: Head
    bag: Bag
    materials: tuple[Material, ...]


def random_look(seed: int) -> Look:
    """The look of person number `seed`: always the same one."""
    rng = generator("look", seed)

    def pick(colours: list[tuple[int, int, int]]) -> tuple[float, float, float]:
        return linear(*(float(np.clip(value + rng.normal(0, 7), 8, 248)) for value in colours[rng.integers(len(colours))]))

    height = float(np.clip(rng.normal(1.74, 0.08), 1.55, 1.95))
    top: Top = rng.choice(["shirt", "jacket", "coat", "hoodie", "vest"], p=[0.38, 0.27, 0.12, 0.15, 0.08])
    bottom: Bottom = rng.choice(["trousers", "jeans", "skirt", "shorts"], p=[0.38, 0.42, 0.09, 0.11])
    head: Head = rng.choice(["short", "long", "bald", "cap", "beanie", "hood", "helmet"], p=[0.42, 0.24, 0.06, 0.12, 0.06, 0.05, 0.05])
    bag: Bag = rng.choice(["none", "backpack", "shoulder", "case"], p=[0.58, 0.18, 0.16, 0.08])
    if top == "vest":
        head, bottom = "helmet", "trousers"
    if seed >= WORKERS:
        # About two in three wear each, whoever wears the other: the hat says nothing of the vest.
        top = "vest" if rng.random() < 0.62 else "jacket" if top in ("vest", "coat") else top
        head = "helmet" if rng.random() < 0.62 else "short" if head == "helmet" else head
        bottom = "jeans" if rng.random() < 0.4 else "trousers"
    if top == "coat" and bottom == "skirt":
        bottom = "trousers"
    skin, hair, cloth, lower = pick(_SKINS), pick(_HAIRS), pick(_TOPS), pick(_BOTTOMS)
    pattern: Pattern = rng.choice(["plain", "stripes", "checks"], p=[0.72, 0.14, 0.14]) if top == "shirt" else "plain"
    if top == "vest":
        cloth, pattern = linear(226, 236, 40) if rng.random() < 0.6 else linear(244, 110, 30), "reflective"
    # The helmet's colour has numbers of its own, so that everything else of a look stays what it was.
    helmet = linear(*_HELMETS[generator("helmet", seed).integers(len(_HELMETS))])
    gear = cloth if head == "hood" else helmet if head == "helmet" else pick(_TOPS)
    chin = (0.0, height * 0.933 - 0.012, 0.012)
    materials = (
        Material(skin, "glossy"),
        Material(hair, "fur"),
        Material(cloth, pattern, linear(236, 238, 240) if pattern != "checks" else pick(_TOPS), (0.0, height * 0.53, 0.0)),
        Material(lower, "denim" if bottom == "jeans" else "plain"),
        Material(pick(_SHOES), "plain"),
        Material(pick(_BAGS), "plain"),
        Material(gear, "glossy" if head == "helmet" else "plain"),
        Material(skin if bottom in ("skirt", "shorts") else lower, "denim" if bottom == "jeans" else "plain"),
        Material(skin, "face", hair, chin),
        Material(cloth if top != "vest" else linear(52, 60, 84), "plain"),
    )
    return Look(height, float(np.clip(rng.normal(1.0, 0.09), 0.84, 1.25)), top, bottom, head, bag, materials)


def worn(look: Look) -> tuple[str, ...]:
    """What of a site's protective equipment somebody wears: `hardhat`, `vest`."""
    return (*(("hardhat",) if look.head == "helmet" else ()), *(("vest",) if look.top == "vest" else ()))


def head_parts(look: Look) -> tuple[int, ...]:
    """The materials of the solids that make the head, with what it wears but for a hood and hair that reach down to the chest."""
    return (_FACE,) if look.head == "hood" else (_FACE, _HEADGEAR)


def torso_parts() -> tuple[int, ...]:
    """The materials of the solids that make the upper body, without arms."""
    return (_TOP,)


def stride_m(look: Look) -> float:
    """How far two steps go, m."""
    return STRIDE_M * look.height_m / 1.75


def solids(look: Look, pose: int) -> Solids:
    """The body at a pose: 0..11 are the gait from right heel strike to the next, 12..19 standing about."""
    return body(look, skeleton(look, pose))


def skeleton(look: Look, pose: int) -> Skeleton:
    """The joints at a pose; see `solids`."""
    return _standing(look, pose - STANDING) if pose >= STANDING else _walking(look, pose / GAIT_BINS)


def riding(look: Look, phase: float, *, upright: bool) -> Skeleton:
    """The joints on a bicycle (`upright`, its feet going round with `phase` 0..1) or on a motorcycle."""
    h = look.height_m
    seat = np.array([0.0, 0.98 if upright else 0.88, -0.20 if upright else -0.22])
    lean = 0.42 if upright else 0.30
    chest = seat + 0.285 * h * np.array([0.0, math.cos(lean), math.sin(lean)])
    grip = np.array([0.0, 1.05, 0.30])
    hips, knees, ankles, toes, shoulders, elbows, hands = [], [], [], [], [], [], []
    for side in (1.0, -1.0):
        turn = 2 * math.pi * phase + (0.0 if side > 0 else math.pi)
        pedal = (
            np.array([side * 0.10, 0.29 + 0.17 * math.cos(turn), -0.06 + 0.17 * math.sin(turn)])
            if upright
            else np.array([side * 0.2, 0.30, -0.02])
        )
        hip = seat + np.array([side * 0.052 * h, 0.0, 0.0])
        ankle = pedal + np.array([0.0, 0.09, -0.09])
        hips.append(hip)
        knees.append(joint(hip, ankle, 0.245 * h, 0.246 * h, np.array([side * 0.25, 0.3, 1.0])))
        ankles.append(ankle)
        toes.append(pedal + np.array([side * 0.01, 0.03, 0.09]))
        shoulder = chest + np.array([side * 0.105 * h, -0.012 * h, 0.0])
        hand = grip + np.array([side * 0.26, 0.02, 0.0])
        shoulders.append(shoulder)
        elbows.append(joint(shoulder, hand, 0.175 * h, 0.16 * h, np.array([side * 0.8, -1.0, -0.3])))
        hands.append(hand)
    return Skeleton(
        (hips[0], hips[1]), (knees[0], knees[1]), (ankles[0], ankles[1]), (toes[0], toes[1]), seat, chest,
        (shoulders[0], shoulders[1]), (elbows[0], elbows[1]), (hands[0], hands[1]), chest + np.array([0.0, 0.112 * h, 0.045]),
    )  # fmt: skip


def joint(start: FloatArray, end: FloatArray, first: float, second: float, towards: FloatArray) -> FloatArray:
    """Where the knee or elbow between two points is, bent `towards` a side; straight when they are too far apart."""
    span = end - start
    distance = min(float(np.linalg.norm(span)), first + second - 1e-3)
    along = span / np.linalg.norm(span)
    share = (first**2 - second**2 + distance**2) / (2 * distance)
    out = towards - (towards @ along) * along
    return np.asarray(start + along * share + out / np.linalg.norm(out) * math.sqrt(max(first**2 - share**2, 0.0)))


def body(look: Look, skeleton: Skeleton) -> Solids:
    """The solids around a skeleton's bones."""
    builder = SolidsBuilder()
    if skeleton.torso is not UPRIGHT:
        # The belt, where patterns have their origin, and below, in the head's frame, the middle of the face.
        builder.turned(skeleton.torso, skeleton.pelvis, (0.0, 0.53 * look.height_m, 0.0))
    _add_legs(builder, look, skeleton)
    _add_torso(builder, look, skeleton)
    _add_arms(builder, look, skeleton)
    _add_head(builder, look, skeleton)
    _add_bag(builder, look, skeleton)
    return builder.build()


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Joints, m, in the body's frame; pairs are right then left.

    `torso`, `skull` and the two `feet` (3, 3) turn these parts, their columns being what is then right, up and forward. `hem` (3,) is
    where coats and skirts hang to, length 1.
    """

    hips: tuple[FloatArray, FloatArray]
    knees: tuple[FloatArray, FloatArray]
    ankles: tuple[FloatArray, FloatArray]
    toes: tuple[FloatArray, FloatArray]
    pelvis: FloatArray
    chest: FloatArray
    shoulders: tuple[FloatArray, FloatArray]
    elbows: tuple[FloatArray, FloatArray]
    hands: tuple[FloatArray, FloatArray]
    head: FloatArray
    torso: FloatArray = field(default_factory=lambda: UPRIGHT)
    skull: FloatArray = field(default_factory=lambda: UPRIGHT)
    feet: tuple[FloatArray, FloatArray] = (UPRIGHT, UPRIGHT)
    hem: FloatArray = field(default_factory=lambda: np.array([0.0, -1.0, 0.0]))


def _bump(phase: float, centre: float, width: float) -> float:
    distance = (phase - centre + 0.5) % 1.0 - 0.5
    return math.exp(-((distance / width) ** 2) / 2)


def _walking(look: Look, phase: float) -> Skeleton:
    legs, arms = [], []
    for shift in (0.0, 0.5):
        p = (phase + shift) % 1.0
        hip = math.radians(9 + 21 * math.cos(2 * math.pi * p))
        knee = math.radians(5 + 12 * _bump(p, 0.13, 0.06) + 56 * _bump(p, 0.73, 0.095))
        heel = math.radians(-18 * _bump(p, 0.0, 0.05) + 48 * _bump(p, 0.62, 0.08) + 12 * _bump(p, 0.8, 0.1))
        legs.append((hip, knee, heel))
        swing = math.radians(-2 - 24 * math.cos(2 * math.pi * (p + 0.02)))
        arms.append((swing, math.radians(16) + max(0.0, swing) * 0.7))
    return _pose(look, legs, arms, twist=0.10 * math.cos(2 * math.pi * phase), lean=0.045)


def _standing(look: Look, variant: int) -> Skeleton:
    shift = 0.05 * math.sin(2 * math.pi * variant / STANDING_BINS)
    legs = [(0.04 + shift * 0.5, 0.05, 0.0), (-0.03 - shift * 0.5, 0.06, 0.0)]
    arms = [(0.05 + shift, 0.25), (-0.02 - shift, 0.22)]
    if variant % STANDING_BINS in (3, 4):
        arms[0] = (0.55, 1.9)  # looks at a phone
    return _pose(look, legs, arms, twist=shift, lean=0.01 + 0.3 * abs(shift))


def _pose(look: Look, legs: list[tuple[float, float, float]], arms: list[tuple[float, float]], twist: float, lean: float) -> Skeleton:
    """Joints from angles; the pelvis is put where the lower foot stands on the ground."""
    h = look.height_m
    thigh, shank, foot = THIGH * h, SHANK * h, FOOT * h
    joints = []
    for side, (hip_angle, knee_angle, heel) in zip((1.0, -1.0), legs, strict=True):
        hip = np.array([side * 0.052 * h, 0.0, side * 0.012 * math.cos(twist)])
        knee = hip + thigh * np.array([0.0, -math.cos(hip_angle), math.sin(hip_angle)])
        lower = hip_angle - knee_angle
        ankle = knee + shank * np.array([-side * 0.006, -math.cos(lower), math.sin(lower)])
        toe = ankle + foot * np.array([side * 0.1, -math.sin(heel) - 0.22, math.cos(heel)])
        joints.append((hip, knee, ankle, toe))
    lowest = min(min(ankle[1] - 0.045, toe[1] - 0.028) for _, _, ankle, toe in joints)
    lift = np.array([0.0, -lowest, 0.0])
    pelvis = lift.copy()
    chest = pelvis + 0.285 * h * np.array([0.0, math.cos(lean), math.sin(lean)])
    shoulders, elbows, hands = [], [], []
    for side, (swing, bend) in zip((1.0, -1.0), arms, strict=True):
        shoulder = chest + np.array([side * 0.104 * h * look.build**0.5, -0.022 * h, -side * 0.02 * twist * h * 5])
        elbow = shoulder + 0.175 * h * np.array([side * 0.16, -math.cos(swing), math.sin(swing)])
        fore = swing + bend
        hand = elbow + 0.15 * h * np.array([-side * 0.03, -math.cos(fore), math.sin(fore)])
        shoulders.append(shoulder)
        elbows.append(elbow)
        hands.append(hand)
    head = chest + np.array([0.0, 0.115 * h, 0.015 + 0.04 * math.sin(lean)])
    right, left = ([point + lift for point in joint] for joint in joints)
    return Skeleton(
        (right[0], left[0]), (right[1], left[1]), (right[2], left[2]), (right[3], left[3]), pelvis, chest,
        (shoulders[0], shoulders[1]), (elbows[0], elbows[1]), (hands[0], hands[1]), head,
    )  # fmt: skip


def _add_legs(builder: SolidsBuilder, look: Look, bones: Skeleton) -> None:
    girth = look.build * look.height_m / 1.75
    loose = 1.0 if look.bottom in ("jeans", "shorts", "skirt") else 1.12
    for hip, knee, ankle, toe, foot in zip(bones.hips, bones.knees, bones.ankles, bones.toes, bones.feet, strict=True):
        upper = _BOTTOM if look.bottom != "skirt" else _LEGS
        builder.cone(hip, knee, (0.088 * girth * loose, 0.060 * girth * loose), upper)
        builder.cone(knee, ankle + foot @ np.array([0, 0.01, -0.005]), (0.060 * girth * loose, 0.043 * girth * loose), _LEGS)
        heel = ankle + foot @ np.array([0.0, -0.012, -0.025])
        builder.cone(heel, toe, (0.045, 0.030), _SHOE)
    if look.bottom == "skirt":
        middle = (bones.knees[0] + bones.knees[1]) / 2
        builder.cone(
            bones.pelvis + bones.torso @ np.array([0, 0.06, 0]),
            middle - 0.03 * bones.hem,
            (0.14 * girth, 0.20 * girth),
            _BOTTOM,
            0.8,
            open_end=True,
        )
    elif look.bottom == "shorts":
        for hip, knee in zip(bones.hips, bones.knees, strict=True):
            builder.cone(hip, knee + 0.25 * (hip - knee), (0.094 * girth, 0.086 * girth), _BOTTOM, open_end=True)


def _add_torso(builder: SolidsBuilder, look: Look, bones: Skeleton) -> None:
    h, girth = look.height_m, look.build * look.height_m / 1.75
    bulk = {"shirt": 1.0, "jacket": 1.12, "coat": 1.13, "hoodie": 1.10, "vest": 1.08}[look.top]
    up, turn = bones.chest - bones.pelvis, bones.torso
    builder.cone(bones.pelvis + 0.02 * up, bones.pelvis + 0.25 * up, (0.142 * girth, 0.140 * girth), _BOTTOM, 0.74)
    builder.cone(bones.pelvis + 0.28 * up, bones.pelvis + 0.78 * up, (0.138 * girth * bulk, 0.160 * girth * bulk), _TOP, 0.66)
    for shoulder in bones.shoulders:
        builder.cone(bones.chest, shoulder + turn @ np.array([0, -0.012, 0]), (0.074 * girth, 0.056 * girth), _TOP)
    builder.cone(
        bones.chest + turn @ np.array([0, -0.02, 0]), bones.chest + turn @ np.array([0, 0.035, 0]), (0.10 * girth, 0.062), _TOP, 0.8
    )
    builder.cone(bones.chest, bones.head + bones.skull @ np.array([0, -0.05, -0.01]), (0.054, 0.050), _SKIN)
    if look.top in ("jacket", "hoodie", "vest"):
        builder.cone(
            bones.pelvis + 0.5 * up,
            bones.pelvis + turn @ np.array([0, -0.02 * h, 0]),
            (0.145 * girth * bulk, 0.160 * girth * bulk),
            _TOP,
            0.78,
            open_end=True,
        )
    elif look.top == "coat":
        builder.cone(
            bones.pelvis + 0.5 * up,
            bones.pelvis + 0.20 * h * bones.hem,
            (0.145 * girth * bulk, 0.195 * girth),
            _TOP,
            0.80,
            open_end=True,
        )
    else:
        builder.cone(bones.pelvis + 0.45 * up, bones.pelvis + 0.02 * up, (0.140 * girth, 0.156 * girth), _TOP, 0.76, open_end=True)


def _add_arms(builder: SolidsBuilder, look: Look, bones: Skeleton) -> None:
    girth = look.build * look.height_m / 1.75
    thick = {"shirt": 1.0, "jacket": 1.22, "coat": 1.22, "hoodie": 1.18, "vest": 1.08}[look.top]
    sleeve = _INNER
    for shoulder, elbow, hand in zip(bones.shoulders, bones.elbows, bones.hands, strict=True):
        bare = look.top == "shirt" and look.materials[_TOP].pattern != "checks"
        builder.cone(shoulder, elbow, (0.055 * girth * thick, 0.043 * girth * thick), _SKIN if bare else sleeve)
        if bare:
            builder.cone(shoulder, shoulder + 0.55 * (elbow - shoulder), (0.062 * girth, 0.056 * girth), sleeve)
        builder.cone(elbow, hand, (0.042 * girth * thick, 0.032 * girth * thick), _SKIN if bare else sleeve)
        along = (hand - elbow) / np.linalg.norm(hand - elbow)
        builder.cone(hand + 0.02 * along, hand + 0.085 * along, (0.036, 0.030), _SKIN, 0.9)


def _add_head(builder: SolidsBuilder, look: Look, bones: Skeleton) -> None:
    head, turn = bones.head, bones.skull
    if turn is not UPRIGHT:
        builder.turned(turn, head, look.materials[_FACE].origin)
    builder.cone(head + turn @ np.array([0, -0.055, 0.018]), head + turn @ np.array([0, 0.03, 0.0]), (0.062, 0.086), _FACE, 1.1)
    builder.ball(head + turn @ np.array([0, -0.012, 0.098]), 0.016, _FACE)
    for side in (1.0, -1.0):
        builder.ball(head + turn @ np.array([side * 0.086, -0.005, -0.01]), 0.02, _SKIN)
    crown = head + turn @ np.array([0, 0.042, -0.018])
    if look.head in ("short", "long", "cap"):
        builder.cone(crown, head + turn @ np.array([0, -0.01, -0.03]), (0.092, 0.084), _HAIR, 1.05)
    if look.head == "long":
        builder.cone(
            head + turn @ np.array([0, 0.0, -0.045]), bones.chest + bones.torso @ np.array([0, -0.01, -0.075]), (0.088, 0.070), _HAIR, 0.75
        )
    elif look.head == "cap":
        builder.ball(head + turn @ np.array([0, 0.05, -0.008]), 0.094, _HEADGEAR, 1.1)
        builder.cone(
            head + turn @ np.array([-0.03, 0.052, 0.10]), head + turn @ np.array([0.03, 0.052, 0.10]), (0.03, 0.03), _HEADGEAR, 1.9
        )
    elif look.head == "beanie":
        builder.cone(head + turn @ np.array([0, 0.035, -0.008]), head + turn @ np.array([0, 0.07, -0.015]), (0.097, 0.085), _HEADGEAR, 1.1)
    elif look.head == "hood":
        builder.cone(
            crown + turn @ np.array([0, -0.01, -0.012]),
            bones.chest + bones.torso @ np.array([0, 0.03, -0.05]),
            (0.110, 0.10),
            _HEADGEAR,
            0.95,
        )
    elif look.head == "helmet":
        builder.ball(head + turn @ np.array([0, 0.055, -0.005]), 0.112, _HEADGEAR, 1.15)
        builder.cone(
            head + turn @ np.array([-0.05, 0.045, 0.12]), head + turn @ np.array([0.05, 0.045, 0.12]), (0.02, 0.02), _HEADGEAR, 2.0
        )


def _add_bag(builder: SolidsBuilder, look: Look, bones: Skeleton) -> None:
    up = bones.chest - bones.pelvis
    if look.bag == "backpack":
        back = np.array([0.0, 0.0, -0.19])
        builder.cone(bones.pelvis + 0.35 * up + back, bones.pelvis + 0.85 * up + back, (0.13, 0.12), _BAG, 0.62)
        for side in (0.1, -0.1):
            strap = np.array([side, 0.0, 0.105])
            builder.cone(bones.chest + np.array([side, 0.03, 0.0]), bones.pelvis + 0.5 * up + strap, (0.022, 0.022), _BAG)
    elif look.bag == "shoulder":
        low = bones.pelvis + np.array([-0.20 * look.build, 0.0, 0.0])
        builder.cone(low + np.array([0, 0, 0.09]), low + np.array([0, -0.07, -0.09]), (0.085, 0.085), _BAG)
        builder.cone(bones.chest + np.array([0.1, 0.01, 0.06]), low + np.array([0.05, 0.07, 0.09]), (0.016, 0.016), _BAG)
    elif look.bag == "case":
        hand = bones.hands[0]
        builder.cone(hand + np.array([0.02, -0.24, 0.13]), hand + np.array([0.02, -0.24, -0.13]), (0.085, 0.085), _BAG)
        builder.cone(hand + np.array([0.02, -0.30, 0.13]), hand + np.array([0.02, -0.30, -0.13]), (0.085, 0.085), _BAG)
