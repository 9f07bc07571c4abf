"""The whole site as one document: what comes out goes back in, and nothing secret comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from panops.config.load import parse_site
from panops.config.schema import SiteConfig
from panops.storage.site import SiteRepository

from .conftest import SITE, MakeSite, Path, Site

pytestmark = pytest.mark.anyio
PATH = "/api/v1/site/config"
ALERTS = """
alerts:
  - {id: desk, kind: file, path: /var/log/panops.jsonl}
  - {id: hook, kind: webhook, url: "https://example.org/in?key=t0psecret", secret: sh4red, headers: {Authorization: "Bearer s3cret"},
     template: "{\\n \\"kind\\": {{ event.kind | tojson }}\\n}"}
  - {id: boss, kind: email, server: mail.example, username: me, password: p4ssword, sender: a@b.example, to: [c@d.example]}
"""
SERVER = """
server:
  public_url: https://panops.example.org
  oidc: {issuer: "https://id.example.org", client_id: panops, client_secret: 0idcS3cret, default_role: viewer}
recording:
  folder: /mnt/video
  archive: {bucket: site-films, endpoint: "https://s3.example.org", access_key: AK14s3cretname, secret_key: b0cketS3cret, days: 90}
"""
RECORDED = "rtsp://viewer:M41n!pw@camera.example/main"
SECRETS = ("S3cret!pw", "M41n!pw", "0idcS3cret", "t0psecret", "sh4red", "s3cret", "p4ssword", "AK14", "b0cketS3cret")


def stored(site: Site) -> SiteConfig:
    return SiteRepository(site.database).load()


@pytest.fixture
def told(site: Site) -> Site:
    text = SITE.replace('camera.example/gate"', f'camera.example/gate"\n    record_source: "{RECORDED}"')
    SiteRepository(site.database).apply(parse_site(text + ALERTS + SERVER, "test", {}), "file")
    return site


async def read(site: Site) -> tuple[dict[str, Any], str]:
    answer = await site.get("ada", PATH)
    assert answer.status_code == 200
    return answer.json(), answer.headers["etag"]


async def put(site: Site, body: dict[str, Any], etag: str, query: str = "") -> Any:
    return await site.ask("PUT", "ada", PATH + query, json=body, headers={"If-Match": etag})


async def test_no_secret_comes_out(told: Site) -> None:
    body, _ = await read(told)
    text = json.dumps(body)
    assert [secret for secret in SECRETS if secret in text] == []
    assert body["cameras"]["gate"]["source"] == "rtsp://viewer:***@camera.example/gate"
    assert body["cameras"]["gate"]["record_source"] == "rtsp://viewer:***@camera.example/main"
    assert body["server"]["oidc"]["client_secret"] == "***"
    assert body["recording"]["archive"]["secret_key"] == body["recording"]["archive"]["access_key"] == "***"
    assert body["recording"]["archive"]["bucket"] == "site-films"
    assert body["alerts"][1]["headers"] == {"Authorization": "***"}
    assert body["alerts"][2]["password"] == "***"
    assert body["alerts"][2]["server"] == "mail.example"


async def test_what_came_out_goes_back_in_and_changes_nothing(told: Site) -> None:
    before = stored(told)
    body, etag = await read(told)
    answer = await put(told, body, etag)
    assert answer.status_code == 200, answer.text
    assert answer.json()["added"] == answer.json()["changed"] == answer.json()["removed"] == []
    after = stored(told)
    assert {name: camera.plain() for name, camera in after.cameras.items()} == {n: c.plain() for n, c in before.cameras.items()}
    assert after.plain_settings() == before.plain_settings()
    assert after.rules == before.rules


@pytest.mark.parametrize(
    "change", [{"bucket": "elsewhere"}, {"endpoint": "https://evil.example"}, {"prefix": "x"}, {"secret_key": "new"}, {"access_key": "new"}]
)
async def test_recordings_are_sent_nowhere_else_over_the_network(told: Site, change: dict[str, str]) -> None:
    body, etag = await read(told)
    body["recording"]["archive"] |= change
    answer = await put(told, body, etag)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["recording.archive"]


async def test_limits_of_the_archive_change_and_its_keys_stay(told: Site) -> None:
    body, etag = await read(told)
    body["recording"]["archive"] |= {"days": 45, "max_mbit_s": 20}
    assert (await put(told, body, etag)).status_code == 200
    archive = stored(told).recording.archive
    assert archive is not None
    assert (archive.days, archive.secret_key.get_secret_value(), archive.access_key.get_secret_value()) == (
        45,
        "b0cketS3cret",
        "AK14s3cretname",
    )


async def test_the_server_may_be_left_out_and_stays(told: Site) -> None:
    before = stored(told)
    body, etag = await read(told)
    del body["server"]
    answer = await put(told, body, etag)
    assert answer.status_code == 200, answer.text
    assert stored(told).plain_settings() == before.plain_settings()


async def test_another_recorded_address_keeps_its_password_and_an_empty_one_is_none(told: Site) -> None:
    body, _ = await read(told)
    body["cameras"]["gate"]["record_source"] = "rtsp://viewer:***@camera.example/main/2"
    assert (await put(told, body, "*")).status_code == 200
    assert stored(told).cameras["gate"].record_source.get_secret_value() == f"{RECORDED}/2"
    body["cameras"]["gate"]["record_source"] = ""
    assert (await put(told, body, "*")).status_code == 200
    assert stored(told).cameras["gate"].record_source.get_secret_value() == ""


@pytest.mark.parametrize("field", ["source", "record_source"])
async def test_no_address_leads_where_cameras_may_not_be(make_site: MakeSite, filled_database: Path, field: str) -> None:
    site = make_site(filled_database, port=8440)
    async with site.live:
        for address in ("http://169.254.169.254/latest/", "http://127.0.0.1:8440/api/v1/events"):
            body, etag = await read(site)
            body["cameras"]["gate"][field] = address
            answer = await put(site, body, etag)
            assert answer.status_code == 422, address
            assert [error["field"] for error in answer.json()["errors"]] == [f"cameras.gate.{field}"]
    allowing = make_site(filled_database, allowed_addresses=("169.254.169.254/32",))
    async with allowing.live:
        body, etag = await read(allowing)
        body["cameras"]["gate"][field] = "http://169.254.169.254/latest/"
        assert (await put(allowing, body, etag)).status_code == 200


async def test_what_is_stored_already_is_not_looked_at_again(make_site: MakeSite, filled_database: Path) -> None:
    site = make_site(filled_database, port=8440)
    async with site.live:
        own = parse_site(SITE.replace("sim://yard", "http://169.254.169.254/yard"), "test", {})
        SiteRepository(site.database).apply(own, "file")
        body, etag = await read(site)
        assert (await put(site, body, etag)).status_code == 200


async def test_a_change_is_applied_and_noted(told: Site) -> None:
    body, etag = await read(told)
    body["cameras"]["shed"] = {"source": "sim://room"}
    body["cameras"]["gate"]["source"] = "rtsp://viewer:***@camera.example/gate/sub"
    del body["cameras"]["yard"]
    body["rules"] = [rule for rule in body["rules"] if rule["id"] != "way-in"]
    reloads = told.live.reloads
    answer = (await put(told, body, etag)).json()
    assert (answer["added"], answer["changed"], sorted(answer["removed"])) == (
        ["camera shed"],
        ["camera gate"],
        ["camera yard", "rule way-in"],
    )
    assert told.live.reloads == reloads + 1
    assert stored(told).cameras["gate"].source.get_secret_value() == "rtsp://viewer:S3cret!pw@camera.example/gate/sub"
    (entry,) = [one for one in (await told.get("ada", "/api/v1/audit")).json()["entries"] if one["action"] == "site.apply"]
    assert entry["detail"]["added"] == ["camera shed"]


async def test_a_site_that_was_changed_meanwhile_is_not_overwritten(told: Site) -> None:
    body, etag = await read(told)
    assert (await told.ask("PUT", "ada", PATH, json=body)).status_code == 428
    await told.ask("PUT", "ada", "/api/v1/cameras/shed", json={"source": "sim://room"})
    assert (await put(told, body, etag)).status_code == 412
    assert (await put(told, body, "*")).status_code == 200
    assert "shed" in stored(told).cameras  # added on the page: it stays


async def test_edits_of_the_page_stay_unless_they_are_overwritten(told: Site) -> None:
    body, etag = await read(told)
    await put(told, body, etag)
    edited = {"source": "sim://yard", "name": "Mine", "lines": {"door": {"points": [[0.5, 0], [0.5, 1]]}}}
    await told.ask("PUT", "ada", "/api/v1/cameras/yard", json=edited)
    assert (await put(told, body, "*")).json()["kept_edits"] == ["camera yard"]
    assert stored(told).cameras["yard"].name == "Mine"
    assert (await put(told, body, "*", "?overwrite=true")).json()["replaced_edits"] == ["camera yard"]
    assert stored(told).cameras["yard"].name == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda body: body["cameras"]["gate"].update(source="rtsp://viewer:***@evil.example/gate"), "cameras.gate.source"),
        (lambda body: body["cameras"].update(new={"source": "rtsp://viewer:***@camera.example/gate"}), "cameras.new.source"),
        (lambda body: body["cameras"].update(new={"source": "/etc/passwd"}), "cameras.new.source"),
        (lambda body: body["cameras"].update(new={"source": "rtsp://a:${GATE_PASSWORD}@camera.example/"}), "cameras.new.source"),
        (lambda body: body["alerts"][2].update(server="evil.example"), "alerts.2"),
        (lambda body: body["alerts"][1].update(url="https://evil.example/in"), "alerts.1"),
        (lambda body: body["alerts"].append({"id": "new", "kind": "webhook", "url": "***"}), "alerts.3.url"),
        (lambda body: body["alerts"][0].update(path="/root/.bashrc"), "alerts.0.path"),
        (lambda body: body["cameras"]["gate"].update(record_source="rtsp://viewer:***@evil.example/"), "cameras.gate.record_source"),
        (lambda body: body["cameras"]["yard"].update(record_source="rtsp://u:***@camera.example/"), "cameras.yard.record_source"),
        (lambda body: body["cameras"]["yard"].update(record_source="/etc/passwd"), "cameras.yard.record_source"),
        (lambda body: body["cameras"]["yard"].update(record_source="sim://nowhere"), "cameras.yard.record_source"),
        (lambda body: body["recording"].update(folder="/etc/cron.d"), "recording.folder"),
        (lambda body: body.pop("recording"), "recording.folder"),
        (lambda body: body.update(server={"file_roots": ["/"]}), "server"),
        (lambda body: body["server"]["oidc"].update(issuer="https://evil.example"), "server"),
        (lambda body: body["server"]["oidc"].update(client_secret="other"), "server"),
        (lambda body: body.update(modle="street"), "modle"),
        (lambda body: body["rules"][0].update(zone="nowhere"), "rules.0.zone"),
    ],
)
async def test_what_may_not_be_said_is_refused_by_its_field(told: Site, change: Any, field: str) -> None:
    body, etag = await read(told)
    before = stored(told)
    change(body)
    answer = await put(told, body, etag)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert stored(told).plain_settings() == before.plain_settings()
    assert set(stored(told).cameras) == set(before.cameras)
    assert [secret for secret in SECRETS if secret in answer.text] == []
