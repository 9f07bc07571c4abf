"""`panops process` on real clips: what was there is found, what was not is not, and the same bytes come twice."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

# Seconds in which one person at a time is in the room, from the data's README.
VISITS = [(7, 19), (23, 43), (50, 68), (74, 87), (95, 117), (122, 135)]


def run_process(*arguments: str, home: Path, mirror: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {"PANOPS_HOME": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "160"}
    if mirror is not None:
        environ["PANOPS_MODEL_MIRROR"] = str(mirror)
    return subprocess.run(
        [sys.executable, "-m", "panops.cli", "process", *arguments], capture_output=True, text=True, env=environ, check=False
    )


def events_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("model", ["street", pytest.param("yolox_nano", marks=pytest.mark.slow)])
def test_six_visits_and_the_same_bytes_twice(shared_data: Path, tmp_path: Path, model: str) -> None:
    clip = str(shared_data / "videos" / "intel_one-by-one-person-detection.mp4")
    # `street` is asked for by saying nothing: it comes with panops.
    arguments = (clip, "--out") if model == "street" else (clip, "--model", model, "--out")
    for name in ("first", "second"):
        done = run_process(*arguments, str(tmp_path / name), home=tmp_path / "home", mirror=shared_data / "models")
        assert done.returncode == 0, done.stderr
    events = events_of(tmp_path / "first")
    assert len(events) == len(VISITS)
    for event, (start_s, end_s) in zip(events, VISITS, strict=True):
        assert event["kind"] == "intrusion"
        # The README's times are "roughly": the door opens before the person is in.
        assert event["started_at_s"] < end_s
        assert event["ended_at_s"] > start_s
        assert start_s - 3 <= event["started_at_s"]
        assert event["ended_at_s"] <= end_s + 3
    assert digest(tmp_path / "first") == digest(tmp_path / "second")
    summary = json.loads((tmp_path / "first" / "summary.json").read_text())
    assert summary["complete"]
    assert summary["model"] == model
    assert summary["frames_decoded"] >= 1380


@pytest.mark.parametrize("model", ["street", "yolox_nano"])
def test_light_change_alone_is_no_event(shared_data: Path, tmp_path: Path, model: str) -> None:
    clip = str(shared_data / "videos" / "dvrscan_issue53_brightness_change.avi")
    done = run_process(clip, "--model", model, "--out", str(tmp_path / "out"), home=tmp_path / "home", mirror=shared_data / "models")
    assert done.returncode == 0, done.stderr
    assert events_of(tmp_path / "out") == []


def test_the_detector_without_a_model_and_an_annotated_video(shared_data: Path, tmp_path: Path) -> None:
    clip = str(shared_data / "videos" / "intel_people-detection.gif")
    done = run_process(clip, "--model", "motion", "--annotate", "--json", "--out", str(tmp_path / "out"), home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "motion"
    assert (tmp_path / "out" / "annotated.mp4").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"this is no video at all\n" * 50, "text.mp4"),
        (b"", "text.mp4"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 40, "text.mp4"),
    ],
)
def test_what_is_not_video_gets_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "text.mp4").write_bytes(content)
    done = run_process(str(tmp_path / "text.mp4"), "--model", "motion", "--out", str(tmp_path / "out"), home=tmp_path / "home")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert said in done.stderr


def test_a_truncated_video_keeps_what_came_before(shared_data: Path, tmp_path: Path) -> None:
    whole = (shared_data / "videos" / "intel_asl_book.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    done = run_process(str(tmp_path / "cut.mkv"), "--model", "motion", "--out", str(tmp_path / "out"), home=tmp_path / "home")
    assert "Traceback" not in done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["frames_decoded"] > 10
    assert done.returncode == (0 if summary["complete"] else 1)


def test_an_unknown_camera_of_the_site_is_named(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("cameras: {a: {source: x.mp4}, b: {source: y.mp4}}\n")
    done = run_process(
        "v.mp4", "--site", str(tmp_path / "site.yaml"), "--camera", "c", "--out", str(tmp_path / "out"), home=tmp_path / "home"
    )
    assert done.returncode == 2
    assert "there are: a, b" in done.stderr
