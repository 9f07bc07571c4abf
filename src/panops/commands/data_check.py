"""`panops data check`: everything that is wrong with a data set, line by line."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from panops.commands.data_sets import PathsArgument, open_paths, picture_bar
from panops.commands.options import JsonOption
from panops.datasets.checking import CheckReport, check_sets
from panops.datasets.near_copies import NEAR_BITS
from panops.datasets.problems import KINDS, DataProblem

# So many of a kind are shown before the rest is only counted; a thousand lines of one fault hide the others.
_SHOWN = 20


def check(
    paths: PathsArgument,
    as_json: JsonOption = False,
    every: Annotated[bool, typer.Option("--all", help="Show every problem, not the first 20 of a kind.")] = False,
    decode: Annotated[bool, typer.Option(help="Decode every picture: finds broken ones and near copies.")] = True,
    near_bits: Annotated[int, typer.Option(min=0, max=20, help="Bits of 64 by which near copies may differ.")] = NEAR_BITS,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
) -> None:
    """Check data sets: labels, pictures, class balance, and near copies or groups in two splits.

    Broken pictures, boxes outside, unknown classes and the like are told one by one and stop nothing. Exit code 1 where there are errors.
    """
    opened = open_paths(paths)
    with picture_bar(opened.picture_count, shown=decode and not as_json) as progress:
        report = check_sets(opened.reports, origin=opened.origin, near_bits=near_bits, decode=decode, progress=progress)
    warnings = len(report.problems) - report.error_count
    if as_json:
        content = {
            "sets": {name: {"pictures": len(part.dataset), "boxes": part.dataset.box_count} for name, part in opened.reports.items()},
            "pictures": report.picture_count,
            "boxes": report.box_count,
            "errors": report.error_count,
            "warnings": warnings,
            "problems": [problem.record() for problem in report.problems],
        }
        typer.echo(json.dumps(content, indent=2))
    else:
        console = Console(soft_wrap=True, highlight=False)
        _print_problems(console, report, every=every)
        _print_counts(console, report)
        told = f"{report.error_count:,} errors, {warnings:,} warnings"
        console.print(f"{report.picture_count:,} pictures and {report.box_count:,} boxes can be used: {told}.")
    if report.error_count or (strict and warnings):
        raise typer.Exit(1)


def _print_problems(console: Console, report: CheckReport, *, every: bool) -> None:
    shown: Counter[str] = Counter()
    for problem in report.problems:
        shown[problem.kind] += 1
        if every or shown[problem.kind] <= _SHOWN:
            console.print(_line(problem))
    for kind, count in shown.items():
        if not every and count > _SHOWN:
            console.print(Text(f"... and {count - _SHOWN:,} more of {kind}: --all shows them", "dim"))


def _line(problem: DataProblem) -> Text:
    return Text(f"{problem.severity}: ", "bold red" if problem.severity == "error" else "yellow").append(str(problem), "default")


def _print_counts(console: Console, report: CheckReport) -> None:
    counts = Counter(problem.kind for problem in report.problems)
    if not counts:
        return
    outcomes = Counter((problem.kind, problem.outcome) for problem in report.problems)
    table = Table(title="Problems", title_justify="left")
    table.add_column("kind")
    table.add_column("severity")
    for column in ("count", "dropped", "mended", "kept"):
        table.add_column(column, justify="right")
    for kind, severity in KINDS.items():
        if counts[kind]:
            parts = [outcomes[kind, outcome] for outcome in ("dropped", "mended", "kept")]
            table.add_row(kind, severity, f"{counts[kind]:,}", *(f"{part:,}" if part else "" for part in parts))
    console.print(table)
