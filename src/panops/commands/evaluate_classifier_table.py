"""The figures of a classifier on the console."""

from __future__ import annotations

import math

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from panops.evaluation.classification_score import ClassificationScore
from panops.export.class_deployed import ClassRun

# More columns do not fit a console; then the mistakes alone are told.
_MOST_COLUMNS = 16


def print_classification(console: Console, score: ClassificationScore, run: ClassRun, title: str) -> None:
    """Overall figures, a row for each class with its confusion, and the most frequent mistakes."""
    low, high = score.interval
    console.print(
        f"{title}: accuracy {100 * score.accuracy:.1f} % of {score.pictures:,} pictures (95 %: {100 * low:.1f} to {100 * high:.1f}),"
        f" macro F1 {score.macro_f1:.3f}, among the first three {100 * score.top3:.1f} %, calibration error {score.calibration_error:.3f}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    console.print(_table(score))
    for truth, answer, count in score.mistakes():
        console.print(f"  {truth} taken for {answer}: {count}", highlight=False, markup=False)
    console.print(
        f"{run.backend}, {run.threads} thread{'s' if run.threads != 1 else ''}: {run.wall_ms:.1f} ms a picture, {run.cpu_ms:.1f} ms of CPU",
        highlight=False,
        markup=False,
    )


def _table(score: ClassificationScore) -> Table:
    wide = len(score.classes) <= _MOST_COLUMNS
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("class", overflow="fold")
    for name in ("pictures", "precision", "recall", "F1"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in score.classes if wide else ():
        table.add_column(Text(f"as {name}"), justify="right", overflow="fold")
    for index, (name, figures) in enumerate(score.per_class.items()):
        cells = [str(figures.pictures), *(_share(value) for value in (figures.precision, figures.recall, figures.f1))]
        called = [str(count) if count else "·" for count in score.confusion[index].tolist()] if wide else []
        table.add_row(Text(name), *cells, *called)
    return table


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}".removeprefix("0")
