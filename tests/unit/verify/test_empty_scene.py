from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.verify.empty_scene import EVERY_S, EmptyScene, shrunk
from tests.unit.verify.story import PERSON, SCENE, SIZE_WH

BOX = (0.45, 0.3, 0.52, 0.6)


def relit(picture: NDArray[np.uint8], gain: float, offset: float = 0.0, seed: int = 0, noise: float = 1.5) -> NDArray[np.uint8]:
    grain = np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(picture * gain + offset + grain, 0, 255).astype(np.uint8)


def with_person(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    width, height = SIZE_WH
    x1, y1, x2, y2 = round(BOX[0] * width), round(BOX[1] * height), round(BOX[2] * width), round(BOX[3] * height)
    out = picture.copy()
    out[y1:y2, x1:x2] = cv2.resize(PERSON, (x2 - x1, y2 - y1))
    return out


def learnt(looks: int = 12, noise: float = 1.5) -> EmptyScene:
    scene = EmptyScene()
    for look in range(looks):
        scene.learn(shrunk(relit(SCENE, 1.0, seed=look, noise=noise)), look * EVERY_S, [])
    return scene


def test_nothing_is_known_at_first() -> None:
    scene = EmptyScene()
    assert scene.due(0.0)
    assert not scene.knows(BOX)
    assert scene.difference(shrunk(SCENE), BOX) == (0.0, 1.0)
    assert scene.shift(shrunk(SCENE)) == 0.0
    scene.learn(shrunk(SCENE), 0.0, [])
    assert not scene.knows(BOX), "one look is not enough"
    assert not scene.due(EVERY_S / 2)
    assert scene.due(EVERY_S)
    assert scene.due(-5.0), "a clock that went back does not stop it"


@settings(max_examples=30, deadline=None)
@given(gain=st.floats(0.5, 1.35), offset=st.floats(-15, 15))
def test_light_changes_nothing_and_somebody_stands_out(gain: float, offset: float) -> None:
    scene = learnt()
    share, likeness = scene.difference(shrunk(relit(SCENE, gain, offset, seed=99)), BOX)
    assert share < 0.05
    assert likeness > 0.9
    share, likeness = scene.difference(shrunk(relit(with_person(SCENE), gain, offset, seed=99)), BOX)
    assert share > 0.5
    assert likeness < 0.6


def test_a_shadow_keeps_the_texture() -> None:
    scene = learnt()
    shaded = SCENE.copy()
    shaded[100:220, 280:340] = (shaded[100:220, 280:340] * 0.55).astype(np.uint8)
    _, likeness = scene.difference(shrunk(shaded), BOX)
    assert likeness > 0.9


def test_where_objects_are_is_not_learnt() -> None:
    scene = EmptyScene()
    for look in range(12):
        scene.learn(shrunk(relit(with_person(SCENE), 1.0, seed=look)), look * EVERY_S, [BOX])
    assert not scene.knows(BOX)
    assert scene.knows((0.7, 0.3, 0.8, 0.6))
    for look in range(12, 24):
        scene.learn(shrunk(relit(SCENE, 1.0, seed=look)), look * EVERY_S, [])
    assert scene.knows(BOX)
    assert scene.difference(shrunk(with_person(SCENE)), BOX)[0] > 0.5


def test_leaves_that_flicker_are_no_news() -> None:
    rng = np.random.default_rng(4)

    def windy(seed: int) -> NDArray[np.uint8]:
        shift = rng.integers(-6, 7, 2)
        bush = np.roll(SCENE, tuple(int(step) for step in shift), axis=(0, 1))
        out = relit(SCENE, 1.0, seed=seed)
        out[100:220, 280:340] = bush[100:220, 280:340]
        return out

    scene = EmptyScene()
    for look in range(40):
        scene.learn(shrunk(windy(look)), look * EVERY_S, [])
    shares = [scene.difference(shrunk(windy(100 + look)), BOX)[0] for look in range(10)]
    assert float(np.median(shares)) < 0.12
    assert scene.difference(shrunk(with_person(SCENE)), BOX)[0] > 0.2


@pytest.mark.parametrize(("gain", "jumps"), [(1.05, False), (0.93, False), (0.62, True), (1.45, True)])
def test_a_jump_of_the_light_is_noted(gain: float, jumps: bool) -> None:  # a table's column
    scene = learnt()
    before_s = scene.light_jump_s
    scene.learn(shrunk(relit(SCENE, gain, seed=50)), 40.0, [])
    assert (scene.light_jump_s == 40.0) is jumps
    assert before_s == -np.inf


def test_a_shake_is_measured_and_costs_no_memory_of_the_scene() -> None:
    scene = learnt()
    moved = np.roll(SCENE, 12, axis=1)
    assert 640 * scene.shift(shrunk(moved)) == pytest.approx(12, abs=2)
    assert 640 * scene.shift(shrunk(SCENE)) < 1
    assert scene.difference(shrunk(relit(SCENE, 1.0, seed=7)), BOX)[0] < 0.05, "looking changed nothing"
