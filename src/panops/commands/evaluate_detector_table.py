"""The figures of a detector on the console."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from panops.evaluation.detection_result import DetectionResult
from panops.evaluation.detection_score import SIZES, Figures


def print_results(console: Console, results: Sequence[DetectionResult], title: str) -> None:
    """One table of all models side by side, their own means, thresholds of the first, and what each costs."""
    _print_figures(console, results, title)
    if results[0].summary:
        _print_summary(console, results)
    _print_thresholds(console, results[0])
    for one in results:
        speed = one.speed
        console.print(
            f"{one.name} at {'x'.join(map(str, one.facts['input_size_wh']))}: CPU {speed['cpu_ms']:.1f} ms a picture; wall"
            f" {speed['prepare_ms']:.1f} to prepare, {speed['infer_ms']:.1f} to infer, {speed['finish_ms']:.1f} to finish",
            highlight=False,
        )
        if one.score.cases.only_in_data:
            console.print(f"{one.name} does not have, and no mean counts: {', '.join(one.score.cases.only_in_data)}", highlight=False)


def _print_figures(console: Console, results: Sequence[DetectionResult], title: str) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("source", overflow="fold", min_width=12)
    table.add_column("class", overflow="fold", min_width=10)
    table.add_column("boxes", justify="right", no_wrap=True)
    several = len(results) > 1
    for one in results:
        for figure in ("AP", "AP50"):
            table.add_column(f"{one.name}\n{figure}" if several else figure, justify="right", overflow="fold", min_width=4)
    # With two models the sizes would leave no room for names on a narrow terminal; the report and the JSON have them.
    for figure in () if several else SIZES:
        table.add_column(figure, justify="right", no_wrap=True)
    pairs = sorted(dict.fromkeys(pair for one in results for pair in one.score.pairs), key=lambda pair: pair[0])
    last = ""
    for source, name in pairs:
        _add(table, "" if source == last else source, name, [one.score.pairs.get((source, name)) for one in results])
        last = source
    table.add_section()
    for index, name in enumerate(dict.fromkeys(name for one in results for name in one.classes)):
        _add(table, "" if index else "all pictures", name, [one.score.classes.get(name) for one in results])
    _add(table, "", "mean", [one.score.overall for one in results])
    console.print(table)


def _add(table: Table, source: str, name: str, figures: Sequence[Figures | None]) -> None:
    known = next(one for one in figures if one is not None)
    cells = [text for one in figures for text in ((_share(one.ap), _share(one.ap50)) if one else ("·", "·"))]
    sizes = [_share(getattr(known, size)) for size in SIZES] if len(figures) == 1 else []
    table.add_row(source, name, str(known.boxes), *cells, *sizes)


def _print_summary(console: Console, results: Sequence[DetectionResult]) -> None:
    table = Table(title="means", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    table.add_column("of")
    for one in results:
        table.add_column(one.name, justify="right")
    for index, value in enumerate(results[0].summary):
        definition = value.definition
        where = f" in {', '.join(definition.sources)}" if definition.sources else ""
        left_out = "".join(f"; no box of {name}" for _, name in value.left_out if value.parts)
        of = f"{definition.figure} of {', '.join(definition.classes)}{where}{left_out}"
        table.add_row(definition.name, of, *(_share(one.summary[index].value) for one in results))
    console.print(table)


def _print_thresholds(console: Console, result: DetectionResult) -> None:
    wanted = next((advice.wanted_precision for advice in result.advice.values()), 0.0)
    table = Table(title=f"thresholds for {result.name}", title_justify="left", box=SIMPLE_HEAD)
    for name in ("class", "best F1 at", "precision", "recall", f"precision {wanted:g} at", "recall "):
        table.add_column(name, justify="left" if name == "class" else "right")
    for name, advice in result.advice.items():
        best, precise = advice.best_f1, advice.precise
        first = [_share(value) for value in (best.score, best.precision, best.recall)] if best else ["-"] * 3
        second = [_share(value) for value in (precise.score, precise.recall)] if precise else ["-"] * 2
        table.add_row(name, *first, *second)
    console.print(table)


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}".removeprefix("0")
