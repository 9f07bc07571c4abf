"""The charts of a detection report, as SVG text whose colours come from the page's style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from panops.evaluation.detection_advice import OperatingPoint
from panops.evaluation.detection_errors import Kind
from panops.evaluation.detection_worst import Mark, WorstPicture
from panops.evaluation.precision_recall import RECALL_POINTS, Curve

BAR_KINDS = (Kind.RIGHT, Kind.MISSED, Kind.BACKGROUND, Kind.CLASS, Kind.LOCALISATION, Kind.DUPLICATE, Kind.BOTH)

_SIDE = 200
_LEFT, _TOP, _BOTTOM = 42, 10, 30
_BAR_WIDTH = 1000


def kind_class(kind: Kind) -> str:
    """The style's class of a kind."""
    return "k-" + kind.value.replace(" ", "-")


def curve_chart(curves: Sequence[Curve], points: Sequence[OperatingPoint | None]) -> str:
    """Precision over recall.

    Args:
        curves: One for each model, the first one drawn strongest.
        points: The advised operating point of each.
    """
    size = f"0 0 {_SIDE + _LEFT + 10} {_SIDE + _TOP + _BOTTOM}"
    parts = [f'<svg class="curve" viewBox="{size}" role="img" aria-label="precision over recall">', *_axes()]
    for index in reversed(range(len(curves))):
        if not curves[index].boxes:
            continue
        # It ends where the model's recall does; beyond, COCO counts 0.
        points_of = zip(RECALL_POINTS, curves[index].at_recall(), strict=True)
        line = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points_of if y > 0)
        parts.append(f'<polyline class="line m{index}" points="{line}"/>')
        point = points[index]
        if point is not None:
            words = f"score {point.score:.2f}: precision {point.precision:.2f}, recall {point.recall:.2f}"
            place = f'cx="{_x(point.recall):.1f}" cy="{_y(point.precision):.1f}" r="5"'
            parts.append(f'<circle class="dot m{index}" {place}><title>{words}</title></circle>')
    return "".join([*parts, "</svg>"])


def _axes() -> list[str]:
    parts = []
    for value in (0.0, 0.5, 1.0):
        parts.append(f'<path class="grid" d="M{_x(0):.1f} {_y(value):.1f}H{_x(1):.1f}M{_x(value):.1f} {_y(0):.1f}V{_y(1):.1f}"/>')
        name = f"{value:g}".removeprefix("0") or "0"
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{_y(value) + 4:.1f}" text-anchor="end">{name}</text>')
        parts.append(f'<text class="tick" x="{_x(value):.1f}" y="{_SIDE + _TOP + 14}" text-anchor="middle">{name}</text>')
    parts.append(f'<text class="tick" x="{_x(0.75):.1f}" y="{_SIDE + _TOP + 26}" text-anchor="middle">recall</text>')
    turned = f'transform="translate(11 {_y(0.75):.1f}) rotate(-90)"'
    parts.append(f'<text class="tick" {turned} text-anchor="middle">precision</text>')
    return parts


def _x(recall: float) -> float:
    return _LEFT + _SIDE * float(recall)


def _y(precision: float) -> float:
    return _TOP + _SIDE * (1 - float(precision))


def kind_bar(counts: Mapping[Kind, int], most: int) -> str:
    """One class's kinds end to end.

    Args:
        counts: How often each occurs.
        most: The sum that fills the whole width.
    """
    parts = [f'<svg class="bar" viewBox="0 0 {_BAR_WIDTH} 20" preserveAspectRatio="none" aria-hidden="true">']
    x = 0.0
    for kind in BAR_KINDS:
        width = _BAR_WIDTH * counts[kind] / max(most, 1)
        if width:
            parts.append(
                f'<rect class="{kind_class(kind)}" x="{x:.2f}" width="{width:.2f}" height="20"><title>{kind}: {counts[kind]}</title></rect>'
            )
        x += width
    return "".join([*parts, "</svg>"])


def marked_picture(worst: WorstPicture, data_uri: str) -> str:
    """A picture with its marks.

    Args:
        worst: What to show.
        data_uri: The picture itself, at any size.
    """
    width, height = worst.picture.size_wh
    unit = max(width, height) / 420  # about a pixel on the page
    parts = [
        f'<svg class="shot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(worst.reason, quote=True)}">'
        f'<image href="{data_uri}" width="{width}" height="{height}"/>'
    ]
    parts += [_mark(mark, unit, width) for mark in sorted(worst.marks, key=lambda mark: mark.is_worst)]
    return "".join([*parts, "</svg>"])


def _mark(mark: Mark, unit: float, width: int) -> str:
    left, top, right, bottom = mark.xyxy
    thick = (3.0 if mark.is_worst else 1.4) * unit
    dash = f' stroke-dasharray="{5 * unit:.1f} {3 * unit:.1f}"' if mark.kind is Kind.MISSED else ""
    shape = f'x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 1):.1f}" height="{max(bottom - top, 1):.1f}"'
    words = escape(mark.words)
    box = f'<rect class="mark {kind_class(mark.kind)}" {shape} stroke-width="{thick:.2f}"{dash}><title>{words}, {mark.kind}</title></rect>'
    if not mark.is_worst:
        return box
    size = 13 * unit
    # The label stays inside the picture, whichever corner the box is in.
    across = min(max(left, 2 * unit), max(2 * unit, width - len(mark.words) * size * 0.58))
    down = top - 4 * unit if top > size * 1.4 else min(bottom, top + size * 1.2)
    style = f'x="{across:.1f}" y="{down:.1f}" font-size="{size:.1f}" stroke-width="{3 * unit:.1f}"'
    return f'{box}<text class="name" {style}>{words}</text>'
