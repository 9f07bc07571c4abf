"""The figures of data sets as one HTML page that needs nothing else: charts and tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from panops.datasets.chart import svg
from panops.datasets.statistics import SetStats
from panops.datasets.statistics_charts import charts_of, source_name

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
svg { max-width: 100%; height: auto; display: block; margin: 1.5rem 0; }
table { border-collapse: collapse; margin: 1rem 0 2rem; font-variant-numeric: tabular-nums; }
td, th { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #e4e7eb; }
td:first-child, th:first-child { text-align: left; }
th { font-weight: 600; color: #52606d; }
"""


def page_of(stats: Sequence[SetStats]) -> str:
    """The whole page.

    Args:
        stats: One entry a set.
    """
    title = ", ".join(one.name for one in stats)
    body = "".join(_section(one) for one in stats)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _section(stats: SetStats) -> str:
    total = stats.total
    facts = f"{total.pictures:,} pictures, {total.boxes:,} boxes, {total.empty:,} pictures without a box, {total.groups:,} groups"
    if total.ungrouped:
        facts += f"; {total.ungrouped:,} pictures name no group"
    charts = "".join(svg(figure) for figure in charts_of(stats))
    return f"<h1>{escape(stats.name)}</h1><p>{facts}.</p>{charts}{_class_table(stats)}{_source_table(stats)}"


def _class_table(stats: SetStats) -> str:
    head = ("class", "boxes", "pictures", "looked for in", "groups", "small", "medium", "large", "median side, px")
    pictures = max(1, stats.total.pictures)
    rows = [
        (
            one.name,
            one.boxes,
            one.pictures,
            f"{one.looked_for / pictures:.0%}",
            one.groups,
            one.small,
            one.medium,
            one.large,
            one.median_side_px,
        )
        for one in stats.classes
    ]
    return _table(head, rows)


def _source_table(stats: SetStats) -> str:
    head = ("source", "pictures", "boxes", "without boxes", "groups", "no group", "mosaics", "riders in boxes", "sizes")
    rows = [
        (
            source_name(one.name),
            one.pictures,
            one.boxes,
            one.empty,
            one.groups,
            one.ungrouped,
            one.mosaics,
            one.riders_in_boxes,
            ", ".join(one.sizes),
        )
        for one in stats.sources
    ]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(_said(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"


def _said(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
