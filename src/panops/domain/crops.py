"""Which part of a picture is cut out to look at one object: the same for training pictures and for live ones."""

from __future__ import annotations

from panops.domain.places import Box

# Room on each side, as a share of the box's longer side: hats reach over a person's box, and boxes are never exact.
ROOM = 0.12
# The same for what a classifier is shown, a hand or a part of a body: points lie in the flesh, and heads are not just where they should be.
PART_ROOM = 0.2
# What is shown at least, px: with less, nothing can be told.
LEAST_PX = 32


def part_around(box: Box, size_wh: tuple[int, int], room: float = ROOM, least_px: int = LEAST_PX) -> tuple[int, int, int, int]:
    """The part of a picture around a box.

    Args:
        box: px of the picture.
        size_wh: The picture's size, px.
        room: On each side, as a share of the box's longer side.
        least_px: The longer side's least size, where the picture is that large.

    Returns:
        Whole and even px inside the picture, for decoders store colour at half the size: left, top, right, bottom; at least 2 px each way.
    """
    width, height = size_wh
    left, top, right, bottom = box
    longer = max(right - left, bottom - top)
    around = max(room * longer, (least_px - longer) / 2)
    x1, y1 = min(max(int(left - around), 0), width - 1) // 2 * 2, min(max(int(top - around), 0), height - 1) // 2 * 2
    x2, y2 = min(int(right + around) + 2, width) // 2 * 2, min(int(bottom + around) + 2, height) // 2 * 2
    return x1, y1, max(x2, x1 + 2), max(y2, y1 + 2)
