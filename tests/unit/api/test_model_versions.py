"""Versions of a model over HTTP, with a real store, real network files, and the trial in a process of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from panops.api.app import create_app
from panops.api.settings import ApiSettings
from panops.commands.model_shelf import ModelShelf
from panops.domain.detections import Detections
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.agreement import CameraAgreement, Pair, save_agreement
from panops.models.catalogue import Catalogue
from panops.models.default import DefaultModel
from panops.models.disagreement import disagreement, save_disagreement
from panops.models.manifest_file import dump_manifest
from panops.models.promotion import promote, shadow
from panops.models.store import ModelStore
from panops.storage.scope import Role
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

from .conftest import PASSWORD, MakeSite, Site

pytestmark = pytest.mark.anyio
CLASSES = ("person", "car")


def add(store: ModelStore, root: Path, version: str, *, runs: bool = True) -> str:
    """A network that sees nothing; its sha256."""
    folder = root / f"export-{version}"
    folder.mkdir()
    columns = 5 + len(CLASSES) if runs else 4
    nodes = [
        Node("Mul", ["images", "zero"], ["nothing"]),
        Node("ReduceMax", ["nothing"], ["one"], {"axes": [1, 2, 3]}),
        Node("Add", ["one", "rows"], ["seen"]),
        Node("Squeeze", ["seen"], ["output"], {"axes": [1]}),
    ]
    rows = np.full((1, 1, 84, columns), sum(version.encode()) / 1e5, np.float32)
    constants = {"zero": np.zeros((1,), np.float32), "rows": rows}
    inputs, outputs = [Tensor("images", (1, 3, 64, 64))], [Tensor("output", (1, 84, columns))]
    path = write_onnx(folder / "net.onnx", nodes, inputs, outputs, constants=constants, opset=11)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    source = ModelSource(SourceKind.FILE, path.name)
    manifest = ModelManifest("net", "detection", "yolox", version, "MIT", source, path.name, digest, (64, 64), CLASSES, not_for="night")
    (folder / "manifest.yaml").write_text(dump_manifest(manifest))
    store.add(str(folder))
    return digest


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", mirrors=[], catalogue=Catalogue({}, {}), builtin=tmp_path / "builtin")


@pytest.fixture
def with_net(make_site: MakeSite, filled_database: Path, store: ModelStore, tmp_path: Path) -> Site:
    site = make_site(filled_database)
    catalogue = ModelShelf(store, DefaultModel("net", "net is used"))
    settings = ApiSettings(site.home / "evidence")
    site.app = create_app(settings, site.database, site.live, catalogue=catalogue, clock=site.clock, accounts=site.accounts)
    for version in ("1", "2"):
        add(store, tmp_path, version)
    return site


def roles(answer: dict) -> dict[str, str]:
    return {version["version"]: version["role"] for version in answer["versions"]}


async def test_a_version_comes_into_use_and_goes_back(with_net: Site) -> None:
    looking = await with_net.ask("POST", "ada", "/api/v1/models/net/shadow", json={"version": "2", "every": 4, "why": "sees more"})
    assert looking.status_code == 200, looking.text
    assert roles(looking.json()) == {"1": "active", "2": "shadow"}
    assert looking.json()["shadow_every"] == 4
    promoted = await with_net.ask("POST", "ada", "/api/v1/models/net/promote", json={})
    assert roles(promoted.json()) == {"1": "previous", "2": "active"}
    assert roles((await with_net.get("oscar", "/api/v1/models/net")).json()) == {"1": "previous", "2": "active"}
    back = (await with_net.ask("POST", "ada", "/api/v1/models/net/rollback", json={"why": "missed a van"})).json()
    assert roles(back) == {"1": "active", "2": "previous"}
    assert [(line["who"], line["what"], line["after"], line["why"]) for line in back["history"][:3]] == [
        ("ada", "rollback", "1", "missed a van"),
        ("ada", "promote", "2", ""),
        ("ada", "shadow", "2", "sees more"),
    ]
    audit = (await with_net.get("ada", "/api/v1/audit")).json()["entries"]
    assert [(entry["action"], entry["target"]) for entry in audit[:3]] == [
        ("model.rollback", "net"),
        ("model.promote", "net"),
        ("model.shadow", "net"),
    ]


async def test_a_version_that_cannot_run_is_refused_unless_forced(with_net: Site, store: ModelStore, tmp_path: Path) -> None:
    add(store, tmp_path, "3", runs=False)
    for path, body in (("promote", {"version": "3"}), ("shadow", {"version": "3"})):
        answer = await with_net.ask("POST", "ada", f"/api/v1/models/net/{path}", json=body)
        assert answer.status_code == 409, answer.text
        assert "net@3 cannot run here" in answer.json()["detail"]
    forced = await with_net.ask("POST", "ada", "/api/v1/models/net/promote", json={"version": "3", "force": True})
    assert roles(forced.json())["3"] == "active"


async def test_a_version_that_is_meant_and_cannot_run_is_refused_too(with_net: Site, store: ModelStore, tmp_path: Path) -> None:
    add(store, tmp_path, "3", runs=False)
    shadow(store, "net", "3")
    answer = await with_net.ask("POST", "ada", "/api/v1/models/net/promote", json={"version": None})
    assert answer.status_code == 409, answer.text
    assert "net@3 cannot run here" in answer.json()["detail"]
    assert store.shelf("net").active == "1"
    forced = await with_net.ask("POST", "ada", "/api/v1/models/net/promote", json={"force": True})
    assert roles(forced.json()) == {"1": "previous", "2": "", "3": "active"}


async def test_the_way_back_to_a_version_that_cannot_run_must_be_forced(with_net: Site, store: ModelStore, tmp_path: Path) -> None:
    add(store, tmp_path, "3", runs=False)
    promote(store, "net", "3")
    promote(store, "net", "1")
    answer = await with_net.ask("POST", "ada", "/api/v1/models/net/rollback", json={})
    assert answer.status_code == 409, answer.text
    assert "net@3 cannot run here" in answer.json()["detail"]
    assert store.shelf("net").active == "1"
    forced = await with_net.ask("POST", "ada", "/api/v1/models/net/rollback", json={"force": True})
    assert roles(forced.json())["3"] == "active"


async def test_what_contradicts_is_409_and_what_is_not_there_404(with_net: Site) -> None:
    async def status(path: str, body: dict) -> int:
        return (await with_net.ask("POST", "ada", f"/api/v1/models/{path}", json=body)).status_code

    assert await status("net/rollback", {}) == 409
    assert await status("net/promote", {"version": "1"}) == 409  # in use already
    assert await status("net/promote", {"version": "9"}) == 404
    assert await status("other/promote", {}) == 404
    assert await status("net/shadow", {"version": None}) == 409


async def test_a_decision_made_meanwhile_is_not_overwritten(with_net: Site) -> None:
    before = (await with_net.get("oscar", "/api/v1/models/net")).headers["etag"]
    first = await with_net.ask("POST", "ada", "/api/v1/models/net/promote", json={"version": "2"}, headers={"If-Match": before})
    assert first.status_code == 200
    late = await with_net.ask("POST", "ada", "/api/v1/models/net/rollback", json={}, headers={"If-Match": before})
    assert late.status_code == 412
    again = await with_net.ask("POST", "ada", "/api/v1/models/net/rollback", json={}, headers={"If-Match": first.headers["etag"]})
    assert roles(again.json())["1"] == "active"


async def test_the_card_of_a_version(with_net: Site) -> None:
    answer = (await with_net.get("oscar", "/api/v1/models/net/versions/2")).json()
    assert answer["card"][0] == {"kind": "heading", "level": 1, "text": "net, version 2", "title": "", "head": [], "rows": []}
    assert "It is not for night." in [block["text"] for block in answer["card"]]
    assert answer["figures"] == {}
    assert (await with_net.get("oscar", "/api/v1/models/net/versions/7")).status_code == 404


async def test_where_versions_disagree_is_shown_within_the_scope(with_net: Site, store: ModelStore) -> None:
    pair = Pair("1", "2", tuple(store.get(f"net@{version}").manifest.sha256 for version in ("1", "2")))  # type: ignore[arg-type]  # two
    seen = Detections(np.array([[0, 0, 32, 64]], np.float32), np.array([0.9], np.float32), np.array([0]))
    for camera in ("gate", "yard"):
        counted = CameraAgreement(camera)
        counted.add(1000.0, (seen, CLASSES, 0.004), (Detections.empty(), CLASSES, 0.002), 0.5)
        save_agreement(store.folder / "net", pair, counted)
        kept = disagreement(camera, 1000.0, (64, 64), (seen, CLASSES), (Detections.empty(), CLASSES), 0.5)
        assert kept is not None
        save_disagreement(store.folder / "net", pair, kept, b"\xff\xd8 a picture \xff\xd9")
    (whole,) = (await with_net.get("oscar", "/api/v1/models/net")).json()["comparisons"]
    assert (whole["active"], whole["shadow"], [one["camera_id"] for one in whole["cameras"]]) == ("1", "2", ["gate", "yard"])
    (person,) = whole["cameras"][0]["classes"]
    assert (person["class_name"], person["both"], person["only_active"], person["only_shadow"], person["agreement"]) == (
        "person",
        0,
        1,
        0,
        0,
    )
    assert (whole["cameras"][0]["active_ms"], whole["cameras"][0]["shadow_ms"]) == (4.0, 2.0)
    by_camera = {one["camera_id"]: one for one in whole["pictures"]}
    assert by_camera["gate"]["only_active"] == [{"class_name": "person", "score": 0.9, "box": [0, 0, 0.5, 1]}]
    picture = await with_net.get("oscar", by_camera["yard"]["url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")

    with_net.accounts.create_user("olga", PASSWORD, Role.OPERATOR, ["gate"])
    (part,) = (await with_net.get("olga", "/api/v1/models/net")).json()["comparisons"]
    assert [one["camera_id"] for one in [*part["cameras"], *part["pictures"]]] == ["gate", "gate"]
    assert (await with_net.get("olga", by_camera["gate"]["url"])).status_code == 200
    assert (await with_net.get("olga", by_camera["yard"]["url"])).status_code == 404


async def test_a_damaged_state_is_told_and_mended_by_a_promotion(with_net: Site, store: ModelStore) -> None:
    (store.folder / "net" / "state.json").write_text("{")
    answer = (await with_net.get("oscar", "/api/v1/models/net")).json()
    assert "is damaged" in answer["problem"]
    assert answer["active"] == ""
    mended = await with_net.ask("POST", "ada", "/api/v1/models/net/promote", json={"version": "1"})
    assert roles(mended.json()) == {"1": "active", "2": ""}
