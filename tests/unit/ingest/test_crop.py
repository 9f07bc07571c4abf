"""A part of a picture has the colours that the whole picture has there, whichever way they are made."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panops.domain.frame import ArrayPixels
from panops.ingest.pixels import VideoPixels
from panops.testing.films import make_film

Crop = tuple[int, int, int, int]


def soft_picture(width: int = 322, height: int = 182) -> NDArray[np.uint8]:
    """Patches of all colours that flow into each other: swscale and OpenCV interpolate chroma at hard edges each in its own way."""
    patches = np.random.default_rng(5).integers(0, 256, (height // 30 + 2, width // 30 + 2, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


SOFT = soft_picture()


def picture(
    pix_fmt: str, colorspace: Colorspace | None = None, color_range: ColorRange | None = None, rgb: NDArray[np.uint8] = SOFT
) -> VideoPixels:
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    return VideoPixels(frame.reformat(format=pix_fmt, dst_colorspace=colorspace, dst_color_range=color_range))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.abs(one.astype(np.int64) - other.astype(np.int64))


@pytest.mark.parametrize("color_range", [None, ColorRange.MPEG, ColorRange.JPEG], ids=["untold", "limited", "full"])
@pytest.mark.parametrize(
    "colorspace", [None, Colorspace.ITU601, Colorspace.ITU709, Colorspace.BT2020], ids=["untold", "601", "709", "2020"]
)
def test_a_part_has_the_colours_of_the_whole(colorspace: Colorspace | None, color_range: ColorRange | None) -> None:
    """The judge is swscale, for each matrix and range that a stream may tell: within tiles of one colour, and on a soft picture."""
    left, top, right, bottom = crop = (40, 22, 240, 150)
    tiles = np.random.default_rng(3).integers(0, 256, (6, 10, 3), dtype=np.uint8).repeat(32, 0).repeat(32, 1)
    flat = picture("yuv420p", colorspace, color_range, np.ascontiguousarray(tiles))
    inside = (np.arange(crop[1], crop[3]) % 32 // 8 % 3 > 0)[:, None] & (np.arange(crop[0], crop[2]) % 32 // 8 % 3 > 0)[None]
    assert difference(flat.rgb(crop_xyxy=crop), flat.rgb()[top:bottom, left:right])[inside].max() <= 3
    soft = picture("yuv420p", colorspace, color_range)
    off = difference(soft.rgb(crop_xyxy=crop), soft.rgb()[top:bottom, left:right])
    assert off.mean() < 3
    assert np.percentile(off, 99) <= 12  # swscale does not interpolate chroma, so the difference grows with its slope


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuvj444p", "nv12", "yuv420p10le", "rgb24", "gray"])
@pytest.mark.parametrize("size_wh", [None, (160, 96), (96, 64), (24, 16), (250, 160)])
def test_every_format_and_size(pix_fmt: str, size_wh: tuple[int, int] | None) -> None:
    pixels = picture(pix_fmt)
    left, top, right, bottom = crop = (62, 30, 262, 158)
    found = pixels.rgb(size_wh, crop)
    width, height = size_wh or (200, 128)
    assert (found.shape, found.dtype) == ((height, width, 3), np.uint8)
    expected = cv2.resize(pixels.rgb()[top:bottom, left:right], (width, height), interpolation=cv2.INTER_AREA)
    off = difference(found, np.asarray(expected, np.uint8))
    assert off.mean() < 3
    assert np.percentile(off, 99) <= 12
    assert found.flags.writeable
    assert np.array_equal(found, pixels.rgb(size_wh, crop))


@settings(max_examples=60)
@given(edges=st.tuples(st.integers(0, 150), st.integers(0, 80), st.integers(1, 170), st.integers(1, 100)), odd=st.booleans())
def test_any_part_up_to_the_last_odd_row_and_column(edges: tuple[int, int, int, int], odd: bool) -> None:
    width, height = (321, 181) if odd else (322, 182)
    rgb = SOFT[:height, :width]
    pixels = picture("yuv420p", rgb=np.ascontiguousarray(rgb))
    left, top = edges[0] // 2 * 2, edges[1] // 2 * 2
    crop = (left, top, min(left + edges[2], width), min(top + edges[3], height))
    found = pixels.rgb(crop_xyxy=crop)
    assert found.shape == (crop[3] - crop[1], crop[2] - crop[0], 3)
    expected = pixels.rgb()[crop[1] : crop[3], crop[0] : crop[2]]
    assert difference(found, expected).mean() < 6  # a part of one pixel has no neighbours to interpolate with


def test_rows_that_are_padded_in_memory(tmp_path: Path) -> None:
    with av.open(str(make_film(tmp_path / "odd.mp4", count=1, size_wh=(162, 90), noise=0))) as container:
        frame = next(container.decode(video=0))
    assert frame.planes[0].line_size > 162
    pixels = VideoPixels(frame)
    assert difference(pixels.rgb(crop_xyxy=(20, 10, 162, 90)), pixels.rgb()[10:90, 20:162]).mean() < 1.5


def test_a_still_array_is_cropped_alike() -> None:
    pixels = ArrayPixels(SOFT)
    assert np.array_equal(pixels.rgb(crop_xyxy=(10, 20, 50, 40)), SOFT[20:40, 10:50])
    assert pixels.rgb((20, 10), (10, 20, 50, 40)).shape == (10, 20, 3)
    pixels.rgb(crop_xyxy=(0, 0, 4, 4))[...] = 0
    assert SOFT[:4, :4].any()


def test_a_part_of_an_rgb_picture_is_no_view() -> None:
    pixels = picture("rgb24")
    part = pixels.rgb(crop_xyxy=(0, 0, 20, 20))
    part[...] = 7
    assert not np.array_equal(pixels.rgb(crop_xyxy=(0, 0, 20, 20)), part)
