"""`panops train classifier`: from tiny pictures to measured files, stopped and gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch
import yaml
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import ConfigError, ModelNotFound, ModelUnsupported, PanopsError, SourceUnsupported
from panops.models.manifest_file import read_manifest
from panops.models.provenance import read_provenance
from panops.training.checkpoint import read_checkpoint
from panops.training.classifier_pictures import EpochBatches, PictureShelf, augmented
from panops.training.classifier_recipe import (
    ClassAugmentConfig,
    ClassifierRecipe,
    PicturesConfig,
    cosine,
    differences,
    portable_recipe,
    read_classifier_recipe,
    write_classifier_recipe,
)
from panops.training.classifier_session import ClassifierPictures, ClassifierWatcher, read_pictures, run_classifier_training
from panops.training.classifier_trainer import load_classifier

from .class_folder import NAMES, write_classes

RUN = CliRunner()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    write_classes(folder / "train", 14)
    write_classes(folder / "val", 6, seed=1)
    return folder


def tiny(data: Path, **values: object) -> ClassifierRecipe:
    given = {
        "name": "shapes",
        "classes": list(NAMES),
        "data": {"train": data / "train", "val": data / "val"},
        "input_px": 32,
        "width": 0.1,
        "unfreeze": 0,
        "epochs": 2,
        "batch": 8,
        "head": {"copies": 2, "epochs": 3},
        **values,
    }
    return ClassifierRecipe.model_validate(given)


class Watched(ClassifierWatcher):
    """Notes what it is told, and asks for a stop after so many steps."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.steps: list[int] = []
        self.held: list[float] = []
        self.pictures: ClassifierPictures | None = None
        self._stop_after = stop_after

    def prepared(self, pictures: ClassifierPictures) -> None:
        self.pictures = pictures

    def stepped(self, step: int, steps: int, figures: Mapping[str, float]) -> None:
        self.steps.append(step)

    def measured(self, figures: Mapping[str, float]) -> None:
        self.held.append(figures["accuracy"])

    def stop(self) -> bool:
        return len(self.steps) >= self._stop_after


def test_a_stopped_training_goes_on_as_if_it_had_never_stopped(tmp_path: Path, data: Path) -> None:
    recipe = tiny(data, augment={"mix_up": 0.4, "flip": 0.5})
    whole = run_classifier_training(recipe, tmp_path / "whole", 1)
    assert whole.finished
    first = run_classifier_training(recipe, tmp_path / "parts", 1, Watched(3))
    assert not first.finished
    assert first.progress.step == 3
    second = run_classifier_training(recipe, tmp_path / "parts", 1)
    assert (second.finished, second.resumed_at) == (True, 3)
    one, other = (read_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "parts"))
    assert all(torch.equal(value, other["ema"][name]) for name, value in one["ema"].items())
    assert {key: value for key, value in asdict(whole.progress).items() if "seconds" not in key} == {
        key: value for key, value in asdict(second.progress).items() if "seconds" not in key
    }
    again = run_classifier_training(recipe, tmp_path / "parts", 1)
    assert again.finished
    assert again.resumed_at == again.progress.steps
    with pytest.raises(ModelUnsupported, match="seed is 1, was 0"):
        run_classifier_training(tiny(data, augment={"mix_up": 0.4, "flip": 0.5}, seed=1), tmp_path / "parts", 1)
    assert "<svg" in (tmp_path / "parts" / "report.html").read_text()


def test_a_stop_before_the_head_is_trained_leaves_nothing(tmp_path: Path, data: Path) -> None:
    ended = run_classifier_training(tiny(data), tmp_path / "run", 1, Watched(0))
    assert not ended.finished
    assert not ended.progress.headed
    assert not (tmp_path / "run" / "last.pt").exists()


def test_the_head_alone_and_a_start_from_a_checkpoint(tmp_path: Path, data: Path) -> None:
    watched = Watched()
    ended = run_classifier_training(tiny(data, epochs=0), tmp_path / "head", 1, watched)
    assert ended.finished
    assert watched.steps == []
    assert len(watched.held) == 1
    further = tiny(data, start=tmp_path / "head" / "best.pt", unfreeze=17, epochs=1)
    ended = run_classifier_training(further, tmp_path / "further", 1)
    assert ended.finished
    first, _ = load_classifier(tmp_path / "head" / "best.pt")
    last, _ = load_classifier(tmp_path / "further" / "best.pt")
    assert torch.equal(first.parts[3].units[0].conv.weight, last.parts[3].units[0].conv.weight)
    with pytest.raises(ModelUnsupported, match=r"width 0\.2"):
        run_classifier_training(tiny(data, start=tmp_path / "head" / "best.pt", width=0.2), tmp_path / "wider", 1)


