"""Bodies that do something: their bones, the ground, and that each posture is what its name says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from panops.simulation import people, postures
from panops.simulation.keypoints import KEYPOINTS, LIMBS, keypoints_of, unburied
from panops.simulation.motions import MOTIONS, STAND, Motion
from panops.simulation.people import FOREARM, SHANK, SPINE, THIGH, UPPER_ARM, Look
from panops.simulation.solids import Solids, View
from panops.simulation.stances import along, mirrored, mixed

UP = np.array([0.0, 1.0, 0.0])
POSES = range(postures.FIRST, postures.FIRST + len(postures.STANCES))
ALL = [(name, number) for name, motions in MOTIONS.items() for number in range(len(motions))]


def look_of(seed: int) -> Look:
    return replace(people.random_look(seed), bag="none")


def held(name: str, number: int, look: Look) -> postures.PosedBody:
    """The body of a motion's first held stance."""
    wanted = MOTIONS[name][number].held[0]
    return postures.posed(look, next(pose for pose in POSES if postures.stance(pose) is wanted))


def point(body: postures.PosedBody, name: str) -> np.ndarray:
    return keypoints_of(body.skeleton)[KEYPOINTS.index(name)]


def lowest(solids: Solids) -> float:
    return solids.part(~solids.open_end).extent(UP)[0]


@pytest.mark.parametrize("seed", [1, 3, 7, 12])
def test_bones_keep_their_length_and_nobody_floats_or_sinks(seed: int) -> None:
    look = look_of(seed)
    h = look.height_m
    for pose in POSES:
        body = postures.posed(look, pose)
        bones = body.skeleton
        for (first, second), length in {
            ("hips", "knees"): THIGH,
            ("knees", "ankles"): SHANK,
            ("shoulders", "elbows"): UPPER_ARM,
            ("elbows", "hands"): FOREARM,
        }.items():
            for start, end in zip(getattr(bones, first), getattr(bones, second), strict=True):
                assert np.linalg.norm(end - start) == pytest.approx(length * h, abs=0.002), (pose, first, second)
        assert np.linalg.norm(bones.chest - bones.pelvis) == pytest.approx(SPINE * h)
        assert lowest(body.solids) == pytest.approx(postures.stance(pose).lift * h, abs=1e-9)
        assert body.solids.extent(UP)[0] > postures.stance(pose).lift * h - 0.12, "a hem"
        assert keypoints_of(bones)[:, 1].min() > 0.0


@pytest.mark.parametrize(("name", "number"), ALL)
def test_what_is_held_rests_on_more_than_a_fingertip(name: str, number: int) -> None:
    """Feet are at the ground; whoever sits or lies does so with trunk or thighs."""
    look = look_of(3)
    solids = held(name, number, look).solids
    bottoms = np.minimum(solids.start[:, 1] - solids.start_r * solids.reach(UP), solids.end[:, 1] - solids.end_r * solids.reach(UP))
    feet, trunk = bottoms[[2, 5]], bottoms[[0, 3, 6, 7]].min()
    if name in ("sitting", "fall"):
        assert trunk < 0.03
    else:
        assert feet.min() == pytest.approx(MOTIONS[name][number].held[0].lift * look.height_m, abs=0.01)
        assert trunk > 0.2


