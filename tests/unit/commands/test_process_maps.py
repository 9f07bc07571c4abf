"""`panops process` with maps: a film whose zone fills up, looked at by a real model."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.models.mirrors import MIRROR_VARIABLE

SITE = """
cameras:
  cage:
    source: nowhere.mp4
    model: motion
    maps: {refresh_s: 1}
    zones:
      perch: {polygon: [[0.2, 0.1], [0.8, 0.1], [0.8, 0.9], [0.2, 0.9]]}
rules:
  - {id: taken, kind: area, zone: perch, classes: [CLASSES], above: 0.2, after_s: 2, end_after_s: 2, cameras: [cage]}
"""


def film(path: Path, bird: np.ndarray) -> None:
    """Nothing for 4 s, the bird for 6, nothing for 5."""
    empty = np.full_like(bird, 120)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = bird.shape[1] // 2 * 2, bird.shape[0] // 2 * 2, "yuv420p"
        for index in range(75):
            picture = bird if 20 <= index < 50 else empty
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[: stream.height, : stream.width]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def run(folder: Path, classes: str = "bird") -> tuple[int, str]:
    site = folder / "site.yaml"
    site.write_text(SITE.replace("CLASSES", classes), encoding="utf-8")
    arguments = ["process", str(folder / "film.mp4"), "--out", str(folder / "out"), "--site", str(site), "--home", str(folder / "home")]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def folder(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bird = cv2.imread(str(shared_data / "images" / "coral" / "bird_segmentation.bmp"), cv2.IMREAD_COLOR_RGB)
    assert bird is not None
    film(tmp_path / "film.mp4", np.asarray(bird, np.uint8))
    monkeypatch.setenv(MIRROR_VARIABLE, str(shared_data / "models"))
    return tmp_path


def test_a_zone_that_fills_up_is_told(folder: Path) -> None:
    code, told = run(folder)
    assert code == 0, told
    (event,) = map(json.loads, (folder / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines())
    assert (event["rule_id"], event["kind"], event["class_name"], event["zone"]) == ("taken", "area", "bird", "perch")
    assert 4.0 <= event["started_at_s"] <= 5.2
    assert 9.0 <= event["ended_at_s"] <= 10.0
    assert 0.3 < event["details"]["most_share"] < 0.6


def test_a_class_that_the_model_lacks_is_said_and_the_film_is_looked_at(folder: Path) -> None:
    code, told = run(folder, "water")
    assert code == 0
    assert "the model for maps of camera 'cage' knows no class 'water'; expected one of: background, aeroplane" in told
    assert (folder / "out" / "events.jsonl").read_text(encoding="utf-8") == ""


def test_a_model_that_is_not_here_is_said_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_VARIABLE)
    code, told = run(folder)
    assert code == 0
    assert told.count("nothing is known of areas (maps.model): model 'deeplab_voc' is not installed") == 1
