from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from own_wheels import CONTENT

from panops.domain.errors import ModelNotFound
from panops.models.fetch import no_progress
from panops.models.fetch_url import fetch_url


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        redirects = {
            "/moved": "/net.onnx",
            "/circle": "/circle",
            "/to-http": f"http://localhost:{port}/net.onnx",
            "/to-file": "file:///etc/hostname",
        }
        if self.path in redirects:
            self.send_response(302)
            self.send_header("Location", redirects[self.path])
            self.end_headers()
        elif self.path in ("/net.onnx", "/silent", "/broken"):
            self.send_response(200)
            if self.path != "/silent":
                self.send_header("Content-Length", str(len(CONTENT) * (2 if self.path == "/broken" else 1)))
            self.end_headers()
            self.wfile.write(CONTENT)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def server(certificate: tuple[Path, Path]) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://localhost:{running.server_address[1]}"
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return ssl.create_default_context(cafile=str(certificate[0]))


@pytest.mark.parametrize(("path", "total"), [("/net.onnx", len(CONTENT)), ("/moved", len(CONTENT)), ("/silent", None)])
def test_a_file_arrives_with_progress(server: str, trusted: ssl.SSLContext, tmp_path: Path, path: str, total: int | None) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch_url(server + path, tmp_path / "net", 10_000, lambda done, all_: seen.append((done, all_)), trusted)
    assert (tmp_path / "net").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), total)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/none", "the server answers 404"),
        ("/to-http", "http is not fetched: expected an https:// address"),
        ("/to-file", r"the server answers 302 .*not allowed"),
        ("/circle", "the server answers 302"),
        ("/broken", "the connection broke"),
    ],
)
def test_what_goes_wrong_is_said(server: str, trusted: ssl.SSLContext, tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(ModelNotFound, match=words):
        fetch_url(server + path, tmp_path / "net", 10_000, no_progress, trusted)


@pytest.mark.parametrize("path", ["/net.onnx", "/silent"])
def test_a_file_that_is_too_large_is_given_up(server: str, trusted: ssl.SSLContext, tmp_path: Path, path: str) -> None:
    with pytest.raises(ModelNotFound, match="at most 1000 bytes, got more"):
        fetch_url(server + path, tmp_path / "net", 1000, no_progress, trusted)


def test_an_unknown_certificate_is_refused(server: str, trusted: ssl.SSLContext, tmp_path: Path) -> None:
    del trusted
    with pytest.raises(ModelNotFound, match=r"cannot be reached: .*[Cc]ertificate"):
        fetch_url(server + "/net.onnx", tmp_path / "net", 10_000, no_progress)


def test_nobody_answers(trusted: ssl.SSLContext, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="cannot be reached"):
        fetch_url("https://localhost:9/net.onnx", tmp_path / "net", 10_000, no_progress, trusted)


@pytest.mark.parametrize("address", ["http://example.com/m", "file:///etc/passwd", "ftp://example.com/m", "/etc/passwd", "https://", ""])
def test_only_https(tmp_path: Path, address: str) -> None:
    with pytest.raises(ModelNotFound, match="expected an https:// address"):
        fetch_url(address, tmp_path / "net", 10_000, no_progress)


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound) as caught:
        fetch_url("https://user:hunter2@example.com/m", tmp_path / "net", 10_000, no_progress)
    assert "hunter2" not in str(caught.value)
