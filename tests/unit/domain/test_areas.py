"""Shares of zones by class."""

from __future__ import annotations

import numpy as np
import pytest

from panops.domain.area_names import covered, plain_class
from panops.domain.areas import WHOLE, AreaLook

CLASSES = ("background", "car", "tv monitor")
LOOK = AreaLook(5.0, CLASSES, (WHOLE, "bay", "speck"), np.array([[0.7, 0.2, 0.1], [0.25, 0.75, 0.0], [np.nan] * 3]))


@pytest.mark.parametrize(
    ("zone", "names", "share"),
    [
        (WHOLE, ["car"], 0.2),
        ("bay", [" CAR "], 0.75),
        (WHOLE, ["car", "tv monitor"], 0.3),
        (WHOLE, ["not background"], 0.3),
        (WHOLE, ["Not tv monitor"], 0.9),
        (WHOLE, ["not background", "background"], 1.0),
        ("bay", ["not background", "car"], 0.75),
        ("speck", ["car"], None),
        ("yard", ["car"], None),
        (WHOLE, ["lorry"], None),
        (WHOLE, ["not lorry"], None),
    ],
)
def test_which_share_classes_take(zone: str, names: list[str], share: float | None) -> None:
    assert LOOK.of(zone, names) == (None if share is None else pytest.approx(share))


def test_a_class_may_begin_like_not() -> None:
    assert covered(["notebook"], ("background", "notebook")) == {1}
    assert plain_class(" not  Car") == "car"


def test_shapes_are_checked_and_nobody_writes_into_them() -> None:
    with pytest.raises(ValueError, match=r"expected shares \(1, 3\), got \(2, 3\)"):
        AreaLook(0.0, CLASSES, (WHOLE,), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="read-only"):
        LOOK.share[0, 0] = 1.0
