"""Commands that are imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from panops.commands.lazy_command import add_branch, add_lazily
from panops.domain.errors import PluginError

GREET = '''
import typer


def greet(name: str, loud: bool = False) -> None:
    """Say hello.

    In full.
    """
    typer.echo(f"hello {name}" + "!" * loud)
'''


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    (tmp_path / "greeting_a.py").write_text(GREET)
    (tmp_path / "greeting_b.py").write_text("import package_that_nobody_has\n" + GREET)
    (tmp_path / "greeting_c.py").write_text("import panops.no_such_module\n" + GREET)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in "abc":
        monkeypatch.delitem(sys.modules, f"greeting_{name}", raising=False)
    app = typer.Typer(no_args_is_help=True)
    add_lazily(app, "greet", "greeting_a:greet", "Say hello.")
    add_lazily(app, "train", "greeting_b:greet", "Say hello after training.", extra="train")
    add_lazily(app, "plain", "greeting_b:greet", "Say hello without an extra.")
    add_lazily(app, "broken", "greeting_c:greet", "Say hello with a mistake of our own.", extra="train")
    return app


def test_help_imports_nothing(app: typer.Typer) -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert "Say hello after training." in shown.stdout
    assert "greeting_a" not in sys.modules


def test_the_command_runs_with_its_own_parameters(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["greet", "you", "--loud"]).stdout == "hello you!\n"
    own = CliRunner().invoke(app, ["greet", "--help"]).stdout
    assert "In full." in own
    assert "--loud" in own
    wrong = CliRunner().invoke(app, ["greet", "you", "--lout"])
    assert wrong.exit_code == 2
    assert "No such option" in wrong.output


def test_a_branch_is_a_second_word_of_its_own(app: typer.Typer) -> None:
    kind = add_lazily(app, "wave", "greeting_a:greet", "Say hello.")
    add_branch(kind, "twice", "greeting_a:greet")
    assert CliRunner().invoke(app, ["wave", "you"]).stdout == "hello you\n"
    assert CliRunner().invoke(app, ["wave", "twice", "you", "--loud"]).stdout == "hello you!\n"
    shown = CliRunner().invoke(app, ["wave", "twice", "--help"]).stdout
    assert "wave twice" in shown
    assert CliRunner().invoke(app, ["wave", "twice"]).exit_code == 2


def test_a_missing_extra_is_a_sentence(app: typer.Typer) -> None:
    with pytest.raises(PluginError) as caught:
        CliRunner().invoke(app, ["train", "you"], catch_exceptions=False)
    needs = "panops train needs package_that_nobody_has, which is not installed; install it with: pip install 'panops[train]'"
    assert str(caught.value) == needs


@pytest.mark.parametrize("name", ["plain", "broken"])
def test_a_mistake_of_our_own_stays_one(app: typer.Typer, name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        CliRunner().invoke(app, [name, "you"], catch_exceptions=False)
