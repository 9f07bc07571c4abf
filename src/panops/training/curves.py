"""Line charts as HTML: the lines are SVG that stretches to its place, the words stay HTML and therefore readable at every width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# More points than this cannot be seen; their means are drawn.
_MOST_POINTS = 400
_COLOURS = 8


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line.

    Attributes:
        label: For the legend; empty where the chart has one line.
        points: (step, value), by step.
    """

    label: str
    points: list[tuple[int, float]]

    def best(self) -> tuple[int, float] | None:
        """The point with the largest value; None without points."""
        return max(self.points, key=lambda point: point[1], default=None)


def chart(title: str, curves: Sequence[Curve], *, low: float | None = None, end: int | None = None, unit: str = "step") -> str:
    """A figure with axes, one line a curve.

    Args:
        title: Above it.
        curves: At least one; those without points only stand in the legend.
        low: Where the value axis begins; at the smallest value when None.
        end: Where the step axis ends; at the last step when None.
        unit: What the step axis counts.
    """
    points = [point for curve in curves for point in curve.points]
    values = [value for _, value in points] or [0.0, 1.0]
    bottom, top = _nice(min(values) if low is None else min(low, *values), max(values))
    last = max([step for step, _ in points] + [end or 0, 1])
    lines, marks = [], []
    for index, curve in enumerate(curves):
        path = _path(_thinned(curve.points), (bottom, top), last)
        lines.append(f'<path class="c{index % _COLOURS}{" d" if index >= _COLOURS else ""}" d="{path}"/>')
        if len(curve.points) == 1:
            x, y = _place(curve.points[0], (bottom, top), last)
            marks.append(f'<i class="dot c{index % _COLOURS}" style="left:{x:.2f}%;top:{y:.2f}%"></i>')
    scale = "".join(
        f'<span style="top:{100 - 100 * share:.0f}%">{_short(bottom + (top - bottom) * share)}</span>' for share in (0.0, 0.5, 1.0)
    )
    newest = _short(curves[0].points[-1][1]) if len(curves) == 1 and curves[0].points else ""
    grid = "".join(f'<line x1="0" x2="100" y1="{y}" y2="{y}"/>' for y in (0, 50, 100))
    return (
        f'<figure><figcaption>{escape(title)}<b>{newest}</b></figcaption><div class="plot"><div class="scale">{scale}</div>'
        f'<div class="area"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{grid}{"".join(lines)}</svg>'
        f'{"".join(marks)}</div></div><div class="steps"><span>0</span><span>{unit} {last:,}</span></div>{_legend(curves)}</figure>'
    )


def spark(curve: Curve) -> str:
    """A small line from 0 to 1 without words."""
    points = _thinned(curve.points)
    last = max([step for step, _ in points] + [1])
    if len(points) == 1:
        points = [(0, points[0][1]), points[0]]
    path = f'<path class="c0" d="{_path(points, (0.0, 1.0), last)}"/>'
    return f'<svg class="spark" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{path}</svg>'


def _legend(curves: Sequence[Curve]) -> str:
    named = [(index, curve) for index, curve in enumerate(curves) if curve.label]
    items = "".join(
        f'<li><i class="c{index % _COLOURS}{" d" if index >= _COLOURS else ""}"></i>{escape(curve.label)}'
        f"<b>{_short(curve.points[-1][1]) if curve.points else '-'}</b></li>"
        for index, curve in named
    )
    return f'<ul class="legend">{items}</ul>' if items else ""


def _path(points: Sequence[tuple[int, float]], bounds: tuple[float, float], last: int) -> str:
    places = [_place(point, bounds, last) for point in points]
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in places) if places else ""


def _place(point: tuple[int, float], bounds: tuple[float, float], last: int) -> tuple[float, float]:
    """In per cent of the area, from its left top corner."""
    bottom, top = bounds
    return 100.0 * point[0] / last, 100.0 - 100.0 * (point[1] - bottom) / (top - bottom)


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    size = -(-len(points) // _MOST_POINTS) or 1
    groups = [points[first : first + size] for first in range(0, len(points), size)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def _nice(low: float, high: float) -> tuple[float, float]:
    """Bounds at round numbers around both."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next((factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) <= 4), 10)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _short(value: float) -> str:
    if value and abs(value) < 0.01:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
