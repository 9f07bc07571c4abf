"""`panops data pick` on real files, as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from panops.cli import app
from panops.datasets.coco import write_coco
from panops.datasets.opening import open_dataset
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet
from tests.unit.datasets.drawn import picture, save, scene

CLASSES = ("person", "traffic cone", "truck", "boat")
BOX = (1.0, 2.0, 30.0, 40.0)


def pick(*words: object) -> Result:
    result = CliRunner().invoke(app, ["data", "pick", *map(str, words)], env={"COLUMNS": "120"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """Eight pictures with cones, four where they were looked for, four where only trucks were; nobody looked for boats."""
    pictures = []
    for index in range(16):
        path = save(tmp_path / "big" / "images" / f"{index}.png", scene(index))
        ids, labelled = ([0, 1], [1, 1, 0, 0]) if index < 8 else ([0], [1, 1, 0, 0]) if index < 12 else ([2], [0, 0, 1, 0])
        pictures.append(
            picture(
                path, [BOX] * len(ids), class_id=ids, labelled=np.array(labelled, bool), group=f"cam{index // 2}", source="ab"[index // 8]
            )
        )
    write_coco(DetectionSet("big", CLASSES, tuple(pictures)), tmp_path / "big" / "labels.json")
    return tmp_path / "big" / "labels.json"


def test_pictures_of_a_class_with_their_labels(tmp_path: Path, big: Path) -> None:
    result = pick(big, "--class", "traffic cone", "--count", "4", "--without", "2", "--out", tmp_path / "cones")
    report = open_dataset(tmp_path / "cones")
    with_cones = [one for one in report.dataset.pictures if 1 in one.class_id]

    assert result.exit_code == 0
    assert report.problems == ()
    assert report.dataset.classes == ("person", "traffic cone"), "what was looked for in none of them is no class"
    assert (len(report.dataset), len(with_cones), len({one.group for one in with_cones})) == (6, 4, 4)
    assert all(one.labelled.all() for one in report.dataset.pictures)
    assert {one.path.parent for one in report.dataset.pictures} == {tmp_path / "cones" / "images"}
    assert "4 of 8 pictures that show traffic cone." in result.output
    assert "2 of 4 in which traffic cone was looked for and is not there." in result.output
    assert "6 pictures, 10 boxes" in result.output


def test_what_was_not_looked_for_stays_unknown(tmp_path: Path, big: Path) -> None:
    pick(big, "--count", "9", "--out", tmp_path / "some")
    dataset = open_dataset(tmp_path / "some").dataset

    assert dataset.classes == ("person", "traffic cone", "truck")
    assert {(one.source, 2 in one.class_id, tuple(one.labelled.tolist())) for one in dataset.pictures} == {
        ("a", False, (True, True, False)),
        ("b", False, (True, True, False)),
        ("b", True, (False, False, True)),
    }


def test_only_the_class_itself(tmp_path: Path, big: Path) -> None:
    pick(big, "--class", "traffic cone", "--count", "3", "--without", "1", "--only-class", "--out", tmp_path / "cones")
    dataset = open_dataset(tmp_path / "cones").dataset

    assert dataset.classes == ("traffic cone",)
    assert sorted(one.class_id.tolist() for one in dataset.pictures) == [[], [0], [0], [0]]
    assert all(one.labelled.tolist() == [True] for one in dataset.pictures)


@pytest.mark.parametrize("how", ["copy", "link"])
def test_pictures_are_copied_or_linked(tmp_path: Path, big: Path, how: str) -> None:
    pick(big, "--count", "3", "--pictures", how, "--out", tmp_path / "out")

    assert all(one.path.is_symlink() is (how == "link") for one in open_dataset(tmp_path / "out").dataset.pictures)


def test_as_json_says_where_each_comes_from(tmp_path: Path, big: Path) -> None:
    words = ("--class", "truck", "--count", "9", "--source", "b", "--json")
    told = json.loads(pick(big, *words, "--out", tmp_path / "one").stdout)
    again = json.loads(pick(big, *words, "--out", tmp_path / "two").stdout)
    other = json.loads(pick(big, "--count", "3", "--seed", "1", "--json", "--out", tmp_path / "three").stdout)

    assert (told["asked"], told["showing"], told["fitting"]) == ({"showing": 9, "without": 0}, 4, 4)
    assert told["pictures"][0]["boxes"] == {"truck": 1}
    for one in told["pictures"]:
        assert Path(one["file"]).read_bytes() == Path(one["from"]).read_bytes()
    assert [one["from"] for one in told["pictures"]] == [one["from"] for one in again["pictures"]]
    assert len(other["pictures"]) == 3


def test_near_copies_broken_pictures_and_too_few_are_told(tmp_path: Path, big: Path) -> None:
    save(big.parent / "images" / "1.png", scene(0))
    (big.parent / "images" / "2.png").write_bytes(b"no picture")
    result = pick(big, "--class", "traffic cone", "--out", tmp_path / "cones")

    assert "6 of 8 pictures that show traffic cone." in result.output
    assert "1 pictures were passed over: nearly the same as a picked one." in result.output
    assert "1 pictures were passed over: they cannot be decoded." in result.output
    assert "Fewer than the 50 asked for: there are no more that fit." in result.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--class", "cone"), "person, traffic cone, truck, boat"),
        (("--source", "c"), "a, b"),
        (("--split", "test"), "labels"),
        (("--only-class",), "expected a --class"),
    ],
)
def test_wrong_words_are_told(tmp_path: Path, big: Path, words: tuple[str, ...], expected: str) -> None:
    result = pick(big, *words, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert expected in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_nothing_to_pick_and_a_folder_in_use(tmp_path: Path, big: Path) -> None:
    with pytest.raises(PanopsError, match="that show boat"):
        pick(big, "--class", "boat", "--out", tmp_path / "out")
    with pytest.raises(PanopsError, match="empty or new folder"):
        pick(big, "--out", big.parent)
