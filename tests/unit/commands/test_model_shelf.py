"""What the page is told of models: always as it is now."""

from __future__ import annotations

import hashlib
from pathlib import Path

from panops.commands.model_shelf import ModelShelf
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue
from panops.models.default import default_model
from panops.models.manifest_file import dump_manifest
from panops.models.promotion import promote, shadow
from panops.models.store import ModelStore


def put(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(version.encode())
    digest = hashlib.sha256(version.encode()).hexdigest()
    source = ModelSource(SourceKind.BUILTIN, "street")
    manifest = ModelManifest("street", "detection", "yolox", version, "MIT", source, "net.onnx", digest, (64, 64), ("person",))
    (folder / "manifest.yaml").write_text(dump_manifest(manifest))
    return folder


def test_promotions_are_seen_while_the_site_runs(tmp_path: Path) -> None:
    put(tmp_path / "builtin" / "street", "1")
    store = ModelStore(tmp_path / "models", mirrors=[], catalogue=Catalogue({}, {}), builtin=tmp_path / "builtin")
    page = ModelShelf(store, default_model(store))
    street = {known.manifest.name: known for known in page.known()}["street"]
    assert (street.version, street.shadow, street.builtin, street.note) == ("1", "", True, "version 1, which comes with panops")
    assert page.default() == ("street", "Cameras use street (version 1), the detector that comes with panops: person.")
    store.add(str(put(tmp_path / "mine", "2")))
    shadow(store, "street", "2")
    assert [known.note for known in page.known() if known.shadow] == ["version 1, which comes with panops; version 2 looks on beside it"]
    promote(store, "street")
    street = {known.manifest.name: known for known in page.known()}["street"]
    assert (street.version, street.shadow, street.builtin, street.note) == ("2", "", False, "version 2")
    assert "version 2" in page.default()[1]
    (store.get("street").path).write_bytes(b"damaged")
    assert page.default()[0] == "street"  # what the cameras were given; the notice of the shard tells the damage
