"""Our RTSP source at work: pulled, pushed, closed at any moment, and with cameras that mean no good."""

from __future__ import annotations

import itertools
import logging
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceCorrupt, SourceError, SourceStalled, SourceUnreachable
from panops.domain.packets import Packet, StreamInfo
from panops.ingest.access_units import LARGEST_UNIT_BYTES
from panops.ingest.address import parse_address
from panops.ingest.reactor import Reactor
from panops.ingest.reader_choice import VARIABLE, ReaderChoice
from panops.ingest.rtsp import RtspSource
from panops.ingest.rtsp_own import OwnRtspSource
from panops.ingest.stream_parameters import read_parameters
from panops.testing.films import make_film
from tests.unit.ingest.rtp_streams import (
    Picture,
    ScriptedCamera,
    description,
    film_pictures,
    interleaved,
    kind_of,
    linger,
    packets_of,
    rtp,
    sends,
)

Play = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Picture]:
    return film_pictures(make_film(tmp_path_factory.mktemp("films") / "film.mp4", count=20))


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """A reactor; its thread has ended with the test."""
    one = Reactor(pace_s=0.002, tick_s=0.1)
    yield one
    wait_until(lambda: not any(thread.name == "rtsp-reactor" for thread in threading.enumerate()), "the reactor ends")


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    give_up_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.005)


def own(camera: ScriptedCamera, reactor: Reactor, *, login: str = "", open_s: float = 5.0, stall_s: float = 5.0) -> OwnRtspSource:
    return OwnRtspSource(parse_address(camera.url(login=login)), SystemClock(), reactor, open_s=open_s, stall_s=stall_s)


class Pushed:
    """A source that is opened and pushed on a thread, as a feed does."""

    def __init__(self, source: OwnRtspSource | RtspSource) -> None:
        self.source = source
        self.packets: list[Packet] = []
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.source.open()
            self.source.push(self.packets.append)
        except Exception as error:  # told to the test
            self.failure = error
        finally:
            self.source.close()

    def join(self) -> None:
        self.thread.join(10)
        assert not self.thread.is_alive()


def endless(pictures: list[Picture], *, every_s: float = 0.02, from_camera: list[bytes] | None = None) -> Play:
    """Plays the film over and over, a picture every `every_s`, and notes what the viewer says."""

    def play(sock: socket.socket) -> None:
        sock.setblocking(False)
        number = sequence = 0
        while True:
            picture = pictures[number % len(pictures)]
            shifted = Picture(picture.units, number * 9000, picture.is_keyframe)
            packets = packets_of([shifted], first=sequence)
            sequence += len(packets)
            number += 1
            sock.sendall(b"".join(map(interleaved, packets)))
            time.sleep(every_s)
            try:
                data = sock.recv(65536)
                if not data:
                    return
                if from_camera is not None:
                    from_camera.append(data)
            except BlockingIOError:
                continue

    return play


def test_pulled_and_pushed_give_the_same(pictures: list[Picture], reactor: Reactor) -> None:
    with ScriptedCamera(description(pictures), sends(packets_of(pictures))) as camera:
        source = own(camera, reactor)
        info = source.open()
        pulled = [source.read() for _ in range(20)]
        with pytest.raises(SourceUnreachable, match="ended the stream"):
            source.read()
        source.close()
        assert source.read() is None
        pushed = Pushed(own(camera, reactor))
        pushed.join()
    assert isinstance(pushed.failure, SourceUnreachable)
    assert (info.size_wh, info.live) == ((160, 120), True)
    for mine, other in zip(pulled, pushed.packets, strict=True):
        assert mine is not None
        assert (mine.pts_s, mine.is_keyframe, bytes(mine.payload)) == (other.pts_s, other.is_keyframe, bytes(other.payload))


