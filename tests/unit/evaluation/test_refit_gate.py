"""What counts as found, and what the gate lets pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panops.domain.detections import Detections
from panops.domain.judged_pictures import JudgedBoxes
from panops.evaluation.refit_gate import decide
from panops.evaluation.verdict_score import VerdictScore, score_verdicts

CLASSES = ("person", "car")


def judged(event_id: str, *, false_alarm: bool, boxes: int = 1, min_score: float = 0.35) -> JudgedBoxes:
    xyxy = np.array([[0, 0, 10, 20], [50, 0, 60, 20]][:boxes], np.float32)
    return JudgedBoxes(event_id, "yard", "person", false_alarm, xyxy, min_score, Path("a.jpg"), (100, 100))


def seen(*rows: tuple[float, float, str]) -> Detections:
    """Boxes at a left edge with a score and class."""
    boxes = np.array([[left, 0, left + 10, 20] for left, _, _ in rows], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in rows], np.float32)
    return Detections(boxes, scores, np.array([CLASSES.index(name) for _, _, name in rows], np.int64))


@pytest.mark.parametrize(
    ("found", "hit"),
    [
        ((0, 0.35, "person"), True),
        ((0, 0.34, "person"), False),  # the camera does not look at it
        ((3, 0.9, "person"), True),  # IoU .54
        ((4, 0.9, "person"), False),  # IoU .43
        ((0, 0.9, "car"), False),
    ],
)
def test_found_is_sure_enough_at_the_place_and_of_the_class(found: tuple[float, float, str], hit: bool) -> None:
    false = score_verdicts([judged("f", false_alarm=True)], [seen(found)], CLASSES)
    assert (false.false_found, false.again) == ((1, ("f",)) if hit else (0, ()))
    true = score_verdicts([judged("t", false_alarm=False)], [seen(found)], CLASSES)
    assert (true.true_found, true.lost) == ((1, ()) if hit else (0, ("t",)))


def test_of_several_boxes_one_makes_a_false_alarm_and_all_a_true_one() -> None:
    found = [seen((50, 0.9, "person"))] * 2
    both = [judged("f", false_alarm=True, boxes=2), judged("t", false_alarm=False, boxes=2)]
    assert score_verdicts(both, found, CLASSES) == VerdictScore(1, 1, 1, 0, ("t",), ("f",))
    assert score_verdicts(both, [seen(), seen()], CLASSES) == VerdictScore(1, 0, 1, 0, ("t",), ())


def score(false_found: int, *lost: str) -> VerdictScore:
    return VerdictScore(10, false_found, 8, 8 - len(lost), lost, ())


@pytest.mark.parametrize(
    ("before", "after", "ap", "passed"),
    [
        (score(8), score(1), None, True),
        (score(8), score(8), None, False),  # no fewer
        (score(8), score(0, "a"), None, False),  # one lost
        (score(8, "a"), score(0, "a"), None, True),  # the old one did not find it either
        (score(8, "a"), score(0, "b"), None, False),  # as many, but another one
        (score(8), score(1), (0.500, 0.495), True),
        (score(8), score(1), (0.500, 0.494), False),
        (score(8), score(1), (0.500, 0.600), True),
    ],
)
def test_the_gate(before: VerdictScore, after: VerdictScore, ap: tuple[float, float] | None, passed: bool) -> None:
    decision = decide(before, after, *(ap or (None, None)))
    assert decision.passed is passed
    assert bool(decision.failures) is not passed
    assert len(decision.conditions) == (2 if ap is None else 3)
