from __future__ import annotations

import threading
from pathlib import Path

import av
import numpy as np
import pytest

from panops.ingest.pixels import VideoPixels
from panops.testing.films import make_film, walking_square

_RGB = walking_square((161, 91), noise=0)(3)


def _picture(pix_fmt: str) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(_RGB, format="rgb24").reformat(format=pix_fmt)


@pytest.mark.parametrize(
    "pix_fmt",
    [
        "yuv420p",
        "yuvj420p",
        "yuv422p",
        "yuvj422p",
        "yuvj444p",
        "nv12",
        "gray",
        "yuv420p10le",
        "yuyv422",
        "rgb24",
        "bgra",
        "rgb565le",
        "gray10le",
    ],
)
def test_luma_of_every_format_is_the_same_picture(pix_fmt: str) -> None:
    picture = _picture(pix_fmt)
    luma = VideoPixels(picture).luma()
    assert (luma.shape, luma.dtype) == ((91, 161), np.uint8)
    assert not luma.flags.writeable
    square, ground = int(luma[30, 20]), int(luma[30, 120])
    assert square == pytest.approx(230, abs=25)
    assert ground == pytest.approx(66, abs=16)


def test_a_palette_is_looked_up() -> None:
    palette = np.zeros((256, 4), np.uint8)
    palette[7] = (255, 200, 200, 200)  # alpha, then grey
    picture = av.VideoFrame.from_ndarray((np.full((40, 60), 7, np.uint8), palette), format="pal8")
    assert abs(int(VideoPixels(picture).luma()[20, 30]) - 200) < 16
    assert VideoPixels(picture).rgb((30, 20))[10, 10].tolist() == pytest.approx([200, 200, 200], abs=2)


def test_luma_is_a_view_for_yuv_and_honours_line_size(tmp_path: Path) -> None:
    path = make_film(tmp_path / "odd.mp4", count=1, size_wh=(162, 90), noise=0)
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
    pixels = VideoPixels(picture)
    assert picture.planes[0].line_size > 162
    luma = pixels.luma()
    assert np.shares_memory(luma, np.frombuffer(memoryview(picture.planes[0]), np.uint8))
    assert np.array_equal(luma, picture.to_ndarray()[:90])
    # A view keeps the picture alive after everything else is gone.
    expected = luma.copy()
    del picture, pixels, container
    assert np.array_equal(luma, expected)


@pytest.mark.parametrize("size_wh", [None, (161, 91), (320, 320), (80, 45), (33, 17), (320, 180)])
def test_rgb_has_the_size_asked_for_and_is_fresh(size_wh: tuple[int, int] | None) -> None:
    pixels = VideoPixels(_picture("yuv420p"))
    first, second = pixels.rgb(size_wh), pixels.rgb(size_wh)
    width, height = size_wh or (161, 91)
    assert (first.shape, first.dtype) == ((height, width, 3), np.uint8)
    assert first.flags.writeable
    assert not np.shares_memory(first, second)
    assert np.array_equal(first, second)
    ground, square = first[height // 8, width * 3 // 4], first[height * 3 // 8, width // 7]
    assert np.abs(ground.astype(int) - 64).max() <= 3
    assert np.abs(square.astype(int) - 240).max() <= 3


def test_rgb_of_rgb_is_exact() -> None:
    picture = av.VideoFrame.from_ndarray(_RGB, format="rgb24")
    assert np.array_equal(VideoPixels(picture).rgb(), _RGB)


def test_many_threads_may_ask() -> None:
    pixels = VideoPixels(_picture("yuv420p"))
    expected = pixels.rgb((64, 64))
    wrong: list[int] = []

    def work() -> None:
        wrong.extend(1 for _ in range(50) if not np.array_equal(pixels.rgb((64, 64)), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "name"),
    [("libx265", "yuv420p10le", "ten_bit.mp4"), ("mjpeg", "yuvj422p", "a.mkv"), ("mjpeg", "yuvj444p", "b.mkv"), ("gif", "rgb8", "c.gif")],
)
def test_what_cameras_and_files_really_hold(codec: str, pix_fmt: str, name: str, tmp_path: Path) -> None:
    path = make_film(tmp_path / name, codec, pix_fmt=pix_fmt, count=3, noise=0, size_wh=(160, 120))
    with av.open(str(path)) as container:
        pixels = [VideoPixels(picture) for picture in container.decode(video=0)]
    assert len(pixels) == 3
    for number, picture in enumerate(pixels):
        assert picture.luma().shape == (120, 160)
        left = int(np.argmax(picture.rgb()[45, :, 1] > 150))
        assert left == pytest.approx(number * 4, abs=2)
