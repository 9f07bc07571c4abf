"""Where head and torso are in a person's box.

The shares were read off 4,300 labelled boxes of hats, heads, masks and vests inside labelled people of building sites. A box that is
wide for its height shows a crouching person or an upper body only, so the head's part is measured in widths as well as in heights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

Label = TypeVar("Label")
Box = tuple[float, float, float, float]
BodyPart = Literal["head", "torso", "body"]
UNSEEN = "unseen"
"""The class of a classifier of parts that says: nothing can be told here."""

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
# How much wider and higher a part is than the hat or vest on it: medians of 1,569 and 2,224 labelled pairs, with about the same middle.
_PART_OF_ITEM: Mapping[BodyPart, tuple[float, float]] = {"head": (2.6, 1.7), "torso": (1.3, 1.5), "body": (1.0, 1.0)}


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


def item_box(place: Box, part: BodyPart) -> Box:
    """About where a hat or vest is on a part of somebody, given the part's box, px."""
    wide, high = _PART_OF_ITEM[part]
    return _scaled(place, 1 / wide, 1 / high)


def around_item(item: Box, part: BodyPart) -> Box:
    """About where the part is of somebody of whom only the hat or vest is known, px."""
    return _scaled(item, *_PART_OF_ITEM[part])


def _scaled(box: Box, wide: float, high: float) -> Box:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    width, height = wide * (box[2] - box[0]), high * (box[3] - box[1])
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def lying_on(people: Sequence[Box], items: Sequence[tuple[Box, Label]], part: BodyPart) -> list[set[Label | None]]:
    """What lies on each person: an item is a person's when its middle lies in the person's part.

    Args:
        people: The people's boxes, px.
        items: The items' boxes, px, and what each is.
        part: Where such items are on a person.

    Returns:
        Of each person what the items are, with None for one that could be somebody else's too.
    """
    parts = [part_box(box, part) for box in people]
    found: list[set[Label | None]] = [set() for _ in people]
    for (left, top, right, bottom), label in items:
        x, y = (left + right) / 2, (top + bottom) / 2
        inside = [person for person, box in enumerate(parts) if box[0] <= x <= box[2] and box[1] <= y <= box[3]]
        for person in inside:
            found[person].add(label if len(inside) == 1 else None)
    return found