def test_capture_times_are_those_of_arrival(pictures: list[Picture], reactor: Reactor) -> None:
    def play(sock: socket.socket) -> None:
        # Ten pictures at once, as a camera sends what it holds, then in time.
        for number, packets in enumerate(
            [packets_of(pictures[:10])] + [packets_of([one], first=65_530 + 100 * (i + 1)) for i, one in enumerate(pictures[10:])]
        ):
            if number:
                time.sleep(max(0.0, began_s + 0.1 * number - time.monotonic()))
            sent_s.append(time.time())
            sock.sendall(b"".join(map(interleaved, packets)))

    sent_s: list[float] = []
    began_s = time.monotonic()
    with ScriptedCamera(description(pictures[:10]), play) as camera:
        source = own(camera, reactor)
        source.open()
        packets = [source.read() for _ in range(10)]
        source.close()
    captured = [packet.captured_at_s for packet in packets if packet is not None]
    # The newest of the burst was taken just before it came, the others 0.1 s apart before it.
    assert captured[-1] == pytest.approx(sent_s[0], abs=0.15)
    assert [b - a for a, b in itertools.pairwise(captured)] == pytest.approx([0.1] * 9, abs=0.01)


def test_close_ends_everything_at_once(pictures: list[Picture], reactor: Reactor) -> None:
    silent = ScriptedCamera(description(pictures), sends([], linger_s=30.0))
    playing = ScriptedCamera(description(pictures), endless(pictures))
    mute = ScriptedCamera(reply=lambda *_: b"")
    with silent, playing, mute:
        for camera, wait_for in [(silent, "PLAY"), (mute, "OPTIONS"), (playing, "PLAY")]:
            pushed = Pushed(own(camera, reactor, open_s=30.0, stall_s=30.0))
            wait_until(lambda camera=camera, wait_for=wait_for: wait_for in camera.methods(), "it came so far")
            if camera is playing:
                wait_until(lambda pushed=pushed: len(pushed.packets) > 3, "packets")
            began_s = time.monotonic()
            pushed.source.close()
            pushed.source.close()
            pushed.join()
            assert time.monotonic() - began_s < 1.0
            assert pushed.failure is None or "was closed while" in str(pushed.failure)
        source = own(playing, reactor)
        source.open()
        assert source.read() is not None
        threading.Timer(0.1, source.close).start()
        while source.read() is not None:
            pass
        source.close()
        never = own(playing, reactor)
        never.close()
        with pytest.raises(SourceError, match="not open"):
            never.read()


def test_closed_before_it_is_opened(pictures: list[Picture], reactor: Reactor) -> None:
    with ScriptedCamera(description(pictures), endless(pictures)) as camera:
        source = own(camera, reactor)
        source.close()
        with pytest.raises(SourceError, match="was closed"):
            source.open()


def test_the_camera_hears_from_us_and_is_left_politely(pictures: list[Picture], reactor: Reactor) -> None:
    said: list[bytes] = []

    def reply(method: str, *_: object) -> str | None:
        return "RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\nSession: 5;timeout=2\r\n\r\n" if method == "SETUP" else None

    with ScriptedCamera(description(pictures), endless(pictures, from_camera=said), reply=reply) as camera:
        pushed = Pushed(own(camera, reactor))
        wait_until(lambda: b"GET_PARAMETER" in b"".join(said), "a sign of life")
        wait_until(lambda: b"".join(said).count(b"GET_PARAMETER") > 1, "another one")
        pushed.source.close()
        pushed.join()
        wait_until(lambda: b"TEARDOWN" in b"".join(said), "the farewell")
    report = b"".join(said)
    assert report[:2] == b"$\x01"
    assert struct.unpack_from(">BB", report, 4) == (0x81, 201)
    assert struct.unpack_from(">I", report, 12) == (0x1234,)
    assert pushed.failure is None


def test_a_silent_camera_stalls(pictures: list[Picture], reactor: Reactor) -> None:
    with ScriptedCamera(description(pictures), sends(packets_of(pictures[:3]), linger_s=20.0)) as camera:
        pushed = Pushed(own(camera, reactor, stall_s=0.5))
        pushed.join()
        assert isinstance(pushed.failure, SourceStalled)
        assert "sent nothing for 0.5 s" in str(pushed.failure)
        assert len(pushed.packets) == 3
        source = own(camera, reactor, stall_s=0.5)
        source.open()
        assert [source.read() is not None for _ in range(3)] == [True] * 3
        with pytest.raises(SourceStalled):
            source.read()
        source.close()
    with ScriptedCamera(description(pictures), sends([], linger_s=20.0)) as camera, pytest.raises(SourceStalled):
        own(camera, reactor, stall_s=0.3).open()


