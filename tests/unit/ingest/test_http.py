"""HTTP sources against a real HTTP server on the loopback."""

from __future__ import annotations

import base64
import io
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceCorrupt, SourceUnauthorized, SourceUnreachable
from panops.ingest.address import parse_address
from panops.ingest.http import HttpSource
from panops.ingest.http_redirect import redirected
from panops.testing.films import make_film, walking_square

from .web_site import WebSite, failure_of, file_answer, frames_of, redirect_answer


def _jpeg(number: int) -> bytes:
    buffer = io.BytesIO()
    frame = av.VideoFrame.from_ndarray(walking_square((64, 48))(number), format="rgb24").reformat(format="yuvj420p")
    with av.open(buffer, "w", format="mjpeg") as output:
        stream = output.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _multipart(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
    handler.end_headers()
    for number in range(100):
        picture = _jpeg(number)
        handler.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture) + picture + b"\r\n")
        time.sleep(0.02)


def test_a_file_is_a_recording(web: WebSite, film: Path) -> None:
    web.answers["/film.mp4"] = file_answer(film.read_bytes())
    source = HttpSource(parse_address(web.url("/film.mp4")), SystemClock(), realtime=False)
    frames = frames_of(source, 1000)
    assert [pts for pts, _ in frames] == pytest.approx([number / 10 for number in range(30)])


def test_mjpeg_is_live(web: WebSite) -> None:
    web.answers["/video.cgi"] = _multipart
    source = HttpSource(parse_address(web.url("/video.cgi?user=a&pwd=secret")), SystemClock())
    info = source.open()
    before = time.time()
    packets = [source.read() for _ in range(20)]
    assert (info.codec, info.size_wh, info.live, info.duration_s) == ("mjpeg", (64, 48), True, None)
    assert all(packet is not None and packet.is_keyframe for packet in packets)
    assert all(packet is not None and before - 5 < packet.captured_at_s <= time.time() for packet in packets)
    assert "secret" not in source.address
    source.close()
    assert source.read() is None


def test_mjpeg_has_the_times_of_its_arrival(web: WebSite) -> None:
    def ten_a_second(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        began_s = time.monotonic()
        for number in range(100):
            time.sleep(max(0.0, began_s + number / 10 - time.monotonic()))
            picture = _jpeg(number % 5)
            handler.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture) + picture + b"\r\n")

    web.answers["/video.cgi"] = ten_a_second
    source = HttpSource(parse_address(web.url("/video.cgi")), SystemClock())
    assert source.open().rate_fps is None
    pts, ages = [], []
    for _ in range(30):
        packet = source.read()
        assert packet is not None
        pts.append(packet.pts_s)
        ages.append(time.time() - packet.captured_at_s)
    source.close()
    assert pts[-1] - pts[5] == pytest.approx(2.4, abs=0.4)
    assert max(ages[10:]) < 0.3


def test_a_snapshot_is_fetched_again_and_again(web: WebSite) -> None:
    shots = iter(range(100))
    web.answers["/snap.jpg"] = file_answer(_jpeg(next(shots)), "image/jpeg")
    source = HttpSource(parse_address(web.url("/snap.jpg")), SystemClock())
    frames = frames_of(source, 2)
    assert [pts for pts, _ in frames] == pytest.approx([0.0, 1.0], abs=1e-5)


