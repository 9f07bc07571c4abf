from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from panops.pipeline.live import CameraState

from .conftest import MakeSite, Site

pytestmark = pytest.mark.anyio

SECRETS = ("S3cret", "t0psecret")
ZONE = {"polygon": [[0, 0], [1, 0], [1, 1]]}


async def put(site: Site, camera_id: str, body: object, **headers: str) -> httpx.Response:
    return await site.ask("PUT", "ada", f"/api/v1/cameras/{camera_id}", json=body, headers=headers)


def stored_source(site: Site, camera_id: str) -> str:
    return site.services.sites.load().cameras[camera_id].source.get_secret_value()


async def test_a_camera_is_its_settings_joined_with_its_state(site: Site) -> None:
    site.live.set_state("yard", CameraState.UNREACHABLE, "nothing answers")
    cameras = {camera["id"]: camera for camera in (await site.get("vera", "/api/v1/cameras")).json()["cameras"]}
    gate, yard, dock = cameras["gate"], cameras["yard"], cameras["dock"]
    assert (gate["name"], gate["state"], gate["codec"], gate["size_wh"]) == ("North gate", "live", "h264", [1280, 720])
    assert (gate["rules"], list(gate["zones"]), gate["check_fps"]) == (["night"], ["floor"], 5.0)
    assert (yard["name"], yard["state"], yard["message"], list(yard["lines"])) == ("yard", "unreachable", "nothing answers", ["door"])
    assert (dock["state"], dock["enabled"]) == ("disabled", False)
    assert gate["address"] == "rtsp://viewer:***@camera.example/gate"
    assert dock["address"] == "http://camera.example/snap?user=me&pwd=***"


async def test_what_the_running_site_does_not_know_yet_is_starting(site: Site) -> None:
    site.services.sites.put_camera("new", site.services.sites.load().cameras["yard"])  # as another process would
    assert (await site.get("vera", "/api/v1/cameras/new")).json()["state"] == "starting"


@pytest.mark.parametrize("who", ["greta", "vera", "oscar", "ada"])
async def test_no_answer_ever_holds_a_password(site: Site, who: str) -> None:
    texts = [
        (await site.get(who, path)).text for path in ("/api/v1/cameras", "/api/v1/cameras/gate", "/api/v1/cameras/dock", "/api/v1/audit")
    ]
    texts.append((await put(site, "gate", {"source": "", "check_fps": -1, "zones": {"x": {}}})).text)
    texts.append((await put(site, "gate", {"source": "gopher://me:S3cret@camera.example"})).text)
    texts.append((await put(site, "gate", {"source": ["S3cret"]})).text)
    for text in texts:
        assert not any(secret in text for secret in SECRETS)


