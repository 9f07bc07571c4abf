"""Finding, measuring and placing pictures."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.datasets.picture_finder import PictureFinder, pictures_in
from panops.datasets.picture_look import look_at
from panops.datasets.picture_placing import place, unique_stems
from panops.datasets.picture_size import picture_size, read_picture
from tests.unit.datasets.drawn import save, scene

FORMATS = (".jpg", ".png", ".webp", ".bmp", ".tiff")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("size_wh", [(1, 1), (96, 64), (33, 257)])
def test_the_size_is_that_of_the_decoded_picture(tmp_path: Path, suffix: str, size_wh: tuple[int, int]) -> None:
    path = save(tmp_path / f"a{suffix}", scene(1, size_wh))

    assert picture_size(path) == size_wh


def test_lossless_webp(tmp_path: Path) -> None:
    path = save(tmp_path / "a.webp", scene(1, (41, 23)), quality=101)

    assert picture_size(path) == (41, 23)


def exif_jpeg(path: Path, orientation: int, order: str) -> Path:
    """A JPEG of 96x64 that says how the camera was held."""
    save(path, scene(1))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    tiff = mark + struct.pack(order + "IH", 8, 1) + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)
    segment = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:])
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_picture_has_the_size_that_opencv_decodes(tmp_path: Path, orientation: int, order: str) -> None:
    path = exif_jpeg(tmp_path / "a.jpg", orientation, order)
    image = read_picture(path)

    assert image is not None
    assert picture_size(path) == (image.shape[1], image.shape[0]) == ((64, 96) if orientation >= 5 else (96, 64))


def turned(path: Path, orientation: int, *, at_end: bool = False) -> Path:
    """A PNG or WebP of 96x64 with EXIF; in a PNG before or after the picture's data."""
    tiff = b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0) + bytes(4)
    data = save(path, scene(1), quality=101).read_bytes()
    if path.suffix == ".png":
        body = b"eXIf" + tiff
        chunk = struct.pack(">I", len(tiff)) + body + struct.pack(">I", zlib.crc32(body))
        at = len(data) - 12 if at_end else 33
        path.write_bytes(data[:at] + chunk + data[at:])
        return path
    head = b"VP8X" + struct.pack("<IB3x", 10, 0x08) + struct.pack("<I", 95)[:3] + struct.pack("<I", 63)[:3]
    content = b"WEBP" + head + data[12:] + b"EXIF" + struct.pack("<I", len(tiff)) + tiff
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content)) + content)
    return path