def test_a_goodbye_ends_the_stream(pictures: list[Picture], reactor: Reactor) -> None:
    def play(sock: socket.socket) -> None:
        sends(packets_of(pictures[:3]))(sock)
        sock.sendall(interleaved(struct.pack(">BBHI", 0x81, 203, 1, 0x1234), 1))
        linger(sock)

    with ScriptedCamera(description(pictures), play) as camera:
        pushed = Pushed(own(camera, reactor))
        pushed.join()
    assert isinstance(pushed.failure, SourceUnreachable)
    assert len(pushed.packets) == 3


HOSTILE: dict[str, bytes] = {
    "a wrong length": interleaved(rtp(bytes([24, 0xFF, 0xFF, 7, 1]), 1000, 1)),
    "a short packet": interleaved(b"\x80\x60"),
    "an endless picture": b"".join(
        interleaved(rtp(bytes([28, 5, 0] if number else [28, 0x85, 0x80]) + bytes(60_000), 1000 + number, 1))
        for number in range(LARGEST_UNIT_BYTES // 60_000 + 2)
    ),
    "a picture of crumbs": b"".join(interleaved(rtp(bytes([1, 0x80 * (not number)]), 1000 + number, 1)) for number in range(2000)),
    "a long message": b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 5000,
    "a large message": b"RTSP/1.0 200 OK\r\nContent-Length: 4000000000\r\n\r\n",
    "another protocol": b"HTTP/1.1 200 OK\r\n\r\n<html>",
    "noise": b"\xfe" * 100_000,
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_streams_end_as_corrupt(name: str, pictures: list[Picture], reactor: Reactor) -> None:
    def play(sock: socket.socket) -> None:
        sock.sendall(HOSTILE[name])
        linger(sock)

    with ScriptedCamera(description(pictures), play) as camera, pytest.raises(SourceCorrupt, match="sends"):
        own(camera, reactor).open()

    def play_later(sock: socket.socket) -> None:
        sends(packets_of(pictures[:3], first=0))(sock)
        time.sleep(0.2)
        play(sock)

    with ScriptedCamera(description(pictures), play_later) as camera:
        pushed = Pushed(own(camera, reactor))
        pushed.join()
        assert isinstance(pushed.failure, SourceCorrupt)
        assert len(pushed.packets) == 3


def test_a_flood_before_anything_is_taken_is_bounded(pictures: list[Picture], reactor: Reactor) -> None:
    def reply(method: str, *_: object) -> bytes | None:
        if method != "PLAY":
            return None
        key = pictures[0]
        packets, sequence = [], 0
        for number in range(60):
            units = (*key.units, b"\x06" + bytes(1_000_000))
            packets += packets_of([Picture(units, number, True)], mtu=60_000, first=sequence)
            sequence = len(packets)
        return b"".join(map(interleaved, packets))

    with ScriptedCamera(description(pictures), reply=reply) as camera, pytest.raises(SourceCorrupt, match="more at once than"):
        own(camera, reactor).open()


def test_a_flood_of_something_else_is_no_video(pictures: list[Picture], reactor: Reactor) -> None:
    def play(sock: socket.socket) -> None:
        sends(packets_of(pictures[:3], first=0))(sock)
        while True:
            sock.sendall(interleaved(bytes(1000), 9) * 50)

    with ScriptedCamera(description(pictures), play) as camera:
        pushed = Pushed(own(camera, reactor, stall_s=3.0))
        pushed.join()
        assert isinstance(pushed.failure, SourceStalled)
        assert len(pushed.packets) == 3


def test_a_camera_that_changes_its_mind_again_and_again(tmp_path: Path, reactor: Reactor) -> None:
    films = [film_pictures(make_film(tmp_path / f"{side}.mp4", size_wh=(side, side), count=1))[0] for side in (64, 96)]
    changing = [Picture(films[number % 2].units, number * 9000, True) for number in range(8)]

    def play(sock: socket.socket) -> None:
        sends(packets_of(changing[:1], first=0))(sock)
        time.sleep(0.3)
        sends(packets_of(changing[1:], first=10))(sock)
        linger(sock)

    with ScriptedCamera(description(changing[:1]), play) as camera:
        pushed = Pushed(own(camera, reactor))
        pushed.join()
    assert isinstance(pushed.failure, SourceCorrupt)
    assert "again and again" in str(pushed.failure)


def _unreadable(picture: Picture, number: int) -> Picture:
    """A keyframe of another stream each time, which FFmpeg cannot read: its sequence parameter set is junk."""
    junk = bytes([0x67, 0xFF, 0xFF, 0x80 | number % 2, 0x80])  # number 0, as the film's
    return Picture((junk, *(unit for unit in picture.units if kind_of(unit, "h264") != 7)), 9000 * number, True)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When FFmpeg was asked what a stream is; a look takes 20 ms more."""

    def look(*arguments: Any) -> StreamInfo | None:
        made_s.append(time.monotonic())
        time.sleep(0.02)
        return read_parameters(*arguments)

    made_s: list[float] = []
    monkeypatch.setattr("panops.ingest.rtsp_stream.read_parameters", look)
    return made_s


def test_looks_at_pictures_that_cannot_be_read_are_bounded(pictures: list[Picture], reactor: Reactor, looks: list[float]) -> None:
    wild = [_unreadable(pictures[0], number) for number in range(1, 200)]

    def play(sock: socket.socket) -> None:
        sends(packets_of(pictures[:1], first=0))(sock)
        time.sleep(0.3)
        sends(packets_of(wild, first=packet_count))(sock)
        linger(sock)

    packet_count = len(packets_of(pictures[:1]))
    with ScriptedCamera(description(pictures), play) as camera:
        pushed = Pushed(own(camera, reactor))
        pushed.join()
    assert "again and again" in str(pushed.failure)
    assert len(looks) <= 4


def test_looks_before_the_first_picture_are_bounded(
    pictures: list[Picture], reactor: Reactor, looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panops.ingest.rtsp_own._FIRST_PICTURE_S", 1.0)
    wild = [_unreadable(pictures[0], number) for number in range(500)]
    with (
        ScriptedCamera(description(wild[:1], announce=False), sends(packets_of(wild), linger_s=5.0)) as camera,
        pytest.raises(SourceCorrupt, match="no picture of it"),
    ):
        own(camera, reactor, open_s=1.0).open()
    assert 2 <= len(looks) <= 2 + (0.3 + 0.1) / 0.02


def test_fragments_without_beginnings_are_counted_and_end_it(pictures: list[Picture], reactor: Reactor) -> None:
    def play(sock: socket.socket) -> None:
        first = packets_of(pictures[:3], first=0)
        sends(first)(sock)
        for number in range(1000):
            sock.sendall(interleaved(rtp(bytes([28, 5]) + bytes(50), len(first) + number, 100_000 + 9000 * number, marker=True)))
            time.sleep(0.01)

    with ScriptedCamera(description(pictures), play) as camera:
        pushed = Pushed(own(camera, reactor, stall_s=0.3))
        pushed.join()
    assert isinstance(pushed.failure, SourceStalled)
    assert "no whole picture for 1.2 s" in str(pushed.failure)
    assert len(pushed.packets) == 3
    assert pushed.source.lost > 20


def test_a_flood_of_messages_ends_it(pictures: list[Picture], reactor: Reactor) -> None:
    def play(sock: socket.socket) -> None:
        sends(packets_of(pictures[:3], first=0))(sock)
        time.sleep(1.0)
        while True:
            sock.sendall(b"\r\n" * 1000)

    with ScriptedCamera(description(pictures), play) as camera:
        pushed = Pushed(own(camera, reactor))
        pushed.join()
    assert isinstance(pushed.failure, SourceCorrupt)
    assert "more messages and empty packets" in str(pushed.failure)
    assert len(pushed.packets) == 3


def test_no_picture_that_can_be_decoded(pictures: list[Picture], reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.ingest.rtsp_own._FIRST_PICTURE_S", 0.5)
    bare = [Picture((picture.units[-1],), picture.timestamp, picture.is_keyframe) for picture in pictures]
    with (
        ScriptedCamera(description(pictures, announce=False), endless(bare)) as camera,
        pytest.raises(SourceCorrupt, match="no picture of it"),
    ):
        own(camera, reactor, open_s=0.5).open()


def test_a_picture_too_large_is_not_decoded(tmp_path: Path, reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.ingest.stream_parameters.LARGEST_SIDE_PX", 100)
    film = film_pictures(make_film(tmp_path / "wide.mp4", size_wh=(128, 64), count=2))
    with ScriptedCamera(description(film), endless(film)) as camera, pytest.raises(SourceError, match="128x64 are larger than"):
        own(camera, reactor).open()


def test_random_damage_never_hangs_and_never_raises_anything_else(
    pictures: list[Picture], reactor: Reactor, caplog: pytest.LogCaptureFixture
) -> None:
    letters = random.Random(7)
    whole = b"".join(map(interleaved, packets_of(pictures, first=0)))

    def play(sock: socket.socket) -> None:
        data = bytearray(whole)
        for _ in range(letters.choice([1, 5, 60])):
            at = letters.randrange(len(data))
            data[at : at + letters.randrange(3)] = letters.randbytes(letters.randrange(4))
        sock.sendall(data)

    with ScriptedCamera(description(pictures), play) as camera:
        for _ in range(40):
            pushed = Pushed(own(camera, reactor, stall_s=0.3))
            pushed.join()
            assert isinstance(pushed.failure, (SourceUnreachable, SourceCorrupt, SourceStalled)), pushed.failure
    assert "Traceback" not in caplog.text
    assert "reading a camera failed" not in caplog.text


# --- which reader ---------------------------------------------------------------------------------------------------------------


def test_what_is_unusual_goes_to_ffmpeg_is_told_once_and_remembered(
    pictures: list[Picture], reactor: Reactor, caplog: pytest.LogCaptureFixture
) -> None:
    sdp = description(pictures) + "m=video 0 RTP/AVP 26\r\na=control:track1\r\n"
    choice = ReaderChoice()
    with ScriptedCamera(sdp, endless(pictures)) as camera, caplog.at_level(logging.INFO):
        for _ in range(2):
            source = RtspSource(parse_address(camera.url(login="me:sesame@")), SystemClock(), reactor=reactor, choice=choice)
            source.open()
            assert source.reader == "ffmpeg"
            assert source.read() is not None
            source.close()
        assert camera.connections == 3
    told = [record.getMessage() for record in caplog.records if "FFmpeg" in record.getMessage()]
    assert told == [f"rtsp://me:***@127.0.0.1:{camera.port}/cam is read by FFmpeg, because it offers 2 video streams"]


def test_what_our_reader_takes_for_damage_ffmpeg_tries_next(pictures: list[Picture], reactor: Reactor) -> None:
    choice = ReaderChoice()
    damage = interleaved(rtp(bytes([24, 0xFF, 0xFF, 7, 1]), 9, 0)) + b"".join(map(interleaved, packets_of(pictures)))

    def play(sock: socket.socket) -> None:
        sock.sendall(damage)
        linger(sock)

    with ScriptedCamera(description(pictures), play) as camera:
        first = RtspSource(parse_address(camera.url()), SystemClock(), reactor=reactor, choice=choice)
        with pytest.raises(SourceCorrupt):
            first.open()
        first.close()
        second = RtspSource(parse_address(camera.url()), SystemClock(), reactor=reactor, choice=choice)
        assert second.open().size_wh == (160, 120)
        assert second.reader == "ffmpeg"
        second.close()


def test_the_usual_camera_is_ours_and_the_variable_says_otherwise(
    pictures: list[Picture], reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedCamera(description(pictures), endless(pictures)) as camera:
        address = parse_address(camera.url())
        source = RtspSource(address, SystemClock(), reactor=reactor, choice=ReaderChoice())
        source.open()
        assert source.reader == "own"
        source.close()
        monkeypatch.setenv(VARIABLE, "ffmpeg")
        assert os.environ[VARIABLE] == "ffmpeg"
        source = RtspSource(address, SystemClock(), reactor=reactor, choice=ReaderChoice())
        pushed = Pushed(source)
        wait_until(lambda: len(pushed.packets) > 3, "packets by FFmpeg, pushed too")
        assert source.reader == "ffmpeg"
        source.close()
        pushed.join()
    for url, transport in [("rtsps://x/y", "tcp"), ("rtsp://x/y", "udp")]:
        assert RtspSource(parse_address(url), SystemClock(), transport=transport).reader == "ffmpeg"  # type: ignore[arg-type]
