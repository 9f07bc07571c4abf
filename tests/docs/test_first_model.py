"""docs/first-model.md leads the whole way: its commands, in their order, as they stand there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from panops.datasets.coco import write_coco
from panops.datasets.opening import open_sets
from panops.domain.labels import DetectionSet
from tests.docs.test_docs import ROOT, blocks
from tests.unit.datasets.drawn import picture, save, scene

PAGE = ROOT / "docs" / "first-model.md"
# A training of a minute instead of ten, for the test alone.
SHORT = " --pictures 160 --size 320"


def lines() -> list[str]:
    return [line for line in blocks(PAGE, "bash")[0].splitlines() if line.startswith("panops ") and not line.startswith("panops run")]


def panops(line: str, folder: Path) -> str:
    environ = {"PANOPS_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", "COLUMNS": "160", "YARD_PASSWORD": "x", "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "panops.cli", *line.split()[1:]]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_step_is_there_in_its_order() -> None:
    steps = [" ".join(line.split()[1:3]) for line in lines()]

    assert [step.partition(" big")[0] for step in steps] == [
        "data pick", "data check", "data show", "data split", "train --model", "evaluate detector", "export runs/cones/model",
        "models add", "process clip.mp4", "config check",
    ]  # fmt: skip


def test_the_steps_before_the_training(tmp_path: Path) -> None:
    pictures = []
    for index in range(130):
        path = save(tmp_path / "big-set" / "images" / f"{index}.jpg", scene(index))
        boxes = [(20.0, 10.0, 50.0, 60.0)] if index < 100 else []
        pictures.append(picture(path, boxes, class_id=np.ones(len(boxes)), group=f"cam{index // 2}"))
    classes = ("person", "traffic_cone", "car")
    write_coco(DetectionSet("big", classes, tuple(pictures)), tmp_path / "big-set" / "labels.json")
    for line in lines()[:4]:
        panops(line, tmp_path)
    reports = open_sets(tmp_path / "cones-split")

    assert (tmp_path / "cones.jpg").is_file()
    assert {name: (len(report.dataset), report.problems) for name, report in reports.items()} == {"train": (50, ()), "val": (50, ())}
    assert reports["val"].dataset.classes == ("traffic_cone",)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_whole_way(tmp_path: Path, shared_data: Path) -> None:
    if importlib.util.find_spec("nncf") is None:
        pytest.skip("needs panops[train]")
    if not (shared_data / "train" / "train.json").is_file():
        pytest.skip("needs the training pack in the shared data")
    (tmp_path / "big-set").symlink_to(shared_data / "train")
    (tmp_path / "clip.mp4").symlink_to(shared_data / "videos" / "intel_car-detection.mp4")
    (tmp_path / "site.yaml").write_text(blocks(PAGE, "yaml")[0], encoding="utf-8")
    said = {line: panops(line + (SHORT if line.startswith("panops train") else ""), tmp_path) for line in lines()}

    assert (tmp_path / "results" / "annotated.mp4").is_file()
    assert (tmp_path / "cones.html").is_file()
    assert (tmp_path / "cones-int8" / "export.json").is_file()
    assert "cones is installed" in said["panops models add cones-int8"]
