from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from panops.alerts.email import Email
from panops.config.alert_schema import EmailConfig
from panops.domain.alerts import SiteFacts
from panops.domain.errors import SinkRefused, SinkUnreachable

from .makers import make_alert


class Mailbox:
    """What a real mail server does with what comes."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.answer = "250 OK"
        self.refused: dict[str, str] = {}

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            mail = cast("EmailMessage", message_from_bytes(cast("bytes", envelope.content), policy=default))
            self.mails.append((str(envelope.mail_from), list(envelope.rcpt_tos), mail))
        return self.answer


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


def email(port: int, **settings: Any) -> Email:
    fixed = {"id": "mail", "kind": "email", "server": "127.0.0.1", "port": port, "sender": "alarm@panops.example", "timeout_s": 5}
    return Email(EmailConfig.model_validate({**fixed, "security": "none", "to": ["a@x.example", "b@x.example"], **settings}), SiteFacts())


def test_a_mail_with_the_picture(mailbox: Mailbox, port: int, tmp_path: Path) -> None:
    picture = tmp_path / "annotated.jpg"
    picture.write_bytes(b"\xff\xd8 a picture \n.\n \xff\xd9")
    sink = email(port)
    assert sink.deliver(make_alert(camera_name="Nördliches Tor\r\nBcc: everybody@x.example", picture=picture)) == "accepted"
    sink.close()
    ((sender, recipients, mail),) = mailbox.mails
    assert (sender, recipients) == ("alarm@panops.example", ["a@x.example", "b@x.example"])
    assert mail["Subject"] == "Line crossing: Nördliches Tor Bcc: everybody@x.example"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == "<7.gate-1-0@panops.invalid>"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "person at yard" in body.get_content()
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content_type() == "image/jpeg"
    assert attachment.get_filename() == "gate-1-0.jpg"
    assert attachment.get_content() == picture.read_bytes()


def test_a_picture_that_is_gone_does_not_stop_the_mail(mailbox: Mailbox, port: int, tmp_path: Path) -> None:
    email(port).deliver(make_alert(picture=tmp_path / "gone.jpg"))
    assert list(mailbox.mails[0][2].iter_attachments()) == []


def test_one_recipient_of_two_is_refused(mailbox: Mailbox, port: int) -> None:
    mailbox.refused = {"b@x.example": "550 no such user"}
    assert email(port).deliver(make_alert()) == "accepted, but not for b@x.example"
    assert mailbox.mails[0][1] == ["a@x.example"]


@pytest.mark.parametrize(("answer", "kind"), [("550 no such user", SinkRefused), ("451 greylisted, try later", SinkUnreachable)])
def test_no_recipient_is_accepted(mailbox: Mailbox, port: int, answer: str, kind: type[Exception]) -> None:
    mailbox.refused = {"a@x.example": answer, "b@x.example": answer}
    with pytest.raises(kind, match=f"no recipient is accepted: {answer}"):
        email(port).deliver(make_alert())


@pytest.mark.parametrize(("answer", "kind"), [("554 looks like spam", SinkRefused), ("452 disk full", SinkUnreachable)])
def test_the_mail_is_not_accepted(mailbox: Mailbox, port: int, answer: str, kind: type[Exception]) -> None:
    mailbox.answer = answer
    with pytest.raises(kind, match=answer):
        email(port).deliver(make_alert())


def test_nobody_there(mailbox: Mailbox) -> None:
    with pytest.raises(SinkUnreachable, match="no answer"):
        email(1).deliver(make_alert())


def test_a_server_without_encryption_is_given_no_password(mailbox: Mailbox, port: int) -> None:
    with pytest.raises(SinkUnreachable, match="STARTTLS"):
        email(port, security="starttls", username="me", password="secret").deliver(make_alert())
    assert not mailbox.mails


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    path = tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(made, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def test_an_encrypted_connection_with_a_login(mailbox: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == b"secret", handled=False)

    encrypted = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticator}
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **encrypted)
    controller.start()
    try:
        port = controller.port
        settings = {"security": "starttls", "username": "me", "password": "secret"}
        with pytest.raises(SinkUnreachable, match="certificate is not trusted"):
            email(port, **settings).deliver(make_alert())
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        with pytest.raises(SinkUnreachable, match="the login is refused: 535"):
            email(port, **{**settings, "password": "wrong"}).deliver(make_alert())
        assert email(port, **settings).deliver(make_alert()) == "accepted"
    finally:
        controller.stop()
    assert len(mailbox.mails) == 1
