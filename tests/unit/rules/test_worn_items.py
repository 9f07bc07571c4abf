"""Whose hat is it?"""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.body_parts import Box, part_box
from panops.rules.worn_items import Sighting, owners

PARTS: list[Box] = [(0, 0, 40, 20), (100, 0, 140, 20)]


def at(x: float, y: float = 10.0, *, denies: bool = False) -> Sighting:
    return Sighting((x - 5, y - 5, x + 5, y + 5), denies, 1.0)


@pytest.mark.parametrize(
    ("items", "parts", "owner", "unclear"),
    [
        ([at(20), at(120)], PARTS, [0, 1], set()),
        ([at(60)], PARTS, [-1], set()),
        ([at(20, 40)], PARTS, [-1], set()),
        ([at(18), at(30)], PARTS, [0, -1], set()),
        ([at(18), at(22, denies=True)], PARTS, [0, 0], set()),
        # Two people side by side, their parts overlap: one hat in the middle is nobody's, two hats are each one's own.
        ([at(30)], [(0, 0, 40, 20), (20, 0, 60, 20)], [-1], {0, 1}),
        ([at(20), at(40)], [(0, 0, 40, 20), (20, 0, 60, 20)], [0, 1], set()),
        ([at(20)], [(0, 0, 40, 20), (20, 0, 60, 20)], [0], set()),
        ([], PARTS, [], set()),
        ([at(20)], [], [-1], set()),
    ],
)
def test_owners(items: list[Sighting], parts: list[Box], owner: list[int], unclear: set[int]) -> None:
    assert owners(items, parts) == (owner, unclear)


boxes = st.tuples(*(st.integers(0, 60) for _ in range(2)), *(st.integers(4, 30) for _ in range(2))).map(
    lambda one: (float(one[0]), float(one[1]), float(one[0] + one[2]), float(one[1] + one[3]))
)


@given(st.lists(st.tuples(boxes, st.booleans()), max_size=5), st.lists(boxes, max_size=4))
def test_an_item_has_one_person_and_a_person_one_item_of_a_sort(seen: list[tuple[Box, bool]], parts: list[Box]) -> None:
    items = [Sighting(box, denies, 1.0) for box, denies in seen]
    owner, unclear = owners(items, parts)
    given_away = [(person, item.denies) for person, item in zip(owner, items, strict=True) if person >= 0]
    assert len(given_away) == len(set(given_away))
    for person, item in zip(owner, items, strict=True):
        if person >= 0:
            left, top, right, bottom = parts[person]
            across, down = (item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2
            assert left <= across <= right
            assert top <= down <= bottom
    assert unclear <= set(range(len(parts)))


@given(st.lists(boxes, max_size=4), st.lists(boxes, max_size=4))
def test_nearest_pairs_go_first(seen: list[Box], parts: list[Box]) -> None:
    """Against every way to give items away: where nothing is unclear and all distances differ, the greedy one is chosen."""
    items = [Sighting(box, False, 1.0) for box in seen]
    owner, unclear = owners(items, parts)
    pairs = {}
    for (index, item), (person, (left, top, right, bottom)) in itertools.product(enumerate(seen), enumerate(parts)):
        across = ((item[0] + item[2]) / 2 - (left + right) / 2) / ((right - left) / 2)
        down = ((item[1] + item[3]) / 2 - (top + bottom) / 2) / ((bottom - top) / 2)
        if max(abs(across), abs(down)) <= 1:
            pairs[index, person] = math.hypot(across, down)
    if unclear or len(set(pairs.values())) < len(pairs):
        return
    expected, left_over = [-1] * len(items), dict(pairs)
    while left_over:
        item_index, chosen = min(left_over, key=left_over.__getitem__)
        expected[item_index] = chosen
        left_over = {pair: worth for pair, worth in left_over.items() if pair[0] != item_index and pair[1] != chosen}
    assert owner == expected


@pytest.mark.parametrize(
    ("person", "hat", "inside"),
    [
        pytest.param((0, 0, 40, 160), (20, 12), True, id="standing"),
        pytest.param((0, 0, 40, 160), (20, -6), True, id="over the edge"),
        pytest.param((0, 0, 40, 160), (20, 60), False, id="at the belt"),
        pytest.param((0, 0, 80, 80), (40, 36), True, id="crouching"),
        pytest.param((0, 0, 80, 80), (40, 60), False, id="in the lap"),
    ],
)
def test_where_a_head_is(person: Box, hat: tuple[float, float], inside: bool) -> None:
    left, top, right, bottom = part_box(person, "head")
    assert (left <= hat[0] <= right and top <= hat[1] <= bottom) is inside


def test_a_torso_is_lower_where_the_legs_are_outside_and_the_body_is_all() -> None:
    assert part_box((0, 0, 40, 160), "torso") == pytest.approx((3.2, 16, 36.8, 120))
    assert part_box((0, 0, 100, 100), "torso") == pytest.approx((8, 10, 92, 92))
    assert part_box((1, 2, 3, 4), "body") == (1, 2, 3, 4)
