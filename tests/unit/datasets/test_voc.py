from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.datasets import voc
from panops.datasets.picture_placing import Placing
from panops.datasets.problems import ReadReport
from panops.datasets.voc import load_voc, parse_xml, write_voc
from panops.domain.errors import SourceUnreachable, SourceUnsupported
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import CLASSES, assert_same, picture, save, scene, sets_of

SIZE = "<size><width>96</width><height>64</height><depth>3</depth></size>"


def item(name: str = "car", edges: tuple[object, ...] = (10, 20, 30, 40)) -> str:
    box = "".join(f"<{tag}>{edge}</{tag}>" for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True))
    return f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"


def folder_of(tmp_path: Path, text: str | bytes) -> Path:
    """A data set of one picture of 96x64 with this XML file."""
    save(tmp_path / "JPEGImages" / "a.jpg", scene(1))
    path = tmp_path / "Annotations" / "a.xml"
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def only(reports: dict[str, ReadReport]) -> ReadReport:
    assert list(reports) == ["all"]
    return reports["all"]


def test_reads_boxes_as_they_stand(tmp_path: Path) -> None:
    text = f"<annotation><filename>a.jpg</filename>{SIZE}{item()}{item('person', (1.5, 2, 3, 4))}</annotation>"
    report = only(load_voc(folder_of(tmp_path, text)))

    assert report.problems == ()
    assert report.dataset.classes == ("car", "person")
    assert report.dataset.pictures[0].xyxy.tolist() == [[10, 20, 30, 40], [1.5, 2, 3, 4]]
    assert report.dataset.pictures[0].class_id.tolist() == [0, 1]


FAULTS = [
    ("a name that is wrong", f"<annotation><filename>C:\\x\\y.png</filename>{SIZE}{item()}</annotation>", None, 1),
    ("no name", f"<annotation>{SIZE}{item()}</annotation>", None, 1),
    ("no size", f"<annotation><filename>a.jpg</filename>{item()}</annotation>", ("bad_record", "size", "mended"), 1),
    ("size 0", f"<annotation><size><width>0</width><height>0</height></size>{item()}</annotation>", ("bad_record", "size", "mended"), 1),
    ("no box", f"<annotation>{SIZE}<object><name>car</name></object>{item()}</annotation>", ("bad_record", "object 1", "dropped"), 1),
    ("words", f"<annotation>{SIZE}{item(edges=('x', 1, 2, 3))}</annotation>", ("bad_record", "object 1", "dropped"), 0),
    ("no class", f"<annotation>{SIZE}{item('')}</annotation>", ("unknown_category", "object 1", "dropped"), 0),
    ("turned", f"<annotation>{SIZE}{item(edges=(30, 40, 10, 20))}</annotation>", ("box_empty", "object 1", "dropped"), 0),
    ("nan", f"<annotation>{SIZE}{item(edges=('nan', 1, 2, 3))}</annotation>", ("box_not_finite", "object 1", "dropped"), 0),
    ("outside", f"<annotation>{SIZE}{item(edges=(300, 1, 320, 3))}</annotation>", ("box_outside", "object 1", "dropped"), 0),
    ("over the edge", f"<annotation>{SIZE}{item(edges=(-9, 1, 20, 30))}</annotation>", ("box_clipped", "object 1", "mended"), 1),
    ("no object", f"<annotation>{SIZE}</annotation>", None, 0),
    ("a mark of byte order", f"\ufeff<annotation>\r\n{SIZE}\r\n{item()}\r\n</annotation>", None, 1),
    ("latin-1", f"<annotation>{SIZE}{item('Tür')}</annotation>".encode("latin-1"), ("encoding", "", "mended"), 1),
    (
        "blanks around numbers",
        f"<annotation>{SIZE}{item(edges=(' 10 ', '20', ' 30', '40.5'))}</annotation>".replace(" ", "\n"),
        None,
        1,
    ),
    (
        "parts of objects",
        f"<annotation>{SIZE}{item().replace('<bndbox>', '<part><name>wheel</name></part><bndbox>')}</annotation>",
        None,
        1,
    ),
    (
        "no ymax",
        f"<annotation>{SIZE}{item().replace('<ymax>40</ymax>', '')}{item()}</annotation>",
        ("bad_record", "object 1", "dropped"),
        1,
    ),
    ("an empty name", f"<annotation><filename/>{SIZE}{item()}</annotation>", None, 1),
    ("utf-16", f'<?xml version="1.0" encoding="utf-16"?><annotation>{SIZE}{item("Tür")}</annotation>'.encode("utf-16"), None, 1),
]


