"""`panops bench tracking`: a small run; the figures of a large one are in docs/tracking.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import app
from panops.commands import bench_tracking as bench
from panops.domain.errors import PanopsError

SMALL = ("--cameras", "30", "--objects", "6", "--seconds", "6")


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["bench", "tracking", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.filterwarnings("ignore")  # the peer's own
def test_beside_the_peer(tmp_path: Path) -> None:
    pytest.importorskip("trackers", reason=f"the peer is not installed: {bench.PEER_HINT}")
    output = run("--json", tmp_path / "out.json", *SMALL)
    assert "ByteTrack" in output
    found = json.loads((tmp_path / "out.json").read_text())
    # Thirty cameras spread the cost of a call less than two hundred do; the machine may be busy.
    assert found["ratio"] > 5
    assert found["panops"]["hota"] > found["peer"]["hota"] - 0.05
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["trackers"] != "not installed"


def test_without_the_peer_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackers", None)  # type: ignore[arg-type]  # None is how Python marks "cannot be imported"
    monkeypatch.setitem(sys.modules, "supervision", None)  # type: ignore[arg-type]
    output = run("--json", tmp_path / "out.json", *SMALL)
    assert "pip install" in output
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["peer"] is None
    assert found["ratio"] is None
    assert found["panops"]["cpu_s"] > 0


def test_cost_without_quality_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracker that reports nothing is quick; the run must not call that a success."""

    def lazy(settings: bench.LoadSettings, loads: list[bench.CameraLoad]) -> tuple[float, list[bench.Rows]]:
        _, rows = original(settings, loads)
        return 1e-6, [[(frame, ids[:0], boxes[:0]) for frame, ids, boxes in camera] for camera in rows]

    original = bench._run_ours
    monkeypatch.setattr(bench, "_open_peer", lambda: original)
    monkeypatch.setattr(bench, "_run_ours", lazy)
    with pytest.raises(PanopsError, match="cost says nothing"):
        run(*SMALL)
