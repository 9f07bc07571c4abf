"""`panops data stats`: what is in a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.text import Text

from panops.commands.data_sets import PathsArgument, open_paths, writing
from panops.commands.data_tables import print_table
from panops.commands.options import JsonOption
from panops.datasets.chart import raster
from panops.datasets.statistics import SetStats, stats_of
from panops.datasets.statistics_charts import charts_of, source_name
from panops.datasets.statistics_page import page_of
from panops.datasets.whole_file import write_whole

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def stats(
    paths: PathsArgument,
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Write charts and tables: .html, or the charts alone as .png.")] = None,
) -> None:
    """Count data sets: by source, class and size, with groups and how far the labels reach.

    `looked for` is the share of the pictures in which a class was annotated; elsewhere it is unknown, not absent.
    """
    if out is not None and out.suffix.lower() not in (".html", *_PICTURES):
        raise typer.BadParameter(f"expected a name that ends in .html or .png, got {out}", param_hint="--out")
    opened = open_paths(paths)
    figures = [stats_of(report.dataset) for report in opened.reports.values()]
    if out is not None:
        with writing(out):
            _write(out, figures)
    if as_json:
        typer.echo(json.dumps({"sets": [one.record() for one in figures]}, indent=2))
        return
    console = Console()
    for one in figures:
        _print_classes(console, one)
        _print_sources(console, one)
        _print_coverage(console, one)
    if line := opened.problem_line():
        console.print(line)
    if out is not None:
        console.print(Text(f"wrote {out}"))


def _write(out: Path, figures: list[SetStats]) -> None:
    if out.suffix.lower() == ".html":
        write_whole(out, page_of(figures))
        return
    image = raster([chart for one in figures for chart in charts_of(one)])
    write_whole(out, cv2.imencode(out.suffix.lower(), image)[1].tobytes())


def _print_classes(console: Console, one: SetStats) -> None:
    total = one.total
    facts = f"{one.name}: {total.pictures:,} pictures, {total.boxes:,} boxes, {total.empty:,} pictures without a box"
    rows = []
    for row in one.classes:
        sizes = [f"{part / row.boxes:.0%}" if row.boxes else "-" for part in (row.small, row.medium, row.large)]
        share = f"{row.looked_for / max(1, total.pictures):.0%}"
        rows.append([row.name, f"{row.boxes:,}", f"{row.pictures:,}", share, f"{row.groups:,}", *sizes, f"{row.median_side_px:g}"])
    head = ("class", "boxes", "pictures", "looked for", "groups", "small", "medium", "large", "median side px")
    print_table(console, facts, head, rows)


def _print_sources(console: Console, one: SetStats) -> None:
    rows = []
    for row in one.sources:
        counts = (row.pictures, row.boxes, row.empty, row.groups, row.ungrouped, row.mosaics, row.riders_in_boxes)
        sizes = list(row.sizes)
        shown = f"{sizes[0]}, ..." if len(sizes) > 1 else "".join(sizes)
        rows.append([source_name(row.name), *(f"{count:,}" if count else "" for count in counts), shown])
    head = ("source", "pictures", "boxes", "no box", "groups", "no group", "mosaics", "riders in boxes", "most often")
    print_table(console, "by source", head, rows)


def _print_coverage(console: Console, one: SetStats) -> None:
    rows = []
    for row in one.classes:
        cells = []
        for source in one.sources:
            share = source.looked_for.get(row.name, 0)
            count = source.boxes_by_class.get(row.name, 0)
            partly = f" in {share:.0%}" if 0 < share < 1 else ""
            cells.append(f"{count:,}{partly}" if share else ".")
        rows.append([row.name, *cells])
    title = "boxes of each class by source; . means it was not looked for there"
    print_table(console, title, ("class", *(source_name(source.name) for source in one.sources)), rows)
