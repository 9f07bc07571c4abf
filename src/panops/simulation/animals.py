"""Cats and birds: small things that move and are nobody."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from panops.simulation.light import linear
from panops.simulation.noise import generator
from panops.simulation.shading import Material
from panops.simulation.solids import Solids, SolidsBuilder

CAT_STRIDE_M = 0.42
POSES = 8
_FURS = [(40, 38, 38), (176, 118, 66), (128, 124, 118), (216, 210, 200), (92, 76, 60)]
_PLUMES = [(34, 34, 38), (96, 92, 90), (150, 152, 158)]


@dataclass(frozen=True, slots=True)
class AnimalLook:
    """An animal's size factor and materials: fur or plumage, belly, nose or beak."""

    kind: str
    size: float
    materials: tuple[Material, ...]


def random_animal(kind: str, seed: int) -> AnimalLook:
    """The look of animal number `seed` of a kind, `cat` or `bird`."""
    rng = generator("animal", kind, seed)
    table = _FURS if kind == "cat" else _PLUMES
    fur = linear(*table[int(rng.integers(len(table)))])
    belly = tuple(min(1.0, 1.5 * value + 0.04) for value in fur)
    beak = linear(60, 40, 40) if kind == "cat" else linear(200, 150, 60)
    return AnimalLook(
        kind,
        float(rng.uniform(0.9, 1.15)),
        (Material(fur, "fur"), Material((belly[0], belly[1], belly[2]), "fur"), Material(beak, "plain")),
    )


def solids(look: AnimalLook, pose: int) -> Solids:
    """The body at pose 0..7: a cat's steps or a bird's wing beat."""
    return _cat(look, pose / POSES) if look.kind == "cat" else _bird(look, pose / POSES)


def _cat(look: AnimalLook, phase: float) -> Solids:
    builder = SolidsBuilder()
    s = look.size
    bob = 0.008 * math.cos(4 * math.pi * phase)
    rump, chest = np.array([0, 0.215 + bob, -0.14]) * s, np.array([0, 0.22 - bob, 0.13]) * s
    builder.cone(rump, chest, (0.078 * s, 0.074 * s), 0)
    builder.cone(rump * [1, 0.85, 0.8], chest * [1, 0.85, 0.8], (0.066 * s, 0.064 * s), 1)
    head = np.array([0, 0.30, 0.245]) * s
    builder.cone(chest, head, (0.06 * s, 0.05 * s), 0)
    builder.ball(head, 0.062 * s, 0)
    builder.ball(head + np.array([0, -0.015, 0.05]) * s, 0.03 * s, 1)
    builder.ball(head + np.array([0, -0.005, 0.078]) * s, 0.010 * s, 2)
    for side in (1.0, -1.0):
        builder.cone(
            head + np.array([side * 0.035, 0.035, 0]) * s, head + np.array([side * 0.045, 0.088, -0.005]) * s, (0.022 * s, 0.006 * s), 0
        )
        for end, shift in ((chest, 0.0), (rump, 0.35)):
            swing = 0.5 * math.sin(2 * math.pi * (phase + shift + (0.5 if side < 0 else 0.0)))
            top = end + np.array([side * 0.045, -0.03, 0.0]) * s
            knee = top + 0.10 * s * np.array([0, -math.cos(swing), math.sin(swing)])
            paw = np.array(
                [
                    knee[0],
                    max(0.02 * s, 0.018 + 0.03 * max(0.0, math.cos(2 * math.pi * (phase + shift)))),
                    knee[2] + 0.05 * s * math.sin(swing),
                ]
            )
            builder.cone(top, knee, (0.036 * s, 0.024 * s), 0)
            builder.cone(knee, paw, (0.022 * s, 0.018 * s), 0)
    tail = [rump + np.array([0, 0.03, -0.06]) * s, rump + np.array([0.02, 0.10, -0.18]) * s]
    tail.append(rump + np.array([0.05 * math.sin(2 * math.pi * phase), 0.24, -0.24]) * s)
    builder.cone(tail[0], tail[1], (0.024 * s, 0.018 * s), 0)
    builder.cone(tail[1], tail[2], (0.018 * s, 0.012 * s), 0)
    return builder.build()


def _bird(look: AnimalLook, phase: float) -> Solids:
    builder = SolidsBuilder()
    s = look.size
    builder.cone((0, 0, -0.09 * s), (0, 0.01, 0.08 * s), (0.035 * s, 0.05 * s), 0)
    builder.cone((0, -0.01, -0.05 * s), (0, -0.005, 0.06 * s), (0.032 * s, 0.045 * s), 1)
    builder.ball((0, 0.03 * s, 0.15 * s), 0.036 * s, 0)
    builder.cone((0, 0.028 * s, 0.18 * s), (0, 0.022 * s, 0.215 * s), (0.012 * s, 0.004 * s), 2)
    builder.cone((0, 0, -0.10 * s), (0, 0.0, -0.24 * s), (0.024 * s, 0.045 * s), 0, 1.0)
    lift = 0.75 * math.sin(2 * math.pi * phase)
    for side in (1.0, -1.0):
        elbow = np.array([side * 0.15 * math.cos(lift * 0.7), 0.02 + 0.15 * math.sin(lift * 0.7), 0.03]) * s
        tip = elbow + np.array([side * 0.20 * math.cos(lift * 1.3), 0.20 * math.sin(lift * 1.3), -0.05]) * s
        for back, radius in ((0.0, 0.022), (-0.045, 0.026), (-0.09, 0.02)):
            builder.cone(np.array([side * 0.03, 0.02, 0.04 + back]) * s, elbow + np.array([0, 0, back]) * s, (radius * s, radius * s), 0)
            builder.cone(elbow + np.array([0, 0, back]) * s, tip + np.array([0, 0, back * 0.5]) * s, (radius * s, radius * 0.6 * s), 0)
    return builder.build()
