"""A whole training in its folder: faults of the data, the report, and two in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs panops[train]")
pytest.importorskip("pycocotools", reason="needs panops[train]")

import torch

from panops.domain.errors import ConfigError, PanopsError, SourceCorrupt
from panops.training.checkpoint import shape_fields, write_checkpoint
from panops.training.folder_lock import FolderLock
from panops.training.network import DetectorNetwork, NetworkShape
from panops.training.prepare import Prepared, prepare_data
from panops.training.recipe import read_recipe
from panops.training.session import Watcher, best_figures, device_named, run_training
from panops.training.sheet import sample_sheet
from panops.training.trainer import HEADLINE, StepFigures

from .small_data import tiny_recipe

CPU = torch.device("cpu")


class Note(Watcher):
    def __init__(self, stop_at: int = 0) -> None:
        self.steps: list[int] = []
        self.figures: list[Mapping[str, float]] = []
        self.data: Prepared | None = None
        self._stop_at = stop_at

    def prepared(self, data: Prepared) -> None:
        self.data = data

    def stepped(self, figures: StepFigures) -> None:
        self.steps.append(figures.step)

    def measured(self, figures: Mapping[str, float]) -> None:
        self.figures.append(figures)

    def stop(self) -> bool:
        return bool(self._stop_at) and self.steps[-1] >= self._stop_at


def test_a_training_leaves_all_its_files_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    folder = tmp_path / "out"
    first = run_training(recipe, folder, CPU, 1, Note(stop_at=2))
    assert not first.finished
    assert "was stopped and can go on" in (folder / "report.html").read_text()
    note = Note()
    outcome = run_training(recipe, folder, CPU, 1, note)
    assert outcome.finished
    assert outcome.resumed_at == 2
    assert note.steps == [3, 4, 5, 6]
    assert len(note.figures) == 2
    assert set(note.figures[0]) >= {HEADLINE, "red", "blue", "drawn/red", "drawn/blue"}
    assert outcome.headline == max(figures[HEADLINE] for figures in note.figures)
    assert (outcome.best_step, dict(outcome.best)) == best_figures(folder)
    assert read_recipe(folder / "recipe.yaml") == recipe
    page = (folder / "report.html").read_text()
    assert "is finished" in page
    assert "http-equiv" not in page
    assert all(word in page for word in ("red", "blue", "drawn", "AP50"))
    assert {path.name for path in folder.iterdir()} >= {"last.pt", "best.pt", "history.jsonl", "report.html", "recipe.yaml"}


def test_faults_of_the_data_are_told_one_by_one_and_the_rest_is_learnt(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=16)
    path = tmp_path / "train.json"
    content = json.loads(path.read_text())
    (tmp_path / "train" / "0.png").write_bytes(b"no picture at all")  # found when it is decoded
    content["images"][1]["file_name"] = "train/gone.png"
    boxes = content["annotations"]
    of_others = [one for one in boxes if one["image_id"] > 3]
    of_others[0]["category_id"] = 77
    of_others[1]["bbox"] = [500, 500, 10, 10]
    of_others[2]["bbox"] = [4, 4, -3, 5]
    of_others[3]["bbox"] = [float("nan"), 1, 5, 5]
    content["annotations"] = [one for one in boxes if one["image_id"] != 3]  # a picture without labels
    path.write_text(json.dumps(content))
    note = Note()
    outcome = run_training(recipe, tmp_path / "out", CPU, 1, note)
    assert outcome.finished
    assert outcome.unreadable == 1
    assert note.data is not None
    assert len(note.data.train) == 11
    lines = (tmp_path / "out" / "problems.txt").read_text().splitlines()
    assert len(lines) == len(outcome.problems) == 5
    for kind in ("missing_picture", "unknown_category", "box_outside", "box_empty", "box_not_finite"):
        assert sum(kind in line for line in lines) == 1, kind
    assert all("train.json" in line for line in lines)


def test_faults_that_were_mended_are_told_no_more(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=8)
    good = (tmp_path / "train.json").read_text()
    content = json.loads(good)
    content["annotations"][0]["bbox"] = [500, 500, 10, 10]
    (tmp_path / "train.json").write_text(json.dumps(content))
    run_training(recipe, tmp_path / "out", CPU, 1, Note(stop_at=1))
    assert "box_outside" in (tmp_path / "out" / "problems.txt").read_text()
    (tmp_path / "train.json").write_text(good)
    run_training(recipe, tmp_path / "out", CPU, 1)
    assert not (tmp_path / "out" / "problems.txt").exists()


def test_pictures_that_can_all_not_be_decoded_end_it(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, count=3)
    for path in (tmp_path / "train").iterdir():
        path.write_bytes(b"no picture at all")
    with pytest.raises(SourceCorrupt, match="none of them can be decoded"):
        run_training(recipe, tmp_path / "out", CPU, 1)
    assert "broke off" in (tmp_path / "out" / "report.html").read_text()


def test_classes_that_nobody_labelled_are_told_with_a_guess(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, classes=["red", "blu"])
    with pytest.raises(ConfigError, match=r"blu is in no set of data.train; did you mean 'blue'\?"):
        prepare_data(recipe)
    with pytest.raises(ConfigError, match="has none of the classes green; it has red, blue"):
        prepare_data(tiny_recipe(tmp_path, classes=["green"]))


def test_a_class_that_only_the_teacher_knows_needs_no_labels(tmp_path: Path) -> None:
    torch.manual_seed(0)
    teacher = DetectorNetwork(NetworkShape("nano", ("green", "red"), "silu"))
    write_checkpoint(tmp_path / "t.pt", {"shape": shape_fields(teacher.shape), "ema": teacher.state_dict()})
    recipe = tiny_recipe(tmp_path, classes=["red", "blue", "green"], start="t.pt", distil={"teacher": "t.pt"}, pictures=8)
    note = Note()
    assert run_training(recipe, tmp_path / "out", CPU, 1, note).finished
    assert note.data is not None
    assert not note.data.train.pictures[0].labelled[2]


def test_one_split_of_a_set_can_be_named(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    (tmp_path / "dataset.yaml").write_text("sets: {train: train.json, val: val.json}\n")
    named = tiny_recipe(tmp_path, data={"train": ["dataset.yaml#train"], "val": ["dataset.yaml#val"]})
    assert [len(part) for part in (prepare_data(named).train, prepare_data(named).val)] == [12, 4]
    assert len(prepare_data(recipe).train) == 12


def test_two_trainings_in_one_folder_are_refused(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, pictures=4)
    with FolderLock(tmp_path / "out"), pytest.raises(PanopsError, match="another training is running in this folder"):
        run_training(recipe, tmp_path / "out", CPU, 1)
    assert run_training(recipe, tmp_path / "out", CPU, 1).finished


def test_a_gpu_that_is_not_there_is_told() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert device_named("auto") == CPU
    with pytest.raises(ConfigError, match="--device cpu"):
        device_named("cuda")


def test_the_sheet_shows_samples_and_hatches_what_is_unknown(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, augment={"mosaic": 0, "codec": 0, "noise": 0, "night": 0})
    known = sample_sheet(recipe, prepare_data(recipe), columns=2, rows=2, tile_px=96)
    assert known.shape == (2 * (96 + 18 + 6) + 6, 2 * (96 + 6) + 6, 3)
    content = json.loads((tmp_path / "train.json").read_text())
    for image in content["images"]:
        image["labelled_category_ids"] = [1]
    (tmp_path / "train.json").write_text(json.dumps(content))
    unknown = sample_sheet(recipe, prepare_data(recipe), columns=2, rows=2, tile_px=96)
    assert (known != unknown).any()