@pytest.mark.parametrize(("text", "problem", "left"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_fault_is_told_and_stops_nothing(tmp_path: Path, text: str | bytes, problem: tuple[str, str, str] | None, left: int) -> None:
    report = only(load_voc(folder_of(tmp_path, text)))

    assert [(one.kind, one.where, one.outcome) for one in report.problems] == ([problem] if problem else [])
    assert report.dataset.box_count == left
    assert len(report.dataset) == 1


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><annotation><filename>&b;</filename></annotation>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><annotation><filename>&a;</filename></annotation>'


@pytest.mark.parametrize("text", ["", "<annotation>", "<other/>", "no xml", BOMB, OUTSIDE, '<?xml version="1.0" encoding="nonsense"?><a/>'])
def test_what_is_no_voc_file_is_told_and_the_rest_is_read(tmp_path: Path, text: str) -> None:
    folder = folder_of(tmp_path, text)
    save(tmp_path / "JPEGImages" / "b.jpg", scene(2))
    (tmp_path / "Annotations" / "b.xml").write_text(f"<annotation>{SIZE}{item()}</annotation>", encoding="utf-8")
    report = only(load_voc(folder))

    assert [(one.kind, one.file.name) for one in report.problems] == [("broken_file", "a.xml")]
    assert report.dataset.box_count == 1


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
def test_entities_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="entities"):
        parse_xml(text.encode())


def test_a_picture_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(f"<annotation>{SIZE}{item()}</annotation>", encoding="utf-8")

    assert [one.kind for one in only(load_voc(tmp_path)).problems] == ["missing_picture"]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable):
        load_voc(tmp_path / "gone")


def test_lists_of_single_classes_are_no_splits(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f"<annotation>{SIZE}{item()}</annotation>")
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\ngone\n", encoding="utf-8")
    (lists / "car_train.txt").write_text("a  1\n", encoding="utf-8")
    (lists / "trainval.txt").write_text("a\n", encoding="utf-8")
    reports = load_voc(folder)

    assert list(reports) == ["train"]
    assert [(one.kind, one.where) for one in reports["train"].problems] == [("missing_labels", "line 2")]


def test_trainval_is_a_split_where_it_is_not_parted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f"<annotation>{SIZE}{item()}</annotation>")
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "trainval.txt").write_text("a.jpg\n", encoding="utf-8")
    (lists / "test.txt").write_text("", encoding="utf-8")
    (lists / "boat_trainval.txt").write_text("a -1\nb  1\n", encoding="utf-8")
    reports = load_voc(folder)

    assert {name: (len(report.dataset), report.problems) for name, report in reports.items()} == {"test": (0, ()), "trainval": (1, ())}


@pytest.mark.parametrize(
    "splits", [("car_train", "val"), ("trainval", "val"), ("train", "trainval"), ("car_trainval", "train", "trainval")]
)
def test_splits_of_any_name_are_read_again(tmp_path: Path, scenes: list[Path], splits: tuple[str, ...]) -> None:
    sets = {name: DetectionSet(name, CLASSES, (picture(scenes[at], [(1, 2, 30, 40)]),)) for at, name in enumerate(splits)}
    reports = load_voc(write_voc(sets, tmp_path / "voc"))

    assert {name: len(report.dataset) for name, report in reports.items()} == dict.fromkeys(splits, 1)
    assert not any(report.problems for report in reports.values())


