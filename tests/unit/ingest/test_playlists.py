"""Playlists of HLS: what they may name, with which login, and servers that break off."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from panops.domain.clock import SystemClock
from panops.ingest import hls_opener
from panops.ingest.address import parse_address
from panops.ingest.hls_opener import HlsOpener
from panops.ingest.http import HttpSource
from panops.testing.films import make_film

from .web_site import Answer, WebSite, failure_of, file_answer, frames_of, redirect_answer


def _playlist(*entries: str) -> Answer:
    lines = "".join(f"#EXTINF:1,\n{entry}\n" for entry in entries)
    return file_answer(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}#EXT-X-ENDLIST\n".encode(), "application/vnd.apple.mpegurl")


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[WebSite]:
    """Another server of this machine, which no camera may make us ask; it would have a film."""
    site = WebSite("127.0.0.2")
    site.answers["/0.ts"] = file_answer(make_film(tmp_path / "private.ts", count=10).read_bytes(), "video/mp2t")
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.mark.parametrize("name", ["/live.m3u8", "/live"])
@pytest.mark.parametrize("way", ["segment", "redirect", "variant", "key"])
def test_a_playlist_cannot_make_us_ask_another_host(web: WebSite, neighbour: WebSite, tmp_path: Path, way: str, name: str) -> None:
    there = neighbour.url("/0.ts")
    web.answers["/0.ts"] = file_answer(make_film(tmp_path / "0.ts", count=10).read_bytes(), "video/mp2t")
    web.answers["/moved.ts"] = redirect_answer(there)
    variant = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{there.replace('0.ts', 'inner.m3u8')}\n".encode()
    key = f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{there}"\n#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST\n'.encode()
    web.answers[name] = {
        "segment": _playlist(there),
        "redirect": _playlist("moved.ts"),
        "variant": file_answer(variant, "application/vnd.apple.mpegurl"),
        "key": file_answer(key, "application/vnd.apple.mpegurl"),
    }[way]
    failure_of(HttpSource(parse_address(web.url(name)), SystemClock(), realtime=False, open_s=3.0, stall_s=3.0))
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

    web.answers["/live"], web.answers["/0.ts"] = guarded(_playlist("0.ts")), guarded(file_answer(film, "video/mp2t"))
    source = HttpSource(parse_address(web.url("/live", "me:secret@")), SystemClock(), realtime=False)
    assert len(frames_of(source, 100)) == 10
    assert any(path == "/0.ts" and login for path, login in seen)


def test_what_a_playlist_may_name_goes_by_where_it_is(web: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names resolve to addresses of the table, whose connections end at the one real server."""
    port = web.server.server_address[1]
    places = {"cam.example": "203.0.113.9", "lan.example": "192.168.1.5", "cdn.example": "8.8.8.8", "keys.example": "169.254.169.254"}
    places |= {"public.example": "9.9.9.9", "me.example": "127.0.0.1"}
    web.answers["/0.ts"] = file_answer(b"x")

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
        failure_of(HttpSource(parse_address(address), SystemClock(), open_s=3.0, stall_s=3.0))
