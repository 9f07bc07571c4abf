"""The `panops` command. Each command lives in `panops.commands`; this file only names them and turns faults into sentences."""

from __future__ import annotations

import sys

import typer

import panops
from panops.commands.bench import bench_app
from panops.commands.config import apply, config_app
from panops.commands.demo import demo
from panops.commands.doctor import doctor
from panops.commands.evaluate import evaluate_app
from panops.commands.models import models_app
from panops.commands.process import process
from panops.commands.run import run
from panops.commands.simulate import simulate
from panops.domain.errors import ConfigError, PanopsError

app = typer.Typer(
    name="panops",
    help="From any of many cameras to a true alarm with proof. Start with: panops demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command()(run)
app.command()(process)
app.command()(doctor)
app.command()(apply)
app.command()(simulate)
app.add_typer(config_app, name="config")
app.add_typer(models_app, name="models")
app.add_typer(bench_app, name="bench")
app.add_typer(evaluate_app, name="evaluate")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"panops {panops.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and exit."),
) -> None:
    """From any of many cameras to a true alarm with proof. Start with: panops demo."""


def main() -> None:
    """Run the command line: exit code 0 fine, 1 it failed, 2 wrong usage or configuration."""
    try:
        app()
    except PanopsError as error:
        typer.echo(f"panops: {error}", err=True)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except BrokenPipeError:
        sys.exit(0)  # the reader of our output went away (| head)


if __name__ == "__main__":
    main()
