from __future__ import annotations

import logging

import pytest

from panops.ingest.reader_choice import VARIABLE, ReaderChoice
from tests.unit.ingest.fakes import FakeClock


def test_a_camera_for_ffmpeg_is_remembered_for_a_while_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock, choice = FakeClock(), ReaderChoice(remembered_s=100.0)
    assert not choice.for_ffmpeg("rtsp://a", clock)
    with caplog.at_level(logging.INFO):
        choice.remember("rtsp://a", "it offers 2 video streams", clock)
        choice.remember("rtsp://a", "it offers 2 video streams", clock)
    assert [record.message for record in caplog.records] == ["rtsp://a is read by FFmpeg, because it offers 2 video streams"]
    assert choice.for_ffmpeg("rtsp://a", clock)
    assert not choice.for_ffmpeg("rtsp://b", clock)
    clock.advance(101.0)
    assert not choice.for_ffmpeg("rtsp://a", clock)


def test_what_is_remembered_is_bounded() -> None:
    clock, choice = FakeClock(), ReaderChoice()
    for number in range(3000):
        choice.remember(f"rtsp://{number}", "x", clock)
    assert sum(choice.for_ffmpeg(f"rtsp://{number}", clock) for number in range(3000)) == 1024


@pytest.mark.parametrize(("value", "expected"), [("ffmpeg", True), (" FFmpeg ", True), ("", False), ("own", False)])
def test_the_variable_keeps_our_reader_out(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert ReaderChoice().for_ffmpeg("rtsp://a", FakeClock()) is expected
