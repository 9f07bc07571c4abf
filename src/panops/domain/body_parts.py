"""Where head and torso are in a person's box.

The shares were read off 4,300 labelled boxes of hats, heads, masks and vests inside labelled people of building sites. A box that is
wide for its height shows a crouching person or an upper body only, so the head's part is measured in widths as well as in heights.
"""

from __future__ import annotations

from typing import Literal

Box = tuple[float, float, float, float]
BodyPart = Literal["head", "torso", "body"]

# The middle of a hat or head is at most half a box width below the upper edge, and hardly ever below two thirds of the height.
_HEAD_WIDTHS = 0.5
_HEAD_LEAST, _HEAD_MOST = 0.2, 0.65
# A hat reaches over the upper edge of many a person's box.
_ABOVE = 0.06
_TORSO_TOP = 0.1
# From so many widths high on a box shows somebody who stands; else the legs may be outside of it.
_STANDING = 1.8
_TORSO_BOTTOM_STANDING, _TORSO_BOTTOM = 0.75, 0.92
_SIDES = 0.08


def part_box(person: Box, part: BodyPart) -> Box:
    """The part of a person in which the middle of an item must be.

    Args:
        person: The person's box, px: left, top, right, bottom.
        part: `head`, `torso`, or `body` for all of the box.

    Returns:
        A box, px; that of the head reaches a little over the person's upper edge.
    """
    if part == "body":
        return person
    x1, y1, x2, y2 = person
    width, height = x2 - x1, y2 - y1
    if part == "head":
        depth = min(max(_HEAD_WIDTHS * width, _HEAD_LEAST * height), _HEAD_MOST * height)
        return x1, y1 - _ABOVE * height, x2, y1 + depth
    bottom = _TORSO_BOTTOM_STANDING if height >= _STANDING * width else _TORSO_BOTTOM
    return x1 + _SIDES * width, y1 + _TORSO_TOP * height, x2 - _SIDES * width, y1 + bottom * height
