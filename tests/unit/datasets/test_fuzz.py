"""No content of a label file makes a reader crash: it reads what it can and tells the rest."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from panops.datasets.coco import load_coco, write_coco
from panops.datasets.opening import open_sets
from panops.datasets.problems import ReadReport
from panops.domain.errors import ConfigError, SourceUnsupported
from tests.unit.datasets.drawn import save, scene

ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.floats(), st.sampled_from([0, 1, 2, -1, 10**30, "", "1", "a.png", "\0", "\ud800", "x" * 5000, "../a.png"])
)
VALUE: st.SearchStrategy[Any] = (
    ODD | st.lists(ODD, max_size=5) | st.dictionaries(st.sampled_from(["id", "name", "pictures"]), ODD, max_size=2)
)


def mostly(good: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(good), st.just(good), st.just(good), VALUE)


def record(**good: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.fixed_dictionaries({}, optional={key: mostly(value) for key, value in good.items()}), ODD)


IMAGE = record(id=1, file_name="a.png", width=96, height=64, source="s", group="g", labelled_category_ids=[1], mosaic=True)
BOX = record(id=1, image_id=1, category_id=1, bbox=[1, 2, 30, 40], iscrowd=0)
COCO = st.fixed_dictionaries(
    {
        "images": st.lists(IMAGE, max_size=3) | VALUE,
        "annotations": st.lists(BOX, max_size=3) | VALUE,
        "categories": st.lists(record(id=1, name="car"), max_size=3) | VALUE,
        "info": VALUE,
    }
)


def assert_sound(report: ReadReport) -> None:
    for one in report.dataset.pictures:
        assert (one.xyxy[:, :2] < one.xyxy[:, 2:]).all()
        assert np.isfinite(one.xyxy).all()
        assert (one.class_id < len(report.dataset.classes)).all()
        assert len(one.labelled) == len(report.dataset.classes)
    for problem in report.problems:
        str(problem).encode()
        json.dumps(problem.record())


@settings(max_examples=150)
@given(content=COCO)
@example(content={"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": [{"id": 1, "name": "\ud800"}], "info": {}})
def test_coco(content: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "a.png", scene(1))
        (folder / "x.json").write_text(json.dumps(content), encoding="utf-8")
        report = load_coco(folder / "x.json")
        assert_sound(report)
        write_coco(report.dataset, folder / "y.json")
        assert len(load_coco(folder / "y.json").dataset) == len(report.dataset)


def test_a_number_of_many_digits(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"images": ' + "1" * 9000 + "}", encoding="utf-8")

    assert [problem.kind for problem in load_coco(tmp_path / "x.json").problems] == ["broken_file"]


SAFE = VALUE.filter(lambda value: "\\ud800" not in ascii(value))


@settings(max_examples=80)
@given(
    head=st.dictionaries(st.sampled_from(["train", "val", "names", "nc", "path", "own"]), st.just("images") | SAFE),
    lines=st.text(st.sampled_from("01 .-e\n\r\tnaif\x00"), max_size=60),
    notes=st.dictionaries(st.just("images/a.png"), record(labelled=["car"], crowd=[0], group="g", source="s", mosaic=True), max_size=1),
)
def test_yolo(head: dict[str, Any], lines: str, notes: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "images" / "a.png", scene(1))
        (folder / "images" / "a.txt").write_text(lines, encoding="utf-8", newline="")
        (folder / "labelled.json").write_text(json.dumps({"pictures": notes}), encoding="utf-8")
        (folder / "data.yaml").write_text(yaml.safe_dump({"names": ["car"], **head}), encoding="utf-8")
        for report in open_sets(folder / "data.yaml").values():
            assert_sound(report)


PARTS = st.sampled_from(
    ["<object>", "</object>", "<name>car</name>", "<bndbox>", "</bndbox>", "<xmin>1</xmin>", "<ymin>2</ymin>", "<xmax>30</xmax>",
     "<ymax>nan</ymax>", "<size><width>1e9</width></size>", "<filename>../../x\\y</filename>", "&x;", "\x00", "é"]
)  # fmt: skip


@settings(max_examples=60)
@given(parts=st.lists(PARTS, max_size=12))
def test_voc(parts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "a.png", scene(1))
        (folder / "a.xml").write_text(f"<annotation>{''.join(parts)}</annotation>", encoding="utf-8")
        for report in open_sets(folder).values():
            assert_sound(report)


@settings(max_examples=60)
@given(
    entry=st.one_of(
        SAFE, record(labels="x.json", mosaic_sources=["s"], source="s", labelled=["car"], group_pattern="(.)", rider_in_box=True)
    )
)
def test_a_description_is_read_or_refused_in_full(entry: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "a.png", scene(1))
        good = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": [{"id": 1, "name": "car"}]}
        (folder / "x.json").write_text(json.dumps(good), encoding="utf-8")
        (folder / "dataset.yaml").write_text(yaml.safe_dump({"sets": {"train": entry}}), encoding="utf-8")
        with suppress(ConfigError, SourceUnsupported):
            assert_sound(open_sets(folder / "dataset.yaml")["train"])
