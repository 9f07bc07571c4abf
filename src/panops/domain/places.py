"""Boxes one by one, as plain numbers: left, top, right, bottom, in px of a frame or relative to it.

For a handful of boxes a call into numpy costs more than its work; `boxes` has the same on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

Box = tuple[float, float, float, float]


def widened(box: Box, share: float, least_px: float, most_px: float = math.inf) -> Box:
    """The box with room on each side: a share of its width or height, within bounds. It may reach beyond the picture."""
    left, top, right, bottom = box
    across = min(max(share * (right - left), least_px), most_px)
    down = min(max(share * (bottom - top), least_px), most_px)
    return left - across, top - down, right + across, bottom + down


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of them; there is at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def share_area(one: Box, other: Box) -> bool:
    """Whether two boxes have an area in common."""
    return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1]


def iou(one: Box, other: Box) -> float:
    """Intersection over union, 0..1; two empty boxes give 0."""
    common = max(min(one[2], other[2]) - max(one[0], other[0]), 0.0) * max(min(one[3], other[3]) - max(one[1], other[1]), 0.0)
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - common
    return common / union if union > 0 else 0.0
