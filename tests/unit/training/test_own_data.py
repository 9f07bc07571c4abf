"""The recipe for one's own pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch

from panops.domain.errors import ModelNotFound, ModelUnsupported, SourceUnsupported
from panops.training.checkpoint import shape_fields, write_checkpoint
from panops.training.network import DetectorNetwork, NetworkShape
from panops.training.own_data import open_own, recipe_for, start_facts
from panops.training.recipe import read_recipe, write_recipe

from .small_data import CLASSES, write_set


@pytest.fixture
def start(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = DetectorNetwork(NetworkShape("nano", ("person", "red"), "silu"))
    write_checkpoint(tmp_path / "start.pt", {"shape": shape_fields(network.shape), "ema": network.state_dict()})
    return tmp_path / "start.pt"


def test_without_val_a_part_is_kept_apart(tmp_path: Path) -> None:
    own = open_own(write_set(tmp_path, "all", 20), None)
    assert len(own.val) == 4
    assert len(own.train) == 16
    assert not {one.path for one in own.train.pictures} & {one.path for one in own.val.pictures}
    assert "4 pictures were kept apart" in own.how


def test_groups_and_copies_are_not_parted(tmp_path: Path) -> None:
    path = write_set(tmp_path, "all", 12)
    for index in range(1, 4):  # the same picture four times
        (tmp_path / "all" / f"{index}.png").write_bytes((tmp_path / "all" / "0.png").read_bytes())
    content = json.loads(path.read_text())
    for image in content["images"][4:8]:
        image["group"] = "gate"
    path.write_text(json.dumps(content))
    own = open_own(path, None)
    names = {name: {int(one.path.stem) for one in part.pictures} for name, part in (("train", own.train), ("val", own.val))}
    for together in ({0, 1, 2, 3}, {4, 5, 6, 7}):
        assert any(together <= part for part in names.values())


def test_splits_of_the_data_and_a_val_of_its_own_are_taken(tmp_path: Path) -> None:
    train, val = write_set(tmp_path, "train", 6), write_set(tmp_path, "val", 3, 50)
    (tmp_path / "dataset.yaml").write_text("sets: {train: train.json, valid: val.json}\n")
    for own in (open_own(tmp_path / "dataset.yaml", None), open_own(train, val)):
        assert (len(own.train), len(own.val)) == (6, 3)


def test_pictures_that_cannot_be_decoded_are_left_out_of_the_split(tmp_path: Path) -> None:
    path = write_set(tmp_path, "all", 10)
    (tmp_path / "all" / "3.png").write_bytes(b"broken")
    own = open_own(path, None)
    assert len(own.train) + len(own.val) == 9
    assert "1 that cannot be decoded were left out" in own.how


def test_too_few_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceUnsupported, match="expected pictures to"):
        open_own(write_set(tmp_path, "all", 1), None)


def test_the_recipe_keeps_what_the_start_model_is(tmp_path: Path, start: Path) -> None:
    own = open_own(write_set(tmp_path, "all", 20), None)
    recipe = recipe_for(start, own, tmp_path / "out", "mine", input_px=64)
    assert (recipe.size, recipe.activation, recipe.input_px) == ("nano", "silu", 64)
    assert recipe.classes == list(CLASSES)
    assert recipe.distil is None
    assert recipe.pictures == 6_000
    assert recipe.average_decay < 0.98  # a short training's average must arrive
    write_recipe(recipe, tmp_path / "out" / "recipe.yaml")
    assert read_recipe(tmp_path / "out" / "recipe.yaml") == recipe
    assert all(path.is_file() for path in (*recipe.data.train, *recipe.data.val))


def test_keep_adds_the_old_classes_and_their_teacher(tmp_path: Path, start: Path) -> None:
    own = open_own(write_set(tmp_path, "all", 10), None)
    recipe = recipe_for(start, own, tmp_path / "out", "mine", keep=True, pictures=320)
    assert recipe.classes == ["person", "red", "blue"]
    assert recipe.distil is not None
    assert recipe.distil.teacher == start.resolve()
    assert recipe.pictures == 320


def test_a_start_whose_classes_nobody_knows_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        start_facts(tmp_path / "none.pt")
    with pytest.raises(ModelNotFound):
        start_facts(tmp_path / "none.onnx")


def test_the_published_weights_are_known(shared_data: Path) -> None:
    facts = start_facts(shared_data / "models" / "yolox_nano_416.onnx")
    assert (facts.size, facts.activation, len(facts.classes)) == ("nano", "silu", 80)
    assert "fire_hydrant" in facts.classes


def test_another_network_is_told(shared_data: Path) -> None:
    with pytest.raises(ModelUnsupported, match="expected a YOLOX of size tiny"):
        start_facts(shared_data / "models" / "fastestdet_352.onnx")