@pytest.mark.parametrize("path", ["/big.jpg", "/BIG.JPEG?x=1", "/snapshot?name=big.jpg", "/snapshot"])
def test_a_large_picture_is_read_whatever_its_address_ends_with(web: WebSite, path: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    assert len(data) > 100_000
    web.answers[path.partition("?")[0]] = file_answer(data, "image/jpeg")
    frames = frames_of(HttpSource(parse_address(web.url(path)), SystemClock()), 1)
    assert [size_wh for _, size_wh in frames] == [(640, 480)]


def test_a_snapshot_that_fails_for_a_while_is_no_end(web: WebSite) -> None:
    web.answers["/snap.jpg"] = file_answer(_jpeg(0), "image/jpeg")
    source = HttpSource(parse_address(web.url("/snap.jpg")), SystemClock())
    source.open()
    assert source.read() is not None
    web.answers["/snap.jpg"] = lambda handler: handler.send_error(503)
    with pytest.raises(SourceUnreachable, match="5xx"):
        source.read()
    source.close()


def test_hls_is_played(web: WebSite, tmp_path: Path) -> None:
    web.answers["/0.ts"] = file_answer(make_film(tmp_path / "0.ts", count=10).read_bytes(), "video/mp2t")
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST\n"
    web.answers["/live.m3u8"] = file_answer(playlist, "application/vnd.apple.mpegurl")
    source = HttpSource(parse_address(web.url("/live.m3u8")), SystemClock(), realtime=False)
    assert len(frames_of(source, 100)) == 10


@pytest.mark.parametrize("entry", ["file://{path}", "{path}", "concat:{path}|{path}", "subfile,,start,0,end,0,,:{path}"])
def test_a_playlist_cannot_read_local_files(web: WebSite, tmp_path: Path, entry: str) -> None:
    path = make_film(tmp_path / "private.ts", count=10)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{entry.format(path=path)}\n#EXT-X-ENDLIST\n".encode()
    web.answers["/live.m3u8"] = file_answer(playlist, "application/vnd.apple.mpegurl")
    source = HttpSource(parse_address(web.url("/live.m3u8")), SystemClock(), realtime=False, open_s=3.0, stall_s=3.0)
    failure_of(source)


def test_a_redirect_to_a_local_file_is_not_followed(web: WebSite, film: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"file://{film}")
        handler.end_headers()

    web.answers["/moved"] = answer
    failure_of(HttpSource(parse_address(web.url("/moved")), SystemClock()))


def _private(handler: BaseHTTPRequestHandler) -> None:
    expected = "Basic " + base64.b64encode(b"me:p@ss/word").decode()
    if handler.headers.get("Authorization") == expected:
        _multipart(handler)
        return
    handler.send_response(401)
    handler.send_header("WWW-Authenticate", 'Basic realm="camera"')
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def test_passwords(web: WebSite) -> None:
    web.answers["/private"] = _private
    assert len(frames_of(HttpSource(parse_address(web.url("/private", "me:p@ss/word@")), SystemClock()), 3)) == 3
    wrong = failure_of(HttpSource(parse_address(web.url("/private", "me:wrong@")), SystemClock()))
    assert type(wrong) is SourceUnauthorized
    assert "wrong" not in str(wrong)
    assert type(failure_of(HttpSource(parse_address(web.url("/private")), SystemClock()))) is SourceUnauthorized


def test_other_failures(web: WebSite) -> None:
    web.answers["/page"] = file_answer(b"<html>hello</html>" * 50, "text/html")
    assert "404" in str(failure_of(HttpSource(parse_address(web.url("/none")), SystemClock())))
    assert type(failure_of(HttpSource(parse_address(web.url("/page")), SystemClock()))) is SourceCorrupt
    assert type(failure_of(HttpSource(parse_address("http://127.0.0.1:9/x"), SystemClock()))) is SourceUnreachable


def test_a_server_that_goes_silent_is_stalled(web: WebSite) -> None:
    hold = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        for number in range(8):
            picture = _jpeg(number)
            handler.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture) + picture + b"\r\n")
        handler.wfile.flush()
        hold.wait(5)

    web.answers["/video.cgi"] = answer
    failure = failure_of(HttpSource(parse_address(web.url("/video.cgi")), SystemClock(), stall_s=0.5))
    hold.set()
    assert failure.kind in {"stalled", "unreachable"}


def test_a_redirection_on_the_same_machine_is_followed(web: WebSite, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", count=10)
    web.answers["/film.mp4"] = file_answer(film.read_bytes())
    web.answers["/old.mp4"] = redirect_answer("/film.mp4")
    source = HttpSource(parse_address(web.url("/old.mp4")), SystemClock(), realtime=False)
    assert source.open().rate_fps
    assert web.asked[0] == "/old.mp4"
    source.close()


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://metadata.google.internal/", "ftp://127.0.0.1/"]
)
def test_a_redirection_never_leads_to_where_keys_are(web: WebSite, location: str) -> None:
    web.answers["/snap"] = redirect_answer(location)
    source = HttpSource(parse_address(web.url("/snap")), SystemClock(), open_s=2.0)
    with pytest.raises(SourceUnreachable, match="where nothing is asked"):
        source.open()
    source.close()


