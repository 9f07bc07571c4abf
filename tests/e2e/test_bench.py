"""`panops bench cameras` and `capacity` on the real product: small runs whose figures fit together, and nothing left behind."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

# Small films of one scene: made in seconds.
FILMS = "--scenes room --film-seconds 20 --size 320x180"
PEER = ("onnxruntime", "supervision", "trackers")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the films are kept for all tests here."""
    return tmp_path_factory.mktemp("bench") / "home"


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Where temporary files go, to see that none is left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


def start(words: str, home: Path, places: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "panops.cli", "bench", *words.split(), "--home", str(home)]
    environ = {**os.environ, "TMPDIR": str(places), "COLUMNS": "120"}
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(words: str, home: Path, places: Path) -> str:
    """Run it; what it said. Nothing of it is left."""
    process = start(words, home, places)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert list(places.iterdir()) == []
    return said


def test_a_small_run(home: Path, places: Path, tmp_path: Path) -> None:
    said = finish(f"cameras --count 4 {FILMS} --activity 0.3 --duration 10 --warm-up 3 --json {tmp_path}/out.json", home, places)
    result: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    ours = result["panops"]
    assert f"panops: {ours['verdict']}" in said
    # What the server sent is what was due to be sent, and what arrived; counters are told up to a second late.
    due_per_s = 4 * 5.0
    assert ours["pictures"]["offered_per_s"] == pytest.approx(due_per_s, rel=0.1)
    assert ours["pictures"]["received_per_s"] == pytest.approx(due_per_s, rel=0.25)
    assert ours["checks"]["due"] == pytest.approx(due_per_s * ours["seconds"], rel=0.25)
    assert ours["checks"]["done_share"] > 0.5
    assert ours["checks"]["done"] <= ours["checks"]["due"] + 4
    assert 0 < ours["checks"]["detector_share"] <= 1
    # Every check that was done has a time; a shard's report may fall between the two.
    assert ours["check_latency_ms"]["count"] == pytest.approx(ours["checks"]["done"], abs=30)
    assert 0 < ours["check_latency_ms"]["p50"] <= ours["check_latency_ms"]["p95"]
    assert set(ours["cpu"]["cores_by_process"]) == {"supervisor", "shard 0"}
    stages = ours["cpu"]["ms_a_camera_s_by_stage"]
    assert stages["decode"] > 0
    assert sum(stages.values()) == pytest.approx(ours["cpu"]["ms_a_camera_s"], rel=0.01)
    assert 50 < ours["memory_mib"]["all"] < 2000
    assert ours["api_ms"]["requests"] >= 8
    assert ours["api_ms"]["failed"] == 0
    assert result["films"][0]["moved_share"] == pytest.approx(0.3, abs=0.06)
    assert result["settings"]["cameras"] == 4
    assert result["machine"]["cores"] >= 1
    assert result["versions"]["panops"]


@pytest.mark.slow
def test_files_instead_of_rtsp(home: Path, places: Path, tmp_path: Path) -> None:
    finish(f"cameras --count 2 {FILMS} --activity 0 --source file --duration 4 --warm-up 1 --json {tmp_path}/out.json", home, places)
    ours = json.loads((tmp_path / "out.json").read_text())["panops"]
    assert ours["checks"]["done"] > 0
    assert ours["machine_cores"]["load_server"] == 0


@pytest.mark.slow
def test_capacity_of_one_camera(home: Path, places: Path, tmp_path: Path) -> None:
    words = f"capacity {FILMS} --activity 0 --first 1 --most 1 --duration 2 --confirm 3 --warm-up 1"
    said = finish(f"{words} --report {tmp_path}/page.html --json {tmp_path}/out.json", home, places)
    curve = json.loads((tmp_path / "out.json").read_text())["curves"][0]
    assert curve["limit"] == {"cameras": 1, "reached_the_end": True}
    assert curve["runs"][-1]["confirms"] is True
    assert "at least 1 camera held" in said
    assert "at least 1 camera held" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_nothing_is_left_when_it_is_stopped(how: signal.Signals, home: Path, places: Path) -> None:
    process = start(f"cameras --count 2 {FILMS} --activity 0 --duration 600", home, places)
    try:
        # The load server, the leash, the product and its shard.
        wait_until(lambda: len(below(process)) >= 4, 120, "everything runs")
        started = below(process)
        process.send_signal(how)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 130)
    assert "Traceback" not in said
    wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in started), 60, "all of it has ended")
    wait_until(lambda: list(places.iterdir()) == [], 10, "no file is left")


def test_the_peer_on_the_same_cameras(home: Path, places: Path, tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [name for name in PEER if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"the peer needs {', '.join(missing)}")
    if not (shared_data / "models" / "yolox_nano_416.onnx").is_file():
        pytest.skip("the peer's model is not in the shared data")
    monkeypatch.setenv("PANOPS_MODEL_MIRROR", str(shared_data / "models"))
    words = f"cameras --count 1 {FILMS} --activity 0.3 --duration 4 --warm-up 2 --peer --peer-threads 1 --json {tmp_path}/out.json"
    said = finish(words, home, places)
    (peer,) = json.loads((tmp_path / "out.json").read_text())["peers"]
    assert peer["name"] == "loop, 1 thread a session"
    assert f"{peer['name']}: {peer['verdict']}" in said
    assert peer["checks"]["done"] > 0
    assert peer["checks"]["detector_share"] == 1.0
    assert peer["check_latency_ms"]["count"] == peer["checks"]["done"]
    assert peer["cpu"]["cores"] > 0
    assert "api_ms" not in peer


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    give_up_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_s, f"{what}: not within {timeout_s} s"
        time.sleep(0.1)
