"""Models that need others: added together, opened together, closed together."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from panops.commands.model_trial import trouble_with
from panops.domain.detections import Detections
from panops.domain.device import Device
from panops.domain.errors import ConfigError, ModelNotFound, ModelUnsupported
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue, CatalogueEntry
from panops.models.checksum import sha256_of
from panops.models.manifest_file import dump_manifest, parse_manifest
from panops.models.store import ModelStore
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.open_models import OpenModels
from panops.testing.tiny_onnx import Node, Tensor, write_onnx
from panops.vision.composites import COMPOSITES, Part, need

GREY = Frame("gate", 0, 0.0, 0.0, ArrayPixels(np.full((90, 160, 3), 114, np.uint8)))


class Pair:
    """Finds one thing, and remembers who was closed."""

    classes = ("thing",)

    def __init__(self, own: Part, needed: Mapping[str, Part]) -> None:
        (self.finder,) = need(own, needed, "finder")
        self.own = own
        self.closed = 0

    def detect(self, frame: Frame) -> Detections:
        width, height = frame.size_wh
        return Detections(np.array([[0, 0, width, height]], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64))

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""

    def close(self) -> None:
        self.closed += 1
        self.own.backend.close()
        self.finder.backend.close()


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Two models of one tiny file each: `pair` needs `finder`."""
    monkeypatch.setattr(COMPOSITES, "load", lambda head: {"pair": Pair}[head])
    path = tmp_path / "mirror" / "tiny.onnx"
    path.parent.mkdir()
    write_onnx(path, [Node("Identity", ["x"], ["y"])], [Tensor("x", (1, 3, 8, 8))], [Tensor("y", (1, 3, 8, 8))])
    source = ModelSource(SourceKind.URL, "https://models.example/tiny.onnx")
    finder = ModelManifest("finder", "part", "none", "1", "MIT", source, "tiny.onnx", sha256_of(path), (8, 8), ("thing",))
    pair = replace(finder, name="pair", task="hands", head="pair", needs={"finder": "finder"})
    size = path.stat().st_size
    return Catalogue({one.name: CatalogueEntry(one, size) for one in (finder, pair)}, {})


@pytest.fixture
def store(tmp_path: Path, catalogue: Catalogue) -> ModelStore:
    return ModelStore(tmp_path / "models", [tmp_path / "mirror"], catalogue, tmp_path / "none")


@pytest.mark.parametrize("way", ["add", "ensure", "get"])
def test_what_it_needs_comes_with_it_however_it_comes(store: ModelStore, way: str) -> None:
    store.get("pair") if way == "get" else getattr(store, way)("pair", allow_network=False)
    assert store.names() == ["finder", "pair"]


def test_it_opens_with_what_it_needs_and_all_is_closed(store: ModelStore) -> None:
    store.add("pair", allow_network=False)
    detector = DetectorPool(store).get("pair")
    assert isinstance(detector, Pair)
    assert (detector.own.manifest.name, detector.finder.manifest.name) == ("pair", "finder")
    models = OpenModels(store)
    opened = models.get("pair")
    assert len(opened.detect(GREY)) == 1
    inner = opened._detector  # what became of it afterwards is the question
    models.close()
    assert isinstance(inner, Pair)
    assert inner.closed == 1


def test_without_what_it_needs_it_says_what_is_missing(store: ModelStore, tmp_path: Path) -> None:
    store.add("pair", allow_network=False)
    shutil.rmtree(store.folder / "finder")
    (tmp_path / "mirror" / "tiny.onnx").unlink()
    with pytest.raises(ModelNotFound, match="model 'finder' is not installed; get it with: panops models add finder"):
        DetectorPool(store).get("pair")


def test_once_the_part_is_back_it_works_again(store: ModelStore, tmp_path: Path) -> None:
    store.add("pair", allow_network=False)
    away = tmp_path / "away"
    shutil.move(store.folder / "finder", away)
    (tmp_path / "mirror" / "tiny.onnx").rename(tmp_path / "tiny.onnx")
    models = OpenModels(store)
    with pytest.raises(ModelNotFound):
        models.get("pair").detect(GREY)
    shutil.move(away, store.folder / "finder")
    assert len(models.get("pair").detect(GREY)) == 1
    models.close()


def test_classes_must_be_those_of_the_head(store: ModelStore) -> None:
    store.add("pair", allow_network=False)
    model = store.get("pair")
    other = replace(model, manifest=replace(model.manifest, classes=("thing", "thong")))
    assert trouble_with(other, store) == "pair: its head pair finds thing; its manifest says thing, thong"


def test_a_trial_runs_it_and_a_part_is_only_loaded(store: ModelStore) -> None:
    store.add("pair", allow_network=False)
    assert trouble_with(store.get("pair"), store) == ""
    assert trouble_with(store.get("finder"), store) == ""
    assert "needs other models" in trouble_with(store.get("pair"))


def test_a_head_that_wants_others_says_which(catalogue: Catalogue, store: ModelStore) -> None:
    store.add("pair", allow_network=False)
    model = store.get("pair")
    other = replace(model, manifest=replace(model.manifest, needs={"spotter": "finder"}))
    assert trouble_with(other, store) == "pair: its head pair needs finder; its manifest has spotter"


def test_on_a_device_it_is_refused(store: ModelStore) -> None:
    store.add("pair", allow_network=False)
    pool = DetectorPool(store)
    pool.device = Device.parse("cuda")
    with pytest.raises(ModelUnsupported, match="pair is made of several models, which run on the CPU only, not on cuda"):
        pool.open(store.get("pair"))


def test_a_part_sees_nothing_alone(store: ModelStore) -> None:
    store.add("finder", allow_network=False)
    with pytest.raises(ModelUnsupported, match="finder is a model for part; a detector needs one for"):
        DetectorPool(store).get("finder")


def test_needs_are_written_and_read_again(catalogue: Catalogue) -> None:
    manifest = catalogue.models["pair"].manifest
    assert parse_manifest(dump_manifest(manifest)) == manifest
    assert "needs" not in dump_manifest(catalogue.models["finder"].manifest)


@pytest.mark.parametrize("needs", ["{finder: ''}", "{finder: ../../etc}", "{finder: pair}", "[finder]", "{finder: 3}"])
def test_needs_are_names_of_other_models(catalogue: Catalogue, needs: str) -> None:
    text = dump_manifest(replace(catalogue.models["pair"].manifest, needs={})) + f"needs: {needs}\n"
    with pytest.raises(ConfigError, match="needs"):
        parse_manifest(text)
