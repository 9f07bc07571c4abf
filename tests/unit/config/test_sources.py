"""Addresses that cannot be right are told when the file is checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from panops.config.load import parse_site
from panops.config.schema import CameraConfig
from panops.config.sources import nameless_source_problem, source_problem
from panops.domain.errors import ConfigError, SourceUnsupported
from panops.simulation.sim_address import simulation_of
from panops.simulation.sites import SCENES

SIMULATED = {
    "sim://yard": "",
    "sim://yard?seed=3&activity=6.5&weather=rain&rate_fps=12&size=320x180": "",
    "sim://": "",
    "sim://?seed=4": "",
    "sim://yrd?sed=3": "no simulated scene 'yrd'; did you mean 'yard'? There are: yard, street, gate, room, fence",
    "sim://moon": "no simulated scene 'moon'; there are: yard, street, gate, room, fence",
    "sim://yard?sed=3": "a simulated scene has no option 'sed'; did you mean 'seed'? There are: activity, climbs, deeds, rate_fps, seed",
    "sim://yard?colour=red": "a simulated scene has no option 'colour'; there are: activity, climbs, deeds, rate_fps, seed, size, weather",
    "sim://yard?scene=room": "a simulated scene has no option 'scene'; ",
    "sim://yard?seed=x": "seed: expected a whole number, got text",
    "sim://yard?activity=99": "activity: expected at most 20",
    "sim://yard?weather=ran": "weather: unknown word; did you mean 'rain'? Expected one of: clear, wind, rain, night",
    "sim://yard?size=640": "size: expected WIDTHxHEIGHT such as 640x360",
    "sim://yard?size=641x360": "expected an even width and height from 64 to 4096 px for a simulated camera, got 641x360",
    "sim://yard?size=62x64": "expected an even width and height from 64 to 4096 px for a simulated camera, got 62x64",
    "sim://yard?size=4098x64": "expected an even width and height from 64 to 4096 px",
}
WRONG = {
    "192.168.1.20": "did you forget rtsp://?",
    "192.168.1.20/live": "did you forget rtsp://?",
    "192.168.1.20:554/live": "did you forget rtsp://?",
    "[fe80::1]/live": "did you forget rtsp://?",
    "localhost/live": "did you forget rtsp://?",
    "//camera.example/live": "did you forget rtsp://?",
    "camera.example:554/live": "did you forget rtsp://?",
    "admin:hunter2@camera.example/live": "did you forget rtsp://?",
    "/dev/video2": "a USB camera is written as device:/dev/video2",
    "rtsp://": "expected a host after rtsp://, got none",
    "http:///live": "expected a host after http://, got none",
    "rstp://me:hunter2@camera.example/": "cannot read rstp: addresses; did you mean 'rtsp'? Expected a file name or one of: rtsp",
    "Gopher://hole": "cannot read gopher: addresses; expected a file name or one of: rtsp, ",
    "sim://me:hunter2@camera.example/": "expected sim://SCENE?seed=1, where SCENE is one of: yard, street, gate, room, fence",
    "sim:yard": "expected sim://SCENE?seed=1, where SCENE is one of: yard, street, gate, room, fence",
}
RIGHT = (
    "rtsp://camera.example/live", "RTSP://camera.example", "rtsp://me:p@ss/word@camera.example/live", "http://10.0.0.3:8080/video",
    "https://camera.example/x.m3u8", "device:/dev/video0", "device:", "file:///films/a.mp4", "file:a.mp4", "clips/gate.mp4", "clips/",
    "clips/*.mp4", "./clip", "../clip", "~/clip", "/films/no ending", "a.mkv", "C:\\films\\a.mp4", "10.mp4",
)  # fmt: skip


def camera(source: str) -> CameraConfig:
    return CameraConfig(source=SecretStr(source))


@pytest.mark.parametrize(("source", "said"), SIMULATED.items())
def test_simulated_cameras(source: str, said: str) -> None:
    found = source_problem(camera(source))
    assert found.startswith(said)
    assert bool(found) == bool(said)
    try:
        simulation_of(camera(source))
    except SourceUnsupported:
        assert found, "the simulation refuses it when it is opened"
    else:
        assert not found, "the simulation takes it"


def test_every_scene_is_known() -> None:
    assert [source_problem(camera(f"sim://{scene}")) for scene in SCENES] == [""] * len(SCENES)


@pytest.mark.parametrize(("source", "said"), WRONG.items())
def test_wrong_addresses_fail_the_check_of_the_file(source: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(f"cameras:\n  a:\n    source: '{source}'\n", environ={})
    (found,) = caught.value.problems
    assert (found.field, found.line) == ("cameras.a.source", 3)
    assert said in found.message
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("source", RIGHT)
def test_what_can_be_right_passes(source: str) -> None:
    assert source_problem(camera(source)) == ""
    assert nameless_source_problem(camera(source)) == ""


@pytest.mark.parametrize("source", ["yard", "camera.example/live", "gate-camera", "cam.lan", "a folder"])
def test_a_name_that_says_nothing(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert source_problem(camera(source)) == "", "it may be a file that comes later, so a site runs with it"
    found = nameless_source_problem(camera(source))
    assert "it has no scheme, and there is no file of that name here" in found
    assert "rtsp://HOST/..., http://HOST/..., device:/dev/video0, sim://SCENE, or a file" in found
    assert ("did you mean sim://yard?" in found) == (source == "yard")
    (tmp_path / source).mkdir(parents=True)
    assert nameless_source_problem(camera(source)) == ""


def test_what_is_there_is_a_file_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "192.168.1.20").touch()
    assert source_problem(camera("192.168.1.20")) == ""
