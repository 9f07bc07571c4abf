"""Alerts of the whole product: a receiver that is down, a panops that is killed, a mail with the picture."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.e2e.running_site import RunningSite, free_port

SITE = """
cameras:
  yard: {{source: "sim://yard?seed=3&activity=12&rate_fps=10", model: motion, name: The yard}}
rules:
  - {{id: anyone, kind: intrusion, classes: [person], after_s: 0.6, end_after_s: 1}}
evidence: {{before_s: 1, after_s: 1}}
alerts:
  - {{id: hook, kind: webhook, url: "http://127.0.0.1:{hook}/in", secret: "{{key}}"}}
  - {{id: mail, kind: email, server: 127.0.0.1, port: {mail}, security: none, sender: a@panops.example, to: [b@x.example]}}
server: {{public_url: "http://panops.example:8440"}}
"""


class Hook:
    """A receiver that can be told to answer 500."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if hook.status == 200:
                    hook.got.append(body)
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Mails:
    """A mail server that keeps what comes."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.got.append(cast("EmailMessage", message_from_bytes(cast("bytes", envelope.content), policy=default)))
        return "250 OK"


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    yield found
    found.close()


@pytest.fixture
def mails() -> Iterator[tuple[Mails, int]]:
    found, port = Mails(), free_port()
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    yield found, port
    controller.stop()


def moments(home: Path) -> list[str]:
    """What has to be told: the beginning of each event, and its end, where it has one."""
    with sqlite3.connect(f"file:{home / 'panops.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute("select event_id, ended_at_s from events").fetchall()
    return sorted([f"{name} begin" for name, _ in rows] + [f"{name} end" for name, ended in rows if ended is not None])


def waiting(home: Path) -> int:
    with sqlite3.connect(f"file:{home / 'panops.db'}?mode=ro", uri=True) as connection:
        return int(connection.execute("select count(*) from deliveries where state = 'waiting'").fetchone()[0])


def test_everything_arrives_in_order_though_the_receiver_was_down_and_panops_was_killed(
    tmp_path: Path, hook: Hook, mails: tuple[Mails, int]
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(hook=hook.port, mail=mails[1]))
    site = RunningSite(tmp_path / "home", str(path))
    hook.status = 500
    site.start()
    site.sign_in()
    site.wait_for(lambda: len(site.events()) >= 2, 90, "there are events")
    problem = site.wait_for(lambda: site.get("/alerts")["sinks"][0]["problem"], 20, "the page says that the receiver is down")
    assert problem == "500 Internal Server Error"
    site.kill()
    assert hook.got == []
    with site:
        site.sign_in()
        before = len(site.events())
        hook.status = 200
        site.wait_for(lambda: len(site.events()) > before, 90, "events go on")
        site.wait_for(lambda: len(hook.got) >= 2 * before, 90, "what waited arrives")
    # Stopped in good order: what is told of the last moments waits for the next start.
    with site:
        site.wait_for(lambda: waiting(site.home) == 0, 60, "nothing waits")

    told = [f"{body['event']['event_id']} {body['moment']}" for body in hook.got]
    assert sorted(set(told)) == moments(site.home)
    again = {name for name, count in Counter(told).items() if count > 1}
    assert len(again) <= 1  # the one that was under way when it was killed
    for name in {body["event"]["event_id"] for body in hook.got}:
        assert told.index(f"{name} begin") < told.index(f"{name} end")
    numbers = [body["delivery_id"] for body in hook.got if body["moment"] == "begin"]
    assert numbers == sorted(numbers)

    mail = mails[0].got[0]
    assert mail["Subject"] == "Intrusion: The yard"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "http://panops.example:8440/events/yard-" in body.get_content()
    (picture,) = mail.iter_attachments()
    assert picture.get_content()[:2] == b"\xff\xd8"
    assert len({mail["Message-ID"] for mail in mails[0].got}) == sum(name.endswith("begin") for name in moments(site.home))
