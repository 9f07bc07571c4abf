from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from panops.commands.doctor import advice, check_machine, doctor
from panops.config.schema import CameraConfig
from panops.ingest.probe import ProbeReport
from panops.storage.home import Home
from panops.testing.films import make_film

_app = typer.Typer()
_app.command()(doctor)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PANOPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def _site(tmp_path: Path, text: str) -> str:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return str(path)


def test_this_machine_only() -> None:
    result = CliRunner().invoke(_app, ["--json"])
    found = json.loads(result.stdout)
    assert result.exit_code == 0, result.stdout
    assert {check["name"] for check in found["machine"]} == {"Python", "Inference", "Data folder", "Free disk"}
    assert found["cameras"] == []


def test_every_camera_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    good = make_film(tmp_path / "good.mp4")
    (tmp_path / "letter.mp4").write_text("Dear camera")
    site = _site(
        tmp_path,
        f"cameras:\n  good: {{source: {good}}}\n  letter: {{source: {tmp_path / 'letter.mp4'}}}\n"
        "  gone: {source: 'rtsp://u:secret@127.0.0.1:9/x'}\n  unused: {source: x.mp4, enabled: false}\n",
    )
    result = CliRunner().invoke(_app, [site, "--json"])
    assert result.exit_code == 1
    cameras = {camera["camera_id"]: camera for camera in json.loads(result.stdout)["cameras"]}
    assert {name: camera["state"] for name, camera in cameras.items()} == {
        "good": "live",
        "letter": "corrupt",
        "gone": "unreachable",
        "unused": "disabled",
    }
    assert (cameras["good"]["codec"], cameras["good"]["size_wh"], cameras["good"]["keyframe_interval_s"]) == ("h264", [160, 120], 1.0)
    assert "is a text file" in cameras["letter"]["message"]
    assert "refused" in cameras["gone"]["message"]
    assert "secret" not in result.stdout


def test_people_get_a_table(tmp_path: Path) -> None:
    site = _site(tmp_path, f"cameras:\n  yard: {{source: {make_film(tmp_path / 'a.mp4')}}}\n")
    result = CliRunner().invoke(_app, [site, "--camera", "yard"])
    assert result.exit_code == 0
    assert "yard" in result.stdout
    assert "live" in result.stdout


@pytest.mark.parametrize(
    ("text", "more", "word"), [("cameras: [", [], "YAML"), ("cameras: {a: {source: x}}", ["--camera", "b"], "known are: a")]
)
def test_wrong_usage_ends_with_two(text: str, more: list[str], word: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(_app, [_site(tmp_path, text), *more])
    assert result.exit_code == 2
    assert word in result.output


def test_a_home_that_cannot_be_used(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    checks = {check.name: check for check in check_machine(Home(blocked / "home"))}
    assert not checks["Data folder"].ok
    assert "PANOPS_HOME" in checks["Data folder"].advice


@pytest.mark.parametrize(
    ("report", "word"),
    [
        (ProbeReport(True, "live", "", "", "h264", (640, 360), 10.0, 2.0), ""),
        (ProbeReport(True, "live", "", "", "h264", (1920, 1080), 10.0, 2.0), "sub-stream"),
        (ProbeReport(True, "live", "", "", "mjpeg", (640, 360), 10.0, 0.1), "H.264"),
        (ProbeReport(True, "live", "", "", "h264", (640, 360), 10.0, 20.0), "keyframe"),
        (ProbeReport(True, "live", "", "", "h264", (640, 360), 2.0, 2.0), "fewer"),
        (ProbeReport(False, "unreachable", "x", ""), ""),
    ],
)
def test_advice(report: ProbeReport, word: str) -> None:
    said = advice(report, CameraConfig(source="rtsp://cam/x"))  # type: ignore[arg-type]  # pydantic makes the secret
    assert word in said
    assert bool(word) == bool(said)
