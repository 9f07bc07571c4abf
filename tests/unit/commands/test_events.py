"""`panops events`, and the commands that also ask a running panops, against a real server."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.commands.events_filter import moment
from panops.domain.errors import PanopsError
from panops.storage.scope import Role, Scope
from tests.unit.api.conftest import empty_database, filled_database  # noqa: F401 - fixtures
from tests.unit.api.served_site import Served, serve_in_thread
from tests.unit.api.test_app import store_event

Run = Callable[..., str]


@pytest.fixture
def served(tmp_path: Path, filled_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:  # noqa: F811 - the fixture
    with serve_in_thread(tmp_path / "home", filled_database) as served:
        monkeypatch.setenv("PANOPS_URL", served.address)
        monkeypatch.setenv("PANOPS_TOKEN", served.tokens[Role.ADMIN])
        monkeypatch.setenv("COLUMNS", "160")
        store_event(served.site, "gate-1-1", "gate", 1000.0)
        store_event(served.site, "yard-1-1", "yard", 2000.0)
        yield served


def run(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_events_are_listed(served: Served) -> None:
    yard, gate = run("events", "list").splitlines()
    assert yard == "1970-01-01 00:33:20 alarm   yard intrusion person floor 2 s, new yard-1-1"
    assert gate.endswith("gate-1-1")
    assert run("events", "list", "--since", "1970-01-01T00:30").split()[-1] == "yard-1-1"
    (line,) = run("events", "list", "--camera", "gate", "--json").splitlines()
    assert json.loads(line)["event_id"] == "gate-1-1"


def test_events_are_followed(served: Served) -> None:
    lines = run("events", "stream", "--last-id", "1", "--count", "2", "--json").splitlines()
    assert [json.loads(line)["event"]["event_id"] for line in lines] == ["gate-1-1", "yard-1-1"]


def test_events_are_exported(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "proof.zip"
    assert run("events", "export", out, "gate-1-1", "gone").startswith("1 events, 2 files in ")
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["gate-1-1/event.json", "gate-1-1/snapshot.jpg", "manifest.json"]
    assert len(json.loads(run("events", "export", out, "--status", "new", "--json"))["files"]) == 4
    run("events", "export", out, code=2)
    with pytest.raises(PanopsError, match="no event fits"):
        run("events", "export", out, "--camera", "dock")


def test_a_token_is_needed_and_may_be_in_a_file(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANOPS_TOKEN")
    with pytest.raises(PanopsError, match="expected a token"):
        run("events", "list")
    (tmp_path / "token").write_text(f"{served.tokens[Role.VIEWER]}\n")
    assert "gate-1-1" in run("events", "list", "--token-file", tmp_path / "token")


def test_a_site_file_is_applied_to_a_running_panops(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHED_PASSWORD", "p4ss word")
    file = tmp_path / "site.yaml"
    file.write_text('cameras: {shed: {source: "rtsp://me:${SHED_PASSWORD}@camera.example/live"}}\nrules: [{id: shed, kind: intrusion}]\n')
    said = run("apply", file, "--url", served.address)
    assert "added    camera shed" in said
    assert "added    rule shed" in said
    assert (
        served.site.services.sites.cameras(Scope.everything())["shed"].source.get_secret_value()
        == "rtsp://me:p4ss%20word@camera.example/live"
    )
    assert run("apply", file, "--url", served.address).startswith("nothing to change")


def test_suggestions_of_a_running_panops(served: Served) -> None:
    assert run("suggestions", "--url", served.address).startswith("nothing to change")
    assert json.loads(run("suggestions", "--url", served.address, "--json")) == []


def test_moments() -> None:
    assert moment("90m", 10000.0, "--since") == 4600.0
    assert moment("1970-01-01T01:00+01:00", 0.0, "--since") == 0.0
    assert moment("", 0.0, "--since") is None
    with pytest.raises(Exception, match="expected 2026-11-29T06:00"):
        moment("yesterday", 0.0, "--since")
