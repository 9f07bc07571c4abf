"""Every kind of error, one by one; and that the counts add up on pictures where everything goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.domain.detections import Detections
from panops.domain.labels import DetectionSet, LabelledPicture
from panops.evaluation.detection_cases import Cases, align
from panops.evaluation.detection_errors import Kind, Verdicts, confusion, count_kinds, judge
from panops.evaluation.detection_worst import worst_false, worst_missed
from tests.unit.evaluation.detection_sets import CLASSES, found, picture, random_set

ALL = dict.fromkeys(CLASSES, 0.3)
BOX = (50, 50, 110, 130)
CLOSE = (52, 52, 111, 131)
SHIFTED = (80, 50, 140, 130)
FAR = (250, 200, 300, 248)

KINDS = [
    ("right", found((*CLOSE, 0.9, 0)), [Kind.RIGHT]),
    ("a second one", found((*CLOSE, 0.9, 0), (*BOX, 0.8, 0)), [Kind.RIGHT, Kind.DUPLICATE]),
    ("badly placed", found((*SHIFTED, 0.9, 0)), [Kind.LOCALISATION]),
    ("another class", found((*CLOSE, 0.9, 1)), [Kind.CLASS]),
    ("another class, badly placed", found((*SHIFTED, 0.9, 1)), [Kind.BOTH]),
    ("nothing there", found((*FAR, 0.9, 1)), [Kind.BACKGROUND]),
    ("too weak", found((*FAR, 0.2, 1)), []),
]


def judged(pictures: Sequence[LabelledPicture], seen: Sequence[Detections]) -> tuple[Cases, list[Verdicts]]:
    cases = align(DetectionSet("made-up", CLASSES, tuple(pictures)), seen, CLASSES)
    return cases, judge(cases, ALL)


@pytest.mark.parametrize(("what", "seen", "kinds"), KINDS, ids=[row[0] for row in KINDS])
def test_kinds(what: str, seen: Detections, kinds: list[Kind]) -> None:
    del what
    cases, (verdict,) = judged([picture([BOX], [0])], [seen])
    assert list(verdict.kind) == kinds
    assert bool(verdict.box_found[0]) is (Kind.RIGHT in kinds)
    counts = count_kinds(cases, [verdict])
    assert counts["person"][Kind.MISSED] == (Kind.RIGHT not in kinds)


def test_a_stronger_detection_has_the_box_first() -> None:
    _, (verdict,) = judged([picture([BOX], [0])], [found((*BOX, 0.5, 0), (*CLOSE, 0.9, 0))])
    assert verdict.kind == (Kind.RIGHT, Kind.DUPLICATE)
    assert verdict.case.found.score[verdict.taken[0]] == pytest.approx(0.9)


def test_crowds_and_riders_take_what_is_inside() -> None:
    crowd = picture([BOX], [0], crowd=[0])
    rider = picture([BOX], [2], rider_in_box=True)
    seen = found((60, 60, 80, 90, 0.9, 0), (62, 60, 82, 90, 0.8, 0))
    for one in (crowd, rider):
        cases, (verdict,) = judged([one], [seen])
        assert verdict.kind == (Kind.IGNORED, Kind.IGNORED)
        assert confusion(cases, [verdict])[:, 0].sum() == 0


def test_confusion_counts_each_box_and_detection_once() -> None:
    pictures = [picture([BOX], [0]), picture([BOX, FAR], [1, 2])]
    cases, verdicts = judged(pictures, [found((*CLOSE, 0.9, 0)), found((*CLOSE, 0.9, 0), (150, 5, 190, 40, 0.7, 1))])
    expected = np.zeros((4, 4), int)
    expected[0, 0] = 1  # a person found
    expected[1, 0] = 1  # a car taken for a person
    expected[2, 3] = 1  # a motorcycle missed
    expected[3, 1] = 1  # a car where nothing is
    np.testing.assert_array_equal(confusion(cases, verdicts), expected)


@settings(max_examples=40)
@given(st.integers(0, 500), st.booleans())
def test_the_counts_add_up(seed: int, partial: bool) -> None:
    dataset, seen = random_set(seed, pictures=3, partial=partial)
    cases = align(dataset, seen, CLASSES)
    verdicts = judge(cases, ALL)
    table = confusion(cases, verdicts)
    boxes = sum(int((~case.ignore).sum()) for case in cases.cases)
    assert table[:-1].sum() == boxes
    counts = count_kinds(cases, verdicts)
    said = sum(found[kind] for found in counts.values() for kind in Kind if kind not in (Kind.MISSED, Kind.IGNORED))
    assert table[:, :-1].sum() == said
    assert sum(len(verdict.taken) for verdict in verdicts) == said + sum(found[Kind.IGNORED] for found in counts.values())
    assert sum(found[Kind.RIGHT] for found in counts.values()) == np.trace(table[:-1, :-1])


def test_a_class_without_threshold_is_left_out() -> None:
    cases = align(DetectionSet("made-up", CLASSES, (picture([BOX], [0]),)), [found((*CLOSE, 0.9, 0), (*FAR, 0.9, 1))], CLASSES)
    (verdict,) = judge(cases, {"person": 0.5})
    assert verdict.kind == (Kind.RIGHT,)


def test_worst_pictures_come_in_order_and_once() -> None:
    pictures = [picture([BOX, FAR], [0, 1], name="a.png"), picture([(10, 10, 390, 290)], [2], name="b.png"), picture([], [], name="c.png")]
    seen = [found((*CLOSE, 0.95, 0), (150, 5, 190, 40, 0.6, 1), (5, 5, 30, 30, 0.5, 1)), found(), found((*BOX, 0.8, 1))]
    cases, verdicts = judged(pictures, seen)
    false = worst_false(cases, verdicts)
    assert [(one.picture.path.name, one.reason) for one in false] == [
        ("c.png", "car where none is labelled, 0.80"),
        ("a.png", "car where none is labelled, 0.60"),
    ]
    assert [mark.words for mark in false[1].marks if mark.is_worst] == ["car 0.60"]
    missed = worst_missed(cases, verdicts)
    assert [(one.picture.path.name, one.reason) for one in missed] == [
        ("b.png", "missed motorcycle, 380x280 px, 89 % of the picture"),
        ("a.png", "missed car, 50x48 px, 2.0 % of the picture"),
    ]
    assert len(worst_false(cases, verdicts, most=1)) == len(worst_missed(cases, verdicts, most=1)) == 1


@pytest.mark.parametrize(
    ("side", "words"),
    [(200, "33 % of"), (100, "8.3 % of"), (20, ".33 % of"), (4, ".01 % of"), (1, "under .01 % of")],
)
def test_no_box_is_nothing_of_its_picture(side: int, words: str) -> None:
    cases, verdicts = judged([picture([(10, 10, 10 + side, 10 + side)], [0])], [found()])
    (missed,) = worst_missed(cases, verdicts)
    assert missed.reason == f"missed person, {side}x{side} px, {words} the picture"
