"""A real web server on loopback for tests of cameras that speak HTTP, and what comes of reading one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from panops.domain.errors import SourceError
from panops.ingest.decode import Decoder
from panops.ingest.http import HttpSource

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


def file_answer(data: bytes, kind: str = "video/mp4") -> Answer:
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


def redirect_answer(location: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.end_headers()

    return answer


def frames_of(source: HttpSource, most: int) -> list[tuple[float, tuple[int, int]]]:
    decoder = Decoder("x", source.open())
    frames: list[tuple[float, tuple[int, int]]] = []
    while len(frames) < most and (packet := source.read()) is not None:
        frames += [(frame.pts_s, frame.size_wh) for frame in decoder.decode(packet)]
    source.close()
    return frames


def failure_of(source: HttpSource) -> SourceError:
    try:
        source.open()
        while source.read() is not None:
            pass
    except SourceError as error:
        return error
    finally:
        source.close()
    pytest.fail("expected a SourceError")
