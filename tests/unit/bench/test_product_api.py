"""The bench's side of the API: it goes on after a rest, keeps its cookie, and says plainly when nobody answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from panops.bench.product_api import ApiProbe, ProductApi
from panops.domain.errors import PanopsError


class Handler(BaseHTTPRequestHandler):
    """Answers one request a connection, as a server does that closes what rests; what it was asked is kept."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, str]]
    status = 201

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.rfile.read(length)
        self.asked.append((self.command, self.path, self.headers.get("Cookie", "")))
        self.send_response(self.status if self.command == "POST" else 200)
        self.send_header("Content-Length", "2")
        if self.command == "POST":
            self.send_header("Set-Cookie", "panops_session=secret; HttpOnly; Path=/")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = True  # without saying so, as after a rest

    do_GET = do_POST = _answer  # noqa: N815  # the base class's names

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, type[Handler]]]:
    handler = type("Asked", (Handler,), {"asked": []})
    listening = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", handler
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_it_goes_on_when_the_connection_was_closed(server: tuple[str, type[Handler]]) -> None:
    address, handler = server
    api = ProductApi(address)
    api.sign_up()
    assert [api.get("/metrics") for _ in range(3)] == [(200, b"{}")] * 3
    assert handler.asked == [("POST", "/api/v1/setup", ""), *[("GET", "/metrics", "panops_session=secret")] * 3]
    api.close()


def test_a_refusal_and_a_silence_are_told(server: tuple[str, type[Handler]]) -> None:
    address, handler = server
    handler.status = 409
    with closing(ProductApi(address)) as api, pytest.raises(PanopsError, match="refused the first account: 409"):
        api.sign_up()
    with pytest.raises(OSError, match="refused"):
        ProductApi("http://127.0.0.1:9").get("/metrics")


def test_a_probe_times_what_it_asks(server: tuple[str, type[Handler]]) -> None:
    address, handler = server
    probe = ApiProbe(address, "panops_session=mine")
    enough = threading.Event()
    while len(handler.asked) < 4 and not enough.wait(0.05):
        pass
    tally = probe.stop()
    assert tally.requests >= 3
    assert tally.failed == 0
    assert 0 < tally.p50_s <= tally.p95_s <= tally.slowest_s < 5
    assert {(path, cookie) for _, path, cookie in handler.asked} == {
        ("/api/v1/cameras", "panops_session=mine"),
        ("/api/v1/events?limit=50", "panops_session=mine"),
    }
