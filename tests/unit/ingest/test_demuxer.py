from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from panops.domain.errors import SourceError, SourceUnsupported
from panops.ingest.address import parse_address
from panops.ingest.demuxer import Demuxer, Input
from panops.testing.films import make_film


def _input(path: Path, **options: str) -> Input:
    return Input(parse_address(str(path)), f"file:{path}", options={"protocol_whitelist": "file", **options})


def test_what_it_finds(film: Path) -> None:
    demuxer = Demuxer(_input(film))
    info = demuxer.open()
    assert (info.codec, info.size_wh, info.rate_fps) == ("h264", (160, 120), 10.0)
    assert demuxer.duration_s == pytest.approx(3.0)
    assert "mp4" in demuxer.format
    demuxer.close()
    demuxer.close()
    assert demuxer.read() is None
    # The parameters outlive the input.
    assert info.template.codec_context.extradata


def test_the_end_comes_once_and_stays(film: Path) -> None:
    demuxer = Demuxer(_input(film))
    demuxer.open()
    assert len(list(iter(demuxer.read, None))) == 30
    assert demuxer.read() is None
    demuxer.close()


def test_a_stream_that_appears_while_reading_is_passed_over(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.ts", count=60)
    data = bytearray(film.read_bytes())
    # Of each packet: 188 bytes, the second and third of which hold "a picture begins here" and the stream's number.
    starts = [at for at in range(0, len(data), 188) if data[at + 1 : at + 3] == b"\x41\x00"]
    data[starts[40] + 2] = 0x99  # a flipped bit on a radio link
    film.write_bytes(data)
    demuxer = Demuxer(_input(film))
    demuxer.open()
    assert 50 <= len(list(iter(demuxer.read, None))) < 60
    assert demuxer.read() is None
    demuxer.close()


def test_formats_that_are_not_allowed_are_not_tried(film: Path) -> None:
    demuxer = Demuxer(_input(film, format_whitelist="avi"))
    with pytest.raises(SourceUnsupported):
        demuxer.open()


def test_reading_before_opening_is_an_error(film: Path) -> None:
    with pytest.raises(SourceError, match="not open"):
        Demuxer(_input(film)).read()


def test_close_at_any_moment_from_another_thread(film: Path) -> None:
    dice = random.Random(7)
    for _ in range(150):
        demuxer = Demuxer(_input(film))
        seen: list[str] = []

        def work(demuxer: Demuxer = demuxer, seen: list[str] = seen) -> None:
            try:
                info = demuxer.open()
                seen.append(info.codec)
                while demuxer.read() is not None:
                    continue
            except SourceError as error:
                seen.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(dice.random() * 0.006)
        demuxer.close()
        thread.join(5.0)
        assert not thread.is_alive()
        assert seen[0] == "h264" or "closed" in seen[0]
        assert demuxer._container is None
