from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from panops.domain.errors import SourceCorrupt
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import parse_address
from panops.ingest.file import FileSource
from panops.ingest.remux import write_clip
from panops.testing.films import make_film
from tests.unit.ingest.fakes import FakeClock


def _load(path: Path) -> tuple[StreamInfo, list[Packet]]:
    source = FileSource(parse_address(str(path)), FakeClock(), realtime=False)
    info = source.open()
    packets = list(iter(source.read, None))
    source.close()
    return info, packets


def _play(path: Path) -> tuple[str, list[float], list[np.ndarray]]:
    """Codec name, times from the file's start, and luma of every picture, as a player sees them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = list(container.decode(stream))
        return (
            stream.codec_context.name,
            [float(picture.time or 0.0) for picture in pictures],
            [picture.to_ndarray(format="gray") for picture in pictures],
        )


def _is_faststart(path: Path) -> bool:
    data = path.read_bytes()
    return 0 < data.find(b"moov") < data.find(b"mdat")


@pytest.mark.parametrize(
    ("codec", "name", "options"),
    [
        ("libx264", "film.mp4", None),
        ("libx264", "film.mkv", None),
        ("libx264", "film.ts", None),
        ("libx264", "film.h264", None),
        ("libx265", "film.mp4", None),
        ("libx265", "film.mkv", None),
        ("libx264", "b.mp4", {"preset": "veryfast", "x264-params": "bframes=3:b-adapt=0:scenecut=0:threads=1"}),
        ("libx264", "b.ts", {"preset": "veryfast", "x264-params": "bframes=3:b-adapt=0:scenecut=0:threads=1"}),
    ],
)
def test_copied_pictures_are_the_same_to_the_bit(codec: str, name: str, options: dict[str, str] | None, tmp_path: Path) -> None:
    film = make_film(tmp_path / name, codec, options=options)
    info, packets = _load(film)
    packets = [replace(packet, captured_at_s=packet.captured_at_s + 5000) for packet in packets]
    before = [(packet.payload.pts, packet.payload.dts, packet.payload.time_base, packet.payload.stream_index) for packet in packets]
    clip = tmp_path / "clip.part"
    span = write_clip(packets[5:], info, clip)
    assert before == [(packet.payload.pts, packet.payload.dts, packet.payload.time_base, packet.payload.stream_index) for packet in packets]
    played_codec, times, pictures = _play(clip)
    _, _, expected = _play(film)
    assert played_codec == info.codec
    assert len(pictures) == 20
    assert all(np.array_equal(a, b) for a, b in zip(pictures, expected[10:], strict=True))
    rate_fps = 25 if name.endswith(".h264") else 10  # an elementary stream does not say its rate
    assert times == pytest.approx([number / rate_fps for number in range(20)], abs=0.002)
    assert (span.start_s, span.end_s) == (packets[10].captured_at_s, max(packet.captured_at_s for packet in packets))
    assert _is_faststart(clip)


def test_apple_players_find_h265_by_its_name(tmp_path: Path) -> None:
    info, packets = _load(make_film(tmp_path / "film.mkv", "libx265"))
    write_clip(packets, info, tmp_path / "clip.mp4")
    assert b"hvc1" in (tmp_path / "clip.mp4").read_bytes()


@pytest.mark.parametrize(
    ("codec", "name", "pix_fmt"), [("mjpeg", "film.mkv", "yuvj422p"), ("gif", "film.gif", "rgb8"), ("mpeg4", "film.avi", "yuv420p")]
)
def test_what_browsers_do_not_play_is_encoded(codec: str, name: str, pix_fmt: str, tmp_path: Path) -> None:
    info, packets = _load(make_film(tmp_path / name, codec, pix_fmt=pix_fmt, options={}, size_wh=(161 if codec != "mpeg4" else 160, 120)))
    write_clip(packets, info, tmp_path / "clip.mp4")
    played_codec, times, pictures = _play(tmp_path / "clip.mp4")
    assert (played_codec, len(pictures)) == ("h264", 30)
    assert times == pytest.approx([number / 10 for number in range(30)], abs=0.002)
    assert pictures[0].shape == (120, 160)
    assert int(np.argmax(pictures[5][45] > 150)) == pytest.approx(20, abs=3)
    assert _is_faststart(tmp_path / "clip.mp4")


def test_a_clip_after_its_source_is_closed_and_gone(tmp_path: Path) -> None:
    info, packets = _load(make_film(tmp_path / "film.mp4"))
    (tmp_path / "film.mp4").unlink()
    write_clip(packets, replace(info), tmp_path / "clip.mp4")
    assert len(_play(tmp_path / "clip.mp4")[2]) == 30


def test_gaps_and_other_epochs(tmp_path: Path) -> None:
    info, packets = _load(make_film(tmp_path / "film.mp4"))
    holed = [replace(packet, pts_s=packet.pts_s + (10.0 if number >= 10 else 0.0)) for number, packet in enumerate(packets)]
    holed[25:] = [replace(packet, epoch=1) for packet in holed[25:]]
    write_clip(holed, info, tmp_path / "clip.mp4")
    _, times, pictures = _play(tmp_path / "clip.mp4")
    assert len(pictures) == 25
    assert times[10] == pytest.approx(11.0, abs=0.002)


def test_no_keyframe_is_told(tmp_path: Path) -> None:
    info, packets = _load(make_film(tmp_path / "film.mp4"))
    for chosen in ([], packets[1:9]):
        with pytest.raises(SourceCorrupt, match="keyframe"):
            write_clip(chosen, info, tmp_path / "clip.mp4")


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    info, packets = _load(make_film(tmp_path / "film.mp4"))
    with pytest.raises(OSError, match="No such file"):
        write_clip(packets, info, tmp_path / "none" / "clip.mp4")


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    info, packets = _load(make_film(tmp_path / "film.mp4"))
    with pytest.raises(OSError, match="space"):
        write_clip(packets, info, full)


def test_a_real_clip(shared_data: Path, tmp_path: Path) -> None:
    info, packets = _load(shared_data / "videos" / "intel_car-detection.mp4")
    write_clip([packet for packet in packets if 7 <= packet.pts_s <= 20], info, tmp_path / "clip.mp4")
    _, times, pictures = _play(tmp_path / "clip.mp4")
    assert times[0] == 0.0
    assert times == sorted(set(times))
    assert len(pictures) > 100
