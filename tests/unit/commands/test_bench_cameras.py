"""`panops bench cameras` and `capacity`: what is asked wrongly is told at once, and results are short JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from panops.bench.measure import LoadSettings
from panops.bench.tally import Surroundings
from panops.cli import app
from panops.commands.bench_cameras_table import _latency, print_runs
from panops.commands.bench_results import compact, write_json
from panops.commands.machine import cpu_flags, machine
from panops.domain.errors import ModelNotFound, PanopsError
from tests.unit.bench.tallies import SHAPE, film, latency, run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--size large", "expected WIDTHxHEIGHT such as 640x360"),
        ("--scenes yard,moon", "expected some of yard, street"),
        ("--source usb", "expected rtsp or file"),
        ("--sleep often", "expected always, auto or never"),
        ("--source file --peer", "the peer reads RTSP cameras"),
        ("--peer --peer-threads many", "expected default, both or a number"),
    ],
)
def test_wrong_options(words: str, said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "cameras", *words.split(), "--home", str(tmp_path)], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["cameras", "capacity", "soak"])
def test_a_model_that_is_not_here_is_told_before_anything_is_made(command: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", command, "--model", "nonesuch", "--home", str(tmp_path)])
    assert isinstance(done.exception, ModelNotFound)
    assert not (tmp_path / "bench-films").exists()


def test_the_table_shows_each_run_and_who_else_was_there(capsys: pytest.CaptureFixture[str]) -> None:
    loop = run(4, 0.5, name="loop, 1 thread a session", api=None, stages_s={}, surroundings=Surroundings(2, 0.01, 0.02, 0.9))
    ours = run(4, woken_latency=latency(2.0), woken_event_latency=latency(2.5))
    print_runs(Console(width=140), LoadSettings(4, SHAPE), [ours, loop], [film(), film("room", 0.15)])
    said = capsys.readouterr().out
    assert "4 cameras, 640x360 at 5/s, 350 kbit/s; 5 checks/s, 20 % with motion; 20 s" in said
    rows = {parts[0]: parts[1:] for line in said.splitlines() if (parts := re.split(r"  +", line.strip()))}
    assert rows["CPU ms a camera-second"] == ["20.0", "20.0"]
    assert rows["memory MiB"] == ["262", "262"]
    assert rows["decode"] == ["7.50"]
    assert (rows["capture to stored event, ms"], rows["API, p95 ms"]) == (["108 324 330"], ["20"])
    assert "superseded 200" in said
    assert "panops: held: each of the 4 cameras" in said
    assert "loop, 1 thread a session: not held: 4 of 4 cameras" in said
    assert "panops, meanwhile, of 2 cores: load server 0.010, bench 0.020, others 0.00\n" in said
    assert "loop, 1 thread a session, meanwhile, of 2 cores: load server 0.010, bench 0.020, others 0.90; the machine was not free" in said
    assert rows["of what was slept through"] == [_latency(ours.woken_latency)]
    assert rows["of what was slept through, ms"] == [_latency(ours.woken_event_latency)]


def test_results_are_json_that_people_can_read(tmp_path: Path) -> None:
    content = {
        "bench": "x",
        "runs": [{"cameras": number, "held": True, "p95_ms": 12.5} for number in range(9)],
        "none": [],
        "much": "y" * 200,
    }
    write_json(tmp_path / "out.json", content)
    text = (tmp_path / "out.json").read_text()
    assert json.loads(text) == content
    assert max(len(line) for line in text.splitlines() if "yyy" not in line) <= 140
    assert len(text.splitlines()) == 16
    with pytest.raises(PanopsError, match=r"cannot write .*missing"):
        write_json(tmp_path / "missing" / "out.json", content)


@pytest.mark.parametrize("value", [3, "word", None, [], {}, [[1, 2], {"a": [1.5, None]}], {"a": {"b": list(range(60))}}])
def test_compact_json_means_the_same(value: Any) -> None:
    assert json.loads(compact(value)) == value


def test_the_machine_says_what_decides_the_speed_of_eight_bits() -> None:
    assert cpu_flags("fpu sse avx avx2 fma avx512f avx512_vnni amx_int8 zzz") == [
        "avx",
        "avx2",
        "fma",
        "avx512f",
        "avx512_vnni",
        "amx_int8",
    ]
    assert cpu_flags("fp asimd asimddp i8mm") == ["asimd", "asimddp", "i8mm"]
    told = machine()
    assert json.loads(json.dumps(told)) == told
    assert told["cores"] >= 1
