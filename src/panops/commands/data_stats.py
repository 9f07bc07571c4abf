"""`panops data stats`: what is in a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.table import Table

from panops.commands.data_sets import PathsArgument, open_paths, writing
from panops.commands.options import JsonOption
from panops.datasets.chart import raster
from panops.datasets.statistics import SetStats, stats_of
from panops.datasets.statistics_charts import charts_of, source_name
from panops.datasets.statistics_page import page_of

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
        console.print(_class_table(one))
        console.print(_source_table(one))
        console.print(_coverage_table(one))
    if line := opened.problem_line():
        console.print(line)
    if out is not None:
        console.print(f"wrote {out}")


def _write(out: Path, figures: list[SetStats]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".html":
        out.write_text(page_of(figures), encoding="utf-8")
        return
    image = raster([chart for one in figures for chart in charts_of(one)])
    out.write_bytes(cv2.imencode(out.suffix.lower(), image)[1].tobytes())


def _class_table(one: SetStats) -> Table:
    total = one.total
    facts = f"{one.name}: {total.pictures:,} pictures, {total.boxes:,} boxes, {total.empty:,} pictures without a box"
    table = Table(title=facts, title_justify="left")
    table.add_column("class")
    for column in ("boxes", "pictures", "looked for", "groups", "small", "medium", "large", "median side px"):
        table.add_column(column, justify="right")
    for row in one.classes:
        sizes = [f"{part / row.boxes:.0%}" if row.boxes else "-" for part in (row.small, row.medium, row.large)]
        share = f"{row.looked_for / max(1, total.pictures):.0%}"
        table.add_row(row.name, f"{row.boxes:,}", f"{row.pictures:,}", share, f"{row.groups:,}", *sizes, f"{row.median_side_px:g}")
    return table


def _source_table(one: SetStats) -> Table:
    table = Table(title="by source", title_justify="left")
    table.add_column("source")
    for column in ("pictures", "boxes", "no box", "groups", "no group", "mosaics", "riders in boxes"):
        table.add_column(column, justify="right")
    table.add_column("sizes")
    for row in one.sources:
        counts = (row.pictures, row.boxes, row.empty, row.groups, row.ungrouped, row.mosaics, row.riders_in_boxes)
        table.add_row(source_name(row.name), *(f"{count:,}" if count else "" for count in counts), ", ".join(row.sizes))
    return table


def _coverage_table(one: SetStats) -> Table:
    table = Table(title="boxes of each class by source; . means it was not looked for there", title_justify="left")
    table.add_column("class")
    for source in one.sources:
        table.add_column(source_name(source.name), justify="right", overflow="fold")
    for row in one.classes:
        cells = []
        for source in one.sources:
            share = source.looked_for.get(row.name, 0)
            count = source.boxes_by_class.get(row.name, 0)
            partly = f" in {share:.0%}" if 0 < share < 1 else ""
            cells.append(f"{count:,}{partly}" if share else ".")
        table.add_row(row.name, *cells)
    return table
