"""`panops cameras import`, with a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import ConfigError
from panops.storage.database import Database
from panops.storage.site import SiteRepository


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cameras.csv"
    path.write_text("id,source,classes\ngate,rtsp://eva:hunter2@cam/1,person\nyard,sim://yard,\n")
    return path


def stored(home: Path) -> list[str]:
    with Database.at(home) as database:
        return list(SiteRepository(database).load().cameras)


def test_first_it_only_says_what_it_would_do(file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    told = run("cameras", "import", file, "--home", home)
    assert "add       camera gate  rtsp://eva:***@cam/1" in told
    assert f"would add 2 cameras and 1 rule; add them with: panops cameras import {file} --apply" in " ".join(told.split())
    assert "hunter2" not in told
    assert stored(home) == []
    assert "added 2 cameras and 1 rule" in run("cameras", "import", file, "--home", home, "--apply")
    assert stored(home) == ["gate", "yard"]
    assert "nothing to add" in run("cameras", "import", file, "--home", home)
    found = json.loads(run("cameras", "import", file, "--home", home, "--apply", "--json"))
    assert {one["state"] for one in found["cameras"].values()} == {"same"}
    assert found["rules"] == {"gate-alarm": "same"}


def test_the_environment_fills_frigates_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yml"
    path.write_text("cameras: {gate: {ffmpeg: {inputs: [{path: 'rtsp://eva:{FRIGATE_PASSWORD}@cam/1', roles: [detect]}]}}}\n")
    with pytest.raises(ConfigError, match="FRIGATE_PASSWORD is not set here"):
        run("cameras", "import", path, "--home", tmp_path / "home")
    monkeypatch.setenv("FRIGATE_PASSWORD", "hunter2")
    assert "rtsp://eva:***@cam/1" in run("cameras", "import", path, "--home", tmp_path / "home", "--apply")


@pytest.mark.parametrize(("content", "sentence"), [(b"\xff\xfe", "expected UTF-8 text"), (b"x" * 800_000, "at most 768 KiB")])
def test_what_is_no_file_of_cameras(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "cameras.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        run("cameras", "import", path, "--home", tmp_path / "home")
    with pytest.raises(ConfigError, match="cannot read the file"):
        run("cameras", "import", tmp_path / "none.csv", "--home", tmp_path / "home")
