"""`panops data frames` on real films."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from panops.cli import app
from panops.datasets.opening import open_dataset
from panops.domain.errors import PanopsError, SourceCorrupt
from panops.testing.films import encode, make_film


def frames(*words: object) -> Result:
    result = CliRunner().invoke(app, ["data", "frames", *map(str, words)], env={"COLUMNS": "60"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_pictures_of_a_film_in_which_nothing_is_labelled(tmp_path: Path) -> None:
    film = make_film(tmp_path / "gate.mp4", count=25, rate_fps=10)
    result = frames(film, "--out", tmp_path / "out", "--every", "0.5", "--classes", "person, car,person")
    assert result.exit_code == 0
    assert "frames.json: 5 pictures of 1 films, none of them labelled" in result.stdout
    report = open_dataset(tmp_path / "out")
    assert not [problem for problem in report.problems if problem.severity == "error"]
    assert report.dataset.classes == ("person", "car")
    assert len(report.dataset) == 5
    for number, picture in enumerate(report.dataset.pictures):
        assert (picture.group, picture.source, picture.size_wh, len(picture)) == ("gate", "frames", (160, 120), 0)
        assert not picture.labelled.any()
        # The square of the film is at 4 px times the frame's number.
        bright = cv2.imread(str(picture.path))[45, :, 0] > 150
        assert np.flatnonzero(bright)[0] == pytest.approx(4 * 5 * number, abs=2)


def test_films_of_one_name_do_not_write_over_each_other(tmp_path: Path) -> None:
    films = []
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        films.append(make_film(tmp_path / day / "gate.mp4", count=12, rate_fps=10))
    frames(*films, "--out", tmp_path / "out")
    pictures = open_dataset(tmp_path / "out").dataset.pictures
    assert [picture.group for picture in pictures] == ["gate", "gate", "gate-2", "gate-2"]
    assert len({picture.path for picture in pictures}) == 4


def test_most_and_longest_are_kept_to(tmp_path: Path) -> None:
    film = make_film(tmp_path / "gate.mp4", count=30, rate_fps=10)
    frames(film, "--out", tmp_path / "out", "--every", "0.2", "--most", "3", "--longest", "80")
    pictures = open_dataset(tmp_path / "out").dataset.pictures
    assert [picture.size_wh for picture in pictures] == [(80, 60)] * 3


def test_a_film_damaged_on_the_way_gives_what_comes_before_and_says_so(tmp_path: Path) -> None:
    film = make_film(tmp_path / "[gate].mkv", "mjpeg", count=30, rate_fps=10, pix_fmt="yuvj420p")
    data = bytearray(film.read_bytes())
    # Every picture from the middle on loses its head.
    at = data.find(b"\xff\xd8\xff", len(data) // 2)
    while at >= 0:
        data[at : at + 400] = bytes(400)
        at = data.find(b"\xff\xd8\xff", at)
    film.write_bytes(data)
    result = frames(film, "--out", tmp_path / "out", "--every", "0.5")
    assert 1 <= len(open_dataset(tmp_path / "out").dataset) <= 4, "of six"
    assert "[gate].mkv: damaged after" in result.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.mp4", "No such file"), ("text.mp4", "no frame of it can be decoded"), ("sound.wav", "no picture track")],
)
def test_what_is_no_film_is_told_and_leaves_nothing(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    header = b"RIFF\x44\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x20\x1f\0\0"
    (tmp_path / "sound.wav").write_bytes(header + bytes(8000 - 32))
    with pytest.raises(SourceCorrupt, match=words):
        frames(tmp_path / name, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_film_that_cannot_be_read_stops_not_the_others(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    films = [tmp_path / "text.mp4", make_film(tmp_path / "gate.mp4", count=12, rate_fps=10), tmp_path / "gone.mp4"]
    result = frames(*films, "--out", tmp_path / "out")

    assert result.exit_code == 1
    assert "frames.json: 2 pictures of 1 films" in result.stdout
    assert "text.mp4: expected a video" in result.stderr
    assert "gone.mp4: expected a video" in result.stderr
    assert {picture.group for picture in open_dataset(tmp_path / "out").dataset.pictures} == {"gate"}
    with pytest.raises(SourceCorrupt, match="any of the 2"):
        frames(films[0], films[2], "--out", tmp_path / "none")


def test_what_somebody_labelled_is_written_over_only_when_asked(tmp_path: Path) -> None:
    film = make_film(tmp_path / "gate.mp4", count=12, rate_fps=10)
    frames(film, "--out", tmp_path / "out")
    (tmp_path / "out" / "frames.json").write_text("labelled")
    with pytest.raises(PanopsError, match="--replace"):
        frames(film, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "frames.json").read_text() == "labelled"

    assert frames(film, "--out", tmp_path / "out", "--replace").exit_code == 0
    assert len(open_dataset(tmp_path / "out").dataset) == 2


def test_wrong_words_are_told(tmp_path: Path) -> None:
    film = encode("libx264", iter([np.zeros((64, 64, 3), np.uint8)]), tmp_path / "one.mp4")
    assert "expected class names" in frames(film, "--out", tmp_path / "out", "--classes", " , ").stderr
    (tmp_path / "file").write_text("")
    with pytest.raises(PanopsError, match="cannot write to"):
        frames(film, "--out", tmp_path / "file")
