from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from typer.testing import CliRunner

from panops.cli import app
from panops.commands.config_dump import site_values, without_secrets
from panops.config.load import parse_site
from panops.config.schema import CameraConfig
from panops.domain.errors import ConfigError
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.site import SiteRepository

from .test_site import FILE


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(FILE)
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_apply_says_what_it_did_and_again_that_there_is_nothing_to_do(tmp_path: Path, site_file: Path) -> None:
    home = tmp_path / "home"
    first = run("apply", site_file, "--home", home)
    assert "added    camera room" in first
    assert "the site is at revision 1" in first
    assert run("apply", site_file, "--home", home) == "nothing to change (revision 1)\n"
    report = json.loads(run("apply", site_file, "--home", home, "--json"))
    assert report == {"revision": 1, "added": [], "changed": [], "removed": [], "kept_edits": [], "replaced_edits": []}
    with Database.at(home) as database:
        assert SiteRepository(database).load() == parse_site(FILE)


def test_what_a_file_changed_is_in_the_audit_log_once(tmp_path: Path, site_file: Path) -> None:
    home = tmp_path / "home"
    for _ in range(2):
        run("apply", site_file, "--home", home)
    with Database.at(home) as database:
        (entry,) = AuditLog(database).entries().entries
    assert (entry.user, entry.action, entry.address) == ("", "site.apply", "")
    assert "camera room" in entry.detail["added"]


def test_edits_are_named_and_overwritten_only_on_request(tmp_path: Path, site_file: Path) -> None:
    home = tmp_path / "home"
    run("apply", site_file, "--home", home)
    with Database.at(home) as database:
        SiteRepository(database).put_camera("gate", CameraConfig(source=SecretStr("sim://yard")))
    assert "left     camera gate as edited on the page" in run("apply", site_file, "--home", home)
    assert "replaced camera gate, which had been edited" in run("apply", site_file, "--home", home, "--overwrite")
    assert run("apply", site_file, "--home", home) == "nothing to change (revision 3)\n"


def test_a_bad_file_changes_nothing(tmp_path: Path, site_file: Path) -> None:
    home = tmp_path / "home"
    run("apply", site_file, "--home", home)
    site_file.write_text(FILE.replace("zone: floor", "zone: flor"))
    with pytest.raises(ConfigError, match="flor"):
        run("apply", site_file, "--home", home)
    assert "nothing to change" not in run("config", "dump", "--home", home)


def test_the_dump_is_a_site_file_that_gives_the_same_site(tmp_path: Path, site_file: Path) -> None:
    home = tmp_path / "home"
    run("apply", site_file, "--home", home)
    text = run("config", "dump", "--home", home, "--secrets")
    assert parse_site(text) == parse_site(FILE)
    assert list(yaml.safe_load(text)) == ["cameras", "rules", "timezone", "evidence", "retention", "server"]
    assert json.loads(run("config", "dump", "--home", home, "--secrets", "--json")) == yaml.safe_load(text)


def test_the_dump_hides_passwords_behind_variables_that_work(tmp_path: Path, site_file: Path) -> None:
    home = tmp_path / "home"
    run("apply", site_file, "--home", home)
    text = run("config", "dump", "--home", home)
    assert "hunter2" not in text
    assert "${ROOM_PASSWORD}" in text
    assert parse_site(text, environ={"ROOM_PASSWORD": "hunter2"}) == parse_site(FILE)
    with pytest.raises(ConfigError, match="ROOM_PASSWORD is not set"):
        parse_site(text, environ={})


