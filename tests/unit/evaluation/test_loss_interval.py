"""The interval of a loss: draws are counted as if their pictures had really been copied, and more pictures make it narrower."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from panops.domain.detections import Detections
from panops.domain.labels import DetectionSet
from panops.evaluation.detection_score import score_detections
from panops.evaluation.loss_interval import _average_precision, _sorted, loss_interval
from tests.unit.evaluation.detection_sets import CLASSES, picture, random_set

pytest.importorskip("pycocotools")


def untied(seen: list[Detections], seed: int) -> list[Detections]:
    """The same detections with scores that never tie, so that their order is beyond doubt."""
    rng = np.random.default_rng(seed)
    made = []
    for one in seen:
        score = np.sort(rng.uniform(0.01, 1.0, len(one)))[::-1].astype(np.float32)
        made.append(Detections(one.xyxy, score, one.class_id))
    return made


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_draw_is_scored_as_if_its_pictures_were_copied(seed: int) -> None:
    dataset, seen = random_set(seed, 10)
    seen = untied(seen, seed)
    score = score_detections(dataset, seen, CLASSES)
    drawn = np.random.default_rng(seed).multinomial(10, np.full(10, 0.1), size=4).astype(np.int32)
    for row in drawn:
        copies = [index for index, times in enumerate(row) for _ in range(times)]
        copied = replace(dataset, pictures=tuple(dataset.pictures[index] for index in copies))
        wanted = score_detections(copied, [seen[index] for index in copies], CLASSES)
        for name in CLASSES:
            for area, figure in ((0, "ap"), (1, "small"), (3, "large")):
                got = _average_precision(_sorted(score.matches[name], area), row[None, :])[0]
                assert got == pytest.approx(getattr(wanted.classes[name], figure), abs=1e-9, nan_ok=True)


def half_blind(seen: list[Detections], every: int) -> list[Detections]:
    """Nothing is found in each `every`th picture."""
    return [Detections.empty() if index % every == 0 else one for index, one in enumerate(seen)]


def test_the_same_model_loses_nothing_for_sure() -> None:
    dataset, seen = random_set(4)
    score = score_detections(dataset, seen, CLASSES)
    interval = loss_interval(score, score, draws=50)
    assert interval.loss == (0.0, 0.0)
    assert interval.small_loss == (0.0, 0.0)
    assert interval.draws == 50


def test_it_holds_the_loss_and_narrows_with_more_pictures() -> None:
    widths = []
    for count in (12, 120):
        dataset, seen = random_set(5, count)
        before = score_detections(dataset, seen, CLASSES)
        after = score_detections(dataset, half_blind(seen, 4), CLASSES)
        loss = 100 * (before.overall.ap - after.overall.ap)
        low, high = loss_interval(before, after, draws=300).loss
        assert low < loss < high
        widths.append(high - low)
        assert loss_interval(before, after, draws=300) == loss_interval(before, after, draws=300)
    assert widths[1] < 0.6 * widths[0]


def test_without_small_boxes_there_is_no_figure_of_them() -> None:
    dataset = DetectionSet("x", CLASSES, (picture([(10, 10, 200, 200)], [0]), picture([], [])))
    seen = [Detections(np.array([[10, 10, 200, 200]], np.float32), np.array([0.9], np.float32), np.array([0])), Detections.empty()]
    before = score_detections(dataset, seen, CLASSES)
    after = score_detections(dataset, [Detections.empty(), Detections.empty()], CLASSES)
    interval = loss_interval(before, after, draws=40)
    assert interval.loss == (100.0, 100.0)  # draws without the box say nothing
    assert np.isnan(interval.small_loss).all()
