"""The charts of `panops evaluate faces`: how alike pairs are, and both rates from threshold to threshold."""

from __future__ import annotations

import numpy as np

from panops.datasets.chart import FAINT, INK, PALETTE, TRACK, Bar, Figure, Words
from panops.evaluation.face_score import FaceScore

_WIDTH, _LEFT, _RIGHT, _TALL = 860, 60, 20, 180
_SAME, _DIFFERENT = PALETTE[0], PALETTE[5]
_BINS = 60


def face_figures(score: FaceScore, threshold: float) -> list[Figure]:
    """Both charts.

    Args:
        score: The pairs.
        threshold: Marked in them.
    """
    low = min(float(score.same[0]), float(score.different[-1]), threshold) - 0.05
    high = max(float(score.same[-1]), float(score.different[0]), threshold) + 0.05
    return [_pairs(score, threshold, low, high), _rates(score, threshold, low, high)]


def _pairs(score: FaceScore, threshold: float, low: float, high: float) -> Figure:
    edges = np.linspace(low, high, _BINS + 1)
    step = _x(edges[1], low, high) - _x(edges[0], low, high)
    items: list[Bar | Words] = [Words(0, 16, "how alike pairs of faces are", bold=True, size=14)]
    parts = (("two people", score.different, _DIFFERENT, 0.0), ("one person", score.same, _SAME, step / 2))
    for index, (name, values, color, shift) in enumerate(parts):
        counts = np.histogram(values, edges)[0]
        # Each kind by its own most frequent value: there are many more pairs of two people.
        for edge, count in zip(edges, counts.tolist(), strict=False):
            if count:
                tall = max(count / counts.max() * _TALL, 2.0)
                items.append(Bar(_x(edge, low, high) + shift, 50 + _TALL - tall, step / 2 - 1, tall, color, f"{name}, {edge:.2f}: {count}"))
        items += [
            Bar(_LEFT + 240 * index, 28, 12, 12, color),
            Words(_LEFT + 240 * index + 17, 39, f"{name}: {len(values):,} pairs", color=FAINT),
        ]
    return Figure(_WIDTH, 100 + _TALL, (*items, *_axis(threshold, low, high)))


def _rates(score: FaceScore, threshold: float, low: float, high: float) -> Figure:
    items: list[Bar | Words] = [Words(0, 16, "both kinds of error, from threshold to threshold", bold=True, size=14)]
    for share in (0.0, 0.5, 1.0):
        y = 50 + _TALL * (1 - share)
        items += [Bar(_LEFT, y, _WIDTH - _LEFT - _RIGHT, 1, TRACK), Words(_LEFT - 8, y + 4, f"{share:.0%}", "end", FAINT)]
    names = (("two people taken for one (FAR)", _DIFFERENT), ("one person taken for two (FRR)", _SAME))
    for index, (name, color) in enumerate(names):
        items += [Bar(_LEFT + 320 * index, 28, 12, 12, color), Words(_LEFT + 320 * index + 17, 39, name, color=FAINT)]
        before = None
        for x in range(_LEFT, _WIDTH - _RIGHT, 2):
            errors = score.at(low + (x - _LEFT) / (_WIDTH - _LEFT - _RIGHT) * (high - low))
            y = 50 + _TALL * (1 - (errors.frr if index else errors.far))
            top, bottom = min(y, y if before is None else before), max(y, y if before is None else before)
            items.append(Bar(x, top - 1, 2, bottom - top + 2, color))
            before = y
    return Figure(_WIDTH, 100 + _TALL, (*items, *_axis(threshold, low, high)))


def _axis(threshold: float, low: float, high: float) -> list[Bar | Words]:
    base = 50 + _TALL
    items: list[Bar | Words] = [Bar(_LEFT, base, _WIDTH - _LEFT - _RIGHT, 1, INK)]
    ticks = np.arange(np.ceil(low * 5) / 5, high, 0.2)
    items += [Words(_x(tick, low, high), base + 16, f"{tick:.1f}", "middle", FAINT) for tick in ticks.tolist()]
    items.append(Bar(_x(threshold, low, high), 50, 1, _TALL, INK, f"threshold {threshold:.2f}"))
    items.append(Words(_x(threshold, low, high), base + 32, f"threshold {threshold:.2f}", "middle"))
    return items


def _x(value: float, low: float, high: float) -> float:
    return float(_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT))
