"""What a server may do to whoever reads its playlist: ask for a login, drip, hang, send more than was asked for, move elsewhere."""

from __future__ import annotations

import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler

import av.error
import pytest

from panops.domain.clock import SystemClock
from panops.domain.errors import SourceUnauthorized, SourceUnreachable
from panops.ingest import hls_opener
from panops.ingest.address import parse_address
from panops.ingest.hls_opener import HlsOpener
from panops.ingest.http import HttpSource
from panops.ingest.timed_http import Deadline

from .web_site import Answer, WebSite

MIB = 1024 * 1024


def guarded(handler: BaseHTTPRequestHandler) -> bool:
    """Whether it came with a login; else it is asked for, and the connection ends."""
    if handler.headers.get("Authorization"):
        return True
    handler.send_response(401)
    handler.send_header("WWW-Authenticate", 'Basic realm="cam"')
    handler.send_header("Content-Length", "0")
    handler.send_header("Connection", "close")
    handler.end_headers()
    return False


def status(number: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(number)
        handler.send_header("WWW-Authenticate", 'Basic realm="cam"')
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.mark.parametrize(
    ("number", "login", "kind"),
    [
        (401, "me:wrong@", SourceUnauthorized), (401, "", SourceUnauthorized), (403, "me:wrong@", SourceUnauthorized),
        (404, "me:wrong@", SourceUnreachable), (503, "me:wrong@", SourceUnreachable),
    ],
)  # fmt: skip
def test_a_playlist_that_refuses_the_login_is_unauthorized(web: WebSite, number: int, login: str, kind: type[Exception]) -> None:
    web.answers["/live.m3u8"] = status(number)
    source = HttpSource(parse_address(web.url("/live.m3u8", login)), SystemClock(), open_s=3.0, stall_s=3.0)
    with pytest.raises(kind) as caught:
        source.open()
    assert type(caught.value) is kind
    assert "wrong" not in str(caught.value)
    source.close()


def test_another_host_that_refuses_says_nothing_of_the_login(web: WebSite) -> None:
    other = WebSite()
    try:
        other.answers["/0.ts"] = status(403)
        opener = HlsOpener(web.url("/live.m3u8", "me:secret@"), 3.0)
        opener._first = hls_opener._Kind.HIDDEN  # its own port would be refused on this machine
        opener._most_private = lambda where: hls_opener._Kind.HIDDEN  # type: ignore[method-assign]
        with pytest.raises(OSError, match="answers 403"):
            opener(other.url("/0.ts"), 1, {})
    finally:
        other.server.shutdown()
        other.server.server_close()


def test_a_name_that_moves_while_the_login_is_asked_for_is_not_followed(web: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = iter([hls_opener._Kind.PUBLIC, hls_opener._Kind.THIS_MACHINE])
    monkeypatch.setattr(hls_opener, "_kind_of", lambda _: next(kinds))
    web.answers["/live.m3u8"] = lambda handler: handler.send_error(404) if guarded(handler) else None
    opener = HlsOpener(web.url("/live.m3u8", "me:secret@"), 3.0)
    with pytest.raises(PermissionError, match="nothing is asked"):
        opener(web.url("/live.m3u8"), 1, {})
    assert web.asked == ["/live.m3u8"], "where it leads now gets neither a request nor the login"
    opener.release()
    assert opener._open == {}


def test_closing_ends_the_connection_that_was_made_for_the_login(web: WebSite) -> None:
    hold = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if guarded(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "10")
            handler.end_headers()
            handler.wfile.flush()
            hold.wait(20)

    web.answers["/live.m3u8"] = answer
    opener = HlsOpener(web.url("/live.m3u8", "me:secret@"), 10.0)
    body = opener(web.url("/live.m3u8"), 1, {})
    opener.close()
    assert body.read(10) == b"", "not the time-out"
    hold.set()
    body.close()


@pytest.mark.parametrize("what", ["head", "body"])
def test_a_server_that_drips_is_given_up_in_time(what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                text = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\nX-Long: "
                end = b"x\r\n\r\n"
                connection.sendall(text if what == "head" else text + end)
                for _ in range(60):
                    if over.wait(0.05):
                        return
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return
                if what == "head":
                    connection.sendall(end + b"y" * 60)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/live.m3u8"
        opener = HlsOpener(url, 0.5)
        if what == "head":
            with pytest.raises(TimeoutError):
                opener(url, 1, {})
        else:
            body = opener(url, 1, {})
            with pytest.raises(TimeoutError):
                body.read(60)
            body.close()
        over.set()
        thread.join(5)


def test_all_addresses_of_a_name_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, tried = [100.0], []

    def connect(address: tuple[str, int], timeout_s: float) -> socket.socket:
        tried.append((address[0], timeout_s))
        now_s[0] += 2.0
        raise TimeoutError("timed out")

    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", 80)) for number in range(1, 9)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(TimeoutError, match="within 3 s"):
        Deadline(3.0, lambda: now_s[0]).connected(("cam.example", 80))
    assert tried == [("192.0.2.1", 3.0), ("192.0.2.2", 1.0)]


def whole(data: bytes) -> Answer:
    """A server that does not know of ranges."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def test_what_comes_before_a_part_is_read_over_piece_by_piece(web: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int | None] = []
    read = http.client.HTTPResponse.read

    def noted(self: http.client.HTTPResponse, amount: int | None = None) -> bytes:
        sizes.append(amount)
        return read(self, amount)

    monkeypatch.setattr(http.client.HTTPResponse, "read", noted)
    web.answers["/all.ts"] = whole(bytes(3 * MIB) + b"wanted" + bytes(100))
    opener = HlsOpener(web.url("/all.ts"), 20.0)
    body = opener(web.url("/all.ts"), 1, {"offset": str(3 * MIB), "end_offset": str(3 * MIB + 6)})
    assert max(size or 10**9 for size in sizes) <= 64 * 1024
    assert body.read(1000) == b"wanted"
    assert body.read(1000) == b""
    body.close()


def test_a_part_that_begins_too_far_in_is_refused(web: WebSite) -> None:
    web.answers["/all.ts"] = whole(bytes(1000))
    opener = HlsOpener(web.url("/all.ts"), 3.0)
    with pytest.raises(OSError, match="gives no parts of files"):
        opener(web.url("/all.ts"), 1, {"offset": str(10**12)})
    assert opener._open == {}, "and its connection is given back"


def test_the_words_for_a_refusal_are_ffmpegs(web: WebSite) -> None:
    web.answers["/live.m3u8"] = status(403)
    with pytest.raises(av.error.HTTPForbiddenError):
        HlsOpener(web.url("/live.m3u8"), 3.0)(web.url("/live.m3u8"), 1, {})
