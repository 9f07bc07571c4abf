from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from own_wheels import CONTENT, SHA256

from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue, CatalogueEntry
from panops.models.default import choose_default, chosen_default, default_model, likely_default
from panops.models.manifest_file import dump_manifest
from panops.models.promotion import promote
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


def built_in(tmp_path: Path) -> Path:
    folder = tmp_path / "builtin" / "street"
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(CONTENT)
    (folder / "manifest.yaml").write_text(dump_manifest(replace(MANIFEST, name="street", source=ModelSource(SourceKind.BUILTIN, "street"))))
    return folder


def test_the_page_is_told_which_version_and_what_it_finds(store: ModelStore, tmp_path: Path) -> None:
    built_in(tmp_path)
    assert default_model(store).note == "Cameras use street (version 1), the detector that comes with panops: person."


def test_the_built_in_one_is_used_without_a_look_at_the_network(store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in(tmp_path)
    monkeypatch.setattr("panops.models.store.fetch", lambda *_, **__: pytest.fail("it must fetch nothing"))
    assert default_model(store, allow_network=True).name == "street"
    assert likely_default(store) == "street"


def test_what_was_chosen_is_used_while_it_can_be(store: ModelStore, tmp_path: Path) -> None:
    folder = built_in(tmp_path)
    test_a_mirror_gives_the_general_one_installed(store, tmp_path)
    assert default_model(store).name == "street"
    choose_default(store, "yolox_nano")
    assert default_model(store).note == "Cameras use yolox_nano (version 1), a general detector, as was chosen at the first start: person."
    assert likely_default(store) == "yolox_nano"
    (store.get("yolox_nano").path).write_bytes(b"other")
    chosen = default_model(store)
    assert chosen.name == "street"
    assert "yolox_nano, which was chosen, cannot be used" in chosen.note
    (folder / "net.onnx").write_bytes(b"other")
    assert default_model(store).name == "motion"


def test_a_mirror_gives_the_general_one_installed(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir(exist_ok=True)
    (tmp_path / "mirror" / "n").write_bytes(CONTENT)
    full = ModelStore(store.folder, mirrors=[tmp_path / "mirror"], catalogue=CATALOGUE, builtin=tmp_path / "builtin")
    assert full.ensure("yolox_nano", allow_network=False).version == "1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": 3}', '{"model": "../x"}'])
def test_a_damaged_choice_is_none(store: ModelStore, tmp_path: Path, text: str) -> None:
    built_in(tmp_path)
    store.folder.mkdir()
    (store.folder / "default.json").write_text(text)
    assert chosen_default(store) == ""
    assert default_model(store).name == "street"


def test_a_version_of_ones_own_of_the_built_in_one(store: ModelStore, tmp_path: Path) -> None:
    built_in(tmp_path)
    (tmp_path / "mine.onnx").write_bytes(CONTENT)
    store.add(str(tmp_path / "mine.onnx"), manifest=replace(MANIFEST, name="street", version="2"))
    assert "(version 1), the detector that comes" in default_model(store).note
    promote(store, "street", "2")
    assert "(version 2), a version of your own of the detector that comes with panops" in default_model(store).note