@pytest.mark.parametrize(
    ("source", "hidden"),
    [
        ("rtsp://user:pa%40ss@host:554/x?y=1", "rtsp://user:${GATE_1_PASSWORD}@host:554/x?y=1"),
        ("rtsp://user@host/x", "rtsp://user@host/x"),
        ("rtsp://host/x", "rtsp://host/x"),
        ("rtsp://us:er:p@w@host/x", "rtsp://us:${GATE_1_PASSWORD}@host/x"),
        ("http://host/a.cgi?user=a&pwd=b%2Fc&n=1", "http://host/a.cgi?user=a&pwd=${GATE_1_PWD}&n=1"),
        ("http://host/a@b?token=t", "http://host/a@b?token=${GATE_1_TOKEN}"),
        ("http://u:p@host?pass=p", "http://u:${GATE_1_PASSWORD}@host?pass=${GATE_1_PASS}"),
        ("/videos/a:b@c.mp4", "/videos/a:b@c.mp4"),
        ("rtsp://me:p/a@s#s@host/x", "rtsp://me:${GATE_1_PASSWORD}@host/x"),
        ("http://host/x?sig=s&credential=c&n=1", "http://host/x?sig=${GATE_1_SIG}&credential=${GATE_1_CREDENTIAL}&n=1"),
        ("rtsp://host/user=me_password=s_channel=1", "rtsp://host/user=me_password=${GATE_1_ME_PASSWORD}_channel=1"),
        ("http://u:p@host?password=q", "http://u:${GATE_1_PASSWORD}@host?password=${GATE_1_PASSWORD_2}"),
        ("my_user:secret@host/x", "my_user:${GATE_1_PASSWORD}@host/x"),
        ("sim://yard", "sim://yard"),
    ],
)
def test_addresses_without_their_secrets(source: str, hidden: str) -> None:
    assert without_secrets(source, "gate-1") == hidden


def test_a_variable_never_begins_with_a_digit() -> None:
    assert without_secrets("rtsp://a:b@c", "9gate") == "rtsp://a:${CAMERA_9GATE_PASSWORD}@c"


def test_values_begin_with_what_people_look_for() -> None:
    values = site_values(parse_site(FILE), secrets=False)
    assert next(iter(values["cameras"]["room"])) == "source"
    assert list(values["rules"][0])[:2] == ["id", "kind"]


def test_check_says_fine_or_every_problem(tmp_path: Path, site_file: Path) -> None:
    assert run("config", "check", site_file) == f"{site_file}: fine (2 cameras, 4 rules)\n"
    assert json.loads(run("config", "check", site_file, "--json"))["ok"] is True
    site_file.write_text("cameras: {a: {source: 'ftp://y'}}\nrules: [{id: r, kind: nothing}]\n")
    with pytest.raises(ConfigError, match="2 problems"):
        run("config", "check", site_file)
    found = json.loads(run("config", "check", site_file, "--json", code=2))
    assert [problem["line"] for problem in found["problems"]] == [1, 2]


def test_an_empty_site_dumps_and_applies(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run("config", "dump", "--home", home) == "{}\n"


def test_the_secret_of_a_provider_becomes_a_variable() -> None:
    oidc = "{issuer: 'https://a.example', client_id: x, client_secret: t0psecret, default_role: viewer}"
    site = parse_site(f"server: {{public_url: 'https://b.example', oidc: {oidc}}}")
    assert site_values(site, secrets=False)["server"]["oidc"]["client_secret"] == "${SERVER_OIDC_CLIENT_SECRET}"
    assert site_values(site, secrets=True)["server"]["oidc"]["client_secret"] == "t0psecret"
    assert "t0psecret" not in repr(site)


def test_secrets_of_sinks_become_variables() -> None:
    site = parse_site(
        "alerts: [{id: my-hook, kind: webhook, url: 'https://x/?key=1', headers: {X-Key: b}}, {id: phone, kind: apprise, urls: ['ntfy://t']}]"
    )
    hidden = site_values(site, secrets=False)["alerts"]
    assert hidden == [
        {"id": "my-hook", "kind": "webhook", "url": "${MY_HOOK_URL}", "headers": {"X-Key": "${MY_HOOK_HEADERS_X_KEY}"}},
        {"id": "phone", "kind": "apprise", "urls": ["${PHONE_URLS_1}"]},
    ]
    environ = {"MY_HOOK_URL": "https://x/?key=1", "MY_HOOK_HEADERS_X_KEY": "b", "PHONE_URLS_1": "ntfy://t"}
    assert parse_site(yaml.safe_dump({"alerts": hidden}), environ=environ) == site
    assert parse_site(yaml.safe_dump({"alerts": site_values(site, secrets=True)["alerts"]}), environ={}) == site