def test_the_parts_share_no_picture(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    shutil.copyfile(folder / "val" / "bar" / "0.png", folder / "train" / "bar" / "copy.png")
    pictures = read_pictures(tiny(folder))
    parts = [{picture.sha256 for picture in part.pictures} for part in (pictures.learn, pictures.held, pictures.val)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    assert [problem.kind for problem in pictures.problems] == ["duplicate_picture"]
    alone = read_pictures(tiny(folder).model_copy(update={"data": PicturesConfig(train=folder / "train")}))
    assert alone.val.counts() == {"bar": 3, "disc": 3, "ring": 3}
    assert "20%" in alone.how
    shutil.rmtree(folder / "train" / "disc")
    with pytest.raises(PanopsError, match="pictures of disc to learn from"):
        read_pictures(tiny(folder))


def test_augmentation_is_repeatable_and_keeps_the_middle(data: Path) -> None:
    recipe = tiny(data)
    shelf = PictureShelf(read_pictures(recipe).learn, 32)
    first, second = (next(EpochBatches(shelf, recipe.augment, 8, 0, 1).from_batch(0)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert first[0].shape == (8, 3, 32, 32)
    other = next(EpochBatches(shelf, recipe.augment, 8, 0, 2).from_batch(0))
    assert not torch.equal(first[0], other[0])
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, :10] = 255
    still = ClassAugmentConfig(rotation_deg=0, zoom=(1, 1), shift=0, colour=0, erase=0, blur=0)
    plain = augmented(image, 40, still, np.random.default_rng(0))
    assert plain[20, 5, 0] == 255
    assert plain[20, 35, 0] == 0
    mirrored = augmented(image, 40, still.model_copy(update={"flip": 1.0}), np.random.default_rng(0))
    assert np.abs(mirrored.astype(int) - plain[:, ::-1]).max() <= 1


def test_a_recipe_reads_back_and_names_its_mistakes(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny(data, start=data / "start.tflite")
    write_classifier_recipe(recipe, tmp_path / "recipe.yaml")
    assert read_classifier_recipe(tmp_path / "recipe.yaml") == recipe
    (tmp_path / "own.yaml").write_text("name: x\nclasses: [a, b]\ndata: {train: '${PICTURES}/a'}\nstart: b.pt\n")
    with pytest.raises(ConfigError, match="environment variable PICTURES"):
        read_classifier_recipe(tmp_path / "own.yaml")
    monkeypatch.setenv("PICTURES", str(data))
    own = read_classifier_recipe(tmp_path / "own.yaml")
    assert (own.data.train, own.start) == (data / "a", tmp_path / "b.pt")
    assert differences(recipe, recipe.model_dump(mode="json")) == []
    assert differences(recipe, {"name": "x"}) == ["it was made by another version of panops"]
    told = yaml.safe_load(portable_recipe(recipe))
    assert told["start"] == "start.tflite"
    assert not str(told["data"]["train"]).startswith("/")
    (tmp_path / "bad.yaml").write_text("kind: classifier\nname: x\nclasses: [a]\ndata: {train: d}\ninput_px: 50\nwrong: 1\n")
    with pytest.raises(ConfigError) as caught:
        read_classifier_recipe(tmp_path / "bad.yaml")
    text = str(caught.value)
    assert "line 3: classes" in text
    assert "line 5: input_px: expected a multiple of 32" in text
    assert "line 6: wrong: no such setting" in text
    assert cosine(0) < 0.3
    assert cosine(0.06) > 0.9
    assert cosine(1) == pytest.approx(0.01)


def trained(data: Path, out: Path, *more: str) -> list[str]:
    fast = ["--start", "none", "--size", "32", "--epochs", "1", "--threads", "1"]
    return ["train", "classifier", "--data", str(data), "--out", str(out), *fast, *more]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, data: Path) -> tuple[Path, dict[str, object]]:
    """A whole training with its files, at half the width so that it takes seconds."""
    folder = tmp_path_factory.mktemp("ended")
    recipe = tiny(data, width=0.25, epochs=1)
    write_classifier_recipe(recipe, folder / "given.yaml")
    line = ["train", "classifier", str(folder / "given.yaml"), "--out", str(folder / "run"), "--threads", "1", "--max-loss", "100"]
    home = ["--home", str(folder / "home"), "--install", "--json", "--licence", "MIT", "--credit", "nobody"]
    done = RUN.invoke(app, [*line, *home], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])


def test_the_end_is_measured_files_in_the_store(ended: tuple[Path, dict[str, object]]) -> None:
    folder, told = ended
    assert told["finished"]
    assert told["installed"] == "shapes@1"
    assert told["pictures"] == {"learnt": 36, "held_back": 6, "measured_on": 18}
    float_row, int8_row = told["files"]  # type: ignore[misc]  # JSON
    assert (float_row["what"], int8_row["what"]) == ("float", "8 bits")
    assert int8_row["mb"] < float_row["mb"] / 2
    manifest = read_manifest(folder / "run" / "model-int8" / "manifest.yaml")
    assert (manifest.task, manifest.head, manifest.classes, manifest.licence) == ("classification", "softmax", NAMES, "MIT")
    assert manifest.preprocessing["dtype"] == "uint8"
    assert manifest.accuracy == {"val accuracy": round(int8_row["accuracy"], 4)}
    papers = read_provenance(folder / "run" / "model-int8")
    assert papers.export["int8"]["gate"]["passed"]
    assert papers.data[0].pictures == 42
    assert papers.figures["val"]["evaluation"] == "classification"
    assert "kind: classifier" in papers.recipe
    line = ["models", "add", str(folder / "run" / "model"), "--as", "further", "--home", str(folder / "home")]
    assert RUN.invoke(app, line, catch_exceptions=False).exit_code == 0
    card = RUN.invoke(app, ["models", "card", "shapes", "--home", str(folder / "home")], catch_exceptions=False).output
    assert "How well it tells things apart" in card
    assert "What 8 bits cost" in card


def test_given_again_it_makes_nothing_anew(ended: tuple[Path, dict[str, object]]) -> None:
    folder, _ = ended
    file = folder / "run" / "model" / "shapes.onnx"
    before = file.stat().st_mtime_ns
    line = ["train", "classifier", str(folder / "run" / "recipe.yaml"), "--out", str(folder / "run"), "--threads", "1", "--max-loss", "100"]
    done = RUN.invoke(app, [*line, "--licence", "MIT", "--credit", "nobody"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "nothing was made anew" in done.output
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("where", ["name", "folder"])
def test_evaluate_classifier(ended: tuple[Path, dict[str, object]], data: Path, tmp_path: Path, where: str) -> None:
    folder, told = ended
    model = "shapes" if where == "name" else str(folder / "run" / "model")
    line = ["evaluate", "classifier", model, "--data", str(data), "--home", str(folder / "home")]
    done = RUN.invoke(app, [*line, "--json", str(tmp_path / "out.json"), "--plot", str(tmp_path / "out.png")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "calibration error" in done.output
    record = json.loads((tmp_path / "out.json").read_text())
    row = record["models"][0]
    wanted = told["files"][1 if where == "name" else 0]["accuracy"]  # type: ignore[index]  # JSON
    assert row["overall"]["accuracy"] == pytest.approx(wanted, abs=1e-4)
    assert np.sum(row["confusion"]) == row["overall"]["pictures"] == 18
    assert cv2.imread(str(tmp_path / "out.png")).shape[0] > 100
    RUN.invoke(app, [*line, "--plot", str(tmp_path / "out.svg")], catch_exceptions=False)
    assert (tmp_path / "out.svg").read_text().startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert RUN.invoke(app, [*line, "--plot", str(tmp_path / "out.gif")]).exit_code == 2
    if where == "name":
        line = ["models", "figures", "shapes@1", str(tmp_path / "out.json"), "--home", str(folder / "home")]
        assert RUN.invoke(app, line, catch_exceptions=False).exit_code == 0


def test_pictures_of_other_classes_are_refused(ended: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    folder, _ = ended
    write_classes(tmp_path, 2, names=("bar", "disc", "fist"))
    with pytest.raises(ModelUnsupported, match="does not have the classes fist"):
        RUN.invoke(app, ["evaluate", "classifier", str(folder / "run" / "model"), "--data", str(tmp_path)], catch_exceptions=False)


@pytest.mark.parametrize(("form", "suffix"), [("tflite", ".tflite"), ("openvino", ".xml"), ("pt2", ".pt2"), ("coreml", ".mlpackage")])
def test_export_for_other_places(ended: tuple[Path, dict[str, object]], data: Path, tmp_path: Path, form: str, suffix: str) -> None:
    pytest.importorskip({"tflite": "ai_edge_litert", "coreml": "coremltools"}.get(form, "openvino"))
    folder, _ = ended
    line = ["export", str(folder / "run" / "best.pt"), "--format", form, "--data", str(data), "--out", str(tmp_path / "out"), "--json"]
    done = RUN.invoke(app, line, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert Path(report["path"]).suffix == suffix
    assert all(found["same_answer"] == found["pictures"] for found in report["compared"].values())
    labels = tmp_path / "out" / "labels.txt"
    assert labels.is_file() == (form in ("tflite", "coreml"))
    assert not labels.is_file() or labels.read_text().split() == list(NAMES)
    assert read_provenance(tmp_path / "out").data[0].pictures == 42


def test_export_of_the_onnx_files(ended: tuple[Path, dict[str, object]], data: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    folder, _ = ended
    same = ["export", str(folder / "run" / "model-int8"), "--format", "tflite", "--data", str(data), "--out", str(tmp_path / "lite")]
    done = RUN.invoke(app, same, catch_exceptions=False)
    assert done.exit_code == 0
    assert "int8" in done.output
    line = [
        "export",
        str(folder / "run" / "model"),
        "--format",
        "int8",
        "--data",
        str(data),
        "--calibration",
        str(data),
        "--max-loss",
        "100",
    ]
    assert "became wrong" in RUN.invoke(app, [*line, "--out", str(tmp_path / "int8")], catch_exceptions=False).output
    with pytest.raises(ModelUnsupported, match="with --data"):
        RUN.invoke(
            app, ["export", str(folder / "run" / "model"), "--format", "int8", "--out", str(tmp_path / "none")], catch_exceptions=False
        )


def test_what_people_get_wrong(tmp_path: Path, data: Path) -> None:
    assert RUN.invoke(app, ["train", "classifier"]).exit_code == 2
    assert RUN.invoke(app, ["train", "classifier", "recipe.yaml", "--data", str(data)]).exit_code == 2
    assert RUN.invoke(app, trained(data, tmp_path / "odd", "--size", "50")).exit_code == 2
    with pytest.raises(ConfigError, match="name: expected a name of small letters"):
        RUN.invoke(app, trained(data, tmp_path / "odd", "--name", "My Signs"), catch_exceptions=False)
    with pytest.raises(SourceUnsupported, match="expected a folder with a folder for each class"):
        RUN.invoke(app, trained(tmp_path / "nowhere", tmp_path / "out"), catch_exceptions=False)
    with pytest.raises(ModelNotFound, match="no such file"):
        RUN.invoke(app, trained(data, tmp_path / "out", "--start", "gone.tflite"), catch_exceptions=False)
    with pytest.raises(ModelNotFound, match="--start FILE"):
        RUN.invoke(app, trained(data, tmp_path / "out", "--start", "gone", "--home", str(tmp_path)), catch_exceptions=False)
    helped = RUN.invoke(app, ["train", "classifier", "--help"]).output
    assert "a folder of pictures for each class" in helped
    assert "train classifier" in RUN.invoke(app, ["train", "--help"]).output


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_sign_digits(tmp_path: Path, shared_data: Path) -> None:
    """The worked example of docs/training.md, which takes minutes: .97 of the validation pictures, 8 bits within a point."""
    start = shared_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    line = ["train", "classifier", "--data", str(shared_data / "train" / "gestures"), "--start", str(start), "--json"]
    done = RUN.invoke(app, [*line, "--out", str(tmp_path / "signs"), "--epochs", "6"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])
    float_row, int8_row = told["files"]
    assert float_row["accuracy"] >= 0.97
    assert int8_row["accuracy"] >= float_row["accuracy"] - 0.01
