"""HTTP sources against a real HTTP server on the loopback."""

from __future__ import annotations

import base64
import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceCorrupt, SourceError, SourceUnauthorized, SourceUnreachable
from panops.ingest import hls_opener
from panops.ingest.address import parse_address
from panops.ingest.decode import Decoder
from panops.ingest.hls_opener import HlsOpener
from panops.ingest.http import HttpSource
from panops.ingest.http_redirect import redirected
from panops.testing.films import make_film, walking_square

Answer = Callable[[BaseHTTPRequestHandler], None]


class WebSite:
    """Serves what is in `answers`, by path."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                answer = site.answers.get(self.path.partition("?")[0])
                if answer is None:
                    self.send_error(404)
                else:
                    try:
                        answer(self)
                    except (BrokenPipeError, ConnectionResetError):
                        self.close_connection = True  # the viewer went away

            def log_message(self, format: str, *args: object) -> None:  # the library's name
                pass

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str, login: str = "") -> str:
        return f"http://{login}{self.server.server_address[0]}:{self.server.server_address[1]}{path}"


def _file(data: bytes, kind: str = "video/mp4") -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        begin, end = 0, len(data)
        asked = handler.headers.get("Range", "")
        if asked.startswith("bytes="):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin, end = int(first or 0), int(last) + 1 if last else len(data)
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Accept-Ranges", "bytes")
        handler.send_header("Content-Length", str(end - begin))
        handler.end_headers()
        handler.wfile.write(data[begin:end])

    return answer


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


@pytest.fixture
def web() -> Iterator[WebSite]:
    site = WebSite()
    yield site
    site.server.shutdown()
    site.server.server_close()


def _frames(source: HttpSource, most: int) -> list[tuple[float, tuple[int, int]]]:
    decoder = Decoder("x", source.open())
    frames: list[tuple[float, tuple[int, int]]] = []
    while len(frames) < most and (packet := source.read()) is not None:
        frames += [(frame.pts_s, frame.size_wh) for frame in decoder.decode(packet)]
    source.close()
    return frames


def _failure(source: HttpSource) -> SourceError:
    try:
        source.open()
        while source.read() is not None:
            pass
    except SourceError as error:
        return error
    finally:
        source.close()
    pytest.fail("expected a SourceError")


def test_a_file_is_a_recording(web: WebSite, film: Path) -> None:
    web.answers["/film.mp4"] = _file(film.read_bytes())
    source = HttpSource(parse_address(web.url("/film.mp4")), SystemClock(), realtime=False)
    frames = _frames(source, 1000)
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
    web.answers["/snap.jpg"] = _file(_jpeg(next(shots)), "image/jpeg")
    source = HttpSource(parse_address(web.url("/snap.jpg")), SystemClock())
    frames = _frames(source, 2)
    assert [pts for pts, _ in frames] == pytest.approx([0.0, 1.0], abs=1e-5)


@pytest.mark.parametrize("path", ["/big.jpg", "/BIG.JPEG?x=1", "/snapshot?name=big.jpg", "/snapshot"])
def test_a_large_picture_is_read_whatever_its_address_ends_with(web: WebSite, path: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    assert len(data) > 100_000
    web.answers[path.partition("?")[0]] = _file(data, "image/jpeg")
    frames = _frames(HttpSource(parse_address(web.url(path)), SystemClock()), 1)
    assert [size_wh for _, size_wh in frames] == [(640, 480)]


def test_a_snapshot_that_fails_for_a_while_is_no_end(web: WebSite) -> None:
    web.answers["/snap.jpg"] = _file(_jpeg(0), "image/jpeg")
    source = HttpSource(parse_address(web.url("/snap.jpg")), SystemClock())
    source.open()
    assert source.read() is not None
    web.answers["/snap.jpg"] = lambda handler: handler.send_error(503)
    with pytest.raises(SourceUnreachable, match="5xx"):
        source.read()
    source.close()


def test_hls_is_played(web: WebSite, tmp_path: Path) -> None:
    web.answers["/0.ts"] = _file(make_film(tmp_path / "0.ts", count=10).read_bytes(), "video/mp2t")
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST\n"
    web.answers["/live.m3u8"] = _file(playlist, "application/vnd.apple.mpegurl")
    source = HttpSource(parse_address(web.url("/live.m3u8")), SystemClock(), realtime=False)
    assert len(_frames(source, 100)) == 10


@pytest.mark.parametrize("entry", ["file://{path}", "{path}", "concat:{path}|{path}", "subfile,,start,0,end,0,,:{path}"])
def test_a_playlist_cannot_read_local_files(web: WebSite, tmp_path: Path, entry: str) -> None:
    path = make_film(tmp_path / "private.ts", count=10)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{entry.format(path=path)}\n#EXT-X-ENDLIST\n".encode()
    web.answers["/live.m3u8"] = _file(playlist, "application/vnd.apple.mpegurl")
    source = HttpSource(parse_address(web.url("/live.m3u8")), SystemClock(), realtime=False, open_s=3.0, stall_s=3.0)
    _failure(source)


def test_a_redirect_to_a_local_file_is_not_followed(web: WebSite, film: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"file://{film}")
        handler.end_headers()

    web.answers["/moved"] = answer
    _failure(HttpSource(parse_address(web.url("/moved")), SystemClock()))


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
    assert len(_frames(HttpSource(parse_address(web.url("/private", "me:p@ss/word@")), SystemClock()), 3)) == 3
    wrong = _failure(HttpSource(parse_address(web.url("/private", "me:wrong@")), SystemClock()))
    assert type(wrong) is SourceUnauthorized
    assert "wrong" not in str(wrong)
    assert type(_failure(HttpSource(parse_address(web.url("/private")), SystemClock()))) is SourceUnauthorized


def test_other_failures(web: WebSite) -> None:
    web.answers["/page"] = _file(b"<html>hello</html>" * 50, "text/html")
    assert "404" in str(_failure(HttpSource(parse_address(web.url("/none")), SystemClock())))
    assert type(_failure(HttpSource(parse_address(web.url("/page")), SystemClock()))) is SourceCorrupt
    assert type(_failure(HttpSource(parse_address("http://127.0.0.1:9/x"), SystemClock()))) is SourceUnreachable


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
    failure = _failure(HttpSource(parse_address(web.url("/video.cgi")), SystemClock(), stall_s=0.5))
    hold.set()
    assert failure.kind in {"stalled", "unreachable"}


def _redirect(location: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.end_headers()

    return answer


def test_a_redirection_on_the_same_machine_is_followed(web: WebSite, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", count=10)
    web.answers["/film.mp4"] = _file(film.read_bytes())
    web.answers["/old.mp4"] = _redirect("/film.mp4")
    source = HttpSource(parse_address(web.url("/old.mp4")), SystemClock(), realtime=False)
    assert source.open().rate_fps
    assert web.asked[0] == "/old.mp4"
    source.close()


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://metadata.google.internal/", "ftp://127.0.0.1/"]
)
def test_a_redirection_never_leads_to_where_keys_are(web: WebSite, location: str) -> None:
    web.answers["/snap"] = _redirect(location)
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
    web.answers["/snap"], web.answers["/inside"] = _redirect(f"http://{host}/inside"), _file(b"keys")
    with pytest.raises(SourceUnreachable, match="where nothing is asked"):
        redirected("http://cam.example/snap", "cam", 5.0)
    assert web.asked == ["/snap"]


def test_a_redirection_from_elsewhere_to_elsewhere_is_followed(web: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    Elsewhere(web, monkeypatch)
    web.answers["/snap"], web.answers["/there"] = _redirect("http://192.0.2.8/there"), _file(b"x")
    assert redirected("http://cam.example/snap", "cam", 5.0) == "http://192.0.2.8/there"


@pytest.mark.parametrize("location", ["http://[bad", "http://[::1", "http://x:99999/", "//[/"])
def test_a_redirection_to_no_address_leads_nowhere(web: WebSite, location: str) -> None:
    web.answers["/snap"] = _redirect(location)
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
            _redirect("/there")(handler)
            return
        handler.send_response(401)
        for offer in offers:
            handler.send_header("WWW-Authenticate", offer)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.answers["/snap"], web.answers["/there"] = answer, _file(b"x")
    found = redirected(web.url("/snap?a=1", "me:p%40ss%2Fword@"), "cam", 5.0)
    assert got[0] is None
    assert [login.startswith(sent) for login in got[1:] if login is not None] == ([True] if sent else [])
    assert found == (web.url("/there", "me:p%40ss%2Fword@") if sent else None)


def test_a_circle_of_redirections_ends(web: WebSite) -> None:
    web.answers["/a"], web.answers["/b"] = _redirect("/b"), _redirect("/a")
    source = HttpSource(parse_address(web.url("/a")), SystemClock(), open_s=2.0)
    with pytest.raises(SourceUnreachable, match="one address to the next"):
        source.open()
    assert len(web.asked) < 10
    source.close()


def _playlist(*entries: str) -> Answer:
    lines = "".join(f"#EXTINF:1,\n{entry}\n" for entry in entries)
    return _file(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}#EXT-X-ENDLIST\n".encode(), "application/vnd.apple.mpegurl")


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[WebSite]:
    """Another server of this machine, which no camera may make us ask; it would have a film."""
    site = WebSite("127.0.0.2")
    site.answers["/0.ts"] = _file(make_film(tmp_path / "private.ts", count=10).read_bytes(), "video/mp2t")
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.mark.parametrize("name", ["/live.m3u8", "/live"])
@pytest.mark.parametrize("way", ["segment", "redirect", "variant", "key"])
def test_a_playlist_cannot_make_us_ask_another_host(web: WebSite, neighbour: WebSite, tmp_path: Path, way: str, name: str) -> None:
    there = neighbour.url("/0.ts")
    web.answers["/0.ts"] = _file(make_film(tmp_path / "0.ts", count=10).read_bytes(), "video/mp2t")
    web.answers["/moved.ts"] = _redirect(there)
    variant = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{there.replace('0.ts', 'inner.m3u8')}\n".encode()
    key = f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{there}"\n#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST\n'.encode()
    web.answers[name] = {
        "segment": _playlist(there),
        "redirect": _playlist("moved.ts"),
        "variant": _file(variant, "application/vnd.apple.mpegurl"),
        "key": _file(key, "application/vnd.apple.mpegurl"),
    }[way]
    _failure(HttpSource(parse_address(web.url(name)), SystemClock(), realtime=False, open_s=3.0, stall_s=3.0))
    assert neighbour.asked == []


def test_a_playlist_without_its_name_is_played_with_its_login(web: WebSite, tmp_path: Path) -> None:
    film, seen = make_film(tmp_path / "0.ts", count=10).read_bytes(), []

    def guarded(answer: Answer) -> Answer:
        def act(handler: BaseHTTPRequestHandler) -> None:
            seen.append((handler.path, handler.headers.get("Authorization", "")))
            if handler.headers.get("Authorization"):
                answer(handler)
                return
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="cam"')
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return act

    web.answers["/live"], web.answers["/0.ts"] = guarded(_playlist("0.ts")), guarded(_file(film, "video/mp2t"))
    source = HttpSource(parse_address(web.url("/live", "me:secret@")), SystemClock(), realtime=False)
    assert len(_frames(source, 100)) == 10
    assert any(path == "/0.ts" and login for path, login in seen)


def test_what_a_playlist_may_name_goes_by_where_it_is(web: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names resolve to addresses of the table, whose connections end at the one real server."""
    port = web.server.server_address[1]
    places = {"cam.example": "203.0.113.9", "lan.example": "192.168.1.5", "cdn.example": "8.8.8.8", "keys.example": "169.254.169.254"}
    places |= {"public.example": "9.9.9.9", "me.example": "127.0.0.1"}
    web.answers["/0.ts"] = _file(b"x")

    def connect(self: http.client.HTTPConnection) -> None:
        peer = places.get(self.host, self.host)
        self.sock = socket.create_connection(("127.0.0.1", port))
        monkeypatch.setattr(hls_opener, "_kind_of", lambda _: kind_of(peer))

    kind_of = hls_opener._kind_of
    monkeypatch.setattr(http.client.HTTPConnection, "connect", connect)
    for camera, named, fine in [
        ("public.example", "public.example", True), ("public.example", "cdn.example", True), ("public.example", "lan.example", False),
        ("public.example", "keys.example", False), ("public.example", "me.example", False), ("lan.example", "cdn.example", True),
        ("lan.example", "lan.example:8080", True), ("lan.example", "192.168.1.1", False), ("me.example", "me.example:8440", False),
        ("me.example", "cdn.example", True), ("public.example", "metadata.google.internal", False), ("lan.example", "[::1]", False),
    ]:  # fmt: skip
        opener = HlsOpener(f"http://{camera}/0.ts", 3.0)
        opener(f"http://{camera}/0.ts", 1, {}).close()
        asked = len(web.asked)
        if fine:
            assert opener(f"http://{named}/0.ts", 1, {}).read() == b"x", (camera, named)
        else:
            with pytest.raises(PermissionError, match="nothing is asked"):
                opener(f"http://{named}/0.ts", 1, {})
            assert len(web.asked) == asked, (camera, named)
    rebound = HlsOpener("http://public.example/0.ts", 3.0)
    rebound("http://public.example/0.ts", 1, {}).close()
    places["public.example"] = "127.0.0.1"
    with pytest.raises(PermissionError):
        rebound("http://public.example/0.ts", 1, {})
    rebound.close()
    with pytest.raises(ConnectionAbortedError):
        rebound("http://cdn.example/0.ts", 1, {})


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n#EXTM3U\n", b""])
def test_a_server_that_breaks_off_is_a_sentence(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/live.m3u8"
        _failure(HttpSource(parse_address(address), SystemClock(), open_s=3.0, stall_s=3.0))
