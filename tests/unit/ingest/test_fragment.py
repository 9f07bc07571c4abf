"""Fragments for players: the same pictures, each at once, at the right time."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from panops.domain.errors import SourceUnsupported
from panops.ingest.fragment import Fragment, Fragmenter
from panops.testing.films import make_film
from tests.unit.ingest.recorded_packets import load
from tests.unit.ingest.test_segment_file import BFRAMES, pictures


def cut(film: Path) -> tuple[Fragmenter, list[Fragment]]:
    info, packets = load(film, 1000.0)
    fragmenter = Fragmenter(info)
    return fragmenter, [fragmenter.add(packet) for packet in packets]


def played(data: bytes) -> list[tuple[float, np.ndarray]]:
    with av.open(io.BytesIO(data), "r") as container:
        return [(float(frame.time), frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("codec", "name", "options", "mime"),
    [
        ("libx264", "film.mp4", None, "avc1."),
        ("libx264", "film.h264", None, "avc1."),
        ("libx264", "b.mp4", BFRAMES, "avc1."),
        ("libx265", "film.mkv", None, "hvc1.1.6.L"),
        ("libx265", "film.hevc", None, "hvc1.1.6.L"),
    ],
)
def test_fragments_play_as_the_same_pictures_at_their_times(
    codec: str, name: str, options: dict[str, str] | None, mime: str, tmp_path: Path
) -> None:
    film = make_film(tmp_path / name, codec, options=options)
    fragmenter, fragments = cut(film)
    assert fragmenter.mime.startswith(f'video/mp4; codecs="{mime}')
    assert len(fragments) == 30
    assert [index for index, one in enumerate(fragments) if one.is_keyframe] == [0, 10, 20]
    got = played(fragmenter.start + b"".join(one.data for one in fragments))
    assert all(np.array_equal(mine, theirs) for (_, mine), theirs in zip(got, pictures(film), strict=True))
    times = [at_s for at_s, _ in got]
    assert times == pytest.approx(sorted(one.at_s for one in fragments), abs=1e-4)
    # The player's clock and the camera's go alike, so a picture's time tells when it was taken.
    assert {round(one.captured_at_s - one.at_s, 3) for one in fragments} == {998.0}


def test_a_player_may_begin_at_any_keyframe(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.h264")
    fragmenter, fragments = cut(film)
    got = played(fragmenter.start + b"".join(one.data for one in fragments[10:]))
    assert all(np.array_equal(mine, theirs) for (_, mine), theirs in zip(got, pictures(film)[10:], strict=True))
    assert got[0][0] == pytest.approx(fragments[10].at_s, abs=1e-4)


def test_a_fragment_is_whole_when_it_is_made(tmp_path: Path) -> None:
    _, fragments = cut(make_film(tmp_path / "film.h264"))
    for one in fragments:
        length, name = struct.unpack_from(">I4s", one.data)
        assert name == b"moof"
        rest, name = struct.unpack_from(">I4s", one.data, length)
        assert (name, length + rest) == (b"mdat", len(one.data))


def test_what_players_do_not_take_is_said(tmp_path: Path) -> None:
    info, _ = load(make_film(tmp_path / "film.avi", "mjpeg", pix_fmt="yuvj420p"))
    with pytest.raises(SourceUnsupported, match="mjpeg, is shown as pictures"):
        Fragmenter(info)
