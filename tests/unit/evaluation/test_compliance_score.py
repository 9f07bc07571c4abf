"""Precision and recall of what is said of people, and what labels say of them."""

from __future__ import annotations

import pytest

from panops.domain.body_parts import Box
from panops.domain.compliance import Worn
from panops.evaluation.compliance_score import ItemScore, Judged, by_height, by_item, labelled_truth

P, A, N = Worn.PRESENT, Worn.ABSENT, Worn.NOT_VISIBLE


def rows(*pairs: tuple[Worn, Worn | None], item: str = "hardhat", height_px: float = 100.0) -> list[Judged]:
    return [Judged(item, truth, said, height_px) for truth, said in pairs]


def test_precision_is_of_what_was_said_and_recall_of_what_is_true() -> None:
    score = ItemScore.of(rows((P, P), (P, P), (P, A), (A, A), (A, N), (A, None), (A, P)))
    assert (score.present.precision, score.present.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (score.absent.precision, score.absent.recall) == (0.5, 0.25)
    assert (score.people, score.not_found, score.not_visible) == (7, 1, 1)
    assert (score.decided, score.right_of_decided) == (pytest.approx(5 / 6), pytest.approx(3 / 5))


def test_shares_of_nobody_are_none() -> None:
    score = ItemScore.of(rows((P, None), (P, None)))
    assert (score.decided, score.right_of_decided, score.absent.precision, score.absent.recall) == (None, None, None, None)
    assert score.present.recall == 0.0
    assert score.record()["absent"]["precision"] is None


def test_items_and_bands_of_height_are_apart() -> None:
    seen = [*rows((P, P), height_px=39.9), *rows((A, A), height_px=40.0), *rows((A, P), item="vest", height_px=500.0)]
    assert {item: score.people for item, score in by_item(seen).items()} == {"hardhat": 2, "vest": 1}
    assert {band: sorted(scores) for band, scores in by_height(seen).items()} == {
        "0-40": ["hardhat"],
        "40-60": ["hardhat"],
        "240+": ["vest"],
    }


STANDING: Box = (0, 0, 40, 160)
BESIDE: Box = (30, 0, 70, 160)


def hat(x: float, worn: Worn) -> tuple[Box, Worn]:
    return (x - 8, 2, x + 8, 14), worn


@pytest.mark.parametrize(
    ("people", "items", "truth"),
    [
        ([STANDING], [hat(20, P)], [P]),
        ([STANDING], [hat(20, A)], [A]),
        ([STANDING], [], [None]),
        ([STANDING], [hat(20, A), hat(22, P)], [None]),
        ([STANDING], [((12, 100, 28, 112), P)], [None]),
        ([STANDING, BESIDE], [hat(10, P), hat(60, A)], [P, A]),
        ([STANDING, BESIDE], [hat(35, P)], [None, None]),
        ([STANDING, BESIDE], [hat(35, P), hat(60, A)], [None, None]),
    ],
)
def test_labels_say_only_what_is_clear(people: list[Box], items: list[tuple[Box, Worn]], truth: list[Worn | None]) -> None:
    assert labelled_truth(people, items, "head") == truth
