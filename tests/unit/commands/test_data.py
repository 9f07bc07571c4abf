"""`panops data`, each command on real files, as people call it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from panops.cli import app
from panops.datasets.coco import write_coco
from panops.datasets.opening import open_sets
from panops.domain.errors import PanopsError, SourceUnsupported
from panops.domain.labels import DetectionSet, LabelledPicture
from tests.unit.datasets.drawn import CLASSES, picture, save, scene

BOXES = [(1.0 + place, 2.0, 30.0 + place, 40.0) for place in range(24)]


def panops(*words: object) -> Result:
    result = CliRunner().invoke(app, ["data", *map(str, words)], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train.json of 12 pictures from six cameras, val.json of 2 from another."""
    pictures = []
    for index in range(14):
        path = save(tmp_path / "images" / f"{index}.png", scene(index))
        labelled = [True, index % 2 == 0, True]
        ids = np.arange(24) % 3 if labelled[1] else np.arange(24) % 2 * 2
        pictures.append(picture(path, BOXES, class_id=ids, group=f"cam{index // 2}", source="ab"[index % 2], labelled=labelled))
    write(tmp_path / "train.json", pictures[:12])
    write(tmp_path / "val.json", pictures[12:])
    return tmp_path


def write(path: Path, pictures: list[LabelledPicture]) -> None:
    write_coco(DetectionSet(path.stem, CLASSES, tuple(pictures)), path)


