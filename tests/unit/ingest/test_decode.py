from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from panops.domain.errors import SourceUnsupported
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.address import parse_address
from panops.ingest.decode import Decoder
from panops.ingest.file import FileSource
from panops.testing.films import make_film
from tests.unit.ingest.fakes import FakeClock


def _load(path: Path) -> tuple[StreamInfo, list[Packet]]:
    source = FileSource(parse_address(str(path)), FakeClock(), realtime=False)
    info = source.open()
    packets = list(iter(source.read, None))
    source.close()
    return info, packets


def _decode(decoder: Decoder, packets: list[Packet]) -> list[Frame]:
    return [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()


def _broken(packet: Packet) -> Packet:
    """A copy of a packet whose contents are noise."""
    payload = av.Packet(np.random.default_rng(1).integers(0, 256, packet.size_bytes, dtype=np.uint8).tobytes())
    payload.pts, payload.dts, payload.time_base = packet.payload.pts, packet.payload.dts, packet.payload.time_base
    return replace(packet, payload=payload)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mjpeg"])
def test_every_packet_becomes_a_frame_with_its_times(codec: str, tmp_path: Path) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    info, packets = _load(make_film(tmp_path / "film.mkv", codec, pix_fmt=pix_fmt))
    packets = [replace(packet, captured_at_s=packet.pts_s + 1e9) for packet in packets]
    frames = _decode(Decoder("gate", info), packets)
    assert [frame.sequence for frame in frames] == list(range(30))
    assert [frame.pts_s for frame in frames] == pytest.approx([number / 10 for number in range(30)], abs=1e-3)
    assert [frame.captured_at_s - 1e9 for frame in frames] == pytest.approx([frame.pts_s for frame in frames], abs=1e-5)
    assert {frame.camera_id for frame in frames} == {"gate"}


def test_b_frames_come_in_the_order_of_their_times(film_b: Path) -> None:
    info, packets = _load(film_b)
    frames = _decode(Decoder("x", info), packets)
    assert [frame.pts_s for frame in frames] == pytest.approx([number / 10 for number in range(40)], abs=1e-5)
    # The square walks 4 px a picture: the pictures are the right ones.
    lefts = [int(np.argmax(frame.luma[45] > 160)) for frame in frames]
    assert lefts == pytest.approx([number * 4 % 130 for number in range(40)], abs=2)


def test_payloads_are_not_changed_and_may_have_foreign_times(film: Path) -> None:
    info, packets = _load(film)
    with av.open(str(film)) as container:
        raw = [packet for packet in container.demux(video=0) if packet.size]
        before = [(packet.pts, packet.dts, packet.time_base) for packet in raw]
        foreign = [replace(packet, payload=payload) for packet, payload in zip(packets, raw, strict=True)]
        frames = _decode(Decoder("x", replace(info)), foreign)
        assert [(packet.pts, packet.dts, packet.time_base) for packet in raw] == before
    assert [frame.pts_s for frame in frames] == pytest.approx([number / 10 for number in range(30)], abs=1e-5)


def test_a_decoder_outlives_its_source_and_shares_nothing(film: Path) -> None:
    info, packets = _load(film)
    first, second = Decoder("x", info), Decoder("y", info)
    both = [(first.decode(packet), second.decode(packet)) for packet in packets]
    assert sum(len(a) for a, _ in both) + len(first.flush()) == 30
    assert sum(len(b) for _, b in both) + len(second.flush()) == 30


def test_keyframes_only(film: Path) -> None:
    info, packets = _load(film)
    decoder = Decoder("x", info)
    decoder.keyframes_only = True
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    assert [frame.pts_s for frame in frames] == pytest.approx([0.0, 1.0, 2.0], abs=1e-5)


def test_keyframes_only_with_b_frames_comes_at_once(film_b: Path) -> None:
    info, packets = _load(film_b)
    decoder = Decoder("x", info)
    decoder.keyframes_only = True
    assert [len(decoder.decode(packet)) for packet in packets if packet.is_keyframe] == [1, 1]


def test_waking_up_waits_for_a_keyframe_or_is_given_the_gop_again(film: Path) -> None:
    info, packets = _load(film)
    decoder = Decoder("x", info)
    decoder.keyframes_only = True
    for packet in packets[:15]:
        decoder.decode(packet)
    decoder.keyframes_only = False
    assert decoder.decode(packets[15]) == []
    assert decoder.skipped == 1
    decoder.reset()
    frames = [frame for packet in packets[10:16] for frame in decoder.decode(packet)]
    assert [frame.pts_s for frame in frames] == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4, 1.5], abs=1e-5)


def test_damage_is_counted_and_skipped_until_the_next_keyframe(film: Path) -> None:
    info, packets = _load(film)
    packets[13] = _broken(packets[13])
    decoder = Decoder("x", info)
    frames = _decode(decoder, packets)
    times = [round(frame.pts_s, 1) for frame in frames]
    assert decoder.corrupt == 1
    assert decoder.skipped == 6
    assert times == [round(number / 10, 1) for number in range(30) if not 13 <= number < 20]


def test_a_start_in_the_middle_waits_for_a_keyframe(film: Path) -> None:
    info, packets = _load(film)
    decoder = Decoder("x", info)
    assert _decode(decoder, packets[5:])[0].pts_s == pytest.approx(1.0)
    assert decoder.skipped == 5


def test_a_stream_without_marked_keyframes_is_tried_after_a_while(film: Path) -> None:
    info, packets = _load(film)
    unmarked = [replace(packet, is_keyframe=False) for packet in packets * 12]
    assert _decode(Decoder("x", info), unmarked)


def test_a_new_epoch_brings_its_own_stream(tmp_path: Path) -> None:
    info, first = _load(make_film(tmp_path / "a.mp4", count=8))
    _, second = _load(make_film(tmp_path / "b.mp4", "libx265", count=8, size_wh=(96, 64)))
    decoder = Decoder("x", info)
    frames = _decode(decoder, first + [replace(packet, epoch=1) for packet in second])
    assert [frame.size_wh for frame in frames] == [(160, 120)] * 8 + [(96, 64)] * 8
    assert [frame.sequence for frame in frames] == list(range(16))
    assert decoder.info.codec == "hevc"


def test_the_size_may_change_in_mid_stream(tmp_path: Path) -> None:
    # Elementary H.264 carries its sizes in band, as a camera does whose resolution is changed while it streams.
    parts = [make_film(tmp_path / "a.h264", count=10), make_film(tmp_path / "b.h264", count=10, size_wh=(320, 240))]
    whole = tmp_path / "whole.h264"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    info, packets = _load(whole)
    frames = _decode(Decoder("x", info), packets)
    assert {frame.size_wh for frame in frames} == {(160, 120), (320, 240)}
    assert all(frame.luma.shape == frame.size_wh[::-1] for frame in frames)


def test_an_unknown_codec_is_unsupported() -> None:
    with pytest.raises(SourceUnsupported, match="no decoder"):
        Decoder("x", StreamInfo("nonsense", (1, 1), None, None, True, None))
