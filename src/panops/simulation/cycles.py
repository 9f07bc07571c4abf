"""Bicycles and motorcycles with somebody on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from panops.simulation import people
from panops.simulation.light import linear
from panops.simulation.noise import generator
from panops.simulation.shading import Material
from panops.simulation.solids import Solids, SolidsBuilder

POSES = 12
DEVELOPMENT_M = 5.2  # how far a bicycle goes for one turn of the pedals
_FRAMES = [(180, 40, 40), (40, 90, 160), (40, 44, 48), (220, 200, 70), (60, 130, 90)]


@dataclass(frozen=True, slots=True)
class CycleLook:
    """A rider and what is ridden.

    Attributes:
        kind: `bicycle` or `motorcycle`.
        rider: The rider's look.
        materials: The rider's materials, then frame, tyre and metal.
    """

    kind: str
    rider: people.Look
    materials: tuple[Material, ...]


def random_cycle(seed: int) -> CycleLook:
    """The look of cycle number `seed`: one in three is a motorcycle."""
    rng = generator("cycle", seed)
    kind = "motorcycle" if rng.random() < 0.33 else "bicycle"
    rider = people.random_look(seed)
    rider = replace(
        rider,
        bottom="jeans" if rider.bottom == "skirt" else rider.bottom,
        bag="none" if rider.bag == "case" else rider.bag,
        top="jacket" if rider.top == "coat" else rider.top,
    )
    if kind == "motorcycle":
        rider = replace(rider, head="helmet")
    frame = linear(*_FRAMES[int(rng.integers(len(_FRAMES)))])
    own = (Material(frame, "glossy"), Material(linear(30, 30, 32)), Material(linear(150, 154, 158), "glossy"))
    return CycleLook(kind, rider, (*rider.materials, *own))


def solids(look: CycleLook, pose: int) -> tuple[Solids, int]:
    """Everything at pose 0..11 of a turn of the pedals, and how many of the first solids are the machine's."""
    first = len(look.rider.materials)
    machine = SolidsBuilder()
    if look.kind == "bicycle":
        _bicycle(machine, pose / POSES, first)
    else:
        _motorcycle(machine, first)
    vehicle = machine.build()
    rider = people.body(look.rider, riding(look, pose))
    parts = [
        np.concatenate([getattr(vehicle, name), getattr(rider, name)])
        for name in ("start", "end", "start_r", "end_r", "squash", "material", "open_end")
    ]
    return Solids(*parts), len(vehicle.start_r)


def riding(look: CycleLook, pose: int) -> people.Skeleton:
    """The rider's joints at that pose."""
    return people.riding(look.rider, pose / POSES, upright=look.kind == "bicycle")


def _wheel(builder: SolidsBuilder, z: float, radius: float, thick: float, tyre: int) -> None:
    angles = np.arange(13) * (2 * math.pi / 12)
    ring = np.stack([np.zeros(13), radius + (radius - thick) * np.sin(angles), z + (radius - thick) * np.cos(angles)], axis=1)
    for start, end in pairwise(ring):
        builder.cone(start, end, (thick, thick), tyre)


def _bicycle(builder: SolidsBuilder, phase: float, first: int) -> None:
    frame, tyre, metal = first, first + 1, first + 2
    for z in (-0.52, 0.52):
        _wheel(builder, z, 0.34, 0.022, tyre)
    crank, seat, head = np.array([0, 0.29, -0.06]), np.array([0, 0.86, -0.20]), np.array([0, 0.84, 0.33])
    for start, end, radius in (
        (crank, seat, 0.02),
        (seat * [1, 0.95, 1], head, 0.022),
        (crank, head * [1, 0.9, 1.02], 0.024),
        (crank, np.array([0, 0.34, -0.52]), 0.014),
        (seat * [1, 0.92, 1], np.array([0, 0.34, -0.52]), 0.013),
        (head, np.array([0, 0.34, 0.52]), 0.016),
    ):
        builder.cone(start, end, (radius, radius), frame)
    builder.cone((0, 0.93, -0.30), (0, 0.95, -0.12), (0.07, 0.03), tyre)
    bar: NDArray[np.float64] = head + np.array([0, 0.20, 0.02])
    builder.cone(head, bar, (0.016, 0.016), metal)
    builder.cone(bar + np.array([-0.27, 0, -0.03]), bar + np.array([0.27, 0, -0.03]), (0.014, 0.014), metal)
    for side in (1.0, -1.0):
        turn = 2 * math.pi * phase + (0 if side > 0 else math.pi)
        builder.cone(
            crank + np.array([side * 0.06, 0, 0]),
            crank + np.array([side * 0.08, 0.17 * math.cos(turn), 0.17 * math.sin(turn)]),
            (0.012, 0.012),
            metal,
        )
    builder.ball((0, 0.80, 0.42), 0.035, metal)


def _motorcycle(builder: SolidsBuilder, first: int) -> None:
    frame, tyre, metal = first, first + 1, first + 2
    for z in (-0.66, 0.70):
        _wheel(builder, z, 0.31, 0.06, tyre)
        builder.cone((-0.05, 0.31, z), (0.05, 0.31, z), (0.10, 0.10), metal)
    builder.cone((0, 0.42, -0.22), (0, 0.45, 0.22), (0.20, 0.19), metal, 1.0)
    builder.cone((0, 0.78, 0.02), (0, 0.84, 0.34), (0.14, 0.16), frame)
    builder.cone((0, 0.76, -0.62), (0, 0.74, -0.12), (0.10, 0.13), tyre)
    builder.cone((0, 0.72, -0.80), (0, 0.70, -0.50), (0.07, 0.12), frame)
    builder.cone((0, 0.31, 0.70), (0, 0.90, 0.46), (0.05, 0.06), metal)
    builder.cone((0, 0.86, 0.54), (0, 0.98, 0.50), (0.13, 0.10), frame)
    builder.ball((0, 0.86, 0.62), 0.085, metal)
    builder.cone((-0.34, 1.02, 0.34), (0.34, 1.02, 0.34), (0.022, 0.022), tyre)
    builder.cone((0.16, 0.34, -0.60), (0.14, 0.32, 0.05), (0.05, 0.04), metal)
    builder.cone((0, 0.62, 0.80), (0, 0.64, 0.58), (0.07, 0.09), frame)
