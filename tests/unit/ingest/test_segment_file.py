from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from panops.domain.errors import SourceCorrupt, SourceUnsupported
from panops.ingest.segment_file import SegmentFile
from panops.ingest.segment_reader import OtherStream, Piece, copy_pieces, finish, is_whole, length_s
from panops.testing.films import make_film
from tests.unit.ingest.recorded_packets import load

BFRAMES = {"preset": "veryfast", "x264-params": "bframes=3:b-adapt=0:scenecut=0:threads=1"}


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def record(film: Path, path: Path, *, close: bool = True) -> SegmentFile:
    info, packets = load(film, 1000.0)
    file = SegmentFile(path, info)
    for packet in packets:
        file.add(packet)
    if close:
        file.close()
        file.close()
    return file


@pytest.mark.parametrize(
    ("codec", "name", "options"),
    [("libx264", "film.mp4", None), ("libx264", "film.h264", None), ("libx265", "film.mkv", None), ("libx264", "b.mp4", BFRAMES)],
)
def test_a_closed_file_has_the_same_pictures_and_an_index(codec: str, name: str, options: dict[str, str] | None, tmp_path: Path) -> None:
    film = make_film(tmp_path / name, codec, options=options)
    _, packets = load(film)
    before = [(packet.payload.pts, packet.payload.dts, packet.payload.time_base) for packet in packets]
    file = record(film, tmp_path / "a.mp4")
    assert before == [(packet.payload.pts, packet.payload.dts, packet.payload.time_base) for packet in load(film)[1]]
    assert is_whole(file.path)
    played, wanted = pictures(file.path), pictures(film)
    assert len(played) == 30
    assert all(np.array_equal(a, b) for a, b in zip(played, wanted, strict=True))
    assert file.start_s == 1000.0
    assert file.end_s - file.start_s == pytest.approx(30 / (25 if name.endswith("h264") else 10), abs=0.05)
    assert length_s(file.path) == pytest.approx(file.end_s - file.start_s, abs=0.25)
    if codec == "libx265":
        assert b"hvc1" in file.path.read_bytes()


def test_a_file_that_grows_plays_up_to_its_last_whole_group(tmp_path: Path) -> None:
    info, packets = load(make_film(tmp_path / "film.mp4", count=50))
    file = SegmentFile(tmp_path / "a.mp4", info)
    for number, packet in enumerate(packets, 1):
        file.add(packet)
        if number in (13, 25, 48):
            assert is_whole(file.path) == (number == 13), "its first group is a whole file of its own"
            assert len(pictures(file.path)) == (number - 1) // 10 * 10
    file.close()


def test_long_groups_are_written_in_pieces(tmp_path: Path) -> None:
    info, packets = load(make_film(tmp_path / "film.mp4", count=80, gop=80))
    file = SegmentFile(tmp_path / "a.mp4", info)
    for packet in packets:
        file.add(packet)
    assert len(pictures(file.path)) >= 60, "what a killed process may lose is two seconds"
    file.close()


KILLED = """
import sys
from pathlib import Path
from tests.unit.ingest.test_segment_file import record
record(Path(sys.argv[1]), Path(sys.argv[2]), close=False)
print("written", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_left_plays_and_is_put_right(tmp_path: Path) -> None:
    film, path = make_film(tmp_path / "film.mp4"), tmp_path / "a.mp4"
    process = subprocess.Popen([sys.executable, "-c", KILLED, film, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(pictures(path)) == 20
    assert length_s(path) == pytest.approx(2.0, abs=0.01)
    finish(path, tmp_path / ".a.part")
    assert is_whole(path)
    assert len(pictures(path)) == 20
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.mp4", "film.mp4"]


def test_a_codec_that_browsers_do_not_play_is_refused_in_words(tmp_path: Path) -> None:
    info, _ = load(make_film(tmp_path / "film.mkv", "mjpeg", pix_fmt="yuvj420p"))
    with pytest.raises(SourceUnsupported, match=r"mjpeg.*H\.264"):
        SegmentFile(tmp_path / "a.mp4", info)
    assert not (tmp_path / "a.mp4").exists()


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    (tmp_path / "a.mp4").symlink_to(full)
    with pytest.raises(OSError, match="space"):
        record(make_film(tmp_path / "film.mp4"), tmp_path / "a.mp4")


def test_pieces_of_several_files_are_one_film(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", count=40)
    files = [record(film, tmp_path / f"{name}.mp4").path for name in "ab"]
    target = tmp_path / "out.mp4"
    # From the keyframe at 2 s to the end, then the first 1.5 s of the next file.
    plays_s = copy_pieces([Piece(files[0], 2.4, 99.0), Piece(files[1], 0.0, 1.5)], target)
    played, source = pictures(target), pictures(film)
    assert len(played) == 20 + 15
    assert all(np.array_equal(a, b) for a, b in zip(played, source[20:] + source[:15], strict=True))
    assert plays_s == pytest.approx(3.5, abs=0.01)
    with av.open(str(target)) as container:
        times = [float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.pts is not None]
    assert np.diff(times) == pytest.approx(np.full(34, 0.1), abs=0.001)


def test_what_one_film_cannot_hold_is_told_with_its_place(tmp_path: Path) -> None:
    files = [record(make_film(tmp_path / f"film{side}.mp4", size_wh=(side, 120)), tmp_path / f"{side}.mp4").path for side in (160, 176)]
    with pytest.raises(OtherStream) as told:
        copy_pieces([Piece(file, 0.0, 9.0) for file in files], tmp_path / "out.mp4")
    assert told.value.index == 1


def test_files_that_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all, but long enough to be looked at")
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("text.mp4", "empty.mp4"):
        with pytest.raises(SourceCorrupt):
            length_s(tmp_path / name)
        with pytest.raises(SourceCorrupt):
            copy_pieces([Piece(tmp_path / name, 0.0, 1.0)], tmp_path / "out.mp4")