def break_label(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    content["annotations"][3]["bbox"] = [500, 500, 10, 10]
    content["annotations"][4]["category_id"] = 77
    path.write_text(json.dumps(content), encoding="utf-8")


def test_check_says_that_all_is_well(folder: Path) -> None:
    result = panops("check", folder / "train.json")

    assert result.exit_code == 0
    assert "12 pictures and 288 boxes can be used: 0 errors, 0 warnings." in result.output


def test_check_tells_each_error_with_its_place_and_exits_with_1(folder: Path) -> None:
    break_label(folder / "train.json")
    (folder / "images" / "5.png").write_bytes(b"no picture")
    result = panops("check", folder)

    assert result.exit_code == 1
    assert f"error: {folder}/train.json: annotation 4: box_outside (dropped): " in result.output
    assert f"error: {folder}/train.json: annotation 5: unknown_category (dropped): no category has the id 77" in result.output
    assert f"error: {folder}/images/5.png: unreadable_picture (kept): " in result.output
    assert "14 pictures and 334 boxes can be used: 3 errors" in result.output


def test_check_as_json_holds_every_problem(folder: Path) -> None:
    break_label(folder / "train.json")
    result = panops("check", folder / "train.json", "--json", "--no-decode")
    content = json.loads(result.stdout)

    assert result.exit_code == 1
    assert (content["pictures"], content["errors"], content["sets"]["train"]["boxes"]) == (12, 2, 286)
    assert {one["kind"] for one in content["problems"]} == {"box_outside", "unknown_category"}


def test_check_finds_near_copies_between_splits_and_strict_fails_for_them(folder: Path) -> None:
    copy = save(folder / "images" / "copy.jpg", scene(3), quality=70)
    write(folder / "val.json", [picture(copy, BOXES, class_id=np.arange(24) % 3)])

    assert panops("check", folder).exit_code == 0
    result = panops("check", folder, "--strict")
    assert result.exit_code == 1
    assert f"warning: {copy}: near_copy (kept): near copy of {folder}/images/3.png in train" in result.output


def test_check_shows_twenty_of_a_kind_and_counts_the_rest(folder: Path) -> None:
    content = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    for record in content["annotations"][:50]:
        record["bbox"][2] = 0
    (folder / "train.json").write_text(json.dumps(content), encoding="utf-8")

    few = panops("check", folder / "train.json", "--no-decode").output
    assert few.count("box_empty (dropped)") == 20
    assert "... and 30 more of box_empty: --all shows them" in few
    assert panops("check", folder / "train.json", "--no-decode", "--all").output.count("box_empty (dropped)") == 50


def test_stats_count_by_class_source_and_coverage(folder: Path) -> None:
    result = panops("stats", folder / "train.json")

    assert result.exit_code == 0
    assert "train: 12 pictures, 288 boxes, 0 pictures without a box" in result.output
    assert "50%" in next(line for line in result.output.splitlines() if line.startswith("car "))


def test_stats_as_json(folder: Path) -> None:
    content = json.loads(panops("stats", folder, "--json").stdout)

    assert [one["name"] for one in content["sets"]] == ["train", "val"]
    assert content["sets"][0]["total"]["boxes"] == 288


@pytest.mark.parametrize("name", ["report.html", "deep/report.png"])
def test_stats_to_look_at(folder: Path, name: str) -> None:
    assert panops("stats", folder, "--out", folder / name).exit_code == 0
    if name.endswith(".html"):
        assert (folder / name).read_text(encoding="utf-8").count("<svg") == 10
    else:
        assert cv2.imread(str(folder / name)).shape[1] > 800


def test_split_by_camera_says_what_was_reached_and_opens_again(folder: Path) -> None:
    result = panops("split", folder / "train.json", "--out", folder / "split", "--val", "0.34", "--seed", "3")
    reports = open_sets(folder / "split")
    groups = [{one.group for one in report.dataset.pictures} for report in reports.values()]

    assert result.exit_code == 0
    assert "(33.3%)" in result.output
    assert list(reports) == ["train", "val"]
    assert [len(report.dataset) for report in reports.values()] == [8, 4]
    assert not groups[0] & groups[1]
    assert all(not report.problems for report in reports.values())
    assert {tuple(one.labelled.tolist()) for one in reports["train"].dataset.pictures} == {(True, True, True), (True, False, True)}


def test_split_without_groups_keeps_copies_together_and_says_so(tmp_path: Path) -> None:
    pictures = []
    for index in range(8):
        for quality in (90, 60):
            path = save(tmp_path / "images" / f"{index}-{quality}.jpg", scene(index, (384, 256)), quality=quality)
            pictures.append(picture(path, BOXES, size_wh=(384, 256)))
    write(tmp_path / "all.json", pictures)
    result = panops("split", tmp_path / "all.json", "--out", tmp_path / "split", "--val", "0.25")
    val = open_sets(tmp_path / "split")["val"].dataset

    assert "16 pictures name no group; their near copies stand in for it" in " ".join(result.output.split())
    assert "8 parts that cannot be divided, the largest of 2 pictures" in result.output
    assert sorted(one.path.stem.partition("-")[0] for one in val.pictures) == sorted([one.path.stem[0] for one in val.pictures[::2]] * 2)


def test_split_leaves_out_what_cannot_be_decoded(folder: Path) -> None:
    (folder / "images" / "5.png").write_bytes(b"no picture")
    result = panops("split", folder / "train.json", "--out", folder / "split")

    assert "1 pictures cannot be decoded and were left out" in result.output
    assert sum(len(report.dataset) for report in open_sets(folder / "split").values()) == 11


LONG = ("person", "a_name_of_some_length", "[red]no markup[/]", "Baustellenfahrzeug auf Rädern mit Anhänger und Kran")


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("command", ["stats", "split", "pick"])
def test_names_are_whole_on_any_terminal(folder: Path, command: str, width: int) -> None:
    sources = [f"source-number-{index}-with-a-long-name" for index in range(6)]
    pictures = []
    for index in range(12):
        path = folder / "images" / f"{index}.png"
        labelled = [True, True, True, index % 2 == 0]
        pictures.append(picture(path, BOXES, class_id=np.arange(24) % 3, source=sources[index % 6], group=f"{index}", labelled=labelled))
    write_coco(DetectionSet("long", LONG, tuple(pictures)), folder / "long.json")
    more = () if command == "stats" else ("--out", str(folder / "out"))
    result = CliRunner().invoke(app, ["data", command, str(folder / "long.json"), *more], env={"COLUMNS": str(width)})
    lines = result.output.splitlines()
    told = result.output.replace("\n", "").replace(" ", "")

    assert result.exit_code == 0
    assert "…" not in result.output
    for name in (*LONG, *(sources if width > 40 else ())):
        if len(name) <= width // 2:
            assert any(name in line for line in lines), name
    for name in LONG:
        first = name.replace(" ", "")[: width // 4]
        assert first in told, name


def test_a_split_that_fails_leaves_the_earlier_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder / "split"
    panops("split", folder / "train.json", "--out", out, "--test", "0.2")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    count = iter(range(9))

    def full(_: int) -> None:
        if next(count) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PanopsError, match="No space left"):
        panops("split", folder / "train.json", "--out", out, "--seed", "5", "--replace")

    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_split_writes_over_nothing_unasked(folder: Path) -> None:
    with pytest.raises(PanopsError, match="holds the labels"):
        panops("split", folder, "--out", folder)
    with pytest.raises(PanopsError, match="holds the labels"):
        panops("split", folder / "train.json", "--out", folder, "--replace")
    panops("split", folder, "--out", folder / "split", "--test", "0.2")
    with pytest.raises(PanopsError, match="--replace"):
        panops("split", folder, "--out", folder / "split")
    assert panops("split", folder / "train.json", "--out", folder / "split", "--replace").exit_code == 0
    assert not (folder / "split" / "test.json").exists()
    assert panops("split", folder, "--out", folder / "x", "--val", "0.6", "--test", "0.6").exit_code == 2


def test_show_draws_what_was_asked_for(folder: Path) -> None:
    result = panops("show", folder, "--out", folder / "sheet.jpg", "--class", "car", "--source", "a", "--count", "3", "--columns", "2")

    assert "wrote" in result.output
    assert "3 of 14 pictures, 72 boxes" in result.output
    height, width, _ = cv2.imread(str(folder / "sheet.jpg")).shape
    assert width == 2 * 326 + 6
    assert height > 2 * (213 + 40 + 6) + 6, "two rows of pictures of 3:2, and the key"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--class", "dog"), "person, car, hard hat"),
        (("--source", "c"), "a, b"),
        (("--split", "test"), "train, val"),
        (("--out", "x.gif"), ".jpg, .png"),
    ],
)
def test_show_says_which_words_there_are(folder: Path, words: tuple[str, ...], expected: str) -> None:
    result = panops("show", folder, *words)

    assert result.exit_code == 2
    assert expected in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize("to", ["coco", "yolo", "voc"])