def test_trainval_is_left_out_where_train_and_val_name_all_of_it(tmp_path: Path) -> None:
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name in "ab":
        save(tmp_path / "JPEGImages" / f"{name}.jpg", scene(1))
        (tmp_path / "Annotations").mkdir(exist_ok=True)
        (tmp_path / "Annotations" / f"{name}.xml").write_text(f"<annotation>{SIZE}{item()}</annotation>", encoding="utf-8")
    for name, text in (("train", "a\n"), ("val", "b\n"), ("trainval", "a\nb\n")):
        (lists / f"{name}.txt").write_text(text, encoding="utf-8")

    assert {name: len(report.dataset) for name, report in load_voc(tmp_path).items()} == {"train": 1, "val": 1}


def test_two_years_in_one_folder_have_lists_and_files_of_the_same_names(tmp_path: Path) -> None:
    for year, left in (("VOC2007", 10), ("VOC2012", 20)):
        folder_of(tmp_path / year, f"<annotation>{SIZE}{item(edges=(left, 20, 50, 40))}</annotation>")
        (tmp_path / year / "ImageSets" / "Main").mkdir(parents=True)
        (tmp_path / year / "ImageSets" / "Main" / "train.txt").write_text("a\n", encoding="utf-8")
    report = load_voc(tmp_path)["train"]

    assert report.problems == ()
    assert [(one.path.parts[-3], one.xyxy[0, 0]) for one in report.dataset.pictures] == [("VOC2007", 10), ("VOC2012", 20)]


def test_pictures_in_folders_like_those_of_the_labels(tmp_path: Path) -> None:
    for camera, left in (("cam1", 10), ("cam2", 20)):
        save(tmp_path / "JPEGImages" / camera / "1.jpg", scene(left))
        path = tmp_path / "Annotations" / camera / "1.xml"
        path.parent.mkdir(parents=True)
        path.write_text(f"<annotation><filename>1.jpg</filename>{SIZE}{item(edges=(left, 20, 50, 40))}</annotation>", encoding="utf-8")
    report = only(load_voc(tmp_path))

    assert report.problems == ()
    assert [(one.path.parent.name, one.xyxy[0, 0]) for one in report.dataset.pictures] == [("cam1", 10), ("cam2", 20)]


def test_capital_letters_of_other_systems_are_read(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f"<annotation><filename>a.jpg</filename>{SIZE}{item()}</annotation>")
    (tmp_path / "Annotations" / "a.xml").rename(tmp_path / "Annotations" / "A.XML")
    (tmp_path / "JPEGImages" / "a.jpg").rename(tmp_path / "JPEGImages" / "A.JPG")
    (tmp_path / "Annotations" / "._A.XML").write_bytes(b"\0\5")
    report = only(load_voc(folder))

    assert report.problems == ()
    assert report.dataset.box_count == 1


@pytest.mark.parametrize("name", ["two\nlines", " car", "\x07", ""])
def test_names_that_voc_cannot_hold_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceUnsupported, match="rename it"):
        write_voc({"train": DetectionSet("train", ("person", name), ())}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_writing_that_is_broken_off_is_not_taken_for_labelled_throughout(
    tmp_path: Path, scenes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [picture(path, [(1, 2, 30, 40)], labelled=[True, False, False]) for path in scenes[:3]]
    real = voc.place

    def full(source: Path, target: Path, how: Placing) -> None:
        if source == scenes[1]:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target, how)

    monkeypatch.setattr(voc, "place", full)
    with pytest.raises(OSError, match="No space"):
        write_voc({"train": DetectionSet("train", CLASSES, tuple(pictures))}, tmp_path)
    report = load_voc(tmp_path)["train"]

    assert [one.labelled.tolist() for one in report.dataset.pictures] == [[True, False, False]]
    assert [one.kind for one in report.problems] == ["missing_labels"] * 2, "the list names what is not there"


@settings(max_examples=25)
@given(data=st.data())
def test_sets_written_and_read_are_the_same(scenes: list[Path], data: st.DataObject) -> None:
    sets = {"train": data.draw(sets_of(scenes)), "my_val": data.draw(sets_of(scenes, "my_val"))}
    with tempfile.TemporaryDirectory() as folder:
        reports = load_voc(write_voc(sets, Path(folder), "link"))

        assert set(reports) == set(sets)
        for name, dataset in sets.items():
            assert reports[name].problems == ()
            assert_same(reports[name].dataset, DetectionSet(name, CLASSES, dataset.pictures), paths=False)
