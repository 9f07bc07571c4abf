"""`panops config check`: what is wrong is told at check time, not when the alarm does not come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import ConfigError
from panops.rules.scene import MOVING_CLASS

from .test_models_list import OWN, with_own_model

SITE = "cameras:\n  yard: {source: 'SOURCE', model: MODEL}\nrules:\n  - {id: a, kind: intrusion, classes: [CLASS]}\n"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PANOPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PANOPS_MODEL_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)

    def checked(source: str = "sim://yard", model: str = "''", name: str = "person") -> list[dict[str, Any]]:
        (tmp_path / "site.yaml").write_text(SITE.replace("SOURCE", source).replace("MODEL", model).replace("CLASS", name))
        done = CliRunner().invoke(app, ["config", "check", "site.yaml", "--json"], catch_exceptions=False)
        answer = json.loads(done.stdout)
        assert done.exit_code == (0 if answer["ok"] else 2)
        assert answer["ok"] == (not answer["problems"])
        problems: list[dict[str, Any]] = answer["problems"]
        return problems

    return checked


MQTT = "cameras: {yard: {source: 'sim://yard'}}\nalerts:\n  - id: home\n    kind: mqtt\n    host: broker.example\n    SETTINGS\n"


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ("commands: true", True),
        ("commands: false", False),
        ("{}", False),
        ("{commands: true, username: me}", False),
        ("{commands: true, tls: true}", False),
        ("{commands: true, enabled: false}", False),
    ],
)
def test_commands_from_anybody_are_a_warning_and_no_fault(check: Any, tmp_path: Path, settings: str, warned: bool) -> None:
    given = "" if settings == "{}" else settings.strip("{}").replace(", ", "\n    ")
    (tmp_path / "site.yaml").write_text(MQTT.replace("SETTINGS", given))
    done = CliRunner().invoke(app, ["config", "check", "site.yaml"], catch_exceptions=False)
    assert done.exit_code == 0
    first, *more = done.stdout.splitlines()
    assert first == "site.yaml: fine (1 camera, 0 rules)"
    told = json.loads(CliRunner().invoke(app, ["config", "check", "site.yaml", "--json"], catch_exceptions=False).stdout)
    assert (told["ok"], len(told["warnings"]), len(more)) == (True, warned, warned)
    if warned:
        assert more[0].startswith("  warning: line 6: alerts.0.commands: whoever reaches the broker can switch cameras and alarms off")


@pytest.mark.parametrize("model", ["yolox_nano", "fastestdet", "''"])
def test_a_misspelt_class_of_a_model_in_the_catalogue(check: Any, model: str) -> None:
    assert check(model=model) == []
    (problem,) = check(model=model, name="persn")
    assert (problem["line"], problem["field"]) == (4, "rules.0.classes")
    assert "no class 'persn'" in problem["message"]
    assert "did you mean 'person'?" in problem["message"]


def test_a_class_of_a_model_of_ones_own(check: Any, tmp_path: Path) -> None:
    (problem,) = check(model=OWN, name="hardhat")
    assert f"no model '{OWN}' is installed or in the catalogue" in problem["message"]
    with_own_model(tmp_path / "home")
    assert check(model=OWN, name="hardhat") == []
    (problem,) = check(model=OWN, name="hardhatt")
    assert "did you mean 'hardhat'?" in problem["message"]


def test_motion_takes_every_name(check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.models.store.package_builtin", lambda: tmp_path / "builtin")
    assert check(model="motion", name="unicorn") == []
    assert check(name=MOVING_CLASS) == []
    assert check(model="yolox_nano", name=MOVING_CLASS)


@pytest.mark.parametrize("source", ["sim://yrd?sed=3", "sim://yard?sed=3", "192.168.1.20/live", "camera.example/live", "yard", "rtsp://"])
def test_sources_that_cannot_be_right(check: Any, source: str) -> None:
    (problem,) = check(source=source)
    assert (problem["line"], problem["field"]) == (2, "cameras.yard.source")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("clips/gate.mp4", "clips/gate.mp4 does not exist; such a name counts from the folder in which panops is started, here "),
        ("/not/there/gate.mp4", "/not/there/gate.mp4 does not exist"),
        ("file:///not/there/gate.mp4", "/not/there/gate.mp4 does not exist"),
        ("empty", "empty holds no video or picture"),
        ("clips/*.mkv", "clips/*.mkv matches no file"),
        ("nothing.mp4", "nothing.mp4 is empty"),
    ],
)
def test_a_recording_that_is_not_there(check: Any, tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing.mp4").touch()
    (problem,) = check(source=source)
    assert (problem["line"], problem["field"]) == (2, "cameras.yard.source")
    assert problem["message"].startswith(told)
    text = (tmp_path / "site.yaml").read_text().replace("model", "enabled: false, model")
    (tmp_path / "site.yaml").write_text(text)
    assert CliRunner().invoke(app, ["config", "check", "site.yaml"], catch_exceptions=False).exit_code == 0  # a camera that is switched off


def test_recordings_that_are_there(check: Any, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "gate.mp4").write_bytes(b"video")
    for source in (
        "clips/gate.mp4",
        "clips",
        "clips/*.mp4",
        f"file://{tmp_path}/clips/gate.mp4",
        "device:/dev/video7",
        "rtsp://camera.example/x",
    ):
        assert check(source=source) == []


def test_people_get_sentences(check: Any, tmp_path: Path) -> None:
    check()
    assert CliRunner().invoke(app, ["config", "check", "site.yaml"]).stdout == "site.yaml: fine (1 camera, 1 rule)\n"
    check(name="persn")
    with pytest.raises(ConfigError, match=r"site\.yaml: 1 problem\n  line 4: rules\.0\.classes: no class 'persn'"):
        CliRunner().invoke(app, ["config", "check", "site.yaml"], catch_exceptions=False)


def test_another_home_has_other_models(check: Any, tmp_path: Path) -> None:
    with_own_model(tmp_path / "other")
    assert check(model=OWN)
    done = CliRunner().invoke(app, ["config", "check", "site.yaml", "--home", str(tmp_path / "other")], catch_exceptions=False)
    assert done.exit_code == 0
