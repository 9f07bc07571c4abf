from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from panops.commands.doctor import Check, advice, check_machine, doctor
from panops.config.schema import CameraConfig
from panops.inference.nvidia import nvidia_gpus
from panops.ingest.probe import ProbeReport
from panops.models.catalogue import load_catalogue
from panops.models.manifest_file import MANIFEST_NAME, dump_manifest
from panops.storage.database import Database
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
    assert {check["name"] for check in found["machine"]} == {
        "Python",
        "Inference",
        "Device",
        "Data folder",
        "Free disk",
        "Database",
        "Model",
    }
    assert found["cameras"] == []


def test_a_device_that_cannot_be_used_is_said_with_what_to_do(tmp_path: Path) -> None:
    if nvidia_gpus().names:
        pytest.skip("this machine has a GPU")
    site = _site(tmp_path, "device: cuda:1\ncameras: {}\n")
    for arguments in ([site, "--json"], ["--device", "cuda:1", "--json"]):
        result = CliRunner().invoke(_app, arguments)
        assert result.exit_code == 1
        (check,) = [check for check in json.loads(result.stdout)["machine"] if check["name"] == "Device"]
        assert not check["ok"]
        assert check["found"] == "cuda:1 cannot be used: there is no NVIDIA driver here (libcuda.so.1)"
        assert check["advice"].startswith("install it")
    assert CliRunner().invoke(_app, [site, "--device", "cpu", "--json"]).exit_code == 0
    result = CliRunner().invoke(_app, ["--device", "gpu"])
    assert result.exit_code == 2
    assert "did you mean 'cuda'?" in result.output


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


def test_another_home_than_the_usual_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(_app, ["--home", str(tmp_path / "elsewhere"), "--json"])
    found = {check["name"]: check["found"] for check in json.loads(result.stdout)["machine"]}
    assert found["Data folder"] == str(tmp_path / "elsewhere")


@pytest.fixture
def nothing_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a package without its detectors."""
    monkeypatch.setattr("panops.models.store.package_builtin", lambda: tmp_path / "builtin")


@pytest.mark.usefixtures("nothing_built_in")
def test_without_a_model_it_says_so_and_how_to_get_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANOPS_MODEL_MIRROR", "")
    result = CliRunner().invoke(_app)
    said = " ".join(result.stdout.replace("│", " ").split())
    assert result.exit_code == 0
    assert "note" in said
    checks = {check.name: check for check in check_machine(Home(home))}
    assert checks["Model"].ok
    assert "no model is installed" in checks["Model"].found
    assert checks["Model"].advice == "get it with: panops models add yolox_nano"


@pytest.mark.usefixtures("nothing_built_in")
def test_a_model_that_is_damaged_and_one_that_is_not_the_default(home: Path) -> None:
    folder = home / "models" / "yolox_nano"
    folder.mkdir(parents=True)
    entry = load_catalogue().models["yolox_nano"]
    (folder / MANIFEST_NAME).write_text(dump_manifest(entry.manifest))
    (folder / entry.manifest.file_name).write_bytes(b"half of it")
    model = check_machine(Home(home))[-1]
    assert not model.ok
    assert "--replace" in model.advice
    folder.rename(home / "models" / "other")
    (home / "models" / "other" / MANIFEST_NAME).write_text(dump_manifest(replace(entry.manifest, name="other")))
    assert "yolox_nano is not installed (others are: other)" in check_machine(Home(home))[-1].found


def test_the_database_before_the_first_start_and_after_it(home: Path) -> None:
    assert _database(home) == Check("Database", True, "none yet; the first start makes it")
    with Database.at(home):
        # The site runs meanwhile, and is not disturbed.
        assert _database(home).ok
    data = (home / "panops.db").read_bytes()
    assert "sound" in _database(home).found
    assert (home / "panops.db").read_bytes() == data


@pytest.mark.parametrize("start", [0, 40000], ids=["at its beginning", "in its middle"])
def test_a_damaged_database_is_told_and_left_as_it_is(home: Path, start: int) -> None:
    Database.at(home).open().close()
    file = home / "panops.db"
    data = file.read_bytes()
    file.write_bytes(data[:start] + bytes(range(256)) * 32 + data[start + 256 * 32 :])
    damaged = file.read_bytes()
    check = _database(home)
    assert not check.ok
    assert "is damaged" in check.found
    assert "move it away" in check.advice
    assert file.read_bytes() == damaged
    result = CliRunner().invoke(_app)
    assert result.exit_code == 1
    assert "Database" in result.stdout


def _database(home: Path) -> Check:
    return next(check for check in check_machine(Home(home)) if check.name == "Database")


@pytest.mark.parametrize("scheme", ["rtsp", "Rtsp", "RTSP", "Http"])
def test_an_address_may_be_written_in_capitals(tmp_path: Path, scheme: str) -> None:
    site = _site(tmp_path, f"cameras:\n  gate: {{source: '{scheme}://u:secret@127.0.0.1:9/Live'}}\n")
    result = CliRunner().invoke(_app, [site, "--json"])
    camera = json.loads(result.stdout)["cameras"][0]
    assert camera["state"] == "unreachable"
    assert f"{scheme.lower()}://u:***@127.0.0.1:9/Live: the connection is refused" in camera["message"]
    assert "secret" not in result.stdout


def test_a_film_and_a_device_in_capitals(tmp_path: Path) -> None:
    film = make_film(tmp_path / "Film.mp4")
    site = _site(tmp_path, f"cameras:\n  film: {{source: 'FILE:{film}'}}\n  usb: {{source: 'Device:/dev/video99'}}\n")
    cameras = json.loads(CliRunner().invoke(_app, [site, "--json"]).stdout)["cameras"]
    assert [camera["state"] for camera in cameras] == ["live", "unreachable"]


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
