"""How people hold themselves, by their joints; the same in a plain version with loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.rules.posture import Posture, postures

# Joints of drawn people, px; y grows downwards. The head is at the top of somebody 170 px high.
STANDING = {
    0: (100, 20), 5: (85, 50), 6: (115, 50), 7: (80, 80), 8: (120, 80), 9: (80, 108), 10: (120, 108),
    11: (90, 105), 12: (110, 105), 13: (90, 140), 14: (110, 140), 15: (90, 175), 16: (110, 175),
}  # fmt: skip
HANDS_UP = {**STANDING, 7: (75, 30), 8: (125, 30), 9: (78, 5), 10: (122, 5)}
ONE_HAND_UP = {**HANDS_UP, 9: (80, 108), 7: (80, 80)}
BENDING = {
    0: (170, 125), 5: (155, 110), 6: (157, 104), 9: (160, 165), 10: (165, 165),
    11: (100, 100), 12: (102, 100), 13: (98, 138), 14: (104, 138), 15: (96, 175), 16: (106, 175),
}  # fmt: skip
SITTING = {**STANDING, 13: (130, 110), 14: (135, 110), 15: (135, 145), 16: (140, 145)}


def rotated(joints: dict[int, tuple[float, float]], degrees: float) -> dict[int, tuple[float, float]]:
    """Turned about the hips."""
    turn, (cx, cy) = math.radians(degrees), (100, 105)
    return {
        joint: (
            cx + (x - cx) * math.cos(turn) - (y - cy) * math.sin(turn),
            cy + (x - cx) * math.sin(turn) + (y - cy) * math.cos(turn),
        )
        for joint, (x, y) in joints.items()
    }


def array(joints: dict[int, tuple[float, float]], score: float = 0.8) -> NDArray[np.float32]:
    points = np.zeros((17, 3), np.float32)
    for joint, (x, y) in joints.items():
        points[joint] = x, y, score
    return points


def look(*people: dict[int, tuple[float, float]]) -> list[Posture]:
    points = np.stack([array(one) for one in people])
    boxes = np.array([[*np.min([*one.values()], axis=0), *np.max([*one.values()], axis=0)] for one in people], np.float32)
    return [Posture(value) for value in postures(points, boxes).tolist()]


@pytest.mark.parametrize(
    ("joints", "expected"),
    [
        pytest.param(STANDING, Posture.UPRIGHT, id="standing"),
        pytest.param(HANDS_UP, Posture.UPRIGHT | Posture.HANDS_UP, id="both hands up"),
        pytest.param(ONE_HAND_UP, Posture.UPRIGHT, id="one hand up"),
        pytest.param(BENDING, Posture(0), id="bending down"),
        pytest.param(SITTING, Posture(0), id="sitting"),
        pytest.param(rotated(STANDING, 90), Posture.LYING, id="lying, feet to the left"),
        pytest.param(rotated(STANDING, -80), Posture.LYING, id="lying, feet to the right"),
        pytest.param(rotated(STANDING, 25), Posture.UPRIGHT, id="leaning"),
        pytest.param(rotated(HANDS_UP, 90), Posture.LYING, id="lying with the arms stretched out"),
    ],
)
def test_what_drawn_people_do(joints: dict[int, tuple[float, float]], expected: Posture) -> None:
    (found,) = look(joints)
    assert found & (Posture.UPRIGHT | Posture.LYING | Posture.HANDS_UP) == expected
    assert found & Posture.KNOWN


def test_without_legs_the_box_decides() -> None:
    lying = {joint: place for joint, place in rotated(STANDING, 90).items() if joint < 13}
    (found,) = look(lying)
    assert found & Posture.LYING
    bent = {joint: place for joint, place in BENDING.items() if joint < 13}
    points, tall = array(bent)[None], np.array([[90, 90, 180, 190]], np.float32)
    assert not Posture(int(postures(points, tall)[0])) & Posture.LYING


@pytest.mark.parametrize("missing", [(5, 6), (11, 12)])
def test_without_shoulders_or_hips_nothing_is_known(missing: tuple[int, ...]) -> None:
    assert look({joint: place for joint, place in STANDING.items() if joint not in missing}) == [Posture(0)]


def test_who_was_not_looked_at_is_unknown_and_others_are_not_touched() -> None:
    points = np.stack([np.full((17, 3), np.nan, np.float32), array(STANDING)])
    boxes = np.array([[0, 0, 10, 10], [75, 15, 125, 180]], np.float32)
    nobody, one = postures(points, boxes).tolist()
    assert nobody == 0
    assert Posture(one) & Posture.UPRIGHT
    assert postures(np.zeros((0, 17, 3), np.float32), np.zeros((0, 4), np.float32)).tolist() == []


def test_guessed_wrists_say_nothing_of_hands() -> None:
    points = array(HANDS_UP)
    points[9, 2] = 0.1
    found = Posture(int(postures(points[None], np.array([[70, 0, 130, 180]], np.float32))[0]))
    assert not found & (Posture.HANDS_UP | Posture.ARMS_KNOWN)
    assert found & Posture.UPRIGHT


def plain(points: NDArray[np.float32], box: tuple[float, ...]) -> int:
    """The same for one person, joint by joint."""

    def middle(pair: tuple[int, int]) -> tuple[float, float] | None:
        seen = [points[joint, :2] for joint in pair if points[joint, 2] >= 0.2]
        return tuple(np.mean(seen, axis=0).tolist()) if seen else None  # type: ignore[return-value]

    shoulders, hips = middle((5, 6)), middle((11, 12))
    if shoulders is None or hips is None:
        return 0
    dx, dy = hips[0] - shoulders[0], hips[1] - shoulders[1]
    length = math.hypot(dx, dy)
    width, height = box[2] - box[0], box[3] - box[1]
    if length < 0.12 * max(width, height):
        return 0
    lean = math.degrees(math.atan2(abs(dx), dy))
    drop = None
    for pair, factor in (((13, 14), 2.0), ((15, 16), 1.0)):
        seen = [float(points[joint, 1]) for joint in pair if points[joint, 2] >= 0.2]
        if seen:
            drop = factor * (max(seen) - hips[1]) / length
    out = int(Posture.KNOWN)
    if lean <= 40 and (drop is None or drop >= 0.75):
        out |= Posture.UPRIGHT
    lying = lean >= 58 and (drop < 0.55 if drop is not None else width > height)
    if lying:
        out |= Posture.LYING
    if points[9, 2] >= 0.2 and points[10, 2] >= 0.2:
        out |= Posture.ARMS_KNOWN
        if not lying and all(points[5 + side, 1] - points[9 + side, 1] >= 0.45 * length for side in (0, 1)):
            out |= Posture.HANDS_UP
    return int(out)


@given(st.integers(0, 2**32 - 1))
def test_arrays_say_the_same_as_the_plain_version(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.uniform(0, 200, (9, 17, 2)), rng.choice([0.0, 0.1, 0.3, 0.9], (9, 17, 1))], axis=2).astype(np.float32)
    corner = rng.uniform(0, 100, (9, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 150, (9, 2))], axis=1).astype(np.float32)
    assert postures(points, boxes).tolist() == [plain(one, tuple(box.tolist())) for one, box in zip(points, boxes, strict=True)]
