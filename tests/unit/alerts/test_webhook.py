from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from panops.alerts.webhook import Webhook, _check_peer
from panops.config.alert_schema import WebhookConfig
from panops.domain.alerts import Moment, SiteFacts
from panops.domain.errors import SinkError, SinkRefused, SinkUnreachable

from .makers import NOON_S, make_alert


class Receiver:
    """A real HTTP server that notes what it is sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.body = b""
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def webhook(url: str, **settings: Any) -> Webhook:
    return Webhook(
        WebhookConfig.model_validate({"id": "hook", "kind": "webhook", "url": url, **settings}), SiteFacts(), lambda: NOON_S + 0.7
    )


def test_it_posts_json_with_a_signature(receiver: Receiver) -> None:
    sink = webhook(f"{receiver.url}/hook?key=1", secret="s3cret", headers={"Authorization": "Bearer abc"})
    assert sink.deliver(make_alert(Moment.END)) == "204 No Content"
    sink.close()
    ((path, headers, body),) = receiver.requests
    assert path == "/hook?key=1"
    assert json.loads(body)["event"]["event_id"] == "gate-1-0"
    assert (headers["content-type"], headers["authorization"]) == ("application/json", "Bearer abc")
    assert (headers["x-panops-delivery"], headers["x-panops-moment"]) == ("7", "end")
    stamp = str(int(NOON_S))
    expected = hmac.new(b"s3cret", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-panops-signature"] == f"t={stamp},v1={expected}"


def test_without_a_secret_there_is_no_signature(receiver: Receiver) -> None:
    webhook(receiver.url).deliver(make_alert())
    ((path, headers, _),) = receiver.requests
    assert path == "/"
    assert "x-panops-signature" not in headers


def test_a_template_makes_the_body(receiver: Receiver) -> None:
    sink = webhook(receiver.url, template='{"text": {{ title | tojson }}, "score": {{ event.score }}, "n": {{ others | length }}}')
    sink.deliver(make_alert(camera_name='a "quoted" name'))
    assert json.loads(receiver.requests[0][2]) == {"text": 'Line crossing: a "quoted" name', "score": 0.8125, "n": 0}


@pytest.mark.parametrize(
    "template",
    ["not json", '{"a": {{ nothing }}}', '{"a": {{ event.__class__.__mro__ }}}', "{{ '' | attr('__class__') }}"],
)
def test_a_template_that_gives_no_json_is_refused_and_nothing_is_sent(receiver: Receiver, template: str) -> None:
    with pytest.raises(SinkRefused, match="template"):
        webhook(receiver.url, template=template).deliver(make_alert())
    assert not receiver.requests


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (500, SinkUnreachable, "500 Internal Server Error: try later"),
        (503, SinkUnreachable, "503"),
        (429, SinkUnreachable, "429"),
        (408, SinkUnreachable, "408"),
        (400, SinkRefused, "400 Bad Request: try later"),
        (404, SinkRefused, "404"),
        (410, SinkRefused, "410"),
        (302, SinkRefused, "a redirection is not followed"),
    ],
)
def test_what_answers_mean(receiver: Receiver, status: int, kind: type[SinkError], said: str) -> None:
    receiver.status, receiver.body = status, b"try\r\n later"
    receiver.headers = {"Location": f"{receiver.url}/elsewhere"}
    with pytest.raises(kind, match=said):
        webhook(receiver.url).deliver(make_alert())
    assert len(receiver.requests) == 1


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SinkUnreachable, match="no answer: Connection refused"):
        webhook(f"http://127.0.0.1:{port}/token").deliver(make_alert())


def test_a_receiver_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SinkUnreachable, match="it took too long"):
            webhook(url, timeout_s=0.2).deliver(make_alert())


def test_something_else_than_http_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SinkUnreachable, match="no answer"):
            webhook(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=2.0).deliver(make_alert())
        thread.join()


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fe80::1%eth0"])
def test_link_local_addresses_are_refused(address: str) -> None:
    with pytest.raises(SinkRefused, match="link-local"):
        _check_peer(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "192.168.1.2", "2001:db8::1", "::1"])
def test_others_are_what_an_administrator_chose(address: str) -> None:
    _check_peer(address)


def test_a_receiver_that_repeats_the_address_does_not_give_its_key_away(receiver: Receiver) -> None:
    receiver.status, receiver.body = 404, b"Cannot POST /hooks/T0PSECRET?key=abcdef with Bearer xyzzy"
    sink = webhook(f"{receiver.url}/hooks/T0PSECRET?key=abcdef", headers={"Authorization": "Bearer xyzzy"})
    with pytest.raises(SinkRefused) as caught:
        sink.deliver(make_alert())
    assert str(caught.value) == "404 Not Found: Cannot POST ***?*** with ***"


def test_an_address_with_letters_that_http_does_not_know_is_refused() -> None:
    with pytest.raises(SinkRefused, match="characters that HTTP does not know"), socket.create_server(("127.0.0.1", 0)) as server:
        webhook(f"http://127.0.0.1:{server.getsockname()[1]}/tür", timeout_s=1).deliver(make_alert())


def test_a_link_local_address_behind_a_mapped_one() -> None:
    with pytest.raises(SinkRefused, match="link-local"):
        _check_peer("::ffff:169.254.169.254")
