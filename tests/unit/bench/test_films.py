"""Films: the share that passes the gate is the one asked for; they are what a camera sends; they are made once."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from panops.bench.film_encoder import turn_film
from panops.bench.film_recording import make_recording_film
from panops.bench.film_scene import make_scene_film
from panops.bench.film_shape import FilmShape
from panops.bench.film_shelf import FilmShelf
from panops.bench.gate_share import film_lumas, gate_share
from panops.domain.errors import SourceCorrupt, SourceUnreachable, StorageError
from panops.testing.films import make_film

SHAPE = FilmShape(size_wh=(320, 180), rate_fps=5.0, check_fps=5.0, gop_s=2.0, seconds=24.0)


@pytest.mark.parametrize("activity", [0.0, 0.25, 0.6])
def test_the_share_is_what_was_asked_for(activity: float, tmp_path: Path) -> None:
    figures = make_scene_film("room", activity, SHAPE, tmp_path / "film.mp4")
    # Measured here again, from the file alone.
    share = gate_share(lambda: film_lumas(tmp_path / "film.mp4"), SHAPE.rate_fps, SHAPE.check_fps)
    assert share == figures.share
    assert share.moved == pytest.approx(activity, abs=0.05)
    assert share.detector >= share.moved
    assert list(tmp_path.iterdir()) == [tmp_path / "film.mp4"]
    assert len(figures.zone) >= 3
    assert len(figures.line) >= 2


def test_a_film_is_what_a_camera_sends(tmp_path: Path) -> None:
    figures = make_scene_film("room", 0.0, SHAPE, tmp_path / "film.mp4")
    with av.open(tmp_path / "film.mp4") as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 320, 180)
        assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == list(range(0, SHAPE.pictures, 10))
        assert all(packet.pts == packet.dts for packet in packets)
        assert len(packets) == SHAPE.pictures == 120
    assert figures.kbps == pytest.approx(SHAPE.kbps, rel=0.25)
    # The sensor's noise goes on where nothing else does.
    first, second = (luma.astype(int) for luma, _ in zip(film_lumas(tmp_path / "film.mp4"), range(2), strict=False))
    assert 0.05 < float(np.abs(first - second).mean()) < 6.0


def test_a_slower_look_at_the_same_film() -> None:
    lumas = [np.full((90, 160), 40, np.uint8) for _ in range(60)]
    for number in range(20, 40):
        lumas[number] = lumas[number].copy()
        lumas[number][20:60, 4 * number - 60 : 4 * number - 20] = 220
    often, seldom = (gate_share(lambda: lumas, 10.0, check_fps) for check_fps in (10.0, 5.0))
    assert often.moved == pytest.approx(1 / 3, abs=0.05)
    assert seldom.moved == pytest.approx(often.moved, abs=0.1)
    assert often.detector > often.moved


def test_films_are_made_once(tmp_path: Path) -> None:
    said: list[str] = []
    shelf = FilmShelf(tmp_path / "shelf", said.append)
    (first,) = shelf.of_scenes(0.0, SHAPE, ("room",))
    made = first.path.stat().st_mtime_ns
    assert said
    said.clear()
    (again,) = shelf.of_scenes(0.0, SHAPE, ("room",))
    assert (again, again.path.stat().st_mtime_ns, said) == (first, made, [])
    (other,) = shelf.of_scenes(0.0, FilmShape((320, 180), 5.0, 5.0, 1.0, 24.0), ("room",))
    assert other.path != first.path
    assert len(list((tmp_path / "shelf").iterdir())) == 2
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be kept in"):
        FilmShelf(tmp_path / "file").of_scenes(0.0, SHAPE, ("room",))


def test_what_another_gate_measured_is_measured_anew(tmp_path: Path) -> None:
    said: list[str] = []
    shelf = FilmShelf(tmp_path, said.append)
    (first,) = shelf.of_scenes(0.0, SHAPE, ("room",))
    kept = first.path.with_name("film.json")
    told = json.loads(kept.read_text())
    kept.write_text(json.dumps({**told, "share": {"moved": 0.9, "detector": 0.95}, "gate": "of yesterday"}))
    said.clear()
    (again,) = shelf.of_scenes(0.0, SHAPE, ("room",))
    assert again == first
    assert said == ["looking at the film of room with the gate of today"]
    assert json.loads(kept.read_text()) == told
    assert sorted(path.name for path in first.path.parent.iterdir()) == ["film.json", "film.mp4"]


def test_recordings_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    make_film(tmp_path / "mine" / "lane.mp4", count=90, rate_fps=10, size_wh=(352, 288))
    (film,) = FilmShelf(tmp_path / "shelf").of_recordings(tmp_path / "mine", SHAPE)
    assert film.name == "lane"
    assert film.figures.share.moved > 0.8
    with av.open(film.path) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
    # 9 s at 5 pictures a second, cut to whole groups of 2 s.
    assert (len(frames), frames[0].width, frames[0].height) == (40, 320, 180)
    assert [frame.key_frame for frame in frames] == [number % 10 == 0 for number in range(40)]


def test_recordings_that_will_not_do(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="found none"):
        FilmShelf(tmp_path).of_recordings(tmp_path, SHAPE)
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(SourceCorrupt, match=r"text\.mp4: expected a video"):
        make_recording_film(tmp_path / "text.mp4", SHAPE, tmp_path / "out.mp4")
    make_film(tmp_path / "short.mp4", count=12, rate_fps=10)
    with pytest.raises(SourceCorrupt, match=r"at least 4 s of video, got 1\.[0-9] s"):
        make_recording_film(tmp_path / "short.mp4", SHAPE, tmp_path / "out.mp4")


def test_a_film_turned_begins_elsewhere(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", count=40, rate_fps=10, gop=10)
    turned = list(film_lumas(turn_film(film, 3, tmp_path / "turned.mp4")))
    whole = list(film_lumas(film))
    assert len(turned) == 40
    assert all(np.array_equal(a, b) for a, b in zip(turned, whole[30:] + whole[:30], strict=True))
    with av.open(tmp_path / "turned.mp4") as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([number / 10 for number in range(40)])
