"""Makes models with versions for tests: real files, real checksums, no network."""

from __future__ import annotations

import hashlib
from pathlib import Path

from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue
from panops.models.manifest_file import dump_manifest
from panops.models.store import ModelStore


def content(version: str) -> bytes:
    return f"weights of {version}".encode() * 50


def sha(version: str) -> str:
    return hashlib.sha256(content(version)).hexdigest()


def manifest(version: str, name: str = "net", classes: tuple[str, ...] = ("person", "car")) -> ModelManifest:
    source = ModelSource(SourceKind.FILE, "net.onnx")
    return ModelManifest(name, "detection", "yolox", version, "MIT", source, "net.onnx", sha(version), (64, 64), classes, not_for="night")


def folder_of(root: Path, version: str, name: str = "net", classes: tuple[str, ...] = ("person", "car")) -> Path:
    """What `panops export` leaves: a folder with a file and its manifest."""
    folder = root / f"export-{name}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.onnx").write_bytes(content(version))
    (folder / "manifest.yaml").write_text(dump_manifest(manifest(version, name, classes)))
    return folder


def empty_store(root: Path) -> ModelStore:
    return ModelStore(root / "models", mirrors=[], catalogue=Catalogue({}, {}), builtin=root / "builtin")


def store_with(root: Path, *versions: str) -> ModelStore:
    """A store with these versions of `net`; the first one is active."""
    store = empty_store(root)
    for version in versions:
        store.add(str(folder_of(root, version)))
    return store


def put_flat(root: Path, version: str = "1", name: str = "net") -> Path:
    """A model as older installations have it."""
    folder = root / "models" / name
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(content(version))
    (folder / "manifest.yaml").write_text(dump_manifest(manifest(version, name)))
    return folder


def put_builtin(root: Path, version: str = "1", name: str = "street") -> Path:
    """A model that comes with panops."""
    folder = root / "builtin" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.onnx").write_bytes(content(version))
    (folder / "manifest.yaml").write_text(dump_manifest(manifest(version, name)))
    return folder
