from __future__ import annotations

import numpy as np
import pytest

from panops.tracking.class_groups import ClassGroups
from panops.tracking.settings import CONFUSABLE_CLASSES

CLASSES = ("person", "car", "Truck", "dog", "bus")


def together(classes: tuple[str, ...], first: int, second: int) -> bool:
    groups = ClassGroups(CONFUSABLE_CLASSES)
    row = groups.vocabulary(classes)
    one, two = groups.of(np.array([row, row]), np.array([first, second])).tolist()
    return bool(one == two)


@pytest.mark.parametrize(
    ("classes", "first", "second", "expected"),
    [
        pytest.param(CLASSES, 1, 2, True, id="car and truck, whatever the case"),
        pytest.param(CLASSES, 2, 4, True, id="truck and bus"),
        pytest.param(CLASSES, 0, 1, False, id="person and car"),
        pytest.param(CLASSES, 0, 3, False, id="person and dog"),
        pytest.param(CLASSES, 3, 1, False, id="dog and car"),
        pytest.param(CLASSES, 1, 9, False, id="a class beyond the names"),
        pytest.param(CLASSES, 9, 9, True, id="the same one beyond the names"),
        pytest.param(CLASSES, -1, -1, True, id="negative"),
        pytest.param((), 1, 2, False, id="unknown names"),
        pytest.param((), 7, 7, True, id="unknown names, the same class"),
    ],
)
def test_who_may_be_whom(classes: tuple[str, ...], first: int, second: int, expected: bool) -> None:
    assert together(classes, first, second) is expected


def test_vocabularies_do_not_disturb_each_other() -> None:
    groups = ClassGroups(CONFUSABLE_CLASSES)
    short = groups.vocabulary(("person", "car"))
    before = groups.of(np.full(2, short), np.arange(2)).tolist()
    long = groups.vocabulary(("truck", "person", "car"))
    assert groups.vocabulary(("person", "car")) == short != long
    assert groups.of(np.full(2, short), np.arange(2)).tolist() == before
    assert groups.of(np.full(3, long), np.arange(3)).tolist() == [0, 1, 0]
    assert groups.of(np.zeros(3, np.int64), np.arange(3)).tolist() == [0, 1, 2]
