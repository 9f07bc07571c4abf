"""The figures of a detector on the console."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from panops.evaluation.detection_result import DetectionResult
from panops.evaluation.detection_score import SIZES, Figures

_ENDLESS = 10_000


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
            markup=False,
        )
    for one in results:
        _tell_classes(console, one)


def _tell_classes(console: Console, one: DetectionResult) -> None:
    """What the figures do not cover, and whether there are any."""
    cases, labelled = one.score.cases, sum(len(case.picture.class_id) for case in one.score.cases.cases)
    if cases.only_in_data:
        text = f"{one.name} does not have, and no mean counts: {', '.join(cases.only_in_data)}"
        console.print(text, highlight=False, markup=False)
    if not one.classes:
        has, labels = (", ".join(names) or "nothing" for names in (cases.only_in_model, cases.only_in_data))
        text = f"nothing to judge {one.name} by: it finds {has}, and the data labels {labels}; names must be the same"
        console.print(text, highlight=False, markup=False)
    elif not one.score.overall.boxes:
        what = ", ".join(one.classes)
        text = f"nothing to judge {one.name} by: expected labelled boxes of {what}, and there are none ({labelled} boxes to be ignored)"
        console.print(text, highlight=False, markup=False)


def _print_figures(console: Console, results: Sequence[DetectionResult], title: str) -> None:
    """All that fits: names stay whole, and where there is no room for them, sizes go (the report and the JSON have them)."""
    names = [one.name for one in results] if len(results) > 1 else [""]
    wanted = SIZES if len(results) == 1 else ()
    table = _figures_table(results, title, names, wanted)
    if wanted and not _fits(console, table):
        table = _figures_table(results, title, names, ())
    elif len(results) > 1 and not _fits(console, table):
        numbers = [f"({number})" for number in range(1, len(results) + 1)]
        told = "".join(f"\n{number} {name}" for number, name in zip(numbers, names, strict=True))
        table = _figures_table(results, f"{title}{told}", numbers, ())
    console.print(table)


def _fits(console: Console, table: Table) -> bool:
    return Measurement.get(console, console.options.update(width=_ENDLESS, max_width=_ENDLESS), table).maximum <= console.width


def _figures_table(results: Sequence[DetectionResult], title: str, names: Sequence[str], sizes: Sequence[str]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("source and class", overflow="fold", min_width=12)
    table.add_column("boxes", justify="right", no_wrap=True)
    for name in names:
        for figure in ("AP", "AP50"):
            table.add_column(Text(f"{name}\n{figure}" if name else figure), justify="right", overflow="fold", min_width=4)
    for size in sizes:
        table.add_column(size, justify="right", no_wrap=True)
    pairs = sorted(dict.fromkeys(pair for one in results for pair in one.score.pairs), key=lambda pair: pair[0])
    last = ""
    for source, name in pairs:
        if source != last:
            table.add_row(Text(source))
        _add(table, f"  {name}", [one.score.pairs.get((source, name)) for one in results], sizes)
        last = source
    if pairs:
        table.add_section()
        table.add_row("all pictures")
    for name in dict.fromkeys(name for one in results for name in one.classes):
        _add(table, f"  {name}", [one.score.classes.get(name) for one in results], sizes)
    _add(table, "  mean", [one.score.overall for one in results], sizes)
    return table


def _add(table: Table, name: str, figures: Sequence[Figures | None], sizes: Sequence[str]) -> None:
    known = next(one for one in figures if one is not None)
    cells = [text for one in figures for text in ((_share(one.ap), _share(one.ap50)) if one else ("·", "·"))]
    table.add_row(Text(name), str(known.boxes), *cells, *(_share(getattr(known, size)) for size in sizes))


def _print_summary(console: Console, results: Sequence[DetectionResult]) -> None:
    table = Table(title="means", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    table.add_column("of", overflow="fold")
    for one in results:
        table.add_column(Text(one.name), justify="right", overflow="fold", min_width=5)
    for index, value in enumerate(results[0].summary):
        definition = value.definition
        where = f" in {', '.join(definition.sources)}" if definition.sources else ""
        left_out = "".join(f"; no box of {name}" for _, name in value.left_out if value.parts)
        of = f"{definition.figure} of {', '.join(definition.classes)}{where}{left_out}"
        table.add_row(Text(definition.name), Text(of), *(_share(one.summary[index].value) for one in results))
    console.print(table)


def _print_thresholds(console: Console, result: DetectionResult) -> None:
    wanted = next((advice.wanted_precision for advice in result.advice.values()), 0.0)
    table = Table(title=Text(f"thresholds for {result.name}"), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("class", "best F1 at", "precision", "recall", f"precision {wanted:g} at", "recall "):
        table.add_column(name, justify="left" if name == "class" else "right", overflow="fold")
    for name, advice in result.advice.items():
        best, precise = advice.best_f1, advice.precise
        first = [_share(value) for value in (best.score, best.precision, best.recall)] if best else ["-"] * 3
        second = [_share(value) for value in (precise.score, precise.recall)] if precise else ["-"] * 2
        table.add_row(Text(name), *first, *second)
    console.print(table)


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}".removeprefix("0")
