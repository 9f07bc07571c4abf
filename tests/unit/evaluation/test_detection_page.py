"""The report's page is whole HTML by itself, escapes what it shows, and holds the figures."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest

from panops.domain.labels import DetectionSet
from panops.evaluation.detection_charts import curve_chart, kind_bar
from panops.evaluation.detection_errors import Kind
from panops.evaluation.detection_page import detection_page
from panops.evaluation.detection_result import DetectionResult, analyse
from panops.evaluation.detection_score import score_detections
from panops.evaluation.precision_recall import Curve
from tests.unit.evaluation.detection_sets import CLASSES, picture, random_set

pytest.importorskip("pycocotools")
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
VOID = {"meta", "br"}


class Whole(HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<rect .../>` opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def result(seed: int = 1, name: str = "model") -> DetectionResult:
    dataset, seen = random_set(seed)
    return analyse(name, {"input_size_wh": [416, 416]}, {"cpu_ms": 3.0}, score_detections(dataset, seen, CLASSES))


def parsed(text: str) -> Whole:
    page = Whole()
    page.feed(text)
    assert page.open == []
    return page


@pytest.mark.parametrize("count", [1, 2])
def test_a_whole_page(count: int) -> None:
    results = [result(name=f"model {index}") for index in range(count)]
    text = detection_page(results, {"data": "val", "pictures": 12}, lambda _: PIXEL)
    words = " ".join(parsed(text).words)
    assert "model 0 on val" in words
    assert f"{results[0].score.overall.ap50:.3f}".removeprefix("0") in words
    assert ("model 1" in words) is (count == 2)
    assert PIXEL in text


def test_names_are_escaped() -> None:
    dataset, seen = random_set(2)
    nasty = "<b>&\"'"
    pictures = tuple(
        picture([tuple(box) for box in one.xyxy.tolist()], one.class_id.tolist(), source=nasty, group=nasty, name=f"{index}<i>.png")
        for index, one in enumerate(dataset.pictures)
    )
    score = score_detections(DetectionSet("x", (nasty, *CLASSES[1:]), pictures), seen, (nasty, *CLASSES[1:]))
    text = detection_page([analyse(nasty, {}, {}, score)], {"data": nasty}, lambda _: PIXEL)
    parsed(text)
    assert "<b>&" not in text
    assert "<i>.png" not in text


def test_nothing_found_is_a_page_too() -> None:
    score = score_detections(DetectionSet("x", CLASSES, (picture([], []),)), random_set(1, 1)[1], CLASSES)
    parsed(detection_page([analyse("model", {}, {}, score)], {}, lambda _: PIXEL))


def test_a_curve_ends_where_recall_does() -> None:
    chart = curve_chart([Curve(np.array([0.9, 0.5]), np.array([1.0, 0.5]), np.array([0.5, 0.5]), 2)], [None])
    points = chart.partition('points="')[2].partition('"')[0].split()
    assert len(points) == 51
    assert curve_chart([Curve(np.zeros(0), np.zeros(0), np.zeros(0), 0)], [None]).count("polyline") == 0


def test_a_bar_is_as_wide_as_its_counts() -> None:
    counts = dict.fromkeys(Kind, 0) | {Kind.RIGHT: 3, Kind.MISSED: 1}
    bar = kind_bar(counts, 4)
    assert 'width="750.00"' in bar
    assert 'x="750.00" width="250.00"' in bar
    assert bar.count("<rect") == 2


def test_facts_are_told_as_people_say_them() -> None:
    dataset, seen = random_set(1)
    speed = {"prepare_ms": 0.84, "infer_ms": 15.5, "finish_ms": 0.4, "cpu_ms": 4.83, "pictures": 43, "threads": 1}
    facts = {"input_size_wh": [416, 320], "bytes": 1_077_289, "sha256": "ab" * 32}
    text = detection_page([analyse("model", facts, speed, score_detections(dataset, seen, CLASSES))], {"data split": ""}, lambda _: PIXEL)
    words = " ".join(parsed(text).words)
    assert "416x320 px" in words
    assert "1.08 MB" in words
    assert "0.8 ms to prepare, 15.5 ms to infer, 0.4 ms to finish, 4.8 ms of CPU time in all, 1 thread" in words
    assert "data split" not in words, "what is empty tells nothing"


def test_what_is_missed_is_in_the_key_of_the_pictures() -> None:
    text = detection_page([result()], {}, lambda _: PIXEL)
    assert text.count('class="k-missed dashed"') == 2
