from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from panops.datasets.coco import write_coco
from panops.datasets.opening import open_dataset, open_sets
from panops.datasets.voc import write_voc
from panops.datasets.yolo import write_yolo
from panops.domain.errors import ConfigError, SourceUnreachable, SourceUnsupported
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import CLASSES, picture, save, scene


@pytest.fixture
def sets(scenes: list[Path]) -> dict[str, DetectionSet]:
    return {
        "train": DetectionSet("train", CLASSES, tuple(picture(path, [(1, 2, 30, 40)]) for path in scenes[:2])),
        "val": DetectionSet("val", CLASSES, (picture(scenes[2], [(5, 6, 70, 60)]),)),
    }


def as_coco(sets: dict[str, DetectionSet], folder: Path) -> None:
    for name, dataset in sets.items():
        write_coco(dataset, folder / f"{name}.json")


def as_coco_annotations(sets: dict[str, DetectionSet], folder: Path) -> None:
    for name, dataset in sets.items():
        write_coco(dataset, folder / "annotations" / f"instances_{name}.json")


def as_coco_folders(sets: dict[str, DetectionSet], folder: Path) -> None:
    for name, dataset in sets.items():
        write_coco(dataset, folder / name / "_annotations.coco.json")


WRITERS: dict[str, Callable[[dict[str, DetectionSet], Path], object]] = {
    "coco": as_coco,
    "coco annotations": as_coco_annotations,
    "coco folders": as_coco_folders,
    "yolo": write_yolo,
    "voc": write_voc,
}


@pytest.mark.parametrize("layout", WRITERS)
def test_a_folder_is_opened_by_what_it_holds(tmp_path: Path, sets: dict[str, DetectionSet], layout: str) -> None:
    WRITERS[layout](sets, tmp_path)
    reports = open_sets(tmp_path)
    kind, *_ = layout.split()

    assert {name: (report.format, len(report.dataset), report.problems) for name, report in reports.items()} == {
        "train": (kind, 2, ()),
        "val": (kind, 1, ()),
    }


def test_splits_are_joined_or_chosen(tmp_path: Path, sets: dict[str, DetectionSet]) -> None:
    as_coco(sets, tmp_path)

    assert open_dataset(tmp_path).dataset.box_count == 3
    assert open_dataset(tmp_path, "val").dataset.box_count == 1
    with pytest.raises(SourceUnreachable, match="train, val"):
        open_dataset(tmp_path, "test")


def test_sets_of_other_classes_are_joined_by_name_and_stay_partial(tmp_path: Path, scenes: list[Path]) -> None:
    write_coco(DetectionSet("a", ("car", "bus"), (picture(scenes[0], [(1, 2, 30, 40)], labelled=[True, True]),)), tmp_path / "a.json")
    write_coco(DetectionSet("b", ("dog",), (picture(scenes[1], [(1, 2, 30, 40)], labelled=[True]),)), tmp_path / "b.json")
    dataset = open_dataset(tmp_path).dataset

    assert dataset.classes == ("car", "bus", "dog")
    assert [one.labelled.tolist() for one in dataset.pictures] == [[True, True, False], [False, False, True]]
    assert [one.class_id.tolist() for one in dataset.pictures] == [[0], [2]]


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: save(path / "a.jpg", scene(1)), lambda path: (path / "x.json").write_text("{}")]
)
def test_a_folder_without_labels_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path)
    with pytest.raises(SourceUnsupported, match="expected COCO, YOLO or VOC"):
        open_sets(tmp_path)


def test_nothing_and_strange_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable):
        open_sets(tmp_path / "gone")
    (tmp_path / "a.csv").write_text("x", encoding="utf-8")
    with pytest.raises(SourceUnsupported, match=r"expected a \.json"):
        open_sets(tmp_path / "a.csv")


