"""Model commands that ask a running panops on another machine, against a real server, store and network files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.client import Conflict, NotAllowed, NotThere
from panops.commands.model_shelf import ModelShelf
from panops.models.default import DefaultModel
from panops.models.store import ModelStore
from panops.storage.scope import Role
from tests.unit.api.conftest import empty_database, filled_database  # noqa: F401 - fixtures
from tests.unit.api.served_site import Served, serve_in_thread
from tests.unit.api.test_model_versions import add, store  # noqa: F401 - a fixture


@pytest.fixture
def served(
    tmp_path: Path,
    filled_database: Path,  # noqa: F811 - the fixture
    store: ModelStore,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Served]:
    for version in ("1", "2"):
        add(store, tmp_path, version)
    with serve_in_thread(tmp_path / "home", filled_database) as served:
        state = served.site.app.state
        state.services = replace(state.services, models=ModelShelf(store, DefaultModel("net", "net is used")))
        monkeypatch.setenv("PANOPS_TOKEN", served.tokens[Role.ADMIN])
        monkeypatch.setenv("COLUMNS", "160")
        yield served


def run(served: Served, *words: str) -> str:
    result = CliRunner().invoke(app, ["models", *words, "--url", served.address], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_version_is_tried_put_into_use_and_taken_back_elsewhere(served: Served, tmp_path: Path) -> None:
    assert "net" in run(served, "list")
    states = {row["name"]: row["state"] for row in json.loads(run(served, "list", "--json"))["models"]}
    assert states["net"] == "installed"
    assert "net@2 looks on beside net@1, at one in 4 frames." in run(served, "shadow", "net", "2", "--every", "4")
    assert "net has no shadow any more" in run(served, "shadow", "net", "--off")
    promoted = json.loads(run(served, "promote", "net", "2", "--why", "sees more", "--json"))
    assert (promoted["active"], promoted["previous"], promoted["versions"]) == ("2", "1", ["1", "2"])
    assert (promoted["change"]["what"], promoted["change"]["from"], promoted["change"]["why"]) == ("promote", "1", "sees more")
    assert "net@1 is in use again, instead of version 2." in run(served, "rollback", "net")
    assert f"panops models rollback net --url {served.address}" in run(served, "promote", "net", "2")
    assert not (tmp_path / "data").exists(), "nothing of this machine is touched"


def test_what_cannot_be_is_said_in_the_servers_own_words(
    served: Served,
    store: ModelStore,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(store, tmp_path, "3", runs=False)
    with pytest.raises(Conflict, match="net@3 cannot run here"):
        run(served, "promote", "net", "3")
    with pytest.raises(NotThere):
        run(served, "rollback", "other")
    monkeypatch.setenv("PANOPS_TOKEN", served.tokens[Role.VIEWER])
    with pytest.raises(NotAllowed):
        run(served, "promote", "net", "2")
