from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.datasets.problems import ReadReport
from panops.datasets.yolo import load_yolo, write_yolo
from panops.domain.errors import SourceUnreachable
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import CLASSES, assert_same, picture, save, scene, sets_of


def folder_of(tmp_path: Path, lines: str | bytes | None, head: str = "train: images/train\nnames: [person, car]\n") -> Path:
    """A data set of one picture of 96x64 with this label file."""
    save(tmp_path / "images" / "train" / "a.jpg", scene(1))
    label = tmp_path / "labels" / "train" / "a.txt"
    label.parent.mkdir(parents=True)
    if lines is not None:
        label.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    (tmp_path / "data.yaml").write_text(head, encoding="utf-8")
    return tmp_path / "data.yaml"


def only(reports: dict[str, ReadReport]) -> ReadReport:
    assert len(reports) == 1
    return next(iter(reports.values()))


def test_reads_centre_and_size_as_shares(tmp_path: Path) -> None:
    report = only(load_yolo(folder_of(tmp_path, "1 0.5 0.5 0.25 0.5\n")))

    assert report.problems == ()
    assert report.dataset.name == "train"
    assert report.dataset.classes == ("person", "car")
    assert report.dataset.pictures[0].xyxy.tolist() == [[36, 16, 60, 48]]
    assert report.dataset.pictures[0].class_id.tolist() == [1]


FAULTS = [
    ("windows line ends", "0 .5 .5 .2 .2\r\n1 .5 .5 .2 .2\r\n", None, 2),
    ("a mark of byte order", b"\xef\xbb\xbf0 .5 .5 .2 .2\n", None, 1),
    ("utf-16", "0 .5 .5 .2 .2\n".encode("utf-16"), None, 1),
    ("empty file", "", None, 0),
    ("blank lines", "\n\n0 .5 .5 .2 .2\n  \n", None, 1),
    ("class as float", "1.0 .5 .5 .2 .2\n", None, 1),
    ("no file", None, ("missing_labels", "", "kept"), 0),
    ("class too high", "2 .5 .5 .2 .2\n0 .5 .5 .2 .2\n", ("class_out_of_range", "line 1", "dropped"), 1),
    ("class negative", "-1 .5 .5 .2 .2\n", ("class_out_of_range", "line 1", "dropped"), 0),
    ("class broken", "0.5 .5 .5 .2 .2\n", ("class_out_of_range", "line 1", "dropped"), 0),
    ("class not a number", "nan .5 .5 .2 .2\n", ("class_out_of_range", "line 1", "dropped"), 0),
    ("words", "0 .5 .5 .2 .2\nperson .5 .5 .2 .2\n", ("bad_line", "line 2", "dropped"), 1),
    ("too few", "0 .5 .5\n", ("bad_line", "line 1", "dropped"), 0),
    ("with a score", "0 .5 .5 .2 .2 .9\n", ("bad_line", "line 1", "dropped"), 0),
    ("commas", "0,.5,.5,.2,.2\n", ("bad_line", "line 1", "dropped"), 0),
    ("nan", "0 nan .5 .2 .2\n", ("box_not_finite", "line 1", "dropped"), 0),
    ("zero width", "0 .5 .5 0 .2\n", ("box_empty", "line 1", "dropped"), 0),
    ("in pixels", "0 48 32 10 10\n", ("box_outside", "line 1", "dropped"), 0),
    ("over the edge", "0 0 .5 .5 .2\n", ("box_clipped", "line 1", "mended"), 1),
    ("twice", "0 .5 .5 .2 .2\n0 .5 .5 .2 .2\n", ("duplicate_box", "line 2", "dropped"), 1),
    ("polygon", "0 .1 .1 .5 .1 .5 .5\n", ("polygon_boxed", "", "mended"), 1),
    ("zero bytes", b"0 .5 .5 .2 .2\x00\n", ("broken_file", "", "dropped"), 0),
    ("latin-1", b"0 .5 .5 .2 .2\n# \xfc\n", ("encoding", "", "mended"), 1),
]


