"""Small charts without a plotting library: a figure is rectangles and words, written as SVG or drawn as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Anchor = Literal["start", "middle", "end"]

INK = "#1f2933"
FAINT = "#7b8794"
GROUND = "#ffffff"
TRACK = "#eef1f4"
# Blue, orange, green, ...: told apart by people who do not see red and green differently (Okabe and Ito 2008).
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7f00", "#555555")

_ROW = 22
_TEXT = 12
_WIDTH = 860
_LEFT = 190
_RIGHT = 110


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle, px; `hint` is shown under the pointer."""

    x: float
    y: float
    width: float
    height: float
    color: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; x, y is the start, middle or end of its base line, px."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    color: str = INK
    size: int = _TEXT
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: its size, px, and what it is made of, drawn in order."""

    width: int
    height: int
    items: tuple[Bar | Words, ...]


def stacked_bars(title: str, rows: Mapping[str, Sequence[int]], parts: Sequence[str]) -> Figure:
    """A row of bars end to end for each name, with the sum at its end.

    Args:
        title: Above the chart.
        rows: Name -> a count for each part.
        parts: What the parts are called; one part has no legend.
    """
    items: list[Bar | Words] = [Words(0, 16, title, bold=True, size=14)]
    top = 30
    if len(parts) > 1:
        items += _legend(parts, top)
        top += _ROW
    most = max((sum(counts) for counts in rows.values()), default=0) or 1
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    for index, (name, counts) in enumerate(rows.items()):
        y = top + index * _ROW
        items.append(Words(_LEFT - 8, y + 14, _short(name), "end"))
        x: float = _LEFT
        for part, (label, count) in enumerate(zip(parts, counts, strict=True)):
            if count:
                items.append(Bar(x, y + 3, count * scale, _ROW - 6, PALETTE[part % len(PALETTE)], f"{name}, {label}: {count:,}"))
            x += count * scale
        items.append(Words(x + 6, y + 14, f"{sum(counts):,}", color=FAINT))
    return Figure(_WIDTH, top + len(rows) * _ROW + 12, tuple(items))


def matrix(title: str, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[int | None]]) -> Figure:
    """A table whose cells are the darker the greater; None is left grey.

    Args:
        title: Above the chart.
        rows: Row names.
        columns: Column names, written slanting down as numbers with a key would be harder to read; so each has its own line above.
        cells: A count for each row and column, or None.
    """
    items: list[Bar | Words] = [Words(0, 16, title, bold=True, size=14)]
    side = max(36, min(92, (_WIDTH - _LEFT) // max(1, len(columns))))
    step = 14
    top = 30 + step * len(columns) + 4
    width = _LEFT + side * len(columns)
    for index, name in enumerate(columns):
        x = _LEFT + side * index
        items.append(Bar(x + side / 2 - 0.5, 30 + step * (index + 1), 1, step * (len(columns) - index - 1) + 4, TRACK))
        items.append(Words(x + side / 2, 30 + step * (index + 1) - 2, _short(name), _column_anchor(x, width), color=FAINT, size=11))
    most = max((cell for row in cells for cell in row if cell), default=1)
    for line, (name, row) in enumerate(zip(rows, cells, strict=True)):
        y = top + line * _ROW
        items.append(Words(_LEFT - 8, y + 15, _short(name), "end"))
        for index, cell in enumerate(row):
            x = _LEFT + side * index
            shade = 0.0 if not cell else 0.12 + 0.88 * float(np.log1p(cell) / np.log1p(most))
            hint = f"{name}, {columns[index]}: {'not looked for' if cell is None else cell}"
            items.append(Bar(x + 1, y + 1, side - 2, _ROW - 2, TRACK if cell is None else _mixed(shade), hint))
            if cell is not None:
                items.append(Words(x + side / 2, y + 15, f"{cell:,}", "middle", GROUND if shade > 0.6 else INK, 11))
    return Figure(max(_WIDTH, int(width)), top + len(rows) * _ROW + 12, tuple(items))


def _column_anchor(x: float, width: float) -> Anchor:
    return "end" if x > width * 0.8 else "start"


def _legend(parts: Sequence[str], top: float) -> list[Bar | Words]:
    items: list[Bar | Words] = []
    x: float = _LEFT
    for index, label in enumerate(parts):
        items += [Bar(x, top, 12, 12, PALETTE[index % len(PALETTE)]), Words(x + 17, top + 11, label, color=FAINT)]
        x += 40 + 7 * len(label)
    return items


def _short(name: str, length: int = 27) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _mixed(share: float) -> str:
    """From the ground to the palette's first colour."""
    start, end = _rgb(GROUND), _rgb(PALETTE[0])
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(start, end, strict=True))


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def svg(figure: Figure) -> str:
    """The figure as an `<svg>` element that fits its place."""
    parts = [f'<svg viewBox="0 0 {figure.width} {figure.height}" width="{figure.width}" role="img" font-family="system-ui, sans-serif">']
    for item in figure.items:
        if isinstance(item, Bar):
            hint = f"<title>{escape(item.hint)}</title>" if item.hint else ""
            shape = f'x="{item.x:.1f}" y="{item.y:.1f}" width="{item.width:.1f}" height="{item.height:.1f}"'
            parts.append(f'<rect {shape} fill="{item.color}">{hint}</rect>')
        else:
            weight = ' font-weight="600"' if item.bold else ""
            place = f'x="{item.x:.1f}" y="{item.y:.1f}" text-anchor="{item.anchor}" font-size="{item.size}"'
            parts.append(f'<text {place} fill="{item.color}"{weight}>{escape(item.text)}</text>')
    return "".join([*parts, "</svg>"])


def raster(figures: Sequence[Figure], scale: int = 2) -> NDArray[np.uint8]:
    """The figures one under the other as a BGR picture.

    Args:
        figures: At least one.
        scale: Pixels for a pixel of the figure.

    Returns:
        (H, W, 3) uint8.
    """
    margin = 24
    width = max(figure.width for figure in figures) + 2 * margin
    height = sum(figure.height + margin for figure in figures) + margin
    canvas = np.full((height * scale, width * scale, 3), 255, np.uint8)
    top = margin
    for figure in figures:
        for item in figure.items:
            _drawn(canvas, item, margin, top, scale)
        top += figure.height + margin
    return canvas


def _drawn(canvas: NDArray[np.uint8], item: Bar | Words, left: int, top: int, scale: int) -> None:
    red, green, blue = _rgb(item.color)
    color = (blue, green, red)
    x, y = (item.x + left) * scale, (item.y + top) * scale
    if isinstance(item, Bar):
        right, bottom = x + item.width * scale, y + item.height * scale
        if right - x >= 0.5:
            canvas[round(y) : round(bottom), round(x) : max(round(x) + 1, round(right))] = color
        return
    size = item.size * scale / 30
    text = item.text.replace("…", "...")
    wide = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, scale)[0][0]
    x -= {"start": 0.0, "middle": wide / 2, "end": float(wide)}[item.anchor]
    cv2.putText(canvas, text, (round(x), round(y)), cv2.FONT_HERSHEY_SIMPLEX, size, color, scale, cv2.LINE_AA)
