"""Finding, measuring and placing pictures."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panops.datasets.picture_finder import PictureFinder, pictures_in
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


@given(names=st.lists(st.sampled_from(["a", "A", "a_2", "b", "ä"]), max_size=12))
def test_stems_never_collide(names: list[str]) -> None:
    stems = unique_stems(Path(f"{index}/{name}.jpg") for index, name in enumerate(names))

    assert len({stem.casefold() for stem in stems}) == len(names)
    assert all(stem.casefold().startswith(name.casefold()) for stem, name in zip(stems, names, strict=True))


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