async def test_only_administrators_see_the_settings_as_a_whole(site: Site) -> None:
    assert (await site.get("oscar", "/api/v1/cameras/gate")).json()["config"] is None
    config = (await site.get("ada", "/api/v1/cameras/gate")).json()["config"]
    assert config["source"] == "rtsp://viewer:***@camera.example/gate"
    assert config["zones"] == {"floor": {"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}}


@pytest.mark.parametrize("camera_id", ["gate", "dock"])
async def test_what_the_page_read_can_be_sent_back_and_keeps_the_password(site: Site, camera_id: str) -> None:
    before = stored_source(site, camera_id)
    config = (await site.get("ada", f"/api/v1/cameras/{camera_id}")).json()["config"]
    answer = await put(site, camera_id, {**config, "name": "Renamed"})
    assert (answer.status_code, answer.json()["name"]) == (200, "Renamed")
    assert stored_source(site, camera_id) == before
    without = {key: value for key, value in config.items() if key != "source"}
    assert (await put(site, camera_id, without)).status_code == 200
    assert stored_source(site, camera_id) == before


async def test_a_masked_password_goes_to_no_other_host(site: Site) -> None:
    answer = await put(site, "gate", {"source": "rtsp://viewer:***@evil.example/gate", "zones": {"floor": ZONE}})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["source"]
    assert "evil.example" not in stored_source(site, "gate")


async def test_cameras_are_added_changed_and_removed(site: Site) -> None:
    made = await put(site, "new", {"source": "sim://room", "name": "New"})
    assert made.status_code == 201
    assert (await site.get("vera", "/api/v1/cameras/new")).json()["state"] == "live"
    changed = await put(site, "new", {"source": "sim://room", "name": "Newer"})
    assert (changed.status_code, changed.json()["name"]) == (200, "Newer")
    assert changed.headers["etag"] != made.headers["etag"]
    same = await put(site, "new", {"source": "sim://room", "name": "Newer"})
    assert same.headers["etag"] == changed.headers["etag"]
    assert (await site.ask("DELETE", "ada", "/api/v1/cameras/new")).status_code == 204
    assert (await site.get("vera", "/api/v1/cameras/new")).status_code == 404
    assert site.live.reloads == 5


async def test_two_people_editing_do_not_overwrite_each_other(site: Site) -> None:
    etag = (await site.get("ada", "/api/v1/cameras/yard")).headers["etag"]
    body = {"lines": {"door": {"points": [[0.5, 0], [0.5, 1]]}}}
    assert (await put(site, "yard", {**body, "name": "first"}, **{"If-Match": etag})).status_code == 200
    assert (await put(site, "yard", {**body, "name": "second"}, **{"If-Match": etag})).status_code == 412
    assert (await put(site, "none", {"source": "sim://yard"}, **{"If-Match": "*"})).status_code == 412
    assert (await put(site, "yard", body, **{"If-None-Match": "*"})).status_code == 412
    assert (await site.ask("DELETE", "ada", "/api/v1/cameras/yard", headers={"If-Match": etag})).status_code == 412
    assert (await site.get("vera", "/api/v1/cameras/yard")).json()["name"] == "first"


async def test_every_fault_is_named_at_once(site: Site) -> None:
    body = {
        "source": "/etc/passwd",
        "check_fps": 0,
        "min_score": 2,
        "zones": {"a": {"polygon": [[0, 0], [1, 1]]}, "b c": ZONE},
        "lines": {"l": {"points": [[0, 0], [2, 0]]}},
        "colour": "red",
    }
    answer = await put(site, "new", body)
    assert answer.status_code == 422
    fields = {error["field"] for error in answer.json()["errors"]}
    assert {"source", "check_fps", "min_score", "zones.a.polygon", "lines.l.points.1.0", "colour"} <= fields
    assert any(field.startswith("zones.b c") for field in fields)
    assert (await site.get("ada", "/api/v1/cameras/new")).status_code == 404
    assert site.live.reloads == 1


@pytest.mark.parametrize(
    "body", ['{"source": NaN}', '{"source": "sim://x", "zones": {"a": {"polygon": [[NaN, 0], [1, 0], [1, 1]]}}}', "[]", '"x"', "null", "{"]
)
async def test_bodies_that_are_no_camera(site: Site, body: str) -> None:
    answer = await site.ask("PUT", "ada", "/api/v1/cameras/new", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert json.loads(answer.text)["errors"]


@pytest.mark.parametrize("camera_id", ["a b", "-x", "%2e%2e", "x" * 64, "ü"])
async def test_ids_that_cannot_be(site: Site, camera_id: str) -> None:
    assert (await put(site, camera_id, {"source": "sim://yard"})).status_code == 422


async def test_a_zone_that_a_rule_needs_cannot_go(site: Site) -> None:
    answer = await put(site, "gate", {"zones": {}})
    assert answer.status_code == 422
    assert "floor" in answer.text


async def test_rules_of_a_removed_camera_go_with_it_and_never_grow_to_all(site: Site) -> None:
    await site.ask("DELETE", "ada", "/api/v1/cameras/gate")
    assert [rule["id"] for rule in (await site.get("vera", "/api/v1/rules")).json()["rules"]] == ["way-in"]
    entry = site.services.audit.entries().entries[0]
    assert (entry.action, entry.target, entry.detail) == ("camera.delete", "gate", {"rules": ["night"]})


async def test_files_only_from_the_allowed_folders(make_site: MakeSite, filled_database: Path, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    site = make_site(filled_database, allowed_file_roots=(clips,))
    assert (await put(site, "new", {"source": f"{clips}/a.mp4", "loop": True})).status_code == 201
    for source in ("/etc/passwd", "device:/dev/video0", f"file:{clips}/../a.mp4"):
        answer = await put(site, "new", {"source": source})
        assert answer.status_code == 422
        assert str(clips) in answer.json()["errors"][0]["message"]
        tried = await site.ask("POST", "ada", "/api/v1/cameras/test", json={"source": source})
        assert tried.status_code == 422


async def test_a_file_from_the_site_file_can_still_be_edited(make_site: MakeSite, filled_database: Path) -> None:
    site = make_site(filled_database)
    yard = site.services.sites.load().cameras["yard"]
    site.services.sites.put_camera("film", yard.model_validate({"source": "/films/a.mp4"}))
    assert (await put(site, "film", {"source": "/films/a.mp4", "name": "Film"})).status_code == 200
    assert (await put(site, "film", {"source": "/films/b.mp4"})).status_code == 422


async def test_a_connection_test_says_what_works_and_shows_a_picture(site: Site) -> None:
    answer: dict[str, Any] = (
        await site.ask("POST", "ada", "/api/v1/cameras/test", json={"source": "rtsp://u:t0psecret@cam.example/x"})
    ).json()
    assert (answer["ok"], answer["state"], answer["codec"], answer["size_wh"]) == (True, "live", "h264", [1280, 720])
    assert base64.b64decode(answer["picture"]).startswith(b"\xff\xd8")
    wrong = (await site.ask("POST", "ada", "/api/v1/cameras/test", json={"source": "rtsp://unauthorized.example"})).json()
    assert (wrong["ok"], wrong["state"], wrong["picture"]) == (False, "unauthorized", "")
    assert "t0psecret" not in str(site.services.audit.entries().entries)


async def test_a_connection_test_may_use_the_stored_password(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    probe = site.live.probe

    async def noting(camera: Any) -> Any:
        tried.append(camera.source.get_secret_value())
        return await probe(camera)

    monkeypatch.setattr(site.live, "probe", noting)
    for source in ("", "rtsp://viewer:***@camera.example/gate", "rtsp://viewer:***@camera.example/sub"):
        answer = await site.ask("POST", "ada", "/api/v1/cameras/test", json={"source": source, "camera_id": "gate"})
        assert answer.status_code == 200
    assert tried == ["rtsp://viewer:S3cret!pw@camera.example/gate"] * 2 + ["rtsp://viewer:S3cret!pw@camera.example/sub"]
    for body in (
        {"source": ""},
        {"source": "rtsp://viewer:***@camera.example/gate"},
        {"source": "rtsp://viewer:***@evil.example/", "camera_id": "gate"},
    ):
        assert (await site.ask("POST", "ada", "/api/v1/cameras/test", json=body)).status_code == 422
    assert len(tried) == 3


async def test_connection_tests_are_bounded(site: Site) -> None:
    for _ in range(4):
        await site.services.probes.acquire()
    answer = await site.ask("POST", "ada", "/api/v1/cameras/test", json={"source": "sim://yard"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")


async def test_the_picture_of_a_camera(site: Site) -> None:
    sizes = {size: len((await site.get("vera", f"/api/v1/cameras/gate/snapshot.jpg?size={size}")).content) for size in "sml"}
    assert sizes["s"] < sizes["m"] < sizes["l"]
    answer = await site.get("vera", "/api/v1/cameras/gate/snapshot.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "no-store" in answer.headers["cache-control"]
    assert answer.content.startswith(b"\xff\xd8")
    assert (await site.get("vera", "/api/v1/cameras/gate/snapshot.jpg?size=xl")).status_code == 422
    site.live.set_state("gate", CameraState.UNREACHABLE, "nothing answers")
    none = await site.get("vera", "/api/v1/cameras/gate/snapshot.jpg")
    assert none.status_code == 503
    assert "nothing answers" in none.json()["detail"]


async def test_a_camera_that_records_another_address_can_be_tested(site: Site) -> None:
    stored = site.services.view.current().cameras["dock"]
    recorded = SecretStr("rtsp://viewer:M41n***pw@camera.example/main")
    site.services.sites.put_camera("dock", stored.model_copy(update={"record_source": recorded}))
    answer = await site.ask("POST", "ada", "/api/v1/cameras/test", json={"camera_id": "dock", "source": ""})
    assert answer.status_code == 200, answer.text