class Elsewhere:
    """Lets names and addresses of the documentation's nets be served by the website on loopback, as if they were other machines."""

    def __init__(self, web: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = web.server.server_address[1]
        self.names = {"cam.example": "192.0.2.7", "trap.example": "127.0.0.1"}
        real = socket.create_connection

        class Named(socket.socket):
            peer = ""

            def getpeername(self) -> tuple[str, int]:
                return self.peer, 80

        def connect(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
            made = real(("127.0.0.1", self.port), *arguments, **options)
            named = Named(fileno=made.detach())
            named.settimeout(5)
            named.peer = self.names.get(address[0]) or socket.gethostbyname(address[0])
            return named

        monkeypatch.setattr(socket, "create_connection", connect)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]", "localhost", "LOCALHOST.", "a.localhost.",  # noqa: S104  what is refused
     "trap.example"],
)  # fmt: skip
def test_a_redirection_from_elsewhere_never_leads_to_this_machine(web: WebSite, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    Elsewhere(web, monkeypatch)
    web.answers["/snap"], web.answers["/inside"] = redirect_answer(f"http://{host}/inside"), file_answer(b"keys")
    with pytest.raises(SourceUnreachable, match="where nothing is asked"):
        redirected("http://cam.example/snap", "cam", 5.0)
    assert web.asked == ["/snap"]


def test_a_redirection_from_elsewhere_to_elsewhere_is_followed(web: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    Elsewhere(web, monkeypatch)
    web.answers["/snap"], web.answers["/there"] = redirect_answer("http://192.0.2.8/there"), file_answer(b"x")
    assert redirected("http://cam.example/snap", "cam", 5.0) == "http://192.0.2.8/there"


@pytest.mark.parametrize("location", ["http://[bad", "http://[::1", "http://x:99999/", "//[/"])
def test_a_redirection_to_no_address_leads_nowhere(web: WebSite, location: str) -> None:
    web.answers["/snap"] = redirect_answer(location)
    assert redirected(web.url("/snap"), "cam", 5.0) is None


@pytest.mark.parametrize(
    ("offers", "sent"),
    [
        (['Basic realm="camera"'], "Basic bWU6cEBzcy93b3Jk"),
        (['Digest realm="camera", nonce="1", qop="auth"'], 'Digest username="me", realm="camera", nonce="1", uri="/snap?a=1"'),
        (['Digest realm="camera", nonce="1"', 'Basic realm="camera"'], "Digest "),
        (["Negotiate"], ""),
        ([], ""),
    ],
)
def test_a_login_is_sent_only_where_it_is_asked_for_in_that_way(web: WebSite, offers: list[str], sent: str) -> None:
    got: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        got.append(handler.headers.get("Authorization"))
        if got[-1] is not None:
            redirect_answer("/there")(handler)
            return
        handler.send_response(401)
        for offer in offers:
            handler.send_header("WWW-Authenticate", offer)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.answers["/snap"], web.answers["/there"] = answer, file_answer(b"x")
    found = redirected(web.url("/snap?a=1", "me:p%40ss%2Fword@"), "cam", 5.0)
    assert got[0] is None
    assert [login.startswith(sent) for login in got[1:] if login is not None] == ([True] if sent else [])
    assert found == (web.url("/there", "me:p%40ss%2Fword@") if sent else None)


def test_a_circle_of_redirections_ends(web: WebSite) -> None:
    web.answers["/a"], web.answers["/b"] = redirect_answer("/b"), redirect_answer("/a")
    source = HttpSource(parse_address(web.url("/a")), SystemClock(), open_s=2.0)
    with pytest.raises(SourceUnreachable, match="one address to the next"):
        source.open()
    assert len(web.asked) < 10
    source.close()
