"""Bodies of round cones: the tracer, people, cycles and animals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from panops.simulation import animals, cycles, people
from panops.simulation.light import Light
from panops.simulation.shading import draw
from panops.simulation.solids import SolidsBuilder, View, trace

LIGHT = Light((-0.4, 0.8, -0.447), (1.2, 1.1, 1.0), (0.4, 0.45, 0.5), (0.2, 0.2, 0.2))


def march(
    start: np.ndarray, end: np.ndarray, radii: tuple[float, float], squash: float, origin: np.ndarray, ray: np.ndarray
) -> float | None:
    """The plain reference: walks along the ray in small steps until the nearest sphere between both ends is entered."""
    shrink = np.array([1, 1, 1 / squash])
    shares = np.linspace(0, 1, 160)[:, None]
    centres = (start + (end - start) * shares) * shrink
    sizes = radii[0] + (radii[1] - radii[0]) * shares[:, 0]
    for distance in np.arange(-0.8, 0.8, 0.008):
        point = (origin + ray * distance) * shrink
        if (np.linalg.norm(centres - point, axis=1) < sizes).any():
            return float(distance)
    return None


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
@example(429)  # seen along its axis: the cone is steeper than the rays
def test_the_tracer_agrees_with_marching_along_rays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, end = rng.uniform(-0.25, 0.25, 3), rng.uniform(-0.25, 0.25, 3)
    radii = (float(rng.uniform(0.08, 0.2)), float(rng.uniform(0.08, 0.2)))
    squash = float(rng.uniform(0.6, 1.3))
    builder = SolidsBuilder()
    builder.cone(start, end, radii, 0, squash)
    view = View(float(rng.uniform(-3, 3)), float(rng.uniform(0, 1)))
    traced = trace(builder.build(), view, 40)
    right, up, to_camera = view.axes()
    hit = {(int(row), int(column)) for row, column in zip(traced.rows, traced.columns, strict=True)}
    for row in range(0, traced.depth.shape[0], 7):
        for column in range(0, traced.depth.shape[1], 7):
            x, y = traced.left + (column + 0.5) / 40, traced.top - (row + 0.5) / 40
            expected = march(start, end, radii, squash, right * x + up * y, -to_camera)
            if expected is None:
                assert (row, column) not in hit or traced.depth[row, column] < 1  # grazing rays differ by the step
            elif (row, column) in hit:
                assert -float(traced.depth[row, column]) == pytest.approx(expected, abs=0.04)


def test_a_ball_is_round_and_its_normals_point_outwards() -> None:
    builder = SolidsBuilder()
    builder.ball((0.0, 1.0, 0.0), 0.5, 0)
    traced = trace(builder.build(), View(0.4, 0.3), 80)
    assert len(traced.rows) == pytest.approx(math.pi * (0.5 * 80) ** 2, rel=0.02)
    assert np.allclose(traced.normal, (traced.position - [0, 1, 0]) / 0.5, atol=0.01)


@pytest.mark.parametrize("seed", range(25))
def test_people_stand_on_the_ground_and_are_as_tall_as_they_say(seed: int) -> None:
    look = people.random_look(seed)
    for pose in range(people.STANDING + people.STANDING_BINS):
        low, high = people.solids(look, pose).extent(np.array([0.0, 1.0, 0.0]))
        assert low == pytest.approx(0.0, abs=0.03) or (look.bag == "case" and low > -0.05)
        assert look.height_m * 0.95 < high < look.height_m * 1.09


def test_steps_alternate() -> None:
    look = people.random_look(1)
    half = people.GAIT_BINS // 2
    first, second = people.solids(look, 0), people.solids(look, half)
    # Half a cycle on, the legs have changed sides: the same body mirrored, as far as the legs go.
    assert np.allclose(first.extent(np.array([0.0, 0.0, 1.0])), second.extent(np.array([0.0, 0.0, 1.0])), atol=0.06)
    assert not np.allclose(first.start[:6], second.start[:6], atol=0.02)


def test_the_same_number_is_the_same_person() -> None:
    assert people.random_look(12) == people.random_look(12)
    assert len({people.random_look(seed) for seed in range(40)}) == 40


@pytest.mark.parametrize("kind", ["bicycle", "motorcycle"])
def test_cycles_have_a_machine_and_a_rider(kind: str) -> None:
    look = next(look for look in map(cycles.random_cycle, range(60)) if look.kind == kind)
    solids, machine = cycles.solids(look, 3)
    assert 0 < machine < len(solids.start_r)
    low, high = solids.extent(np.array([0.0, 1.0, 0.0]))
    assert low == pytest.approx(0.0, abs=0.02)
    assert 1.3 < high < 2.1


@pytest.mark.parametrize("kind", ["cat", "bird"])
def test_animals_are_small(kind: str) -> None:
    look = animals.random_animal(kind, 1)
    span = [np.ptp(animals.solids(look, 2).extent(np.eye(3)[axis])) for axis in range(3)]
    assert max(span) < 0.9


def test_a_sprite_has_soft_edges_and_colours_within_its_alpha() -> None:
    look = people.random_look(4)
    sprite = draw(people.solids(look, 2), look.materials, View(math.pi, 0.3), 48.0, LIGHT)
    alpha = sprite.rgba[..., 3].astype(int)
    assert ((alpha > 10) & (alpha < 245)).any()
    assert (sprite.rgba[..., :3] <= alpha[..., None] + 1).all()
    assert alpha[[0, -1]].max() == 0
    assert sprite.size_bytes == sprite.rgba.nbytes
