"""The general detector is offered once, to somebody who can answer, and never where it could not be had."""

from __future__ import annotations

import io
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from panops.commands.model_offer import offer_general
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.catalogue import Catalogue, CatalogueEntry
from panops.models.checksum import sha256_of
from panops.models.default import choose_default, chosen_default, default_model
from panops.models.manifest_file import dump_manifest
from panops.models.store import ModelStore

CONTENT = b"weights" * 20


@pytest.fixture
def served() -> Iterator[int]:
    """A port where something answers, as the catalogue's server would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def store_of(root: Path, port: int, *, builtin: bool = True, mirror: bool = True) -> ModelStore:
    (root / "mirror").mkdir()
    weights = root / "mirror" / "net.onnx"
    weights.write_bytes(CONTENT)
    source = ModelSource(SourceKind.URL, f"https://127.0.0.1:{port}/net.onnx")
    general = ModelManifest(
        "yolox_nano", "detection", "yolox", "1", "Apache-2.0", source, "net.onnx", sha256_of(weights), (64, 64), ("person",)
    )
    folder = root / "builtin" / "street"
    folder.mkdir(parents=True)
    if builtin:
        (folder / "net.onnx").write_bytes(CONTENT)
        (folder / "manifest.yaml").write_text(dump_manifest(replace(general, name="street")))
    catalogue = Catalogue({"yolox_nano": CatalogueEntry(general, len(CONTENT))}, {})
    return ModelStore(root / "models", mirrors=[root / "mirror"] if mirror else [], catalogue=catalogue, builtin=root / "builtin")


class Somebody:
    """Answers, and remembers what they were asked."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, question: str, patience_s: float) -> str:
        assert 0 < patience_s <= 60
        self.asked.append(question)
        return self.answer


def console() -> Console:
    return Console(file=io.StringIO())


@pytest.mark.parametrize(
    ("answer", "used"), [("y\n", "yolox_nano"), ("Yes", "yolox_nano"), ("", "street"), ("n", "street"), ("maybe", "street")]
)
def test_it_is_asked_once_and_the_answer_is_kept(tmp_path: Path, answer: str, used: str) -> None:
    store, somebody = store_of(tmp_path, 9), Somebody(answer)
    for _ in range(2):
        offer_general(store, console(), ask=somebody)
    assert len(somebody.asked) == 1
    assert "Fetch it and use it instead? [y/N]" in somebody.asked[0]
    assert (chosen_default(store), default_model(store).name) == (used, used)


def test_the_catalogues_server_is_looked_for(tmp_path: Path, served: int) -> None:
    somebody = Somebody("n")
    offer_general(store_of(tmp_path, served, mirror=False), console(), ask=somebody)
    assert len(somebody.asked) == 1


@pytest.mark.parametrize("case", ["no network", "offline", "no built-in detector", "it is here already", "somebody chose"])
def test_nothing_is_asked(tmp_path: Path, case: str) -> None:
    store = store_of(tmp_path, 9, builtin=case != "no built-in detector", mirror=case != "no network")
    if case == "it is here already":
        store.ensure("yolox_nano", allow_network=False)
    if case == "somebody chose":
        choose_default(store, "street")
    somebody = Somebody("y")
    offer_general(store, console(), offline=case == "offline", ask=somebody)
    assert somebody.asked == []


def test_nothing_is_asked_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    store = store_of(tmp_path, 9)
    for place in (console(), Console(file=io.StringIO(), force_terminal=True)):
        offer_general(store, place)
    assert chosen_default(store) == ""
    assert default_model(store).name == "street"


def test_a_fetch_that_fails_is_told_and_the_built_in_one_is_used(tmp_path: Path) -> None:
    store, place = store_of(tmp_path, 9), console()
    entry = store.catalogue.models["yolox_nano"]
    (tmp_path / "mirror" / "net.onnx").write_bytes(b"x" * entry.size_bytes)
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = replace(entry.manifest.source, location=f"https://127.0.0.1:{server.getsockname()[1]}/net.onnx")
        store.catalogue = Catalogue({"yolox_nano": CatalogueEntry(replace(entry.manifest, source=where), entry.size_bytes)}, {})
        threading.Thread(target=lambda: [server.accept()[0].close() for _ in range(2)], daemon=True).start()
        offer_general(store, place, ask=Somebody("y"))
    assert "yolox_nano is not used: " in place.file.getvalue()  # type: ignore[attr-defined]
    assert chosen_default(store) == ""
    assert default_model(store).name == "street"