def test_a_description_joins_files_and_says_what_they_cannot(tmp_path: Path, sets: dict[str, DetectionSet], scenes: list[Path]) -> None:
    write_yolo({"all": sets["train"]}, tmp_path / "own")
    write_coco(DetectionSet("val", CLASSES, (picture(scenes[2], source="site", group="cam9"),)), tmp_path / "val.json")
    (tmp_path / "dataset.yaml").write_text(
        """
        sets:
          train: {labels: own, source: ours, labelled: [car, dog], group_pattern: '^([ab])[.]', rider_in_box: true, mosaic_sources: [ours]}
          val: val.json
        """,
        encoding="utf-8",
    )
    reports = open_sets(tmp_path)
    first, second = reports["train"].dataset.pictures

    assert reports["train"].dataset.name == "train"
    assert (first.source, first.group, second.group, first.rider_in_box, first.mosaic) == ("ours", "a", "b", True, True)
    assert first.labelled.tolist() == [False, True, False]
    assert [(one.kind, one.where) for one in reports["train"].problems] == [("unknown_category", "labelled")]
    assert (reports["val"].dataset.pictures[0].source, reports["val"].dataset.pictures[0].group) == ("site", "cam9")
    assert not reports["val"].dataset.pictures[0].mosaic


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("sets: {}", "sets"),
        ("sets: [a]", "sets"),
        ("sets: {train: {}}", "sets.train"),
        ("sets: {train: 3}", "sets.train"),
        ("sets: {train: gone.json}", "sets.train.labels"),
        ("sets: {train: {labels: ., groups: x}}", "sets.train.groups"),
        ("sets: {train: {labels: ., labelled: car}}", "sets.train.labelled"),
        ("sets: {train: {labels: ., group_pattern: '('}}", "sets.train.group_pattern"),
        ("sets: {train: {labels: ., group_pattern: cam}}", "sets.train.group_pattern"),
        ("sets: {train: {labels: ., rider_in_box: often}}", "sets.train.rider_in_box"),
        ("sets: {../../train: .}", "sets.../../train"),
        ("sets: {'a\\b': .}", "sets.a\\b"),
        ("sets: {'': .}", "sets."),
    ],
)
def test_a_wrong_description_names_the_field(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "dataset.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        open_sets(path)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_description_may_name_its_own_folder_but_no_description(tmp_path: Path, sets: dict[str, DetectionSet]) -> None:
    write_coco(sets["train"], tmp_path / "train.json")
    path = tmp_path / "dataset.yaml"
    path.write_text("sets: {all: .}", encoding="utf-8")
    assert len(open_sets(path)["all"].dataset) == 2

    path.write_text("sets: {all: dataset.yaml}", encoding="utf-8")
    with pytest.raises(SourceUnsupported, match="cannot name another"):
        open_sets(path)


def test_two_files_of_one_name_are_both_read(tmp_path: Path, sets: dict[str, DetectionSet]) -> None:
    write_coco(sets["train"], tmp_path / "one" / "train.json")
    write_coco(sets["val"], tmp_path / "two" / "train.json")

    assert sum(len(report.dataset) for report in open_sets(tmp_path).values()) == 3


def test_a_set_written_into_the_folder_of_another_does_not_mix_with_it(tmp_path: Path, sets: dict[str, DetectionSet]) -> None:
    write_coco(sets["train"], tmp_path / "all.json")
    write_coco(sets["val"], tmp_path / "split" / "val.json")

    assert list(open_sets(tmp_path)) == ["all"]


@pytest.mark.parametrize("name", ["TRAIN.JSON", "Annotations/train.json"])
def test_capital_letters_of_other_systems_are_read(tmp_path: Path, sets: dict[str, DetectionSet], name: str) -> None:
    write_coco(sets["train"], tmp_path / name)

    assert len(open_dataset(tmp_path).dataset) == 2


def test_a_folder_of_xml_in_capital_letters_is_voc(tmp_path: Path, sets: dict[str, DetectionSet]) -> None:
    write_voc(sets, tmp_path)
    for path in list((tmp_path / "Annotations").iterdir()):
        path.rename(path.with_suffix(".XML"))

    assert {name: (report.format, len(report.dataset)) for name, report in open_sets(tmp_path).items()} == {
        "train": ("voc", 2),
        "val": ("voc", 1),
    }


def test_of_the_files_of_coco_itself_those_with_boxes_are_taken(tmp_path: Path, sets: dict[str, DetectionSet]) -> None:
    as_coco_annotations(sets, tmp_path)
    caption = {"images": [], "annotations": [{"id": 1, "image_id": 1, "caption": "a car"}]}
    (tmp_path / "annotations" / "captions_train.json").write_text(json.dumps(caption), encoding="utf-8")
    write_coco(sets["train"], tmp_path / "annotations" / "person_keypoints_train.json")

    assert {name: report.problems for name, report in open_sets(tmp_path).items()} == {"train": (), "val": ()}


def test_the_sidecar_is_no_coco_file(tmp_path: Path, scenes: list[Path]) -> None:
    write_yolo({"train": DetectionSet("train", CLASSES, (picture(scenes[0], group="images"),))}, tmp_path)
    (tmp_path / "data.yaml").unlink()
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    report = open_sets(tmp_path)["train"]

    assert report.format == "yolo"
    assert report.dataset.pictures[0].group == "images"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("{", "broken_file"),
        ("[]", "broken_file"),
        (json.dumps({"pictures": {"images/train/a.jpg": 3}}), "bad_record"),
        (json.dumps({"pictures": {"images/train/a.jpg": {"labeled": ["car"]}}}), "bad_record"),
        (json.dumps({"pictures": {"images/train/a.jpg": {"labelled": ["cart"]}}}), "unknown_category"),
    ],
)
def test_a_wrong_sidecar_is_told(tmp_path: Path, scenes: list[Path], content: str, kind: str) -> None:
    path = write_yolo({"train": DetectionSet("train", CLASSES, (picture(scenes[0]),))}, tmp_path)
    (tmp_path / "labelled.json").write_text(content, encoding="utf-8")

    assert [problem.kind for problem in open_sets(path)["train"].problems] == [kind]
