"""`panops models list` at the widths that terminals have."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.models.catalogue import Catalogue, load_catalogue
from panops.models.manifest_file import parse_manifest
from panops.models.store import ModelStore

NAMES = ("fastestdet", "ssd_mobilenet_v1_quant", "yolox_nano")
OWN = "building_site_people_and_machines_seen_from_a_crane_2026"
MANIFEST = f"""
name: {OWN}
task: detection
head: yolox
licence: Apache-2.0
source: {{kind: file, location: x.onnx}}
file_name: x.onnx
sha256: {"0" * 64}
input_size_wh: [416, 416]
classes: [person, hardhat, bare_head, safety_vest, no_safety_vest]
accuracy: {{crane AP50: 0.61, street AP50: 0.33}}
"""


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PANOPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PANOPS_MODEL_MIRROR", raising=False)
    # What comes with panops is the matter of other tests: here the table is.
    monkeypatch.setattr("panops.models.store.package_builtin", lambda: tmp_path / "builtin")
    known = load_catalogue()
    few = Catalogue({name: known.models[name] for name in NAMES}, known.assets)
    monkeypatch.setattr("panops.models.store.load_catalogue", lambda: few)

    def shown(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        done = CliRunner().invoke(app, ["models", "list"])
        assert done.exit_code == 0, done.output
        return [line.rstrip() for line in done.stdout.splitlines()]

    return shown


def with_own_model(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "x.onnx").write_bytes(b"weights")
    manifest = parse_manifest(MANIFEST.replace("0" * 64, hashlib.sha256(b"weights").hexdigest()))
    ModelStore(home / "models", mirrors=()).add(str(home / "x.onnx"), manifest=manifest)


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (120, ["name", "state", "task", "input", "licence", "accuracy", "classes"]),
        (80, ["name", "state", "input", "licence", "classes"]),
        (60, ["name", "state", "input", "licence"]),
        (40, ["name", "state"]),
    ],
)
def test_each_model_is_one_line_without_broken_words(show: Any, columns: int, titles: list[str]) -> None:
    lines = show(columns)
    assert lines[0].split() == titles
    assert [line.split()[0] for line in lines[1:4]] == list(NAMES)
    assert all(len(line) <= columns for line in lines[:4])
    assert lines[4] == ""
    for word in ("available", "Apache-2.0", "416x416", "detection", "person"):
        present = {"available": "state", "Apache-2.0": "licence", "416x416": "input", "detection": "task", "person": "classes"}[word]
        assert (present in titles) == (word in lines[3])


def test_a_terminal_too_narrow_for_a_table_still_has_whole_names(show: Any) -> None:
    assert show(20)[:3] == [f"{name} (available)" for name in NAMES]


@pytest.mark.parametrize("columns", [80, 120])
def test_long_names_are_never_broken(show: Any, tmp_path: Path, columns: int) -> None:
    with_own_model(tmp_path / "home")
    lines = show(columns)
    own = next(line for line in lines if OWN in line)
    assert own.startswith(OWN)
    assert "installed" in own
    assert len(own) <= columns


def test_many_figures_and_classes_are_told_in_short(show: Any, tmp_path: Path) -> None:
    with_own_model(tmp_path / "home")
    own = next(line for line in show(200) if OWN in line)
    assert "crane AP50 0.61 ..." in own
    assert "person, hardhat, bare_head, safety_vest ... (5)" in own
