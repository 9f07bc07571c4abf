"""docs/client.md does what it says: its Python runs as one program, its commands run too, both against a real server."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from panops.storage.scope import Role
from tests.docs.test_docs import ROOT, blocks
from tests.unit.api.conftest import empty_database, filled_database  # noqa: F401 - fixtures
from tests.unit.api.served_site import Served, serve_in_thread

PAGE = ROOT / "docs" / "client.md"


@pytest.fixture
def served(tmp_path: Path, filled_database: Path) -> Iterator[Served]:  # noqa: F811 - the fixture
    with serve_in_thread(tmp_path / "home", filled_database) as served:
        yield served


def run(words: list[str], served: Served, folder: Path) -> str:
    environ = {**os.environ, "PANOPS_URL": served.address, "PANOPS_TOKEN": served.tokens[Role.ADMIN], "COLUMNS": "160"}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_python_of_the_page_runs(served: Served, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text("\n".join(blocks(PAGE, "python")))
    done = threading.Event()

    def let_things_happen() -> None:
        while not done.is_set():  # the page follows events until one begins
            served.do(lambda: served.site.live.begin_event("gate", so_far_s=1.0))
            time.sleep(1.0)

    happening = threading.Thread(target=let_things_happen)
    happening.start()
    try:
        said = run(["page.py"], served, tmp_path)
    finally:
        done.set()
        happening.join()
    assert "gate live" in said
    assert "North gate intrusion" in said
    assert "there is no such event, or you may not see it 404" in said
    assert (tmp_path / "snapshot.jpg").read_bytes().startswith(b"\xff\xd8")
    assert (tmp_path / "proof.zip").exists()


def test_the_commands_of_the_page_run(served: Served, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("cameras: {shed: {source: 'sim://room'}}\n")
    served.do(lambda: served.site.live.raise_event("gate", duration_s=1.0))
    lines = re.findall(r"^    panops (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 7
    for line in lines:
        run(["-m", "panops.cli", *shlex.split(line.replace("http://127.0.0.1:8440", served.address))], served, tmp_path)
