from __future__ import annotations

from pathlib import Path

from panops.domain.errors import SourceUnauthorized
from panops.ingest.address import parse_address
from panops.ingest.file import FileSource
from panops.ingest.probe import probe_source
from panops.testing.films import make_film
from tests.unit.ingest.fakes import FakeClock, FakeSource


def _film_source(path: Path) -> FileSource:
    return FileSource(parse_address(str(path)), FakeClock(), realtime=False)


def test_a_good_source(film: Path) -> None:
    report = probe_source(_film_source(film))
    assert (report.ok, report.state, report.codec, report.size_wh) == (True, "live", "h264", (160, 120))
    assert (report.rate_fps, report.keyframe_interval_s) == (10.0, 1.0)
    assert report.frame is not None
    assert report.frame.image.shape == (120, 160, 3)
    assert report.message == f"{film} sends h264 160x120 at 10 frames/s"


def test_rare_keyframes_are_not_waited_for(tmp_path: Path) -> None:
    report = probe_source(_film_source(make_film(tmp_path / "rare.mp4", count=100, gop=100)), watch_s=3.0)
    assert report.ok
    assert report.keyframe_interval_s is None


def test_a_short_film_with_b_frames(tmp_path: Path) -> None:
    options = {"preset": "veryfast", "x264-params": "bframes=3:b-adapt=0:threads=1"}
    assert probe_source(_film_source(make_film(tmp_path / "short.mp4", count=2, options=options))).ok


def test_a_failure_is_a_report() -> None:
    source = FakeSource([], open_error=SourceUnauthorized("fake://camera refuses the password"))
    report = probe_source(source)
    assert (report.ok, report.state, report.message) == (False, "unauthorized", "fake://camera refuses the password")
    assert source.closed.is_set()


def test_a_stream_without_a_picture() -> None:
    report = probe_source(FakeSource([]))
    assert (report.ok, report.state) == (False, "corrupt")
    assert "sent nothing" in report.message