@pytest.mark.parametrize(("lines", "problem", "left"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_fault_is_told_and_stops_nothing(
    tmp_path: Path, lines: str | bytes | None, problem: tuple[str, str, str] | None, left: int
) -> None:
    report = only(load_yolo(folder_of(tmp_path, lines)))
    told = [(one.kind, one.where, one.outcome) for one in report.problems]

    assert told[:1] == ([problem] if problem else [])
    assert report.dataset.box_count == left
    assert len(report.dataset) == 1


def test_a_polygon_gives_the_box_around_it(tmp_path: Path) -> None:
    report = only(load_yolo(folder_of(tmp_path, "0 .25 .5 .5 .25 .75 .5 .5 .75\n")))

    np.testing.assert_allclose(report.dataset.pictures[0].xyxy, [[24, 16, 72, 48]])


@pytest.mark.parametrize(
    ("head", "classes", "kinds"),
    [
        ("train: images/train\nnames: {0: person, 1: car}\n", ("person", "car"), []),
        ("train: images/train\nnames: {0: person, 2: car}\n", ("person", "class_1", "car"), ["bad_record"]),
        ("train: images/train\nnames: [yes, no, 18:00]\n", ("yes", "no", "18:00"), []),
        ("train: images/train\nnames: [car, car]\n", ("car", "car_1"), ["duplicate_id"]),
        ("train: images/train\nnames: [person, car]\nnc: 3\n", ("person", "car"), ["bad_record"]),
        ("train: ../images/train\nnames: [person, car]\n", ("person", "car"), []),
        ("path: .\ntrain: [images/train]\nnames: [person, car]\n", ("person", "car"), []),
        ("path: /no/such/folder\ntrain: images/train\nnames: [person, car]\n", ("person", "car"), ["bad_record"]),
        ("train: images/train\nval: images/gone\nnames: [person, car]\n", ("person", "car"), ["missing_picture"]),
        ("train: images/train\nnames: {'0': person, '1': car}\n", ("person", "car"), []),
        ("train: images/train\nnames:\n- person\n-\n- car\n", ("person", "class_1", "car"), ["bad_record"]),
        ("train: images/train\nnames: [car, car_2, car]\n", ("car", "car_2", "car_2_2"), ["duplicate_id"]),
        ("train: images/train\nnames: ['[red]', 'a: b', \"x\\ty\", '# 1']\n", ("[red]", "a: b", "x\ty", "# 1"), []),
        ("\ufefftrain: images/train\r\nnames: [person, car]\r\n", ("person", "car"), []),
        ("train: /content/set/images/train\nnames: [person, car]\n", ("person", "car"), ["bad_record"]),
        ("path: 'C:\\sets\\mine'\ntrain: 'C:\\sets\\mine\\images\\train'\nnames: [person, car]\n", ("person", "car"), ["bad_record"] * 2),
        ("train: images/train\nlicense: LICENSE\nnames: [person, car]\n", ("person", "car"), []),
    ],
)
def test_the_yaml_as_people_write_it(tmp_path: Path, head: str, classes: tuple[str, ...], kinds: list[str]) -> None:
    report = load_yolo(folder_of(tmp_path, "0 .5 .5 .2 .2\n", head))["train"]

    assert report.dataset.classes == classes
    assert [problem.kind for problem in report.problems] == kinds
    assert report.dataset.box_count == 1


def test_a_lone_folder_name_of_another_machine_is_not_taken_for_every_split(tmp_path: Path) -> None:
    head = "train: /content/train/images\nval: /content/val/images\nnames: [person, car]\n"
    report = only(load_yolo(folder_of(tmp_path, "0 .5 .5 .2 .2\n", head)))

    assert [one.kind for one in report.problems] == ["missing_picture", "missing_picture", "broken_file"]


def test_names_may_stand_in_a_file_beside_the_yaml(tmp_path: Path) -> None:
    path = folder_of(tmp_path, "1 .5 .5 .2 .2\n", "train: images/train\n")
    (tmp_path / "classes.txt").write_text("person\ncar\ncar\n", encoding="utf-8")
    report = only(load_yolo(path))

    assert report.dataset.classes == ("person", "car", "car_2")
    assert [(one.kind, one.file.name) for one in report.problems] == [("duplicate_id", "classes.txt")]


@pytest.mark.parametrize(("points", "numbers"), [(17, 3), (2, 2)])
def test_key_points_are_left_out_and_their_box_is_taken(tmp_path: Path, points: int, numbers: int) -> None:
    head = f"train: images/train\nnames: [person]\nkpt_shape: [{points}, {numbers}]\n"
    report = only(load_yolo(folder_of(tmp_path, "0 .5 .5 .25 .5" + " .9" * points * numbers + "\n0 .5 .5 .1 .1\n", head)))

    assert report.problems == ()
    assert report.dataset.pictures[0].xyxy[0].tolist() == [36, 16, 60, 48]
    assert report.dataset.box_count == 2


def test_a_key_of_ones_own_names_no_place_outside(tmp_path: Path) -> None:
    head = "train: images/train\n../../evil: images/train\nmine: images/train\nnames: [person, car]\n"

    assert list(load_yolo(folder_of(tmp_path, "", head))) == ["train", "mine"]


def test_capital_letters_of_other_systems_are_read(tmp_path: Path) -> None:
    save(tmp_path / "Images" / "A.png", scene(1)).rename(tmp_path / "Images" / "A.PNG")
    (tmp_path / "Labels").mkdir()
    (tmp_path / "Labels" / "A.TXT").write_text("0 .5 .5 .2 .2\r\n", encoding="utf-8")
    (tmp_path / "data.yaml").write_text("train: Images\nnames: [person]\n", encoding="utf-8")
    report = only(load_yolo(tmp_path / "data.yaml"))

    assert report.problems == ()
    assert report.dataset.box_count == 1


def test_what_macos_adds_to_archives_is_no_picture(tmp_path: Path) -> None:
    path = folder_of(tmp_path, "0 .5 .5 .2 .2\n")
    for name in ("images/train/._a.jpg", "labels/train/._a.txt", "images/train/__MACOSX/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")

    assert only(load_yolo(path)).problems == ()


@pytest.mark.parametrize("head", ["", "- a\n", "names: 3\ntrain: images/train\n", "{", "train: nowhere\nnames: [a]\n"])
def test_a_yaml_that_says_nothing_is_a_report(tmp_path: Path, head: str) -> None:
    report = only(load_yolo(folder_of(tmp_path, "0 .5 .5 .2 .2\n", head)))

    assert report.error_count > 0
    assert report.dataset.box_count == 0


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable):
        load_yolo(tmp_path / "data.yaml")


def test_a_folder_without_yaml_takes_its_names_from_classes_txt(tmp_path: Path) -> None:
    save(tmp_path / "a.png", scene(1))
    (tmp_path / "a.txt").write_text("1 .5 .5 .5 .5\n", encoding="utf-8")
    (tmp_path / "classes.txt").write_text("person\nhard hat\n", encoding="utf-8")
    report = only(load_yolo(tmp_path))

    assert report.problems == ()
    assert report.dataset.classes == ("person", "hard hat")
    assert report.dataset.pictures[0].class_id.tolist() == [1]


def test_a_list_of_pictures_is_read_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    head = "train: train.txt\nnames: [person, car]\n"
    path = folder_of(tmp_path, "0 .5 .5 .2 .2\n", head)
    (tmp_path / "train.txt").write_text("./images/train/a.jpg\r\nimages/train/gone.jpg\n", encoding="utf-8")
    report = only(load_yolo(path))

    assert [(one.kind, one.where) for one in report.problems] == [("missing_picture", "line 2")]
    assert report.dataset.box_count == 1


def test_a_list_of_another_machine_is_read_by_the_ends_of_its_paths(tmp_path: Path) -> None:
    path = folder_of(tmp_path, "0 .5 .5 .2 .2\n", "train: lists/train.txt\nnames: [person, car]\n")
    save(tmp_path / "images" / "train" / "b.jpg", scene(2))
    (tmp_path / "lists").mkdir()
    lines = ["/content/set/images/train/a.jpg", r"C:\set\images\train\b.jpg", "images/train/a.jpg", "/content/set/a.jpg", ""]
    (tmp_path / "lists" / "train.txt").write_text("\r\n".join(lines), encoding="utf-8-sig")
    report = only(load_yolo(path))

    assert [one.path.name for one in report.dataset.pictures] == ["a.jpg", "b.jpg"]
    assert [(one.kind, one.where, one.outcome) for one in report.problems[:3]] == [
        ("duplicate_picture", "line 3", "dropped"),
        ("missing_picture", "line 4", "dropped"),
        ("bad_record", "", "mended"),
    ]
    assert report.problems[2].message.startswith("2 lines name other places")


def test_labels_without_a_picture_and_broken_pictures_are_told(tmp_path: Path) -> None:
    path = folder_of(tmp_path, "0 .5 .5 .2 .2\n")
    (tmp_path / "labels" / "train" / "orphan.txt").write_text("0 .5 .5 .2 .2\n", encoding="utf-8")
    (tmp_path / "images" / "train" / "bad.jpg").write_bytes(b"no picture")
    report = only(load_yolo(path))

    assert {(one.kind, one.file.name) for one in report.problems} == {("missing_picture", "orphan.txt"), ("unreadable_picture", "bad.jpg")}
    assert report.dataset.box_count == 1


@settings(max_examples=25)
@given(data=st.data())
def test_sets_written_and_read_are_the_same(scenes: list[Path], data: st.DataObject) -> None:
    train, val = data.draw(sets_of(scenes)), data.draw(sets_of(scenes, "val"))
    with tempfile.TemporaryDirectory() as folder:
        path = write_yolo({"train": train, "val": val}, Path(folder), "link")
        reports = load_yolo(path)

        assert list(reports) == ["train", "val"]
        for dataset, report in zip((train, val), reports.values(), strict=True):
            assert report.problems == ()
            by_content = {one.path.read_bytes(): one for one in dataset.pictures}
            ordered = tuple(by_content[one.path.read_bytes()] for one in report.dataset.pictures)
            assert_same(report.dataset, DetectionSet(dataset.name, CLASSES, ordered), paths=False)


def test_sets_of_any_name_are_read_again(tmp_path: Path, scenes: list[Path]) -> None:
    one = DetectionSet("all", CLASSES, (picture(scenes[0], [(1, 2, 30, 40)]),))

    assert list(load_yolo(write_yolo({"all": one}, tmp_path))) == ["all"]


def test_a_set_that_is_called_as_a_key_of_the_yaml_is_read_again(tmp_path: Path, scenes: list[Path]) -> None:
    one = DetectionSet("names", CLASSES, (picture(scenes[0], [(1, 2, 30, 40)]),))
    reports = load_yolo(write_yolo({"names": one}, tmp_path))

    assert list(reports) == ["names_set"]
    assert reports["names_set"].dataset.classes == CLASSES


@pytest.mark.parametrize(
    ("pictures", "labels"),
    [
        ("pics", "labels"),
        ("pics/train", "labels/train"),
        ("pics", "pics/labels"),
        ("pics", "pics"),
        ("images/y2/train", "images/y2/train/labels"),
        ("images/y2/train", "images/y2/labels"),
        ("images", "images/labels"),
    ],
)
def test_labels_near_a_folder_of_another_name_are_found(tmp_path: Path, pictures: str, labels: str) -> None:
    save(tmp_path / pictures / "a.jpg", scene(1))
    (tmp_path / labels).mkdir(parents=True, exist_ok=True)
    (tmp_path / labels / "a.txt").write_text("0 .5 .5 .2 .2\n", encoding="utf-8")
    (tmp_path / "data.yaml").write_text(f"train: {pictures}\nnames: [person]\n", encoding="utf-8")
    report = only(load_yolo(tmp_path / "data.yaml"))

    assert report.problems == ()
    assert report.dataset.box_count == 1


def test_a_text_beside_the_pictures_that_is_no_label_file_hides_none(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for seed, name in enumerate("ab"):
        save(tmp_path / f"{name}.jpg", scene(seed))
        (tmp_path / "labels" / f"{name}.txt").write_text("0 .5 .5 .2 .2\n", encoding="utf-8")
    (tmp_path / "classes.txt").write_text("person\n", encoding="utf-8")
    (tmp_path / "README.txt").write_text("a set of mine\n", encoding="utf-8")
    report = only(load_yolo(tmp_path))

    assert report.problems == ()
    assert report.dataset.box_count == 2


def test_labels_of_two_splits_in_one_folder_are_no_orphans(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for seed, split in enumerate(("train", "val")):
        save(tmp_path / split / f"{split}.jpg", scene(seed))
        (tmp_path / "labels" / f"{split}.txt").write_text("0 .5 .5 .2 .2\n", encoding="utf-8")
    (tmp_path / "data.yaml").write_text("train: train\nval: val\nnames: [person]\n", encoding="utf-8")
    reports = load_yolo(tmp_path / "data.yaml")

    assert [(report.dataset.box_count, report.problems) for report in reports.values()] == [(1, ()), (1, ())]


def test_what_yolo_can_say_needs_no_sidecar(tmp_path: Path, scenes: list[Path]) -> None:
    write_yolo({"train": DetectionSet("train", CLASSES, (picture(scenes[0], [(1, 2, 30, 40)]),))}, tmp_path)

    assert not (tmp_path / "labelled.json").exists()
    assert yaml.safe_load((tmp_path / "data.yaml").read_text(encoding="utf-8")) == {
        "train": "images/train",
        "names": {0: "person", 1: "car", 2: "hard hat"},
    }


ODD_NAMES = ("08", "1e3", "on", "null", "~", " car ", "a\nb", "[bold]", "Straße 道路", "#1", "a: b", "'", '"', "\x07", "😀", "-", "")


def test_classes_of_any_name_come_back_as_they_were(tmp_path: Path, scenes: list[Path]) -> None:
    labelled = np.arange(len(ODD_NAMES)) % 2 == 0
    one = picture(scenes[0], [(1, 2, 30, 40)], class_id=[15], labelled=labelled)
    report = load_yolo(write_yolo({"train": DetectionSet("train", ODD_NAMES, (one,))}, tmp_path))["train"]

    assert report.dataset.classes[:-1] == ODD_NAMES[:-1]
    assert report.dataset.classes[-1] == "class_16", "no name is told and mended"
    assert [problem.kind for problem in report.problems] == ["bad_record", "unknown_category"]


def test_partial_labels_go_to_the_sidecar(tmp_path: Path, scenes: list[Path]) -> None:
    partly = picture(scenes[0], [(1, 2, 30, 40)], labelled=[True, False, False])
    path = write_yolo({"train": DetectionSet("train", CLASSES, (partly,))}, tmp_path)

    assert (tmp_path / "labelled.json").is_file()
    assert load_yolo(path)["train"].dataset.pictures[0].labelled.tolist() == [True, False, False]


def test_sets_of_different_classes_are_refused(tmp_path: Path, scenes: list[Path]) -> None:
    one = DetectionSet("a", CLASSES, (picture(scenes[0]),))

    with pytest.raises(ValueError, match="same classes"):
        write_yolo({"a": one, "b": DetectionSet("b", ("x",), ())}, tmp_path)
