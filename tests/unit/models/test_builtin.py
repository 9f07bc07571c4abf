"""Models that come with panops: they may, they ship, and they are what cameras use without a network."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from evaluations import evaluation
from versions import content, folder_of, manifest, sha

from panops.models.builtin_rules import builtin_problems
from panops.models.manifest_file import dump_manifest, read_manifest
from panops.models.store import ModelStore

ROOT = Path(__file__).resolve().parents[3]
BUILTIN = ROOT / "src" / "panops" / "models" / "builtin"
SHIPPED = sorted(path.parent for path in BUILTIN.glob("*/manifest.yaml"))
PROVENANCE = """
purpose: people and cars
parent: {name: yolox_nano, version: "1"}
data: [{name: gate, licence: CC-BY-4.0, pictures: 50}]
created_at: 2026-11-20T09:00:00+00:00
"""


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_what_is_shipped_may_be_shipped(folder: Path) -> None:
    assert builtin_problems(folder) == []
    assert ModelStore(folder / "none", mirrors=[]).get(folder.name).builtin


def test_the_package_finds_its_own_folder() -> None:
    assert Path(str(files("panops.models") / "builtin")).samefile(BUILTIN)


def packed(root: Path, *words: str) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """`scripts/pack_builtin.py` on what an export would leave."""
    folder = folder_of(root, "1", "export")
    (folder / "export.json").write_text('{"int8": {"layers": 40}}')
    (root / "recipe.yaml").write_text("name: street\nstart: ${PANOPS_SHARED}/data/models/yolox_nano_416.onnx\n")
    (root / "provenance.yaml").write_text(PROVENANCE)
    (root / "val.json").write_text(json.dumps(evaluation(sha("1"), path="/home/ada/val.json")))
    command = [sys.executable, str(ROOT / "scripts" / "pack_builtin.py"), str(folder), "--name", "street", "--out", str(root / "builtin")]
    papers = ["--recipe", str(root / "recipe.yaml"), "--provenance", str(root / "provenance.yaml"), "--figures", str(root / "val.json")]
    done = subprocess.run([*command, *papers, *words], capture_output=True, text=True, check=False)
    return root / "builtin" / "street", done


def test_a_packed_model_may_be_shipped_and_is_used(tmp_path: Path) -> None:
    folder, done = packed(tmp_path, "--credit", "me", "--not-for", "night")
    assert (done.returncode, done.stderr) == (0, "")
    assert builtin_problems(folder) == []
    model = ModelStore(tmp_path / "models", mirrors=[], builtin=tmp_path / "builtin").get("street")
    assert (model.builtin, model.version, model.path.read_bytes()) == (True, "1", content("1"))
    assert "# street, version 1" in (folder / "CARD.md").read_text()
    assert "ada" not in "".join(path.read_text() for path in folder.rglob("*.json"))


def test_packing_says_what_is_missing(tmp_path: Path) -> None:
    done = packed(tmp_path, "--licence", "NOASSERTION")[1]
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["street: its manifest says nothing of licence", "street: its manifest says nothing of credit"]


def _grow(folder: Path) -> None:
    data = b"0" * 4_000_001
    (folder / "net.onnx").write_bytes(data)
    old = read_manifest(folder / "manifest.yaml")
    (folder / "manifest.yaml").write_text(dump_manifest(replace(old, sha256=hashlib.sha256(data).hexdigest())))


DAMAGE = {
    "another file": (lambda folder: (folder / "net.onnx").write_bytes(b"x"), "expected sha256"),
    "too large": (_grow, "expected at most 4000000 bytes, got 4000001"),
    "a path": (lambda folder: (folder / "recipe.yaml").write_text("start: /home/ada/x.onnx\n"), "recipe.yaml names a path of the machine"),
    "an old card": (lambda folder: (folder / "CARD.md").write_text("# street\n"), "CARD.md is not what its papers say"),
    "no papers": (lambda folder: (folder / "provenance.yaml").unlink(), "its papers say nothing of purpose"),
    "a damaged paper": (lambda folder: (folder / "provenance.yaml").write_text("a: ["), "not valid YAML"),
    "another name": (lambda folder: folder.rename(folder.parent / "ppe"), "expected a manifest of this name"),
    "no manifest": (lambda folder: (folder / "manifest.yaml").unlink(), "cannot read the file"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_may_not_be_shipped(tmp_path: Path, name: str) -> None:
    folder, done = packed(tmp_path, "--credit", "me", "--not-for", "night")
    assert done.returncode == 0
    damage, said = DAMAGE[name]
    damage(folder)
    (left,) = (tmp_path / "builtin").iterdir()
    assert said in "\n".join(builtin_problems(left))


@pytest.mark.slow
def test_wheels_and_sdists_carry_them(tmp_path: Path) -> None:
    """A copy of the project with a model in its place, built as it is published."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", ".gitignore"):
        shutil.copyfile(ROOT / name, project / name)
    shutil.copytree(ROOT / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__"))
    folder = project / "src" / "panops" / "models" / "builtin" / "probe"
    (folder / "figures").mkdir(parents=True)
    names = ("manifest.yaml", "net.onnx", "provenance.yaml", "recipe.yaml", "export.json", "CARD.md", "figures/val.json")
    for name in names:
        (folder / name).write_bytes(content("1"))
    (folder / "manifest.yaml").write_text(dump_manifest(manifest("1", "probe")))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--quiet",
        "--disable-pip-version-check",
        "-w",
        str(tmp_path),
        str(project),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "hatchling" in done.stderr:
        pytest.skip("pip cannot get hatchling here, which builds the wheel")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        assert archive.read("panops/models/builtin/probe/net.onnx") == content("1")
    assert {f"panops/models/builtin/probe/{name}" for name in names} <= inside
