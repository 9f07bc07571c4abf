"""Own means: read, checked, and averaged over what the data can say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panops.domain.errors import ConfigError
from panops.domain.labels import DetectionSet
from panops.evaluation.detection_score import score_detections
from panops.evaluation.detection_summary import Definition, read_definitions, summarise, summarise_values
from tests.unit.evaluation.detection_sets import CLASSES, found, picture

VALUES = {("cam", "person"): 0.2, ("cam", "car"): 0.4, ("site", "person"): 0.6, ("", "person"): 0.5, ("", "car"): 0.4}

MEANS = [
    ("pairs of one source", Definition("m", ("person", "car"), ("cam",)), (), 0.3, ()),
    ("one pair", Definition("m", ("person",), ("site",)), (), 0.6, ()),
    ("two sources", Definition("m", ("person",), ("cam", "site")), (), 0.4, ()),
    ("all pictures", Definition("m", ("person", "car")), (), 0.45, ()),
    ("without boxes it is left out", Definition("m", ("person", "bus"), ("cam",)), (), 0.2, (("cam", "bus"),)),
    ("a class the model lacks counts nothing", Definition("m", ("person", "bus"), ("cam",)), ("bus",), 0.1, ()),
    ("none of them is no figure", Definition("m", ("hardhat",)), ("hardhat",), float("nan"), (("", "hardhat"),)),
]


@pytest.mark.parametrize(("what", "definition", "lacking", "value", "left_out"), MEANS, ids=[row[0] for row in MEANS])
def test_means(what: str, definition: Definition, lacking: tuple[str, ...], value: float, left_out: tuple[tuple[str, str], ...]) -> None:
    del what
    result = summarise_values(definition, VALUES, lacking)
    assert result.value == pytest.approx(value, nan_ok=True)
    assert result.left_out == left_out
    assert result.record()["value"] is None or not np.isnan(value)


def test_of_a_whole_score() -> None:
    pytest.importorskip("pycocotools")
    box = (50, 50, 110, 130)
    dataset = DetectionSet("made-up", CLASSES, (picture([box], [0], source="cam"), picture([box], [0], source="site")))
    score = score_detections(dataset, [found((*box, 0.9, 0)), found()], CLASSES)
    people = Definition("people", ("person",), ("cam",))
    large = Definition("large", ("person",), ("cam",), "APl")
    first, second = summarise([people, large], score)
    assert first.value == pytest.approx(1.0)
    assert second.left_out == (("cam", "person"),)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "summary.yaml"
    path.write_text(
        "fixed-camera mean:\n  sources: [cam]\n  classes: [person, car]\npeople: {classes: [person], figure: AP}\n", encoding="utf-8"
    )
    assert read_definitions(path) == (
        Definition("fixed-camera mean", ("person", "car"), ("cam",)),
        Definition("people", ("person",), (), "AP"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {classes: []}", "a.classes: expected a list of names"),
        ("a: {classes: [x], figure: mAP}", "a.figure: expected one of AP, AP50"),
        ("a: {classes: [x], klass: 1}", "a.klass: is not known"),
        ("a: 3", "a: expected sources, classes, figure; got int"),
        ("- a", "expected names with classes to average"),
        ("a: [", "not valid YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "summary.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        read_definitions(path)
    with pytest.raises(ConfigError, match="cannot read the file"):
        read_definitions(tmp_path / "none.yaml")
