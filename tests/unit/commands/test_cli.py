"""The command line as a whole: it starts fast because nothing of a command is imported before it runs."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from panops.cli import COMMANDS, Row, app

# What makes a start slow, and what only some commands need.
HEAVY = ("av", "cv2", "fastapi", "numpy", "openvino", "scipy", "sqlalchemy", "torch", "uvicorn")
PROBE = """
import json, sys
sys.argv = ["panops", *sys.argv[1:]]
from panops.entry import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("--version", ("yaml",)),
        ("--help", ("yaml",)),
        ("models --help", ("yaml",)),
        ("bench --help", ("yaml",)),
        ("models list", ()),
        ("config check site.yaml", ()),
    ],
)
def test_what_only_tells_something_imports_nothing_heavy(words: str, more: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("cameras: {yard: {source: 'sim://yard?seed=3'}}\nrules: [{id: a, kind: intrusion}]\n")
    environ = {**os.environ, "PANOPS_HOME": str(tmp_path / "home"), "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words.split()], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert not loaded & {*HEAVY, *more}
    assert done.stdout.strip()


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.words)
def test_a_row_is_what_its_command_says_of_itself(row: Row) -> None:
    module, _, function = row.target.partition(":")
    command = getattr(import_module(f"panops.commands.{module}"), function)
    assert (inspect.getdoc(command) or "").splitlines()[0] == row.summary
    done = CliRunner().invoke(app, [*row.words.split(), "-h"])
    assert done.exit_code == 0, done.output
    assert f"panops {row.words}" in " ".join(done.stdout.split()).replace("root", "panops")


def test_help_names_every_command() -> None:
    top = CliRunner().invoke(app, ["--help"]).stdout
    for row in COMMANDS:
        group, _, name = row.words.rpartition(" ")
        assert f" {name} " in (CliRunner().invoke(app, [group, "--help"]).stdout if group else top)
        assert f" {group or name} " in top


def test_a_mistyped_command_is_guessed() -> None:
    done = CliRunner().invoke(app, ["modles", "list"])
    assert done.exit_code == 2
    assert "Did you mean 'models'?" in done.output
