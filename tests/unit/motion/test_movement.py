from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.motion.movement import _WINDOW_CORNERS, movement, shifts
from tests.unit.motion.plates import mapped, scenery


def shifts_by_numpy(now: NDArray[np.float32], learnt: NDArray[np.float32], corner: tuple[int, int]) -> tuple[float, float, float]:
    """The shift of the best fit to a whole pixel, and the fit there, by trying all with complex numbers."""
    taper = np.outer(np.hanning(50)[1:-1], np.hanning(66)[1:-1]) ** 0.5
    x, y = corner
    one = (now[0] + 1j * now[1])[y : y + 48, x : x + 64] * taper
    other = (learnt[0] + 1j * learnt[1])[y : y + 48, x : x + 64] * taper
    scale = float(np.sqrt((np.abs(one) ** 2).sum() * (np.abs(other) ** 2).sum()))
    best = (-2.0, 0, 0)
    for down in range(-24, 24):
        for right in range(-32, 32):
            fit = float((one * np.roll(other, (down, right), (0, 1)).conj()).sum().real) / scale
            best = max(best, (fit, right, down))
    return best[1], best[2], best[0]


def test_shifts_agree_with_the_plain_ones() -> None:
    now, learnt = mapped(np.roll(scenery(), (8, -24), (0, 1))), mapped(scenery())
    found, fits, _ = shifts(now, learnt)
    for window in (0, 4):
        right, down, fit = shifts_by_numpy(now, learnt, _WINDOW_CORNERS[window])
        assert (round(float(found[window, 0])), round(float(found[window, 1]))) == (right, down)
        assert float(fits[window]) == pytest.approx(fit, abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(right=st.integers(-60, 60), down=st.integers(-48, 48))
def test_a_shift_is_found_wherever_it_goes(right: int, down: int) -> None:
    found, fits, _ = shifts(mapped(np.roll(scenery(), (down, right), (0, 1))), mapped(scenery()))
    assert fits.min() > 0.3
    assert np.abs(found - [right / 4, down / 4]).max() < 0.45


ALL = np.ones((6, 10), np.bool_)


@pytest.mark.parametrize(
    ("right", "down", "turned", "zoom"), [(6, 0, 0, 1), (-40, 16, 0, 1), (0, 0, 4, 1), (0, 0, -10, 1), (12, 8, 6, 1), (0, 0, 0, 1.1)]
)
def test_a_movement_is_found_and_measured(right: float, down: float, turned: float, zoom: float) -> None:
    picture = scenery()
    matrix = cv2.getRotationMatrix2D((320, 180), turned, zoom) + np.array([[0, 0, right], [0, 0, down]])
    now = np.asarray(cv2.warpAffine(picture, matrix, (640, 360), borderMode=cv2.BORDER_REFLECT), dtype=np.uint8)
    found = movement(mapped(now), mapped(picture), ALL)
    assert found is not None
    assert (640 * found.right, 360 * found.down) == pytest.approx((right, down), abs=5)


@pytest.mark.parametrize("seed", range(8))
def test_another_picture_is_no_movement(seed: int) -> None:
    assert movement(mapped(scenery(100 + seed)), mapped(scenery()), ALL) is None


def test_the_same_picture_has_not_moved() -> None:
    assert movement(mapped(scenery()), mapped(scenery()), ALL) is None
