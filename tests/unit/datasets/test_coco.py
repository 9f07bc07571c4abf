from __future__ import annotations

import errno
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.datasets.coco import load_coco, read_coco, write_coco
from panops.domain.errors import SourceCorrupt, SourceUnreachable
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import CLASSES, assert_same, picture, save, scene, sets_of


def coco(**changes: Any) -> dict[str, Any]:
    """A good file of one picture of 96x64 and one box."""
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 96, "height": 64}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [10, 20, 30, 40]}],
        "categories": [{"id": 7, "name": "car"}, {"id": 3, "name": "person"}],
        **changes,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "a.jpg", scene(1))
    save(tmp_path / "images" / "b.jpg", scene(2))
    return tmp_path


def written(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "set.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_reads_boxes_with_classes_in_the_order_of_their_ids(folder: Path) -> None:
    dataset = read_coco(written(folder, coco()))

    assert dataset.name == "set"
    assert dataset.classes == ("person", "car")
    assert dataset.pictures[0].xyxy.tolist() == [[10, 20, 40, 60]]
    assert dataset.pictures[0].class_id.tolist() == [0]
    assert dataset.pictures[0].labelled.all()


def test_reads_what_the_extra_keys_say(folder: Path) -> None:
    record = {
        "id": 5, "file_name": "b.jpg", "width": 96, "height": 64, "source": "site", "group": "cam1", "labelled_category_ids": [7],
        "two_wheeler_box_includes_rider": True, "mosaic": True,
    }  # fmt: skip
    one = read_coco(written(folder, coco(images=[record], annotations=[]))).pictures[0]

    assert one.path == folder / "images" / "b.jpg"
    assert (one.source, one.group, one.rider_in_box, one.mosaic) == ("site", "cam1", True, True)
    assert one.labelled.tolist() == [False, True]
    assert len(one) == 0


@pytest.mark.parametrize(
    ("argument", "info", "record", "expected"),
    [
        ((), {}, {}, False),
        (("site",), {}, {}, True),
        (("other",), {}, {}, False),
        ((), {"mosaic_sources": ["site"]}, {}, True),
        (("site",), {}, {"mosaic": False}, False),
        ((), {"mosaic_sources": "site"}, {}, False),
    ],
)
def test_a_source_can_be_mosaics_throughout(
    folder: Path, argument: tuple[str, ...], info: dict[str, Any], record: dict[str, Any], expected: bool
) -> None:
    image = {"id": 1, "file_name": "a.jpg", "width": 96, "height": 64, "source": "site", **record}
    dataset = read_coco(written(folder, coco(images=[image], info=info)), mosaic_sources=argument)

    assert dataset.pictures[0].mosaic is expected


BOX = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [10, 20, 30, 40]}
FAULTS = [
    ("nan", {"annotations": [{**BOX, "bbox": [float("nan"), 1, 2, 3]}]}, "box_not_finite", "annotation 1", "dropped", 0),
    ("infinite", {"annotations": [{**BOX, "bbox": [1, 1, float("inf"), 3]}]}, "box_not_finite", "annotation 1", "dropped", 0),
    ("zero", {"annotations": [{**BOX, "bbox": [1, 1, 0, 3]}]}, "box_empty", "annotation 1", "dropped", 0),
    ("negative", {"annotations": [{**BOX, "bbox": [10, 10, -5, 3]}]}, "box_empty", "annotation 1", "dropped", 0),
    ("outside", {"annotations": [{**BOX, "bbox": [200, 10, 5, 5]}]}, "box_outside", "annotation 1", "dropped", 0),
    ("over the edge", {"annotations": [{**BOX, "bbox": [90, 10, 20, 20]}]}, "box_clipped", "annotation 1", "mended", 1),
    ("tiny", {"annotations": [{**BOX, "bbox": [9, 10, 0.5, 20]}]}, "box_tiny", "annotation 1", "kept", 1),
    ("text in bbox", {"annotations": [{**BOX, "bbox": ["1", 1, 2, 3]}]}, "bad_record", "annotation 1", "dropped", 0),
    ("three numbers", {"annotations": [{**BOX, "bbox": [1, 2, 3]}]}, "bad_record", "annotation 1", "dropped", 0),
    ("no bbox", {"annotations": [{"id": 1, "image_id": 1, "category_id": 3}]}, "bad_record", "annotation 1", "dropped", 0),
    ("not an object", {"annotations": ["x", BOX]}, "bad_record", "annotation #0", "dropped", 1),
    ("unknown category", {"annotations": [{**BOX, "category_id": 9}]}, "unknown_category", "annotation 1", "dropped", 0),
    ("list as category", {"annotations": [{**BOX, "category_id": [3]}]}, "unknown_category", "annotation 1", "dropped", 0),
    ("unknown picture", {"annotations": [{**BOX, "image_id": 9}]}, "unknown_picture", "annotation 1", "dropped", 0),
    ("same id", {"annotations": [BOX, {**BOX, "bbox": [1, 1, 9, 9]}]}, "duplicate_id", "annotation 1", "kept", 2),
    ("same box", {"annotations": [BOX, {**BOX, "id": 2}]}, "duplicate_box", "annotation 2", "dropped", 1),
    (
        "labelled unknown",
        {"images": [{"id": 1, "file_name": "a.jpg", "width": 96, "height": 64, "labelled_category_ids": [3, 99]}]},
        "unknown_category", "image 1", "mended", 1,
    ),
    ("no size", {"images": [{"id": 1, "file_name": "a.jpg"}]}, "bad_record", "image 1", "mended", 1),
    ("size of text", {"images": [{"id": 1, "file_name": "a.jpg", "width": "96", "height": 64}]}, "bad_record", "image 1", "mended", 1),
    ("category twice", {"categories": [{"id": 3, "name": "person"}, {"id": 3, "name": "x"}]}, "duplicate_id", "category 3", "dropped", 1),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "kind", "where", "outcome", "left"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_fault_is_told_and_stops_nothing(folder: Path, changes: dict[str, Any], kind: str, where: str, outcome: str, left: int) -> None:
    report = load_coco(written(folder, coco(**changes)))

    assert [(problem.kind, problem.where, problem.outcome) for problem in report.problems] == [(kind, where, outcome)]
    assert report.dataset.box_count == left
    assert report.dataset.pictures[0].size_wh == (96, 64)


@pytest.mark.parametrize(
    ("images", "kind"),
    [
        ([{"id": 2, "file_name": "gone.jpg", "width": 9, "height": 9}], "missing_picture"),
        ([{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}], "duplicate_id"),
        ([{"id": 2}], "bad_record"),
        ([{"id": 2, "file_name": "\0", "width": 9, "height": 9}], "missing_picture"),
        ([{"id": 2, "file_name": "set.json"}], "unreadable_picture"),
    ],
)
def test_a_bad_picture_goes_and_the_good_one_stays(folder: Path, images: list[dict[str, Any]], kind: str) -> None:
    report = load_coco(written(folder, coco(images=[*coco()["images"], *images])))

    assert [problem.kind for problem in report.problems] == [kind]
    assert [one.path.name for one in report.dataset.pictures] == ["a.jpg"]
    assert report.dataset.box_count == 1


def test_missing_pictures_can_be_kept_for_work_on_labels(folder: Path) -> None:
    content = coco(images=[{"id": 1, "file_name": "gone.jpg", "width": 96, "height": 64}])

    assert load_coco(written(folder, content), keep_missing=True).dataset.box_count == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{" * 100_000, "\0"])
def test_what_is_no_coco_file_is_a_report_and_not_a_crash(tmp_path: Path, text: str) -> None:
    path = tmp_path / "set.json"
    path.write_text(text, encoding="utf-8")

    assert [problem.kind for problem in load_coco(path).problems] == ["broken_file"]
    with pytest.raises(SourceCorrupt, match="expected a COCO file"):
        read_coco(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=r"no\.json"):
        read_coco(tmp_path / "no.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_any_common_encoding_is_read(folder: Path, encoding: str) -> None:
    content = coco(categories=[{"id": 3, "name": "Tür"}])
    path = folder / "set.json"
    path.write_bytes(json.dumps(content, ensure_ascii=False, indent=1).replace("\n", "\r\n").encode(encoding))
    report = load_coco(path)

    assert report.dataset.classes == ("Tür",)
    assert [problem.kind for problem in report.problems] == (["encoding"] if encoding == "latin-1" else [])


def test_pictures_are_found_where_people_put_them(tmp_path: Path) -> None:
    save(tmp_path / "images" / "val2017" / "a.jpg", scene(1))
    (tmp_path / "annotations").mkdir()
    path = tmp_path / "annotations" / "instances_val2017.json"
    path.write_text(json.dumps(coco()), encoding="utf-8")

    assert read_coco(path).pictures[0].path.is_file()


def test_backslashes_of_windows_are_understood(folder: Path) -> None:
    image = {"id": 1, "file_name": "images\\b.jpg", "width": 96, "height": 64}

    assert load_coco(written(folder, coco(images=[image]))).problems == ()


def test_problems_are_logged_in_one_line(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read_coco(written(folder, coco(annotations=[{**BOX, "bbox": [1, 1, 0, 3]}])))

    assert "1 problems" in caplog.text
    assert "box_empty" in caplog.text


@settings(max_examples=40)
@given(data=st.data())
def test_a_set_written_and_read_is_the_same(scenes: list[Path], data: st.DataObject) -> None:
    dataset = data.draw(sets_of(scenes))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deep" / "train.json"
        write_coco(dataset, path)
        report = load_coco(path)

    assert report.problems == ()
    assert_same(report.dataset, dataset)


def test_a_full_disk_leaves_the_earlier_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "set.json"
    write_coco(DetectionSet("x", CLASSES, (picture(folder / "a.jpg", [(1, 2, 3, 4)]),)), path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_coco(DetectionSet("x", CLASSES, ()), path)
    assert load_coco(path).dataset.box_count == 1
    assert sorted(one.name for one in folder.iterdir()) == ["a.jpg", "images", "set.json"]


def test_what_is_written_names_pictures_relative_to_the_file(folder: Path) -> None:
    write_coco(DetectionSet("x", CLASSES, (picture(folder / "a.jpg", [(1, 2, 3, 4)]),)), folder / "labels" / "x.json")
    content = json.loads((folder / "labels" / "x.json").read_text(encoding="utf-8"))

    assert content["images"] == [{"id": 1, "file_name": "../a.jpg", "width": 96, "height": 64}]
    assert content["annotations"] == [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 2, 2], "area": 4, "iscrowd": 0}]


@settings(max_examples=60)
@given(
    values=st.lists(st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-500, 500)), min_size=4, max_size=4),
)
def test_whatever_box_a_file_has_what_is_left_lies_inside(scenes: list[Path], values: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        image = {"id": 1, "file_name": str(scenes[0]), "width": 96, "height": 64}
        report = load_coco(written(Path(folder), coco(images=[image], annotations=[{**BOX, "bbox": values}])))
    boxes = report.dataset.pictures[0].xyxy

    assert len(boxes) or report.error_count == 1
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes >= 0).all()
    assert (boxes <= np.array([96, 64, 96, 64])).all()


def test_the_training_pack_reads_without_a_fault(shared_data: Path) -> None:
    pack = shared_data / "train"
    if not (pack / "val.json").is_file():
        pytest.skip("needs the training pack in the shared data")
    report = load_coco(pack / "val.json")

    assert report.problems == ()
    assert (len(report.dataset), report.dataset.box_count, len(report.dataset.classes)) == (602, 2926, 15)
    assert {one.rider_in_box for one in report.dataset.pictures if one.source == "road-traffic-4"} == {True}
