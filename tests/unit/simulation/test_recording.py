from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.commands.simulate import simulate
from panops.domain.errors import ConfigError
from panops.domain.geometry import Polygon
from panops.simulation.recording import record
from panops.simulation.scene import Scene
from panops.simulation.truth import intrusions
from tests.unit.simulation.conftest import settings

FILES = ("video.mp4", "truth.coco.json", "gt.txt", "events.json")
CONFIG = settings("yard", size_wh=(240, 136), activity=12.0, rate_fps=5.0)
SECONDS = 16.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording")
    record(CONFIG, SECONDS, folder)
    return folder


def test_the_same_scene_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    done = record(CONFIG, SECONDS, tmp_path)
    assert done.frames == 80
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_video_has_every_frame_at_its_time(folder: Path) -> None:
    with av.open(str(folder / "video.mp4")) as container:
        stream = container.streams.video[0]
        frames = [(float(frame.pts * stream.time_base), frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
    assert [time for time, _ in frames] == pytest.approx([number / 5 for number in range(80)])
    error = float(np.mean((frames[33][1].astype(float) - Scene(CONFIG).render(33)) ** 2))
    assert 10 * np.log10(255**2 / error) >= 30


def test_coco_and_mot_say_the_same_as_the_scene(folder: Path) -> None:
    coco = json.loads((folder / "truth.coco.json").read_text())
    assert len(coco["images"]) == 80
    names = {category["id"]: category["name"] for category in coco["categories"]}
    scene = Scene(CONFIG)
    for frame in (0, 40, 79):
        truth = scene.truth(frame)
        rows = [row for row in coco["annotations"] if row["image_id"] == frame + 1]
        assert [names[row["category_id"]] for row in rows] == list(truth.class_name)
        assert [row["track_id"] for row in rows] == truth.track_id.tolist()
        assert np.allclose([row["bbox"][:2] for row in rows], truth.xyxy[:, :2], atol=0.006)
    lines = (folder / "gt.txt").read_text().splitlines()
    assert len(lines) == len(coco["annotations"])
    first = lines[0].split(",")
    assert (first[0], first[6], len(first)) == ("1", "1", 9)


def test_events_are_those_of_the_truth(folder: Path) -> None:
    told = json.loads((folder / "events.json").read_text())
    assert set(told["zones"]) == {"loading_bay", "driveway"}
    scene = Scene(CONFIG)
    series = [scene.truth(frame) for frame in range(80)]
    zone = Polygon("driveway", np.array(told["zones"]["driveway"]))
    expected = [
        (stay.track_id, round(stay.start_s, 4), round(stay.end_s, 4))
        for stay in intrusions(series, zone, ("person", "car", "truck", "bus", "bicycle", "motorcycle"))
    ]
    found = [
        (event["track_id"], event["start_s"], event["end_s"])
        for event in told["events"]
        if event["kind"] == "intrusion" and event["zone"] == "driveway"
    ]
    assert sorted(found) == sorted(expected)
    assert found
    assert all(0 <= event["start_s"] <= event["end_s"] <= SECONDS for event in told["events"])


def test_a_recording_can_begin_later(folder: Path, tmp_path: Path) -> None:
    record(CONFIG, 2.0, tmp_path, start_s=10.0)
    late = json.loads((tmp_path / "truth.coco.json").read_text())
    whole = json.loads((folder / "truth.coco.json").read_text())
    assert [row["bbox"] for row in late["annotations"] if row["image_id"] == 1] == [
        row["bbox"] for row in whole["annotations"] if row["image_id"] == 51
    ]


def test_the_command_writes_and_says_so_as_json(tmp_path: Path) -> None:
    arguments = ["simulate", "room", "--out", str(tmp_path), "--seconds", "1", "--size", "160x90", "--fps", "4", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.strip().splitlines()[-1])["frames"] == 4
    assert all((tmp_path / name).is_file() for name in FILES)


def test_the_command_names_every_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        simulate("moon", tmp_path, weather="hail", size="big")
    told = str(caught.value)
    assert all(word in told for word in ("scene", "weather", "--size"))
