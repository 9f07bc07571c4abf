from __future__ import annotations

import gc
import random
from pathlib import Path

import av
import numpy as np
import pytest

from panops.domain.errors import SourceCorrupt, SourceError, SourceUnreachable, SourceUnsupported
from panops.domain.packets import Packet
from panops.domain.protocols import Source
from panops.ingest.address import parse_address
from panops.ingest.decode import Decoder
from panops.ingest.file import FileSource
from panops.testing.films import make_film, walking_square
from tests.unit.ingest.fakes import FakeClock


def _open(path: Path | str, *, realtime: bool = False, loop: bool = False, clock: FakeClock | None = None) -> FileSource:
    return FileSource(parse_address(str(path)), clock or FakeClock(), realtime=realtime, loop=loop)


def _read(source: Source, most: int = 10_000) -> list[Packet]:
    packets: list[Packet] = []
    while len(packets) < most and (packet := source.read()) is not None:
        packets.append(packet)
    return packets


def test_a_film_comes_whole_with_media_times(film: Path) -> None:
    source = _open(film)
    info = source.open()
    packets = _read(source)
    source.close()
    assert (info.codec, info.size_wh, info.rate_fps, info.live) == ("h264", (160, 120), 10.0, False)
    assert info.duration_s == pytest.approx(3.0)
    assert [packet.pts_s for packet in packets] == pytest.approx([number / 10 for number in range(30)])
    assert [packet.captured_at_s for packet in packets] == [packet.pts_s for packet in packets]
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 10, 20]
    assert {packet.epoch for packet in packets} == {0}
    assert source.read() is None


def test_payloads_carry_repaired_times_and_their_stream(film_b: Path) -> None:
    source = _open(film_b)
    info = source.open()
    packets = _read(source)
    source.close()
    assert all(packet.payload.pts == round(packet.pts_s * 1e6) for packet in packets)
    decode = [packet.payload.dts for packet in packets]
    assert decode == sorted(set(decode))
    assert all(packet.payload.opaque == info for packet in packets)
    assert sorted(packet.pts_s for packet in packets) == pytest.approx([number / 10 for number in range(40)], abs=1e-6)
    del packets[:20]  # PyAV forgets what several payloads share as soon as one of them is freed
    gc.collect()
    assert all(packet.payload.opaque == info for packet in packets)


def test_realtime_paces_by_the_clock_and_dates_in_utc(film: Path) -> None:
    clock = FakeClock()
    source = _open(film, realtime=True, clock=clock)
    assert source.open().live
    began_s = clock.utc_s()
    packets = _read(source)
    source.close()
    assert clock.utc_s() - began_s == pytest.approx(2.9)
    assert [packet.captured_at_s - began_s for packet in packets] == pytest.approx([packet.pts_s for packet in packets])


def test_a_paced_film_does_not_race_after_a_sleep(film: Path) -> None:
    clock = FakeClock()
    source = _open(film, realtime=True, clock=clock)
    source.open()
    first = _read(source, 5)
    clock.advance(3600)
    second = _read(source, 5)
    source.close()
    assert second[0].captured_at_s - first[-1].captured_at_s > 3599
    assert second[-1].captured_at_s - second[0].captured_at_s == pytest.approx(0.4)


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_a_paced_film_follows_a_clock_that_is_set(film: Path, by_s: float) -> None:
    clock = FakeClock()
    source = _open(film, realtime=True, clock=clock)
    source.open()
    for _ in range(10):
        assert source.read() is not None
    clock.utc_offset_s += by_s
    for _ in range(10):
        packet = source.read()
        assert packet is not None
        assert packet.captured_at_s == pytest.approx(clock.utc_s(), abs=0.01)
    assert clock.now_s == pytest.approx(101.9, abs=0.01)  # its pace stays
    source.close()


def test_paced_b_frames_are_never_in_the_future(film_b: Path) -> None:
    clock = FakeClock()
    source = _open(film_b, realtime=True, clock=clock)
    source.open()
    while (packet := source.read()) is not None:
        assert packet.captured_at_s <= clock.utc_s() + 1e-9
    source.close()


def test_a_loop_goes_on_with_growing_times(film: Path) -> None:
    source = _open(film, loop=True)
    assert source.open().duration_s is None
    packets = _read(source, 75)
    source.close()
    assert [packet.pts_s for packet in packets] == pytest.approx([number / 10 for number in range(75)])
    assert {packet.epoch for packet in packets} == {0}


def test_a_folder_plays_in_natural_order_and_changes_epoch_with_the_stream(tmp_path: Path) -> None:
    make_film(tmp_path / "part10.mp4", count=5, size_wh=(96, 64))
    make_film(tmp_path / "part9.mp4", count=5)
    make_film(tmp_path / "part8.mp4", count=5)
    (tmp_path / "notes.txt").write_text("not a film")
    source = _open(tmp_path)
    decoder = Decoder("x", source.open())
    packets = _read(source)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()
    source.close()
    assert [packet.epoch for packet in packets] == [0] * 10 + [1] * 5
    assert [frame.size_wh for frame in frames] == [(160, 120)] * 10 + [(96, 64)] * 5
    assert [packet.pts_s for packet in packets] == pytest.approx([number / 10 for number in range(15)])


def test_one_bad_film_in_a_folder_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_film(tmp_path / "a.mp4", count=5)
    (tmp_path / "b.mp4").write_text("this is a letter")
    make_film(tmp_path / "c.mp4", count=5)
    source = _open(tmp_path / "*.mp4")
    source.open()
    assert len(_read(source)) == 10
    assert "b.mp4 is a text file" in caplog.text


