"""`scripts/run_tests.py`: what failed is asked once more, alone, and named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "run_tests.py"
UNSTEADY = """
from pathlib import Path

def test_that_fails_the_first_time():
    seen = Path("seen")
    was_there = seen.exists()
    seen.touch()
    assert was_there
"""


def run(folder: Path, text: str, *arguments: str, **environment: str) -> tuple[int, str]:
    (folder / "test_some.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")])
def test_one_that_passes_alone_is_named_and_fails_nothing(tmp_path: Path, workers: tuple[str, ...]) -> None:
    status, told = run(tmp_path, UNSTEADY + "\ndef test_good(): pass\n", *workers)
    assert status == 0
    assert "1 failed, 1 passed" in told
    assert told.rstrip().endswith("UNSTEADY, passed alone and not before, to be mended:\n  test_some.py::test_that_fails_the_first_time")


def test_one_that_fails_again_fails_the_run(tmp_path: Path) -> None:
    status, told = run(tmp_path, "def test_bad(): assert False\n\ndef test_good(): pass\n")
    assert status == 1
    assert "asked once more" in told
    assert "UNSTEADY" not in told


def test_many_are_not_asked_again(tmp_path: Path) -> None:
    text = "".join(UNSTEADY.replace("test_that", f"test_{one}_that").replace('"seen"', f'"seen {one}"') for one in range(5))
    status, told = run(tmp_path, text)
    assert status == 1
    assert "5 failed" in told
    assert "asked once more" not in told


def test_nothing_is_forgiven_where_somebody_says_so(tmp_path: Path) -> None:
    status, told = run(tmp_path, UNSTEADY, PANOPS_STRICT_TESTS="1")
    assert status == 1
    assert "asked once more" not in told


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_a_run_that_stops_early_forgives_nothing(tmp_path: Path, option: str) -> None:
    status, told = run(tmp_path, UNSTEADY + "\ndef test_bad(): assert False\n", option)
    assert status == 1
    assert "asked once more" not in told


def test_a_file_that_cannot_be_read_fails_the_run(tmp_path: Path) -> None:
    assert run(tmp_path, "import nothing_of_this_name\n")[0] == 2


def test_where_nothing_failed_nothing_is_asked_again(tmp_path: Path) -> None:
    status, told = run(tmp_path, "def test_good(): pass\n")
    assert status == 0
    assert "asked" not in told
