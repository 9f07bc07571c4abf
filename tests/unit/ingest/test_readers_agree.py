"""Our RTSP reader and FFmpeg's on the same bytes: the same packets, the same pictures bit by bit, and clips that play."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceUnreachable
from panops.domain.packets import Packet, StreamInfo
from panops.domain.protocols import Source
from panops.ingest.address import parse_address
from panops.ingest.decode import Decoder
from panops.ingest.file import FileSource
from panops.ingest.reactor import Reactor
from panops.ingest.remux import write_clip
from panops.ingest.rtsp_ffmpeg import FfmpegRtspSource
from panops.ingest.rtsp_own import OwnRtspSource
from panops.testing.films import make_film
from tests.unit.ingest.rtp_streams import Picture, ScriptedCamera, description, film_pictures, packets_of, sends, split_units

_X264 = "scenecut=0:threads=1:sliced-threads=0"
_QUICK = {"preset": "ultrafast", "tune": "zerolatency"}
# Codec, encoder, options.
FILMS: dict[str, tuple[str, str, dict[str, str] | None]] = {
    "plain": ("h264", "libx264", None),
    "b-frames": ("h264", "libx264", {"preset": "veryfast", "x264-params": f"bframes=3:b-adapt=0:{_X264}"}),
    "slices": ("h264", "libx264", {**_QUICK, "x264-params": f"slices=4:aud=1:{_X264}"}),
    "messages": ("h264", "libx264", {**_QUICK, "x264-params": f"nal-hrd=vbr:pic-struct=1:vbv-maxrate=500:vbv-bufsize=500:{_X264}"}),
    "no keyframes but the first": ("h264", "libx264", {**_QUICK, "x264-params": f"intra-refresh=1:{_X264}"}),
    "open groups": ("h264", "libx264", {"preset": "veryfast", "x264-params": f"open-gop=1:bframes=2:{_X264}"}),
    "h265": ("hevc", "libx265", None),
    "h265 slices": (
        "hevc",
        "libx265",
        {"preset": "ultrafast", "x265-params": "slices=2:log-level=none:bframes=0:pools=1:frame-threads=1"},
    ),
    "h265 b-frames": ("hevc", "libx265", {"x265-params": "log-level=none:bframes=3:scenecut=0:pools=none:frame-threads=1"}),
}
WITH_B_FRAMES = ("b-frames", "open groups", "h265 b-frames")


@dataclass
class Seen:
    """What a source gave until its camera hung up."""

    info: StreamInfo
    packets: list[Packet]
    pictures: list[tuple[float, np.ndarray]]

    def compare_pictures(self, other: Seen) -> None:
        assert len(self.pictures) == len(other.pictures)
        for (_, mine), (_, theirs) in zip(self.pictures, other.pictures, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def until_it_hangs_up(source: Source) -> Iterator[Packet]:
    with contextlib.suppress(SourceUnreachable):
        while (packet := source.read()) is not None:
            yield packet
        pytest.fail("it ended without a reason")


def watch(source: Source) -> Seen:
    info, packets = source.open(), []
    decoder = Decoder("x", info)
    pictures: list[tuple[float, np.ndarray]] = []
    for packet in until_it_hangs_up(source):
        packets.append(packet)
        pictures += [(frame.pts_s, frame.image) for frame in decoder.decode(packet)]
    source.close()
    pictures += [(frame.pts_s, frame.image) for frame in decoder.flush()]
    assert decoder.corrupt == 0
    return Seen(info, packets, pictures)


def both(sdp: str, packets: list[bytes], channels: str = "0-1") -> tuple[Seen, Seen]:
    with ScriptedCamera(sdp, sends(packets, int(channels.partition("-")[0])), channels=channels) as camera:
        address = parse_address(camera.url())
        ours = watch(OwnRtspSource(address, SystemClock(), Reactor(), open_s=5.0, stall_s=5.0))
        theirs = watch(FfmpegRtspSource(address, SystemClock(), open_s=5.0, stall_s=5.0))
    return ours, theirs


def units_of(packets: list[Packet]) -> list[list[bytes]]:
    return [split_units(bytes(packet.payload)) for packet in packets]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, list[Picture]]]:
    """Makes each film once."""
    folder = tmp_path_factory.mktemp("films")
    made: dict[str, tuple[str, list[Picture]]] = {}

    def make(name: str) -> tuple[str, list[Picture]]:
        if name not in made:
            codec, encoder, options = FILMS[name]
            path = make_film(folder / f"{len(made)}.mp4", encoder, options=options, count=30, gop=10)
            made[name] = codec, film_pictures(path, codec=codec, start=2**32 - 50_000)  # the clock wraps under way
        return made[name]

    return make


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize("name", list(FILMS))
def test_the_same_packets_and_pictures(name: str, announce: bool, film: Callable[..., tuple[str, list[Picture]]]) -> None:
    codec, pictures = film(name)
    packets = packets_of(pictures, codec, aggregate=codec == "h264")
    ours, theirs = both(description(pictures, codec, announce=announce), packets)
    assert units_of(ours.packets) == [list(picture.units) for picture in pictures] == units_of(theirs.packets)
    assert [packet.is_keyframe for packet in ours.packets] == [packet.is_keyframe for packet in theirs.packets]
    assert [packet.payload.is_keyframe for packet in ours.packets] == [packet.is_keyframe for packet in ours.packets]
    ours.compare_pictures(theirs)
    assert (ours.info.codec, ours.info.size_wh, ours.info.rate_fps) == (theirs.info.codec, theirs.info.size_wh, theirs.info.rate_fps)
    assert ours.info.template.codec_context.pix_fmt == theirs.info.template.codec_context.pix_fmt
    if name not in WITH_B_FRAMES:  # there FFmpeg's reader guesses times for the first pictures
        assert [packet.pts_s for packet in ours.packets] == pytest.approx([packet.pts_s for packet in theirs.packets], abs=1e-6)
    shown = [pts_s for pts_s, _ in ours.pictures]
    assert np.diff(shown) == pytest.approx(np.full(29, 0.1), abs=1e-3)
    decode = [packet.payload.dts for packet in ours.packets]
    assert decode == sorted(set(decode))
    assert all(packet.payload.dts <= packet.payload.pts == round(packet.pts_s * 1e6) for packet in ours.packets)


@pytest.mark.parametrize("marker", ["last", "none", "unit", "every"])
def test_markers_are_not_believed_blindly(marker: str, film: Callable[..., tuple[str, list[Picture]]]) -> None:
    codec, pictures = film("slices")
    packets = packets_of(pictures, codec, 500, marker=marker)
    with ScriptedCamera(description(pictures, codec), sends(packets)) as camera:
        source = OwnRtspSource(parse_address(camera.url()), SystemClock(), Reactor(), open_s=5.0, stall_s=5.0)
        info, got = source.open(), list(until_it_hangs_up(source))
        source.close()
    assert info.size_wh == (160, 120)
    units = units_of(got)
    whole = [list(picture.units) for picture in pictures]
    if marker in ("last", "none"):
        assert units == whole[: len(units)]
        assert len(units) == 30 - (marker == "none")
    else:  # the first picture was taken for finished too early; from the next keyframe on all is well
        assert units[1:] == whole[10:-1]


def test_another_channel(film: Callable[..., tuple[str, list[Picture]]]) -> None:
    codec, pictures = film("plain")
    ours, theirs = both(description(pictures, codec), packets_of(pictures, codec), channels="6-7")
    ours.compare_pictures(theirs)


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_a_camera_that_is_set_to_another_size(encoder: str, tmp_path: Path) -> None:
    codec = {"libx264": "h264", "libx265": "hevc"}[encoder]
    sizes = [(160, 120), (320, 240)]
    pictures = [
        Picture(picture.units, picture.timestamp + 180_000 * number, picture.is_keyframe)
        for number, size_wh in enumerate(sizes)
        for picture in film_pictures(make_film(tmp_path / f"{number}.mp4", encoder, size_wh=size_wh, count=20), codec=codec)
    ]
    ours, theirs = both(description(pictures[:20], codec), packets_of(pictures, codec))
    ours.compare_pictures(theirs)
    assert [packet.epoch for packet in ours.packets] == [0] * 20 + [1] * 20
    carried = [packet.payload.opaque for packet in ours.packets if packet.is_keyframe]
    assert [info.size_wh for info in carried] == [sizes[0]] * 2 + [sizes[1]] * 2
    # Clips of either part hold what their decoder needs.
    for epoch, size_wh in enumerate(sizes):
        mine = [packet for packet in ours.packets if packet.epoch == epoch]
        write_clip(mine, ours.info, tmp_path / "clip.mp4")
        clip = FileSource(parse_address(str(tmp_path / "clip.mp4")), SystemClock(), realtime=False)
        assert clip.open().size_wh == size_wh
        clip.close()


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize("name", ["plain", "b-frames", "slices", "h265", "h265 b-frames"])
def test_clips_play_and_show_the_same(name: str, announce: bool, film: Callable[..., tuple[str, list[Picture]]], tmp_path: Path) -> None:
    codec, pictures = film(name)
    ours, _ = both(description(pictures, codec, announce=announce), packets_of(pictures, codec))
    write_clip(ours.packets, ours.info, tmp_path / "clip.mp4")
    clip = FileSource(parse_address(str(tmp_path / "clip.mp4")), SystemClock(), realtime=False)
    decoder = Decoder("clip", clip.open())
    shown = [frame for packet in iter(clip.read, None) for frame in decoder.decode(packet)] + decoder.flush()
    clip.close()
    assert decoder.corrupt == 0
    assert len(shown) == 30
    for frame, (_, picture) in zip(shown, ours.pictures, strict=True):
        np.testing.assert_array_equal(frame.image, picture)
    assert np.diff([frame.pts_s for frame in shown]) == pytest.approx(np.full(29, 0.1), abs=2e-3)
