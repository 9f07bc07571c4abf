"""The figures equal plain pycocotools where it can say them, and an own AP50; partial labels, riders and crowds judge what they can."""

from __future__ import annotations

import builtins
import contextlib
import io
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from panops.domain.detections import Detections
from panops.domain.errors import PluginError
from panops.domain.labels import DetectionSet
from panops.evaluation.detection_score import DetectionScore, ap50_by_source_and_class, mean, score_detections
from tests.unit.evaluation.detection_sets import CLASSES, found, picture, random_set

pytest.importorskip("pycocotools")
BOX = (50, 50, 110, 130)
CLOSE = (52, 52, 111, 131)


def plain_coco(dataset: DetectionSet, detections: Sequence[Detections]) -> Any:
    """The peer, used as its own demo uses it; fully labelled sets only."""
    from pycocotools.coco import COCO  # noqa: PLC0415 - the peer
    from pycocotools.cocoeval import COCOeval  # noqa: PLC0415 - the same

    truth, results = [], []
    for image, (one, seen) in enumerate(zip(dataset.pictures, detections, strict=True), 1):
        for xyxy, class_id, crowd in zip(one.xyxy.astype(float), one.class_id, one.crowd, strict=True):
            left, top, right, bottom = xyxy.tolist()
            bbox = [left, top, right - left, bottom - top]
            record = {"image_id": image, "category_id": int(class_id) + 1, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": int(crowd)}
            truth.append({"id": len(truth) + 1, **record})
        for xyxy, score, class_id in zip(seen.xyxy.astype(float), seen.score, seen.class_id, strict=True):
            left, top, right, bottom = xyxy.tolist()
            box = [left, top, right - left, bottom - top]
            results.append({"image_id": image, "category_id": int(class_id) + 1, "bbox": box, "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": index} for index in range(1, len(dataset) + 1)],
            "annotations": truth,
            "categories": [{"id": index, "name": name} for index, name in enumerate(dataset.classes, 1)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def _mean(values: Any) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else float("nan")


@pytest.mark.parametrize("seed", range(4))
def test_equals_plain_pycocotools_where_all_is_labelled(seed: int) -> None:
    dataset, detections = random_set(seed)
    score = score_detections(dataset, detections, CLASSES)
    peer = plain_coco(dataset, detections)
    ours = score.overall
    theirs = peer.stats[:6]
    np.testing.assert_allclose([ours.ap, ours.ap50, ours.ap75, ours.small, ours.medium, ours.large], theirs, rtol=0, atol=1e-9)
    precision, recall = peer.eval["precision"], peer.eval["recall"]
    for index, name in enumerate(CLASSES):
        of_class = score.classes[name]
        expected = [_mean(precision[:, :, index, area, -1]) for area in range(4)]
        np.testing.assert_allclose([of_class.ap, of_class.small, of_class.medium, of_class.large], expected, rtol=0, atol=1e-9)
        assert of_class.recall == pytest.approx(recall[0, index, 0, -1], abs=1e-12)


def test_a_source_scores_as_if_it_were_alone() -> None:
    dataset, detections = random_set(7)
    score = score_detections(dataset, detections, CLASSES)
    of_gate = [index for index, one in enumerate(dataset.pictures) if one.source == "gate"]
    alone = plain_coco(dataset.where(lambda one: one.source == "gate"), [detections[index] for index in of_gate])
    assert score.sources["gate"].ap == pytest.approx(alone.stats[0], abs=1e-9)
    assert score.sources["gate"].pictures == 6
    for index, name in enumerate(CLASSES):
        assert score.pairs["gate", name].ap == pytest.approx(_mean(alone.eval["precision"][:, :, index, 0, -1]), abs=1e-9)


def plain_ap50(dataset: DetectionSet, detections: Sequence[Detections], class_id: int, source: str = "") -> float:
    """AP50 by hand: greedy matching, 101 points; no crowds."""
    rows: list[tuple[float, bool]] = []
    boxes = 0
    for one, seen in zip(dataset.pictures, detections, strict=True):
        if not one.labelled[class_id] or (source and one.source != source):
            continue
        truth = [box.tolist() for box, label in zip(one.xyxy, one.class_id, strict=True) if label == class_id]
        boxes += len(truth)
        for box, score, label in zip(seen.xyxy.tolist(), seen.score.tolist(), seen.class_id.tolist(), strict=True):
            if label == class_id:
                best = max(truth, key=lambda other: _iou(box, other), default=None)
                hit = best is not None and _iou(box, best) >= 0.5
                if hit:
                    truth.remove(best)
                rows.append((score, hit))
    rows.sort(key=lambda row: -row[0])
    precisions = []
    for wanted in np.linspace(0, 1, 101):
        reached = [
            sum(hit for _, hit in rows[:count]) / count
            for count in range(1, len(rows) + 1)
            if sum(hit for _, hit in rows[:count]) / boxes >= wanted
        ]
        precisions.append(max(reached, default=0.0))
    return float(np.mean(precisions))


def _iou(first: list[float], second: list[float]) -> float:
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    common = max(wide, 0) * max(high, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return common / (areas - common)


@pytest.mark.parametrize("seed", range(3))
def test_partial_labels_equal_a_plain_reference(seed: int) -> None:
    dataset, detections = random_set(seed, partial=True)
    whole = [(one.xyxy[~one.crowd], one.class_id[~one.crowd], one) for one in dataset.pictures]
    clean = tuple(
        picture([tuple(box) for box in xyxy.tolist()], ids.tolist(), labelled=one.labelled.tolist(), source=one.source, name=one.path.name)
        for xyxy, ids, one in whole
    )
    dataset = DetectionSet("clean", CLASSES, clean)
    score = score_detections(dataset, detections, CLASSES)
    for index, name in enumerate(CLASSES):
        assert score.classes[name].ap50 == pytest.approx(plain_ap50(dataset, detections, index), abs=1e-9)
    for (source, name), figures in score.pairs.items():
        assert figures.ap50 == pytest.approx(plain_ap50(dataset, detections, CLASSES.index(name), source), abs=1e-9)


@pytest.mark.parametrize("partial", [False, True])
def test_the_fast_way_gives_the_same_figures(partial: bool) -> None:
    dataset, detections = random_set(3, partial=partial)
    score = score_detections(dataset, detections, CLASSES)
    fast = ap50_by_source_and_class(dataset, detections, CLASSES)
    assert {key for key in fast if key[0]} == set(score.pairs)
    for (source, name), value in fast.items():
        expected = score.pairs[source, name] if source else score.classes[name]
        assert value == pytest.approx(expected.ap50, abs=1e-12)


def _score(pictures: Sequence[Any], detections: Sequence[Detections]) -> DetectionScore:
    return score_detections(DetectionSet("made-up", CLASSES, tuple(pictures)), detections, CLASSES)


def test_what_was_not_labelled_is_neither_right_nor_wrong() -> None:
    known = picture([BOX], [0])
    unknown = picture([], [], labelled=(False, True, True))
    score = _score([known, unknown], [found((*CLOSE, 0.5, 0)), found((*CLOSE, 0.9, 0))])
    assert score.classes["person"].ap50 == pytest.approx(1.0)
    assert score.classes["person"].pictures == 1
    wrong = _score([known, picture([], [])], [found((*CLOSE, 0.5, 0)), found((*CLOSE, 0.9, 0))])
    assert wrong.classes["person"].ap50 == pytest.approx(0.5)


RIDER_CASES = [
    ("a rider inside is ignored", True, (60, 55, 100, 110), 1.0),
    ("without the flag it is a false one", False, (60, 55, 100, 110), 0.5),
    ("half outside is ignored as well", True, (80, 60, 139, 120), 1.0),
    ("mostly outside is a false one", True, (95, 60, 200, 120), 0.5),
]


@pytest.mark.parametrize(("what", "flag", "rider", "expected"), RIDER_CASES, ids=[row[0] for row in RIDER_CASES])
def test_persons_on_two_wheelers(what: str, flag: bool, rider: tuple[float, ...], expected: float) -> None:
    del what
    walker = (250, 50, 300, 150)
    one = picture([BOX, walker], [2, 0], rider_in_box=flag)
    seen = found((*rider, 0.9, 0), (*walker, 0.4, 0), (*BOX, 0.8, 2))
    assert _score([one], [seen]).classes["person"].ap50 == pytest.approx(expected)
    assert _score([one], [seen]).classes["person"].boxes == 1


def test_a_person_that_is_labelled_beside_a_motorcycle_still_counts() -> None:
    one = picture([BOX, CLOSE], [2, 0], rider_in_box=True)
    assert _score([one], [found((*CLOSE, 0.9, 0))]).classes["person"].ap50 == pytest.approx(1.0)


def test_crowds_take_detections_without_being_found() -> None:
    one = picture([BOX, (200, 50, 390, 200)], [0, 0], crowd=[1])
    seen = found((*CLOSE, 0.5, 0), (210, 60, 240, 120, 0.9, 0), (250, 60, 280, 120, 0.8, 0))
    assert _score([one], [seen]).classes["person"].ap50 == pytest.approx(1.0)


def test_classes_are_matched_by_name_and_the_rest_is_said() -> None:
    dataset = DetectionSet("made-up", CLASSES, (picture([BOX, (200, 50, 260, 120)], [0, 1], labelled=(True, True, False)),))
    score = score_detections(dataset, [found((*CLOSE, 0.9, 1), (0, 0, 9, 9, 0.9, 0))], ("cat", "person"))
    assert score.cases.classes == ("person",)
    assert score.cases.only_in_model == ("cat",)
    assert score.cases.only_in_data == ("car",)
    assert score.overall.ap50 == pytest.approx(1.0)


def test_nothing_to_find_has_no_figure() -> None:
    score = _score([picture([], [])], [found((*BOX, 0.9, 0))])
    assert np.isnan(score.overall.ap)
    assert score.overall.record()["AP"] is None
    assert not score.pairs
    empty = _score([], [])
    assert empty.cases.classes == ()


def test_pictures_and_detections_must_go_together() -> None:
    dataset = DetectionSet("made-up", CLASSES, (picture([BOX], [0]),))
    with pytest.raises(ValueError, match="expected detections for 1 pictures, got 2"):
        score_detections(dataset, [found(), found()], CLASSES)
    with pytest.raises(ValueError, match="expected class ids below 1, got 2"):
        score_detections(dataset, [found((*BOX, 0.5, 2))], ("person",))


def test_the_mean_leaves_out_what_has_no_figure() -> None:
    score = _score([picture([BOX], [0])], [found((*CLOSE, 0.9, 0))])
    both = mean([score.classes["person"], score.classes["car"]])
    assert both.ap50 == pytest.approx(1.0)
    assert both.boxes == 1
    assert np.isnan(mean([]).ap)


def test_without_pycocotools_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    for name in [name for name in sys.modules if name.startswith("pycocotools")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(PluginError, match=r"pip install 'panops\[train\]'"):
        score_detections(DetectionSet("made-up", CLASSES, ()), [], CLASSES)


def test_blanks_and_underscores_in_names_are_the_same() -> None:
    """COCO's published list has `traffic light`, data sets `traffic_light`."""
    one = picture([BOX], [0])
    dataset = DetectionSet("made-up", ("traffic_light", "car", "fire hydrant"), (one,))
    score = score_detections(dataset, [found((*CLOSE, 0.9, 1))], ("person", "traffic light", "fire_hydrant"))
    assert score.classes["traffic_light"].ap50 == pytest.approx(1.0)
    assert score.cases.classes == ("traffic_light", "fire hydrant")
    assert score.cases.only_in_model == ("person",)
    assert score.cases.only_in_data == ("car",)