def test_convert_and_back_keeps_everything(folder: Path, to: str) -> None:
    result = panops("convert", folder, "--to", to, "--out", folder / "there")
    panops("convert", folder / "there", "--to", "coco", "--out", folder / "back", "--pictures", "leave")
    first, last = open_sets(folder), open_sets(folder / "back")

    assert ("7 pictures are labelled in part" in result.output) is (to != "coco")
    assert list(first) == list(last)
    for name in first:
        before = {one.path.name: one for one in first[name].dataset.pictures}
        after = {one.path.name: one for one in last[name].dataset.pictures}
        assert before.keys() == after.keys()
        for key, one in before.items():
            np.testing.assert_allclose(one.xyxy, after[key].xyxy, atol=0.01)
            assert (one.labelled == after[key].labelled).all()
            assert (one.source, one.group) == (after[key].source, after[key].group)


def test_convert_mixes_with_nothing(folder: Path) -> None:
    with pytest.raises(PanopsError, match="empty or new folder"):
        panops("convert", folder, "--to", "yolo", "--out", folder)
    with pytest.raises(PanopsError, match="choose copy or link"):
        panops("convert", folder, "--to", "voc", "--out", folder / "x", "--pictures", "leave")


def test_nothing_usable_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("{", encoding="utf-8")
    with pytest.raises(SourceUnsupported, match="panops data check"):
        panops("split", tmp_path / "train.json", "--out", tmp_path / "x")
    result = panops("check", tmp_path / "train.json")
    assert result.exit_code == 1
    assert "broken_file" in result.output