@pytest.mark.parametrize("seed", [1, 7])
def test_postures_are_what_they_are_called(seed: int) -> None:
    look = look_of(seed)
    h = look.height_m
    for number in (0, 1):
        up = held("hands_up", number, look)
        assert min(point(up, "left_wrist")[1], point(up, "right_wrist")[1]) > up.skeleton.head[1] + 0.06 * h
    for number in range(3):
        bent = held("bending", number, look)
        assert abs(bent.skeleton.chest[1] - bent.skeleton.pelvis[1]) < 0.12 * h
        assert bent.skeleton.pelvis[1] > 0.45 * h
        assert min(point(bent, "left_wrist")[1], point(bent, "right_wrist")[1]) < 0.15 * h
    for number in range(3):
        crouched = held("crouching", number, look)
        assert 0.1 * h < crouched.skeleton.pelvis[1] < 0.27 * h
    for number in (0, 1):
        seated = held("sitting", number, look)
        assert seated.skeleton.pelvis[1] < 0.1 * h
        assert seated.skeleton.head[1] > 0.35 * h
    for number in range(4):
        lying = held("fall", number, look)
        assert lying.solids.extent(UP)[1] < 0.33 * h
        assert np.ptp(keypoints_of(lying.skeleton)[:, [0, 2]], axis=0).max() > 0.75 * h
    facing = [held("fall", number, look).skeleton.torso[:, 2] for number in range(4)]
    assert facing[0][1] < -0.9, "on the front"
    assert facing[1][1] > 0.9, "on the back"
    assert abs(facing[2][1]) < 0.2, "on the right side"
    assert held("fall", 2, look).skeleton.chest[0] > 0.5 * h
    assert held("fall", 3, look).skeleton.chest[0] < -0.5 * h


def test_a_wave_goes_out_and_in() -> None:
    spread = [stance.hands[0, 0] for stance in MOTIONS["waving"][0].held]
    assert max(spread) - min(spread) > 0.15
    assert all(stance.hands[:, 1].min() > 0.15 for stance in MOTIONS["waving"][0].held)


@pytest.mark.parametrize("number", range(4))
def test_a_fall_goes_down_ever_faster_and_up_again(number: int) -> None:
    motion: Motion = MOTIONS["fall"][number]
    look = look_of(3)
    first = next(pose for pose in POSES if postures.stance(pose) is motion.there[0])
    tops = [postures.posed(look, first + step).skeleton.head[1] for step in range(len(motion.stances))]
    down, up = tops[: len(motion.there) + 1], tops[len(motion.there) :]
    assert (np.diff(down) < 0).all()
    assert down[0] > 0.85 * look.height_m
    assert up[-1] > 0.8 * look.height_m
    assert [stance.posture for stance in motion.stances] == ["falling"] * 6 + ["lying"] + ["getting_up"] * len(motion.back)


def test_mixtures_and_mirrors() -> None:
    other = MOTIONS["sitting"][0].held[0]
    assert np.allclose(mixed(STAND, other, 0.25).pelvis, 0.75 * STAND.pelvis + 0.25 * other.pelvis)
    assert [mixed(STAND, other, share).posture for share in (0.0, 0.49, 0.5, 1.0)] == ["standing", "standing", "sitting", "sitting"]
    assert len(along((STAND, other), 5)) == 5
    twice = mirrored(mirrored(other))
    assert np.array_equal(twice.hands, other.hands)
    right, left = (held("fall", number, look_of(3)) for number in (2, 3))
    assert np.allclose(right.skeleton.head * [-1, 1, 1], left.skeleton.head, atol=1e-6)


def test_cloth_goes_with_the_body() -> None:
    """The point of the chest that carries the vest's bands is the same one, however the body is turned."""
    look = look_of(3)
    body = held("fall", 0, look)
    assert body.solids.turn is not None
    assert body.solids.shift is not None
    chest = body.skeleton.chest
    at_rest = body.solids.turn[10].T @ chest + body.solids.shift[10]
    assert at_rest == pytest.approx([0.0, (0.53 + SPINE) * look.height_m, 0.0], abs=1e-6)


def test_faces_are_seen_from_before_only() -> None:
    look = look_of(3)
    body = held("hands_up", 0, look)
    points = keypoints_of(body.skeleton)
    before, behind = (unburied(points, body.solids, View(turn, 0.2)) for turn in (math.pi, 0.0))
    assert before[:3].all()
    assert not behind[:3].any()
    assert before[[7, 8, 9, 10, 13, 14, 15, 16]].all(), "arms and legs hide nothing of each other"


def test_limbs_join_points_that_there_are() -> None:
    assert len(KEYPOINTS) == 17
    assert len(LIMBS) == 19
    assert {end for limb in LIMBS for end in limb} == set(range(1, 18))
