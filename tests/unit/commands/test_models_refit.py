"""`panops models refit`: a real detector unlearns a real false alarm, and nothing else; what cannot be refitted is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch", reason="needs panops[train]")
pytest.importorskip("onnxscript", reason="needs panops[train]")

from panops.cli import app
from panops.commands.evaluate_model import at_size
from panops.commands.refit_begin import HELD, TRAIN, remove_refit
from panops.datasets.coco import read_coco
from panops.domain.manifest import ModelSource, SourceKind
from panops.models.checksum import sha256_of
from panops.models.manifest_file import dump_manifest
from panops.models.promotion import promote
from panops.models.store import ModelStore
from panops.storage.home import Home
from tests.unit.commands.dummy_scene import DummyScene, Shown, zoomed
from tests.unit.commands.judged_site import JudgedSite
from tests.unit.commands.tiny_detector import write_detector

SMALL_PX = 224


@pytest.fixture(scope="module")
def scene() -> DummyScene:
    return DummyScene(people=20)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def refit(*words: object) -> Result:
    return CliRunner().invoke(app, ["models", "refit", *map(str, words)], env={"COLUMNS": "200"})


def add_small_street(home: Path, folder: Path) -> ModelStore:
    """`street` at a small input as the version in use: the same weights at a quarter of the work."""
    store = ModelStore(Home(home).models)
    folder.mkdir()
    with at_size(store.get("street"), (SMALL_PX, SMALL_PX)) as small:
        file = shutil.copy(small.path, folder / "street.onnx")
        source = ModelSource(SourceKind.FILE, "street.onnx")
        manifest = replace(small.manifest, version="small", sha256=sha256_of(file), source=source)
    (folder / "manifest.yaml").write_text(dump_manifest(manifest), encoding="utf-8")
    store.add(str(folder), version="small")
    promote(store, "street", "small")
    return store


def judge(site: JudgedSite, false: Sequence[Shown], true: Sequence[Shown]) -> None:
    """Events in turn, a quarter of an hour apart."""
    for number in range(max(len(false), len(true))):
        for shown, is_false in ((false, True), (true, False)):
            if number < len(shown):
                site.event(shown[number].image, shown[number].box, false_alarm=is_false)


def test_held_back_copies_of_a_false_alarm_go_and_true_ones_stay(
    tmp_path: Path, home: Path, scene: DummyScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = add_small_street(home, tmp_path / "small")
    with JudgedSite(home) as site:
        dummies = [zoomed(scene.dummy(number), number) for number in range(20)]
        judge(site, dummies, [zoomed(shown, 100 + number) for number, shown in enumerate(scene.people[:14])])
    out = tmp_path / "refit"
    words = ("street", "--home", home, "--out", out, "--float", "--pictures", 192, "--threads", 1, "--keep-pictures")
    with monkeypatch.context() as patch:
        patch.setattr("panops.commands.models_refit._trained", lambda *_: False)  # somebody pressed Ctrl-C
        stopped = refit(*words)
    assert stopped.exit_code == 130
    assert "the same command goes on" in stopped.stderr
    result = refit(*words, "--json")
    assert result.exit_code == 0, result.output
    assert "plan.json is there and is used again" in result.stderr
    told = json.loads(result.stdout)
    before, after = told["before"], told["result"]["after"]
    assert before["false_found"] >= 4
    assert after["false_found"] < before["false_found"]
    assert after["true_found"] >= before["true_found"] >= 3
    # What is measured on was not learnt from.
    learnt, held = (read_coco(out / side) for side in (TRAIN, HELD))
    assert not {one.path.name for one in learnt.pictures} & {one.path.name for one in held.pictures}
    assert len(held) == told["held"]["false_alarms"] + told["held"]["true_alarms"]
    # It looks on, and is not in use.
    shelf = store.shelf("street")
    assert (shelf.active, shelf.shadow, told["version"]) == ("small", "refit-1", "refit-1")
    model = store.get("street@refit-1")
    assert model.manifest.classes == store.get("street@small").manifest.classes
    assert model.manifest.licence == "Apache-2.0"
    assert model.manifest.accuracy["held-back false alarms found again"] < 1
    papers = store.papers(model)
    assert papers.parent is not None
    assert papers.parent.version == "small"
    assert "Refitted from street@small" in papers.purpose
    again = refit(*words)
    assert again.exit_code == 0
    assert "this refit is finished" in again.stderr
    assert "panops models promote street refit-1" in again.stdout
    assert store.shelf("street").shadow == "refit-1"


def test_where_nothing_is_found_again_nothing_is_trained(tmp_path: Path, home: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [Shown(rng.integers(0, 255, (240, 240, 3), dtype=np.uint8), (60.0, 60.0, 120.0, 180.0)) for _ in range(24)]
    with JudgedSite(home) as site:
        judge(site, pictures[:12], pictures[12:])
    out = tmp_path / "refit"
    result = refit("street", "--home", home, "--out", out)
    assert result.exit_code == 1
    assert "there is nothing to unlearn" in result.stdout
    assert [path.name for path in out.iterdir() if not path.name.startswith(".")] == ["refit.json"]
    assert ModelStore(Home(home).models).shelf("street").shadow == ""


def test_few_verdicts_and_one_visit_are_told(tmp_path: Path, home: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (240, 240, 3), dtype=np.uint8) for _ in range(24)]
    with JudgedSite(home) as site:
        for number in range(12):
            site.event(pictures[number], (60, 60, 120, 180), false_alarm=number < 6, at_s=1e9 + number)
        few = refit("street", "--home", home, "--out", tmp_path / "few")
        for number in range(12, 24):
            site.event(pictures[number], (60, 60, 120, 180), false_alarm=number < 18, at_s=1e9 + number)
        one_visit = refit("street", "--home", home, "--out", tmp_path / "visit")
    assert few.exit_code == one_visit.exit_code == 1
    assert "expected at least 20 judged events with a usable picture, 5 of either kind, got 6 false alarms and 6 true ones" in few.stderr
    assert "0 false alarms and 0 true ones out of 1 parts" in one_visit.stderr
    assert not (tmp_path / "visit" / "plan.json").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, home: Path) -> None:
    mine = tmp_path / "mine" / "data" / "train.json"
    mine.parent.mkdir(parents=True)
    mine.touch()
    result = refit("street", "--home", home, "--out", tmp_path / "mine", "--restart")
    assert result.exit_code == 1
    assert "expected an empty or new folder" in result.stderr
    assert mine.is_file()


def test_what_cannot_be_refitted_is_told(tmp_path: Path, home: Path) -> None:
    write_detector(tmp_path / "bright")
    ModelStore(Home(home).models).add(str(tmp_path / "bright"))
    for name, why in (("bright", "a .onnx file with the head yolox_decoded"), ("motion", "it has no weights")):
        result = refit(name, "--home", home, "--out", tmp_path / "refit")
        assert result.exit_code == 1
        assert f"{name} cannot be refitted: {why}" in result.stderr.replace("it is a .onnx", "a .onnx")
        assert "street, ppe, general, yolox_nano" in result.stderr


def test_only_what_a_refit_wrote_is_removed(tmp_path: Path) -> None:
    (tmp_path / "feedback" / "pictures").mkdir(parents=True)
    for name in ("plan.json", "last.pt", "mine.txt", "refit.json"):
        (tmp_path / name).touch()
    remove_refit(tmp_path, also_report=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "refit.json"]


@pytest.mark.slow
def test_the_whole_way_at_full_size_with_other_pictures_and_in_8_bits(tmp_path: Path, home: Path, scene: DummyScene) -> None:
    pytest.importorskip("nncf", reason="needs panops[train]")
    with JudgedSite(home) as site:
        judge(site, [scene.dummy(number) for number in range(30)], scene.people)
    simulated = tmp_path / "simulated"
    made = CliRunner().invoke(
        app, ["data", "simulate", "--out", str(simulated), "--pictures", "60", "--scene", "street", "--scene", "gate"]
    )
    assert made.exit_code == 0, made.output
    result = refit("street", "--home", home, "--out", tmp_path / "refit", "--data", simulated, "--pictures", 480, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["result"]["after"]["false_found"] <= told["before"]["false_found"] // 2
    assert told["result"]["AP"]["after"] >= told["result"]["AP"]["before"] - 0.005
    store = ModelStore(Home(home).models)
    assert store.shelf("street").shadow == "refit-1"
    assert list(store.papers(store.get("street@refit-1")).figures) == ["other-pictures"]
    assert not (tmp_path / "refit" / "feedback" / "pictures").exists()
