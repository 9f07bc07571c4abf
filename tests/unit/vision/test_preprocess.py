from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import StillPixels, frame, manifest
from numpy.typing import NDArray

from panops.domain.errors import ModelUnsupported
from panops.domain.region import Region
from panops.vision.letterbox import Letterbox
from panops.vision.preprocess import InputPicture, Preprocessing


def reference(rgb: NDArray[np.uint8], how: Preprocessing, box: Letterbox) -> NDArray[Any]:
    """The input tensor, said plainly."""
    width, height = how.size_wh
    picture = np.full((height, width, 3), 0.0 if how.pad is None else how.pad)
    left, top = box.offset_xy
    picture[top : top + box.scaled_wh[1], left : left + box.scaled_wh[0]] = StillPixels(rgb).rgb(box.scaled_wh)
    if how.bgr:
        picture = picture[..., ::-1]
    picture = (picture - np.array(how.mean)) * np.array(how.scale)
    return (picture.transpose(2, 0, 1) if how.channels_first else picture)[None].astype(how.dtype)


CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "yolox": {"channels": "bgr", "letterbox": 114},
    "centred": {"letterbox": 0, "anchor": "center"},
    "unit range": {"scale": 1 / 255},
    "image net": {"mean": [123.7, 116.3, 103.5], "scale": [0.0171, 0.0175, 0.0174], "letterbox": 114, "anchor": "center"},
    "nhwc bytes": {"layout": "nhwc", "dtype": "uint8"},
    "nhwc bytes bgr": {"layout": "nhwc", "dtype": "uint8", "channels": "bgr", "letterbox": 7},
    "nchw bytes": {"dtype": "uint8", "letterbox": 7},
    "nhwc floats": {"layout": "nhwc", "mean": 127.5, "scale": 1 / 127.5, "channels": "bgr"},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())
@settings(max_examples=15)
@given(seed=st.integers(0, 1000), sizes=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=4))
def test_fill_equals_the_plain_version(options: dict[str, Any], seed: int, sizes: list[tuple[int, int]]) -> None:
    """Also when the picture's size changes, so that the padding must be painted anew."""
    how = Preprocessing.of(manifest(**options))
    picture = InputPicture(how)
    dice = np.random.default_rng(seed)
    for width, height in sizes:
        rgb = dice.integers(0, 256, (height, width, 3), dtype=np.uint8)
        tensor, box = picture.fill(frame(rgb))
        assert tensor.dtype == how.dtype
        np.testing.assert_allclose(tensor, reference(rgb, how, box), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())
def test_a_part_is_filled_as_a_picture_of_its_own(options: dict[str, Any]) -> None:
    how = Preprocessing.of(manifest(**options))
    picture = InputPicture(how, (32, 64))
    rgb = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for xyxy in ((10, 20, 74, 52), (0, 0, 120, 90), (40, 10, 60, 80)):
        tensor, box = picture.fill(frame(rgb), Region(xyxy, (32, 64)))
        left, top, right, bottom = xyxy
        alone = InputPicture(how, (32, 64))
        expected, own = alone.fill(frame(np.ascontiguousarray(rgb[top:bottom, left:right])))
        np.testing.assert_array_equal(tensor, expected)
        assert box == replace(own, origin_xy=(left, top))


def test_the_tensor_is_used_again() -> None:
    picture = InputPicture(Preprocessing.of(manifest()))
    first, _ = picture.fill(frame(np.zeros((10, 10, 3), np.uint8)))
    second, _ = picture.fill(frame(np.zeros((20, 10, 3), np.uint8)))
    assert first is second


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"chanels": "bgr"}, "got chanels"),
        ({"channels": "hsv"}, "channels is rgb or bgr, got 'hsv'"),
        ({"layout": "chw"}, "layout is nchw or nhwc"),
        ({"dtype": "int8"}, "dtype is float32 or uint8"),
        ({"dtype": "uint8", "scale": 0.5}, "leave mean and scale away"),
        ({"letterbox": 300}, "from 0 to 255, got 300"),
        ({"letterbox": "grey"}, "from 0 to 255, got 'grey'"),
        ({"scale": [1, 2]}, "scale is one number or three"),
        ({"mean": "much"}, "mean is one number or three"),
        ({"mean": float("nan")}, "mean is one number or three"),
        ({"anchor": "left"}, "anchor is top_left or center"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelUnsupported, match=words):
        Preprocessing.of(manifest(**options))
