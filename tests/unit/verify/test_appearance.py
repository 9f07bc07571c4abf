from __future__ import annotations

import numpy as np
import pytest

from panops.verify.appearance import appearance_of, as_text, from_text, likeness
from tests.unit.verify.story import SCENE, texture

HERE = np.array([300, 100, 340, 200], np.float32)


def test_the_same_thing_is_known_again_whatever_the_light_and_a_little_aside() -> None:
    one = appearance_of(SCENE, HERE)
    assert one is not None
    assert one.shape == (288,)
    assert float(np.linalg.norm(one)) == pytest.approx(1.0, abs=1e-5)
    darker = appearance_of((SCENE * 0.6 + 20).astype(np.uint8), HERE)
    aside = appearance_of(SCENE, HERE + np.array([3, 2, 4, 1], np.float32))
    other = [appearance_of(texture(seed, (640, 360)), HERE) for seed in range(10, 20)]
    assert darker is not None
    assert aside is not None
    assert likeness(one, darker) > 0.95
    assert likeness(one, aside) > 0.8
    assert max(likeness(one, found) for found in other if found is not None) < 0.4


def test_it_goes_through_text_and_back() -> None:
    one = appearance_of(SCENE, HERE)
    assert one is not None
    text = as_text(one)
    assert len(text) == 384
    assert text.isascii()
    back = from_text(text)
    assert back is not None
    assert likeness(one, back) > 0.999
    assert from_text("") is None
    assert from_text("%%%") is None
    assert from_text("AAAA") is None


def test_what_is_too_small_or_outside_has_none() -> None:
    assert appearance_of(SCENE, np.array([10, 10, 11, 12], np.float32)) is None
    assert appearance_of(SCENE, np.array([900, 10, 950, 80], np.float32)) is None
    flat = appearance_of(np.full((360, 640), 128, np.uint8), HERE)
    assert flat is not None
    assert np.isfinite(flat).all()