def test_stills_last_a_second_each(tmp_path: Path) -> None:
    for number in range(3):
        picture = walking_square((64, 48))(number)
        av.VideoFrame.from_ndarray(picture, format="rgb24").save(tmp_path / f"shot%0{number}d.{'png' if number == 1 else 'jpg'}")
    source = _open(tmp_path)
    decoder = Decoder("x", source.open())
    frames = []
    while (packet := source.read()) is not None:
        frames += decoder.decode(packet)
    frames += decoder.flush()
    source.close()
    assert [frame.pts_s for frame in frames] == pytest.approx([0.0, 1.0, 2.0], abs=1e-5)
    assert all(frame.luma.shape == (48, 64) for frame in frames)


def test_close_ends_a_film_that_waits_for_its_turn(film: Path) -> None:
    source = _open(film, realtime=True)
    source.open()
    _read(source, 3)
    source.close()
    source.close()
    assert source.read() is None


@pytest.mark.parametrize("name", ["concat:a.mp4|b.mp4", "http:x.mp4", "-i.mp4", "a%03d.mp4"])
def test_odd_names_are_names(name: str, tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(film.read_bytes())
    source = FileSource(parse_address(f"file:{name}"), FakeClock(), realtime=False)
    source.open()
    assert len(_read(source)) == 30
    source.close()


# --- bad input -----------------------------------------------------------------------------------------------------------------


def _bad(path: Path) -> SourceError:
    source = _open(path)
    try:
        source.open()
        _read(source)
    except SourceError as error:
        return error
    finally:
        source.close()
    pytest.fail("expected a SourceError")


def test_what_is_not_there_or_not_a_file(tmp_path: Path) -> None:
    assert type(_bad(tmp_path / "none.mp4")) is SourceUnreachable
    assert "does not exist" in str(_bad(tmp_path / "none.mp4"))
    assert "holds no video" in str(_bad(tmp_path))
    assert "matches no file" in str(_bad(tmp_path / "*.avi"))
    assert type(_bad(Path("/dev/null"))) is SourceUnsupported


def test_text_named_mp4(tmp_path: Path) -> None:
    path = tmp_path / "letter.mp4"
    path.write_text("Dear camera, " * 1000)
    failure = _bad(path)
    assert type(failure) is SourceCorrupt
    assert str(failure) == f"{path} is a text file, not video"


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert str(_bad(path)) == f"{path} is empty"


def test_an_mp4_that_was_cut_off(tmp_path: Path, film: Path) -> None:
    path = tmp_path / "cut.mp4"
    data = film.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "probably cut off" in str(_bad(path))


def test_a_playlist_may_not_name_other_files(tmp_path: Path, film: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile:{film}\n#EXT-X-ENDLIST\n")
    assert type(_bad(path)) is SourceCorrupt
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile {film}\n")
    assert type(_bad(path)) is SourceCorrupt


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(path, "w") as output:
        stream = output.add_stream("aac", rate=16000)
        for number in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 16000, number * 1024
            output.mux(stream.encode(frame))
    failure = _bad(path)
    assert type(failure) is SourceUnsupported
    assert "holds no video" in str(failure)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi"])
def test_fuzzed_films_end_in_frames_or_a_source_error(seed: int, kind: str, tmp_path: Path) -> None:
    path = make_film(tmp_path / f"fuzz.{kind}", count=12, gop=4, size_wh=(64, 48))
    dice = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(dice.choice([3, 30, 300])):
        data[dice.randrange(len(data))] = dice.randrange(256)
    if seed % 3 == 0:
        data = data[: dice.randrange(len(data))]
    path.write_bytes(data)
    source, message = _open(path), ""
    try:
        decoder = Decoder("x", source.open())
        last_s = float("-inf")
        while (packet := source.read()) is not None:
            for frame in decoder.decode(packet):
                assert frame.pts_s > last_s
                last_s = frame.pts_s
                assert frame.luma.shape == frame.size_wh[::-1]
        decoder.flush()
    except SourceError as error:
        message = str(error)
    finally:
        source.close()
    assert not message or str(path) in message


# --- real clips ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec", "size_wh", "count", "last_s"),
    [
        ("intel_one-by-one-person-detection.mp4", "h264", (768, 432), 1394, 139.3),
        ("dvrscan_issue53_brightness_change.avi", "mpeg4", (960, 1080), 59, 4.833),
        ("intel_asl_book.mkv", "h264", (640, 480), 109, 3.6),
        ("intel_classroom.gif", "gif", (480, 270), 45, 2.93),
    ],
)
def test_real_clips(shared_data: Path, name: str, codec: str, size_wh: tuple[int, int], count: int, last_s: float) -> None:
    source = _open(shared_data / "videos" / name)
    info = source.open()
    decoder = Decoder("x", info)
    times = []
    while (packet := source.read()) is not None:
        times += [frame.pts_s for frame in decoder.decode(packet)]
    times += [frame.pts_s for frame in decoder.flush()]
    source.close()
    assert (info.codec, info.size_wh, len(times), decoder.corrupt, decoder.skipped) == (codec, size_wh, count, 0, 0)
    assert times == sorted(set(times))
    assert times[0] == pytest.approx(0.0)
    assert times[-1] == pytest.approx(last_s, abs=0.02)
