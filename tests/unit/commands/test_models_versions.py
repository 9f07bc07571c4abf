"""The way of a version from an export to use and back, as people type it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.agreement import CameraAgreement, ClassCounts, Pair, save_agreement
from panops.models.manifest_file import dump_manifest
from panops.testing.tiny_onnx import Node, Tensor, write_onnx

ROWS = 84


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PANOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("PANOPS_MODEL_MIRROR", raising=False)
    return lambda *words: CliRunner().invoke(app, ["models", *map(str, words)])


def export(root: Path, version: str, classes: tuple[str, ...] = ("person", "car"), *, runs: bool = True) -> Path:
    """What `panops export` leaves: a network that sees nothing, whatever there is."""
    folder = root / f"export-{version}"
    folder.mkdir()
    columns = 5 + len(classes) if runs else 4
    path = write_onnx(
        folder / "net.onnx",
        [
            Node("Mul", ["images", "zero"], ["nothing"]),
            Node("ReduceMax", ["nothing"], ["one"], {"axes": [1, 2, 3]}),
            Node("Add", ["one", "rows"], ["seen"]),
            Node("Squeeze", ["seen"], ["output"], {"axes": [1]}),
        ],
        [Tensor("images", (1, 3, 64, 64))],
        [Tensor("output", (1, ROWS, columns))],
        constants={"zero": np.zeros((1,), np.float32), "rows": np.full((1, 1, ROWS, columns), sum(version.encode()) / 1e5, np.float32)},
        opset=11,
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    source = ModelSource(SourceKind.FILE, path.name)
    manifest = ModelManifest("net", "detection", "yolox", version, "MIT", source, path.name, digest, (64, 64), classes, not_for="night")
    (folder / "manifest.yaml").write_text(dump_manifest(manifest))
    return folder


def said(result: Any) -> str:
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def test_the_way_of_a_version(run: Any, tmp_path: Path) -> None:
    assert "net is installed (licence MIT, sha256 checked)" in said(run("add", export(tmp_path, "1")))
    added = said(run("add", export(tmp_path, "2", ("person", "bus"))))
    assert "net@2 is installed" in added
    assert "net@1 stays in use. Let the new one look on: panops models shadow net 2" in added
    assert "net@2 looks on beside net@1, at one in 4 frames." in said(run("shadow", "net", "2", "--every", "4"))
    lines = [line.split()[:3] for line in said(run("list")).splitlines()]
    assert ["net@1", "installed,", "active"] in lines
    assert ["net@2", "installed,", "shadow"] in lines
    promoted = said(run("promote", "net", "--why", "sees buses"))
    assert "net@2 is in use now. Cameras that run take it over within seconds" in promoted
    assert "It does not find car any more: rules that name them see nothing." in promoted
    assert "It also finds bus." in promoted
    assert "Back to version 1: panops models rollback net" in promoted
    shown = said(run("show", "net"))
    assert "1 (previous), 2 (active)" in shown
    assert "promote 1 -> 2: sees buses" in shown
    assert "net@1 is in use again, instead of version 2." in said(run("rollback", "net"))
    assert "net: removed 2; 1 is in use." in said(run("remove", "net", "2"))


def test_all_of_it_as_json(run: Any, tmp_path: Path) -> None:
    added = [json.loads(said(run("add", export(tmp_path, version), "--json"))) for version in "12"]
    assert [(row["name"], row["version"], row["active"], row["trouble"]) for row in added] == [
        ("net", "1", True, ""),
        ("net", "2", False, ""),
    ]
    shadowed = json.loads(said(run("shadow", "net", "2", "--json")))
    assert (shadowed["active"], shadowed["shadow"], shadowed["shadow_every"]) == ("1", "2", 10)
    assert json.loads(said(run("shadow", "net", "--off", "--json")))["shadow"] == ""
    promoted = json.loads(said(run("promote", "net", "2", "--json")))
    assert (promoted["active"], promoted["previous"], promoted["versions"]) == ("2", "1", ["1", "2"])
    assert (promoted["change"]["what"], promoted["change"]["from"], promoted["change"]["to"]) == ("promote", "1", "2")
    assert promoted["change"]["who"]
    assert json.loads(said(run("rollback", "net", "--json")))["active"] == "1"
    (row,) = [row for row in json.loads(said(run("list", "--json")))["models"] if row["name"] == "net"]
    assert [(one["version"], one["role"], one["builtin"]) for one in row["versions"]] == [("1", "active", False), ("2", "previous", False)]
    assert len(json.loads(said(run("show", "net@2", "--json")))["history"]) == 6
    assert json.loads(said(run("remove", "net", "2", "--json"))) == {"removed": "net", "versions": ["2"], "active": "1"}


def test_as_another_name_and_version(run: Any, tmp_path: Path) -> None:
    folder = export(tmp_path, "1")
    said(run("add", folder, "--as", "gate", "--version", "may"))
    assert json.loads(said(run("show", "gate@may", "--json")))["version"] == "may"


def test_a_version_that_cannot_run_is_not_promoted(run: Any, tmp_path: Path) -> None:
    said(run("add", export(tmp_path, "1")))
    added = run("add", export(tmp_path, "2", runs=False))
    assert "But it cannot run here" in added.stderr
    for words in (("promote", "net", "2"), ("promote", "net"), ("shadow", "net", "2")):
        refused = run(*words)
        assert refused.exit_code == 1
        assert "net@2 cannot run here" in refused.stderr
    assert "net@2 is in use now" in said(run("promote", "net", "2", "--force"))
    assert "net@1 is in use again" in said(run("rollback", "net"))
    refused = run("rollback", "net")
    assert refused.exit_code == 1
    assert "net@2 cannot run here" in refused.stderr
    assert "net@2 is in use again" in said(run("rollback", "net", "--force"))


def test_compare_as_table_and_json(run: Any, tmp_path: Path) -> None:
    said(run("add", export(tmp_path, "1")))
    nothing = run("compare", "net")
    assert nothing.exit_code == 1
    assert "let a version look on with `panops models shadow net VERSION`" in nothing.stderr
    folder = tmp_path / "home" / "models" / "net"
    old = CameraAgreement("yard", 1, 1.0, 2.0)
    save_agreement(folder, Pair("1", "2", ("a", "b")), old)
    for camera in ("yard", "gate"):
        found = CameraAgreement(
            camera, 50, 1_700_000_000.0, 1_700_003_600.0, 200.0, 100.0, behind=3, problem="it broke" if camera == "yard" else ""
        )
        scores = np.zeros(20, np.int64)
        scores[15] = 40
        found.classes["person"] = ClassCounts(30, 10, 0, scores, scores)
        save_agreement(folder, Pair("1", "3", ("a", "c")), found)
    table = said(run("compare", "net"))
    assert "net@1 in use, net@3 looking on" in table
    assert "net@2" not in table
    assert "100 frames, 2023-11-14 22:13:20 UTC to 2023-11-14 23:13:20 UTC; 6 more were left out" in table
    assert "4.0 ms a frame beside 2.0 ms" in table
    assert ["yard", "person", "30", "10", "0", "75", "%", "0.78", "0.78"] in [line.split() for line in table.splitlines()]
    assert "The shadow was switched off: it broke" in table
    assert "net@2" in said(run("compare", "net", "--all"))
    (pair,) = json.loads(said(run("compare", "net", "--json")))["pairs"]
    assert (pair["active"], pair["shadow"], [camera["camera"] for camera in pair["cameras"]]) == ("1", "3", ["gate", "yard"])
    assert pair["cameras"][0]["classes"]["person"]["both"] == 30


def test_figures_and_card(run: Any, tmp_path: Path) -> None:
    facts = json.loads(said(run("add", export(tmp_path, "1"), "--json")))
    digest = hashlib.sha256(Path(facts["path"]).read_bytes()).hexdigest()
    data = {"path": "/home/ada/val.json", "fingerprint": "ab", "pictures": 7, "boxes": 70}
    model = {"name": "net", "sha256": digest, "scored_classes": ["person"], "overall": {"AP50": 0.5}, "classes": {"person": {"AP50": 0.5}}}
    figures = tmp_path / "val set.json"
    figures.write_text(json.dumps({"evaluation": "detection", "data": data, "models": [model]}))
    assert "net@1 keeps figures on val-set" in said(run("figures", "net", figures))
    card = said(run("card", "net"))
    assert card.startswith("# net, version 1\n")
    assert "### On val-set" in card
    page = tmp_path / "card.html"
    assert said(run("card", "net", "1", "--html", page)) == ""
    assert page.read_text().startswith("<!doctype html>")
    record = json.loads(said(run("card", "net", "--json")))
    assert record["provenance"]["figures"]["val-set"]["data"]["path"] == "val.json"
    figures.write_text(figures.read_text().replace(digest, "0" * 64))
    refused = run("figures", "net", figures)
    assert refused.exit_code == 1
    assert "expected figures of the file with sha256" in refused.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("promote", "absent"), 1, "model 'absent' is not installed"),
        (("promote", "../x"), 1, "is no model name"),
        (("rollback", "absent"), 1, "is not installed"),
        (("shadow", "absent", "2"), 1, "is not installed"),
        (("shadow", "absent"), 2, "expected a version, or --off"),
        (("shadow", "absent", "2", "--off"), 2, "expected a version, or --off"),
        (("compare", "absent"), 1, "is not installed"),
        (("card", "absent"), 1, "there is no model 'absent'"),
        (("figures", "absent", "x.json"), 1, "there is no model 'absent'"),
        (("add", "absent", "--version", "a/b"), 1, "is no version"),
    ],
)
def test_a_fault_is_one_sentence(run: Any, words: tuple[str, ...], code: int, told: str) -> None:
    result = run(*words)
    assert result.exit_code == code
    assert told in result.stderr
    assert "Traceback" not in result.output
