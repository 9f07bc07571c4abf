"""The curves of a capacity report, as SVG text whose colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from panops.bench.capacity import CapacityCurve, Run

_WIDTH, _HEIGHT = 420, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 40
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """What a chart shows of each run.

    Attributes:
        title: Above the chart.
        unit: Beside the axis.
        of: The figure of a run; NaN where it has none.
        line: A value that is marked across the chart, with its words; None for none.
        most: What is above it is drawn at the upper edge, so that what does not hold leaves room for what does.
    """

    title: str
    unit: str
    of: Callable[[Run], float]
    line: tuple[float, str] | None = None
    most: float = math.inf


def capacity_chart(curves: Sequence[CapacityCurve], measured: Measured) -> str:
    """A figure over the number of cameras, a line for each curve. A full dot held its cameras, a hollow one did not; the limit is marked.

    Args:
        curves: At least one with a run.
        measured: What is shown.
    """
    rows = [[(count, run) for count, run in curve.limit.runs if math.isfinite(measured.of(run))] for curve in curves]
    values = [measured.of(run) for row in rows for _, run in row] + ([measured.line[0]] if measured.line else [])
    across = _nice(max([count for row in rows for count, _ in row] or [1]))
    up = _nice(min(max(values or [1.0]), measured.most))
    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(measured.title, quote=True)}">']
    parts += _axes(across, up, measured.unit)
    if measured.line is not None:
        y = _y(measured.line[0], up)
        words = escape(measured.line[1])
        parts.append(f'<path class="bound" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="tick" x="{_LEFT + 4}" y="{y - 4:.1f}">{words}</text>')
    for index, (curve, row) in enumerate(zip(curves, rows, strict=True)):
        parts += _curve(index, curve, row, measured, (across, up))
    return "".join([*parts, "</svg>"])


def _curve(index: int, curve: CapacityCurve, row: Sequence[tuple[int, Run]], measured: Measured, scale: tuple[float, float]) -> list[str]:
    across, up = scale
    parts = []
    if curve.limit.cameras > 0:
        x = _x(curve.limit.cameras, across)
        words = escape(f"{name_of(curve)}: {curve.limit.cameras} cameras held")
        parts.append(f'<path class="limit s{index}" d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"><title>{words}</title></path>')
    places = [(_x(count, across), _y(measured.of(run), up)) for count, run in chosen(row)]
    parts.append(f'<polyline class="line s{index}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    for count, run in row:
        value = measured.of(run)
        words = escape(f"{count} cameras, {name_of(curve)}: {value:.3g} {measured.unit}; {run.verdict.words}")
        held = "" if run.held else " hollow"
        place = f'cx="{_x(count, across):.1f}" cy="{_y(value, up):.1f}" r="4"'
        parts.append(f'<circle class="dot s{index}{held}" {place}><title>{words}</title></circle>')
    return parts


def chosen(row: Sequence[tuple[int, Run]]) -> list[tuple[int, Run]]:
    """One run for each number of cameras, by number: the last one that held, or else the last one."""
    best: dict[int, Run] = {}
    for count, run in row:
        if count not in best or run.held or not best[count].held:
            best[count] = run
    return sorted(best.items())


def name_of(curve: CapacityCurve) -> str:
    """What a curve is called: who, and at which activity: the one that was asked for, and the one that the films reached."""
    if curve.activity is None:
        return f"{curve.name}, own recordings ({100 * curve.moved_share:.0f} % busy)"
    asked = "nothing moves" if curve.activity == 0 else f"{100 * curve.activity:.0f} % busy"
    return f"{curve.name}, {asked}{reached(curve.activity, curve.moved_share)}"


def reached(asked: float, moved_share: float) -> str:
    """What the films reached, in brackets; empty where that is what was asked for, 0..1, within a point or two."""
    return "" if abs(asked - moved_share) < 0.015 else f" ({100 * moved_share:.0f} % reached)"


def _axes(across: float, up: float, unit: str) -> list[str]:
    parts = []
    for step in range(_TICKS + 1):
        count, value = across * step / _TICKS, up * step / _TICKS
        x, y = _x(count, across), _y(value, up)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{count:.3g}</text>')
    parts.append(f'<text class="tick" x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">cameras</text>')
    turned = f'transform="translate(12 {(_TOP + _HEIGHT - _BOTTOM) / 2:.0f}) rotate(-90)"'
    parts.append(f'<text class="tick" {turned} text-anchor="middle">{escape(unit)}</text>')
    return parts


def _nice(most: float) -> float:
    """An axis's end: the next of 1, 1.5, 2, 3, 5 and their tenfolds."""
    if most <= 0 or not math.isfinite(most):
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1.0, 1.5, 2.0, 3.0, 5.0, 10.0) if step * power >= most * 0.999)


def _x(count: float, across: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * count / across


def _y(value: float, up: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - min(value, up) / up)
