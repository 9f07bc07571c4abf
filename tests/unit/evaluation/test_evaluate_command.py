"""`panops evaluate tracking` on a folder made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.domain.errors import SourceCorrupt, SourceUnreachable

INFO = "[Sequence]\nname={name}\nframeRate=10\nseqLength=40\nimWidth=640\nimHeight=480\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sequences with two walkers each, found by a good detector."""
    random = np.random.default_rng(2)
    for name in ("first", "second"):
        place = tmp_path / "mot" / name
        place.mkdir(parents=True)
        (place / "seqinfo.ini").write_text(INFO.format(name=name))
        truth, found = [], []
        for frame in range(1, 41):
            for walker, x in ((1, 50 + 5 * frame), (2, 500 - 5 * frame)):
                truth.append(f"{frame},{walker},{x},{100 * walker},50,100,1,1,1\n")
                shift = random.normal(0, 1, 2)
                found.append(f"{frame},-1,{x + shift[0]:.1f},{100 * walker + shift[1]:.1f},50,100,0.9,-1,-1,-1\n")
        (place / "gt.txt").write_text("".join(truth))
        (place / "det.txt").write_text("".join(found))
    return tmp_path / "mot"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["evaluate", "tracking", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_table_and_json(folder: Path, tmp_path: Path) -> None:
    output = run(folder, "--fps", 5, "--json", tmp_path / "out.json", "--tracks", tmp_path / "tracks")
    assert "COMBINED" in output
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["fps"] == 5
    assert found["sequences"].keys() == {"first", "second", "COMBINED"}
    assert found["sequences"]["COMBINED"]["IDF1"] == 1
    assert found["sequences"]["COMBINED"]["CLR_TP"] == 80  # 2 sequences x 2 walkers x 20 frames


def test_results_of_another_tracker(folder: Path, tmp_path: Path) -> None:
    run(folder, "--tracks", tmp_path / "tracks", "--json", tmp_path / "ours.json")
    run(folder, "--results", tmp_path / "tracks", "--json", tmp_path / "again.json")
    ours, again = (json.loads((tmp_path / name).read_text())["sequences"]["COMBINED"] for name in ("ours.json", "again.json"))
    assert again == pytest.approx(ours, rel=1e-3)  # the files have hundredths of a pixel
    (tmp_path / "tracks" / "first.txt").write_text("1,1,0,0,9,9,1\n1,1,5,5,9,9,1\n")
    with pytest.raises(SourceCorrupt, match="first: tracks, frame 1"):
        run(folder, "--results", tmp_path / "tracks")


def test_one_sequence_and_its_second_half(folder: Path, tmp_path: Path) -> None:
    output = run(folder / "first", "--half", "second", "--json", tmp_path / "out.json")
    assert "COMBINED" not in output
    assert json.loads((tmp_path / "out.json").read_text())["sequences"]["first"]["CLR_TP"] == 40


def test_no_sequences(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="found none"):
        run(tmp_path)


def test_names_stay_whole_on_a_narrow_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (folder / "first").rename(folder / "MOT17-02-FRCNN-north")
    lines = run(folder).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert any("MOT17-02-FRCNN-north" in line and "100.0" in line for line in lines)
