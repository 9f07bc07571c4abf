"""`panops bench capacity`: what was found stays found when the search is broken off, and each line says what the cameras did."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from panops.bench.capacity import Run
from panops.bench.measure import LoadSettings
from panops.bench.tally import RunTally
from panops.bench.verdict import judge
from panops.cli import app
from panops.commands import bench_capacity
from tests.unit.bench.tallies import film, latency, run


def test_a_curve_that_was_found_stays_when_the_next_one_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy: list[float] = []

    def films(_: Any, __: Any, activity: float, *more: Any) -> list[Any]:
        busy.append(activity)
        return [film(moved=activity)]

    def measure(load: LoadSettings, *more: Any) -> RunTally:
        if len(busy) > 1:
            raise KeyboardInterrupt
        return run(load.cameras)

    monkeypatch.setattr(bench_capacity, "ready_films", films)
    monkeypatch.setattr(bench_capacity, "measure_product", measure)
    words = f"--activity 0.1 --activity 0.4 --most 8 --report {tmp_path}/page.html --json {tmp_path}/out.json --home {tmp_path}/home"
    done = CliRunner().invoke(app, ["bench", "capacity", *words.split()])
    assert done.exit_code != 0
    assert busy == [0.1, 0.4]
    told = json.loads((tmp_path / "out.json").read_text())
    assert [(curve["activity"], curve["limit"]["cameras"]) for curve in told["curves"]] == [(0.1, 8)]
    assert "8 cameras held" in (tmp_path / "page.html").read_text()


def test_a_line_says_how_many_slept_and_why_a_run_failed(capsys: pytest.CaptureFixture[str]) -> None:
    tell = bench_capacity._teller(Console(width=200), "panops", 0.25)
    tally = replace(run(8), asleep=3.0, relief=0.4, woken_latency=latency(1.9))
    tell(Run(tally, judge(tally, 5.0), confirms=True))
    said = capsys.readouterr().out
    assert "held, confirmed, 3 of them asleep on their keyframes on average, relief up to 40 %" in said
    assert "ms of what was slept through" in said
    tell(Run(tally, replace(judge(tally, 5.0), held=False, words="not held: the run failed: gone"), confirms=True, failed=True))
    assert capsys.readouterr().out == "panops, activity 0.25, 8 cameras: not held: the run failed: gone\n"
