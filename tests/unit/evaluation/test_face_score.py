"""Errors of pairs, against counting them one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from panops.evaluation.face_score import score_faces


def at(*degrees: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    turns = np.deg2rad(np.array(degrees))
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


def angle(degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees)))


def test_people_who_are_told_apart() -> None:
    score = score_faces(at(0, 10, 100, 130), np.array([0, 0, 1, 1]))
    assert (score.people, score.pictures) == (2, 4)
    np.testing.assert_allclose(score.same, [angle(30), angle(10)], atol=1e-6)
    np.testing.assert_allclose(score.different, [angle(90), angle(100), angle(120), angle(130)], atol=1e-6)
    assert score.same_pairs.tolist() == [[2, 3], [0, 1]]
    assert score.different_pairs[0].tolist() == [1, 2]
    middle = (angle(30) + angle(90)) / 2
    assert score.equal() == (pytest.approx(middle), 0.0)
    advised = score.advised()
    assert advised.threshold == round(middle, 2)
    assert (advised.false_accepts, advised.false_rejects) == (0, 0)
    assert score.at(0.9).record() == {
        "threshold": 0.9, "false_accepts": 0, "far": 0.0, "far_at_most": pytest.approx(0.4899, abs=1e-4), "false_rejects": 1, "frr": 0.5,
        "frr_at_most": pytest.approx(0.9055, abs=1e-4),
    }  # fmt: skip


def test_people_who_are_not() -> None:
    dice = np.random.default_rng(0)
    rows = dice.standard_normal((60, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    person = dice.integers(0, 6, 60)
    score = score_faces(rows.astype(np.float32), person)
    counts = {"accepts": 0, "rejects": 0, "same": 0, "different": 0}
    for first in range(60):
        for second in range(first):
            near = float(rows[first] @ rows[second]) >= 0.25
            same = person[first] == person[second]
            counts["same" if same else "different"] += 1
            counts["accepts"] += near and not same
            counts["rejects"] += same and not near
    found = score.at(0.25)
    assert (found.false_accepts, found.false_rejects, found.same, found.different) == (
        counts["accepts"], counts["rejects"], counts["same"], counts["different"],
    )  # fmt: skip
    assert abs(score.at(score.equal()[0]).far - score.at(score.equal()[0]).frr) < 0.02
    assert score.advised().false_accepts == 0
    few = score.advised(most_far=0.1)
    assert few.far <= 0.1
    assert few.false_rejects < score.advised().false_rejects
    curve = score.curve()
    assert (curve[0].far, curve[0].frr) == (1.0, 0.0)
    assert (curve[-1].far, curve[-1].frr) == (0.0, 1.0)
    assert all(before.far >= after.far and before.frr <= after.frr for before, after in pairwise(curve))


@pytest.mark.parametrize("person", [[0, 0, 0], [0, 1, 2]])
def test_both_kinds_of_pairs_are_needed(person: list[int]) -> None:
    with pytest.raises(ValueError, match="expected two pictures of one person at least, and two people"):
        score_faces(at(0, 10, 20), np.array(person))
