"""One camera over real RTSP, read by ourselves and by FFmpeg."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import numpy as np
import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceUnauthorized, SourceUnreachable
from panops.ingest.address import parse_address
from panops.ingest.decode import Decoder
from panops.ingest.file import FileSource
from panops.ingest.probe import probe_source
from panops.ingest.remux import write_clip
from panops.ingest.rtsp import RtspSource
from panops.testing.rtsp_server import Mount, RtspServer

pytestmark = [pytest.mark.rtsp, pytest.mark.usefixtures("reader")]


def _source(url: str, transport: str = "tcp") -> RtspSource:
    return RtspSource(parse_address(url), SystemClock(), transport=transport, open_s=5.0, stall_s=5.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(("path", "codec"), [("/h264", "h264"), ("/h265", "hevc"), ("/jpeg", "mjpeg")])
def test_every_codec_over_both_transports(path: str, codec: str, transport: str, server: RtspServer, reader: str) -> None:
    source = _source(server.url(path), transport)
    info = source.open()
    assert source.reader == (reader if transport == "tcp" and codec != "mjpeg" else "ffmpeg")
    decoder = Decoder("x", info)
    frames = []
    before_s = time.time()
    while len(frames) < 25:
        packet = source.read()
        assert packet is not None
        assert packet.captured_at_s <= time.time()
        frames += decoder.decode(packet)
    source.close()
    assert (info.codec, info.size_wh, info.live) == (codec, (160, 120), True)
    assert decoder.corrupt == 0
    # The file is 20 pictures long: its time goes on growing over the loop.
    steps = np.diff([frame.pts_s for frame in frames])
    assert steps == pytest.approx(np.full(24, 0.1), abs=0.02)
    captured = np.array([frame.captured_at_s for frame in frames])
    assert np.diff(captured) == pytest.approx(np.full(24, 0.1), abs=0.05)
    assert captured[0] > before_s - 3.0
    assert int(np.argmax(frames[0].luma[45] > 150)) % 4 <= 2


def test_passwords_with_odd_letters(server: RtspServer, reader: str) -> None:
    source = _source(server.url("/private"))
    source.open()
    assert source.reader == reader
    assert source.read() is not None
    source.close()
    raw = _source(f"rtsp://me:p@ss/w:rd@127.0.0.1:{server.port}/private")
    raw.open()
    raw.close()


@pytest.mark.parametrize("login", [("me", "wrong"), ("", "")])
def test_a_wrong_or_missing_password(login: tuple[str, str], server: RtspServer) -> None:
    with pytest.raises(SourceUnauthorized) as caught:
        _source(server.url("/private", *login)).open()
    assert "wrong" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_digest_passwords(film: Path, reader: str) -> None:
    with RtspServer({"/private": Mount(film, user="me", password="secret", auth="digest")}) as digest:
        source = _source(digest.url("/private"))
        source.open()
        assert source.reader == reader
        source.close()
        with pytest.raises(SourceUnauthorized):
            _source(digest.url("/private", password="wrong")).open()


def test_a_path_that_is_not_there(server: RtspServer) -> None:
    with pytest.raises(SourceUnreachable, match="404"):
        _source(server.url("/nothing")).open()


def test_a_port_that_is_closed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceUnreachable, match="refused"):
        _source(f"rtsp://127.0.0.1:{port}/x").open()


def test_a_server_that_never_answers_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = RtspSource(parse_address(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x"), SystemClock(), open_s=0.5)
        began = time.monotonic()
        with pytest.raises(SourceUnreachable, match="did not answer within"):
            source.open()
        assert time.monotonic() - began < 2.0


def test_a_server_that_dies_ends_the_stream(film: Path) -> None:
    with RtspServer({"/cam": Mount(film)}) as doomed:
        source = _source(doomed.url("/cam"))
        source.open()
        assert source.read() is not None
        doomed.kill()
        with pytest.raises(SourceUnreachable):
            list(iter(source.read, None))
        source.close()


def test_the_connection_test(server: RtspServer) -> None:
    report = probe_source(_source(server.url("/h264")))
    assert (report.ok, report.codec, report.size_wh) == (True, "h264", (160, 120))
    assert report.rate_fps == pytest.approx(10.0)
    assert report.keyframe_interval_s == pytest.approx(1.0, abs=0.1)
    assert report.took_s < 3.0


@pytest.mark.parametrize("path", ["/h264", "/h265"])
def test_a_clip_of_a_live_camera(path: str, server: RtspServer, tmp_path: Path) -> None:
    source = _source(server.url(path))
    info = source.open()
    packets = [packet for _ in range(25) if (packet := source.read()) is not None]
    source.close()
    span = write_clip(packets, info, tmp_path / "clip.mp4")
    report = probe_source(FileSource(parse_address(str(tmp_path / "clip.mp4")), SystemClock(), realtime=False))
    assert report.ok
    assert span.end_s - span.start_s >= 1.4
