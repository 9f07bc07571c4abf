"""The documentation is true: links lead somewhere, examples check, commands run, and nothing that exists is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel

from panops.cli import app
from panops.config.load import parse_site
from panops.config.rule_schema import RuleConfig
from panops.config.schema import SiteConfig

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
# These go on until they are stopped, or take minutes; tests/e2e and the benchmarks run them.
BENCHES = ("panops bench tracking", "panops bench inference", "panops bench capacity")
NOT_RUN_HERE = ("panops run", "panops demo", *BENCHES, "panops models add", "panops evaluate")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_site_examples_check(page: Path) -> None:
    environ = {"ROOM_PASSWORD": "x", "YARD_PASSWORD": "x", "CAM_PASSWORD": "x", "GATE_PASSWORD": "x"}
    for block in blocks(page, "yaml"):
        if re.search(r"^cameras:", block, re.MULTILINE):
            parse_site(block, origin=page.name, environ=environ)


def fields_of(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> Iterator[str]:
    seen = seen if seen is not None else set()
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield name
        stack: list[Any] = [field.annotation]
        while stack:
            kind = stack.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from fields_of(kind, seen)
            else:
                stack += get_args(kind)


def test_every_setting_is_described() -> None:
    text = "\n".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    names = set(fields_of(SiteConfig))
    for rule in get_args(get_args(RuleConfig)[0]):
        names |= set(fields_of(rule))
    missing = sorted(name for name in names if not re.search(rf"`(?:\w+\.)?{name}`", text))
    assert not missing, f"settings that docs/ does not name: {missing}"


def commands(group: Any, path: str = "panops") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_every_command_is_described() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    missing = [command for command in commands(typer.main.get_command(app)) if f"`{command}" not in text]
    assert not missing, f"commands that docs/commands.md does not name: {missing}"


def command_lines() -> list[str]:
    lines = {
        line.split("#")[0].strip()
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("panops ")
    }
    return sorted(line for line in lines if not line.startswith(NOT_RUN_HERE))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder such as the docs suppose: a site file and a clip."""
    folder = tmp_path_factory.mktemp("docs")
    site = "cameras:\n  yard:\n    source: clip.mp4\nrules:\n  - {id: anyone, kind: intrusion}\n"
    (folder / "site.yaml").write_text(site)
    panops("simulate yard --seconds 6 --out sim", folder)
    (folder / "sim" / "video.mp4").rename(folder / "clip.mp4")
    panops("data simulate --pictures 12 --out photos", folder)
    return folder


def panops(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {"PANOPS_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", "COLUMNS": "160"}
    return subprocess.run(
        [sys.executable, "-m", "panops.cli", *line.split()], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("line", command_lines())
def test_commands_of_the_docs_run(line: str, workplace: Path) -> None:
    done = panops(line.removeprefix("panops "), workplace)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
