"""Whose face is nearest, against a search that looks at one picture after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.domain.faces import KnownFaces, KnownPerson
from panops.vision.face_search import NOBODY, FaceSearch


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def gallery(rows: NDArray[np.floating], person: list[int], negative: list[bool] | None = None) -> KnownFaces:
    people = tuple(KnownPerson(f"p{index}", f"P{index}") for index in range(max(person, default=-1) + 1))
    wrong = np.zeros(len(person), np.bool_) if negative is None else np.array(negative, np.bool_)
    return KnownFaces("m@1", people, unit(rows) if len(rows) else rows.astype(np.float32), np.array(person, np.int64), wrong)


def at(*degrees: float) -> NDArray[np.float32]:
    """Faces of two numbers, by their direction: similarities are cosines of the angles between them."""
    turns = np.deg2rad(np.array(degrees))
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


# The gallery's faces: direction, whose, whether it is somebody else who looks like them; who is asked for; who it is, and the angle told.
CASES = {
    "the nearest person": ([(0, 0, False), (40, 1, False)], 10, 0, 10),
    "the best of several pictures of a person": ([(90, 0, False), (50, 0, False), (30, 1, False)], 44, 0, 6),
    "nobody is near enough": ([(0, 0, False), (90, 1, False)], 45, NOBODY, 45),
    "a negative is nearest": ([(0, 0, False), (12, 0, True)], 10, NOBODY, 10),
    "a negative that is farther away counts for nothing": ([(0, 0, False), (22, 0, True)], 10, 0, 10),
    "a negative as near as the picture is one": ([(0, 0, False), (20, 0, True)], 10, NOBODY, 10),
    "then it is the next person": ([(0, 0, False), (12, 0, True), (28, 1, False)], 10, 1, 18),
    "somebody's negative is nothing to others": ([(0, 0, False), (12, 1, True), (90, 1, False)], 10, 0, 10),
    "only negatives": ([(10, 0, True)], 10, NOBODY, 180),
    "a negative too far to matter": ([(0, 0, False), (60, 0, True)], 10, 0, 10),
}


@pytest.mark.parametrize("case", CASES)
def test_who_it_is(case: str) -> None:
    faces, asked, who, angle = CASES[case]
    known = gallery(at(*(face[0] for face in faces)), [face[1] for face in faces], [face[2] for face in faces])
    found = FaceSearch(known).find(at(asked), threshold=float(np.cos(np.deg2rad(30))))
    assert found.person.tolist() == [who]
    assert found.similarity[0] == pytest.approx(np.cos(np.deg2rad(angle)), abs=1e-5)


def plainly(known: KnownFaces, face: NDArray[np.float32], threshold: float) -> int:
    """Each person's best picture and best negative, and then the best person whose picture is the nearer one."""
    best: dict[int, float] = {}
    for who in set(known.person.tolist()):
        mine = known.person == who
        near = known.embedding @ face
        good = near[mine & ~known.negative].max(initial=-2.0)
        wrong = near[mine & known.negative].max(initial=-2.0)
        if good >= threshold and good > wrong:
            best[who] = float(good)
    return max(best, key=lambda who: best[who]) if best else NOBODY


@settings(max_examples=60)
@given(
    count=st.sampled_from([1, 2, 50, 2047, 2048, 2049, 5000]), asked=st.sampled_from([1, 2, 26, 60]), people=st.integers(1, 30),
    wrong=st.sampled_from([0.0, 0.1, 0.5]), threshold=st.sampled_from([-0.2, 0.2, 0.5]), seed=st.integers(0, 9999),
)  # fmt: skip
def test_as_one_picture_after_the_other(count: int, asked: int, people: int, wrong: float, threshold: float, seed: int) -> None:
    dice = np.random.default_rng(seed)
    known = gallery(dice.standard_normal((count, 8)), dice.integers(0, people, count).tolist(), (dice.random(count) < wrong).tolist())
    faces = unit(dice.standard_normal((asked, 8)))
    found = FaceSearch(known).find(faces, threshold)
    assert found.person.tolist() == [plainly(known, face, threshold) for face in faces]
    assert (found.similarity[found.person != NOBODY] >= threshold).all()
    assert (np.abs(found.similarity) <= 1).all()


def test_nobody_known_and_nobody_asked_for() -> None:
    empty = FaceSearch(gallery(np.zeros((0, 4), np.float32), []))
    found = empty.find(unit(np.ones((2, 4))), 0.5)
    assert found.person.tolist() == [NOBODY, NOBODY]
    assert found.similarity.tolist() == [-1.0, -1.0]
    assert len(FaceSearch(gallery(at(0), [0])).find(np.zeros((0, 2), np.float32), 0.5)) == 0


def test_faces_that_were_not_looked_at_are_nobody() -> None:
    rows = np.concatenate([np.full((1, 2), np.nan, np.float32), at(0)])
    found = FaceSearch(gallery(at(0), [0])).find(rows, 0.5)
    assert found.person.tolist() == [NOBODY, 0]
    assert found.similarity.tolist() == [-1.0, 1.0]


def test_another_models_faces_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected faces of 2 numbers as in the gallery, got \(3,\)"):
        FaceSearch(gallery(at(0), [0])).find(np.ones((1, 3), np.float32), 0.5)


def test_a_large_gallery_is_exact() -> None:
    dice = np.random.default_rng(0)
    rows = unit(dice.standard_normal((100_000, 128)))
    search = FaceSearch(KnownFaces("m", (KnownPerson("p", "P"),) * 1000, rows, np.arange(100_000) % 1000, np.zeros(100_000, np.bool_)))
    asked = [0, 2047, 2048, 99_999]
    faces = unit(rows[asked] + dice.normal(0, 0.02, (4, 128)))
    assert search.find(faces, 0.6).person.tolist() == [index % 1000 for index in asked]
    assert [int(search.find(face[None], 0.6).person[0]) for face in faces] == [index % 1000 for index in asked]
