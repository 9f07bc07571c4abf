"""Names of classes that are written differently."""

from __future__ import annotations

import pytest

from panops.domain.labels import matched_classes


@pytest.mark.parametrize(
    ("names", "classes", "meant"),
    [
        (("car", "person"), ("person", "car"), [1, 0]),
        (("traffic light", "dog"), ("traffic_light", "person"), [0, -1]),
        (("traffic_light",), ("traffic light",), [0]),
        # Both spellings on both sides: each means its own.
        (("traffic light", "traffic_light"), ("traffic_light", "traffic light"), [1, 0]),
        # What stands there to the letter is not given away to another spelling.
        (("traffic light", "traffic_light"), ("traffic_light",), [-1, 0]),
        ((), ("person",), []),
    ],
)
def test_a_name_means_a_class_by_the_letter_first(names: tuple[str, ...], classes: tuple[str, ...], meant: list[int]) -> None:
    assert matched_classes(names, classes).tolist() == meant
