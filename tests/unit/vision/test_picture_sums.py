from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.vision.picture_sums import PictureSums


def plain(rgb: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """(3, H, W): the mean of all whole pixels that each new one reaches over."""
    (height, width), (new_width, new_height) = rgb.shape[:2], size_wh
    out = np.zeros((3, new_height, new_width))
    for y in range(new_height):
        for x in range(new_width):
            top, bottom = y * height // new_height, int(np.ceil((y + 1) * height / new_height))
            left, right = x * width // new_width, int(np.ceil((x + 1) * width / new_width))
            out[:, y, x] = rgb[top:bottom, left:right].reshape(-1, 3).mean(axis=0)
    return out


sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@settings(max_examples=40)
@given(size_wh=sizes, new_wh=sizes, seed=st.integers(0, 999))
def test_scaled_is_the_mean_of_whole_pixels(size_wh: tuple[int, int], new_wh: tuple[int, int], seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
    found = PictureSums(rgb).scaled(new_wh)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain(rgb, new_wh), atol=1e-4)


@settings(max_examples=25)
@given(size_wh=sizes, side=st.integers(1, 30), seed=st.integers(0, 999), count=st.integers(0, 5))
def test_parts_are_scaled_each_for_itself(size_wh: tuple[int, int], side: int, seed: int, count: int) -> None:
    dice = np.random.default_rng(seed)
    rgb = dice.integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
    low = dice.integers(0, size_wh, (count, 2))
    xyxy = np.concatenate([low, dice.integers(low, size_wh, (count, 2)) + 1], axis=1)
    found = PictureSums(rgb).parts(xyxy, side)
    assert found.shape == (count, 3, side, side)
    assert found.dtype == np.float32
    for part, (left, top, right, bottom) in zip(found, xyxy, strict=True):
        np.testing.assert_allclose(part, plain(rgb[top:bottom, left:right], (side, side)), atol=1e-4)


def test_sums_beyond_32_bits_give_the_right_means() -> None:
    rgb = np.full((3000, 4000, 3), 255, np.uint8)  # its sum is 3.06e9
    sums = PictureSums(rgb)
    np.testing.assert_allclose(sums.scaled((16, 12)), 255, rtol=1e-6)
    np.testing.assert_allclose(sums.parts(np.array([[2000, 1000, 4000, 3000]]), 24), 255, rtol=1e-6)
