from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from own_wheels import CONTENT, SHA256

from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue, CatalogueEntry
from panops.models.default import default_model
from panops.models.manifest_file import dump_manifest
from panops.models.store import ModelStore

URL = ModelSource(SourceKind.URL, "https://localhost:9/net.onnx")
MANIFEST = ModelManifest("yolox_nano", "detection", "yolox", "1", "MIT", URL, "net.onnx", SHA256, (64, 64), ("person",))
CATALOGUE = Catalogue({"yolox_nano": CatalogueEntry(MANIFEST, len(CONTENT))}, {})


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", mirrors=[], catalogue=CATALOGUE, builtin=tmp_path / "builtin")


def test_without_any_model_it_is_motion(store: ModelStore) -> None:
    chosen = default_model(store)
    assert chosen.name == "motion"
    assert "get it with: panops models add yolox_nano" in chosen.note
    assert "network may not be used" in chosen.reason


def test_a_network_that_fails_is_no_error(store: ModelStore) -> None:
    chosen = default_model(store, allow_network=True)
    assert chosen.name == "motion"
    assert "cannot be reached" in chosen.reason


def test_a_mirror_gives_the_general_one(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "n").write_bytes(CONTENT)
    full = ModelStore(store.folder, mirrors=[tmp_path / "mirror"], catalogue=CATALOGUE, builtin=tmp_path / "builtin")
    assert default_model(full).name == "yolox_nano"
    assert default_model(store).name == "yolox_nano"
    assert default_model(store).reason == ""


def test_a_damaged_one_is_said(store: ModelStore, tmp_path: Path) -> None:
    test_a_mirror_gives_the_general_one(store, tmp_path)
    store.get("yolox_nano").path.write_bytes(b"other")
    chosen = default_model(store)
    assert chosen.name == "motion"
    assert "yolox_nano is damaged: get it again with: panops models add yolox_nano --replace" in chosen.note


def test_the_builtin_one_comes_first_unless_it_is_damaged(store: ModelStore, tmp_path: Path) -> None:
    folder = tmp_path / "builtin" / "street"
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(CONTENT)
    (folder / "manifest.yaml").write_text(dump_manifest(replace(MANIFEST, name="street", source=ModelSource(SourceKind.BUILTIN, "street"))))
    assert default_model(store).name == "street"
    (folder / "net.onnx").write_bytes(b"other")
    chosen = default_model(store)
    assert chosen.name == "motion"
    assert "'street'" in chosen.reason
