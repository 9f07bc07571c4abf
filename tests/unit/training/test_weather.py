"""What night, rain, lens and codec do: repeatable, of the same size, and visible but not beyond recognition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st

from panops.training.augment.colour import vary_colour, vary_contrast
from panops.training.augment.weather import add_noise, blur, codec_artefacts, make_night, rain, through_h264

Change = Callable[[np.random.Generator, np.ndarray], np.ndarray]
CHANGES: dict[str, Change] = {
    "noise": add_noise,
    "blur": blur,
    "codec": codec_artefacts,
    "night": make_night,
    "rain": rain,
    "h264": through_h264,
    "colour": lambda rng, image: vary_colour(rng, image, 1.0),
    "contrast": lambda rng, image: vary_contrast(rng, image, 1.0),
}


def scene(size_wh: tuple[int, int] = (96, 80)) -> np.ndarray:
    coarse = np.random.default_rng(4).integers(40, 220, (6, 7, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("name", list(CHANGES))
def test_each_is_repeatable_and_leaves_its_input_alone(name: str) -> None:
    image = scene()
    image.setflags(write=False)
    results = [CHANGES[name](np.random.default_rng(seed), image) for seed in (7, 7, 8)]
    assert results[0].shape == image.shape
    assert results[0].dtype == np.uint8
    assert (results[0] == results[1]).all()
    assert (results[0] != results[2]).any()


@given(st.integers(17, 70), st.integers(17, 70), st.integers(0, 1000))
@settings(max_examples=15)
def test_h264_takes_any_size_and_keeps_the_picture(width: int, height: int, seed: int) -> None:
    image = scene((width, height))
    seen = through_h264(np.random.default_rng(seed), image)
    assert seen.shape == image.shape
    assert 0.2 < np.abs(seen.astype(int) - image).mean() < 30


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_night_is_dark_and_still_shows_something(seed: int) -> None:
    image = scene()
    dark = make_night(np.random.default_rng(seed), image)
    assert dark.mean() < 0.75 * image.mean()
    assert np.corrcoef(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).ravel(), cv2.cvtColor(dark, cv2.COLOR_BGR2GRAY).ravel())[0, 1] > 0.8


@given(st.integers(0, 100_000))
@settings(max_examples=60)
def test_blur_moves_nothing_away_from_its_box(seed: int) -> None:
    image = np.zeros((81, 81, 3), np.uint8)
    image[30:51, 30:51] = 240
    weight = blur(np.random.default_rng(seed), image)[..., 0].astype(np.float64)
    middle = [(weight.sum(axis=axis) * np.arange(81)).sum() / weight.sum() for axis in (0, 1)]
    assert middle == pytest.approx([40, 40], abs=0.15)