@pytest.mark.parametrize(("name", "at_end"), [("a.png", False), ("a.png", True), ("a.webp", True)])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_other_formats_are_turned_by_exif_too(tmp_path: Path, name: str, at_end: bool, orientation: int) -> None:
    path = turned(tmp_path / name, orientation, at_end=at_end)
    image = read_picture(path)

    assert image is not None
    assert picture_size(path) == (image.shape[1], image.shape[0]) == ((64, 96) if orientation >= 5 else (96, 64))


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jp2"])
@pytest.mark.parametrize("shape", [(64, 96), (64, 96, 3), (64, 96, 4)])
def test_sixteen_bits_and_grey_become_eight_bits_of_colour(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    deep = (np.arange(np.prod(shape)).reshape(shape) * 11 % 65536).astype(np.uint16)
    path = save(tmp_path / f"a{suffix}", deep)
    image = read_picture(path)

    assert image is not None
    assert (image.shape, image.dtype) == ((64, 96, 3), np.uint8)
    assert image.max() > 200
    assert picture_size(path) == (96, 64)
    assert look_at(path).size_wh == (96, 64)


@given(
    data=st.binary(max_size=200),
    head=st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"BM", b"\xff\xd8\xff\xe1"]),
)
def test_no_bytes_make_it_crash(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.jpg"
    path.write_bytes(head + data)
    size_wh = picture_size(path)

    assert size_wh is None or min(size_wh) > 0


def test_no_picture(tmp_path: Path) -> None:
    assert picture_size(tmp_path / "gone.jpg") is None
    assert read_picture(tmp_path / "gone.jpg") is None
    assert picture_size(tmp_path) is None


def test_gray_and_names_outside_ascii(tmp_path: Path) -> None:
    path = save(tmp_path / "Straße 1.png", scene(1))
    image = read_picture(path, gray=True)

    assert image is not None
    assert image.shape == (64, 96)
    assert abs(float(image.mean()) - cv2.cvtColor(scene(1), cv2.COLOR_BGR2GRAY).mean()) < 1


def test_pictures_are_found_by_suffix_at_any_depth(tmp_path: Path) -> None:
    for name in ("b.JPG", "sub/a.png"):
        save(tmp_path / name.lower(), scene(1)).rename(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")

    assert [path.name for path in pictures_in(tmp_path)] == ["b.JPG", "a.png"]


def test_the_first_folder_that_has_it_wins(tmp_path: Path) -> None:
    for name in ("one/a.png", "two/a.png", "two/b.png"):
        save(tmp_path / name, scene(1))
    finder = PictureFinder([tmp_path / "one", tmp_path / "two"])

    assert finder.find("a.png") == tmp_path / "one" / "a.png"
    assert finder.find("b.png") == tmp_path / "two" / "b.png"
    assert finder.find("c.png") is None
    assert finder.find("x" * 5000) is None


def test_a_name_in_other_letters_is_found_where_it_is_the_only_one(tmp_path: Path) -> None:
    for name in ("sub/Tu\u0308r.JPG", "sub/a.JPG", "b.png", "B.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    finder = PictureFinder([tmp_path])

    assert finder.find("sub/T\u00fcr.jpg") == tmp_path / "sub" / "Tu\u0308r.JPG"
    assert finder.find(r"sub\A.jpg") == tmp_path / "sub" / "a.JPG"
    assert finder.find("B.PNG") == tmp_path / "B.PNG"
    assert finder.find("b.PNG") is None, "it may be either"
    assert finder.find("Sub/a.jpg") is None


@given(names=st.lists(st.sampled_from(["a", "A", "a_2", "b", "ä"]), max_size=12))
def test_stems_never_collide(names: list[str]) -> None:
    stems = unique_stems(Path(f"{index}/{name}.jpg") for index, name in enumerate(names))

    assert len({stem.casefold() for stem in stems}) == len(names)
    assert all(stem.casefold().startswith(name.casefold()) for stem, name in zip(stems, names, strict=True))


def test_twenty_thousand_pictures_of_one_name_take_no_time() -> None:
    start_s = time.process_time()
    stems = unique_stems(Path(f"{index}/frame.jpg") for index in range(20_000))

    assert stems[::19_999] == ["frame", "frame_20000"]
    assert time.process_time() - start_s < 2, "seconds; the square of them would be half a minute"


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save(tmp_path / "a.png", scene(1))

    def full(_: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        place(source, tmp_path / "out" / "b.png", "copy")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("how", ["copy", "link"])
def test_placing_twice_is_harmless(tmp_path: Path, how: str) -> None:
    source = save(tmp_path / "a.png", scene(1))
    target = tmp_path / "deep" / "b.png"
    for _ in range(2):
        place(source, target, how)  # type: ignore[arg-type]  # a plain str from the table

    assert target.read_bytes() == source.read_bytes()
    assert target.is_symlink() is (how == "link")
    place(source, source, "copy")
    assert source.stat().st_size > 0


def test_a_link_still_works_when_its_folder_moves_along(tmp_path: Path) -> None:
    source = save(tmp_path / "all" / "a.png", scene(1))
    place(source, tmp_path / "all" / "out" / "b.png", "link")
    os.rename(tmp_path / "all", tmp_path / "moved")  # noqa: PTH104 - the folder as a whole

    assert (tmp_path / "moved" / "out" / "b.png").is_file()
