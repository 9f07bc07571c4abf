"""The dialogue, with a camera that says what a test wants. None of its words, and no password, gets into ours."""

from __future__ import annotations

import itertools
import socket
import threading
import time

import pytest

from panops.domain.errors import SourceCorrupt, SourceError, SourceUnauthorized, SourceUnreachable
from panops.ingest.address import parse_address
from panops.ingest.reader_choice import Unusual
from panops.ingest.rtsp_message import RtspMessage
from panops.ingest.rtsp_session import RtspSession
from panops.ingest.rtsp_wire import RtspWire
from tests.unit.ingest.rtp_streams import ScriptedCamera, interleaved

SDP = "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track0\r\n"


def _open(camera: ScriptedCamera, *, login: str = "", path: str = "/cam", open_s: float = 5.0) -> RtspSession:
    session = RtspSession(parse_address(camera.url(path, login)), threading.Event(), open_s)
    try:
        session.play(session.open())
    except BaseException:
        session.close()
        raise
    return session


def test_the_usual_dialogue() -> None:
    with ScriptedCamera(SDP, channels="4-5") as camera:
        session = _open(camera, path="/cam?channel=1#x")
        assert camera.methods() == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
        base = camera.url("/cam?channel=1#x")
        assert [url for _, url, _ in camera.seen] == [base, base, base + "/track0", base]
        assert camera.seen[2][2]["transport"] == "RTP/AVP/TCP;unicast;interleaved=0-1"
        assert camera.seen[3][2]["session"] == "77"
        assert [headers["cseq"] for _, _, headers in camera.seen] == ["1", "2", "3", "4"]
        assert session.wire.channels == (4, 5)
        assert session.keep_alive_s == 30.0
        assert session.keep_alive().startswith(b"GET_PARAMETER " + base.encode())
        session.close()
        session.close()
        assert camera.methods()[-1] == "PLAY"


def test_addresses_are_resolved_and_time_outs_kept() -> None:
    def reply(method: str, url: str, headers: dict[str, str]) -> str | None:
        del url, headers
        if method == "OPTIONS":
            return "RTSP/1.0 200 OK\r\nPublic: DESCRIBE\r\n\r\n"
        if method == "DESCRIBE":
            sdp = SDP.replace("control:*", "control:rtsp://inside/whole").replace("control:track0", "control:rtsp://inside/one")
            return f"RTSP/1.0 200 OK\r\nContent-Base: rtsp://inside/base/\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
        if method == "SETUP":
            return "RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\nSession:  9a ; timeout=10\r\n\r\n"
        return None

    with ScriptedCamera(reply=reply) as camera:
        session = _open(camera)
        assert [url for _, url, _ in camera.seen[2:]] == ["rtsp://inside/one", "rtsp://inside/whole"]
        assert camera.seen[3][2]["session"] == "9a"
        assert session.keep_alive_s == 5.0
        assert session.keep_alive().startswith(b"OPTIONS ")
        session.close()


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_a_login_is_asked_for_once(scheme: str) -> None:
    def reply(method: str, url: str, headers: dict[str, str]) -> str | None:
        del method, url
        if "authorization" not in headers:
            return f'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: {scheme} realm="r", nonce="n"\r\n\r\n'
        return None

    with ScriptedCamera(SDP, reply=reply) as camera:
        _open(camera, login="me:p%40ss@").close()
        assert camera.methods() == ["OPTIONS", "OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
        assert all(headers["authorization"].startswith(scheme) for _, _, headers in camera.seen[1:])
        assert "me:p" not in "".join(url for _, url, _ in camera.seen)


def test_a_question_that_grows_old_is_answered_anew() -> None:
    def reply(method: str, url: str, headers: dict[str, str]) -> str | None:
        del url
        nonce = "second" if method == "PLAY" else "first"
        if f'nonce="{nonce}"' in headers.get("authorization", ""):
            return None
        return f'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="{nonce}"\r\n\r\n'

    with ScriptedCamera(SDP, reply=reply) as camera:
        _open(camera, login="me:secret@").close()
        assert camera.methods() == ["OPTIONS", "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PLAY"]


def test_a_wrong_password_is_tried_once() -> None:
    refuse = 'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="secret2", nonce="n"\r\n\r\n'
    with ScriptedCamera(reply=lambda *_: refuse) as camera:
        with pytest.raises(SourceUnauthorized, match=r"refuses the user name or password \(401\)") as caught:
            _open(camera, login="me:secret1@")
        assert sum("authorization" in headers for _, _, headers in camera.seen) == 1
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        with pytest.raises(SourceUnauthorized, match="asks for a user name"):
            _open(camera)


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        ("403 Forbidden secret", SourceUnauthorized, "asks for a user name"),
        ("404 Not Found secret", SourceUnreachable, "404"),
        ("500 Oh secret", SourceUnreachable, "5xx"),
        ("400 Bad secret", Unusual, "answers with 400"),
        ("461 Unsupported Transport", Unusual, "answers with 461"),
    ],
)
@pytest.mark.parametrize("step", ["DESCRIBE", "SETUP", "PLAY"])
def test_refusals(status: str, kind: type[Exception], text: str, step: str) -> None:
    with ScriptedCamera(SDP, reply=lambda method, *_: f"RTSP/1.0 {status}\r\n\r\n" if method == step else None) as camera:
        with pytest.raises(kind, match=text) as caught:
            _open(camera)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("transport", "reason"), [("RTP/AVP;unicast;client_port=1-2", "inside the RTSP connection"), ("", "inside the RTSP connection")]
)
def test_other_transports_are_ffmpegs(transport: str, reason: str) -> None:
    answer = f"RTSP/1.0 200 OK\r\nSession: 1\r\nTransport: {transport}\r\n\r\n"
    with (
        ScriptedCamera(SDP, reply=lambda method, *_: answer if method == "SETUP" else None) as camera,
        pytest.raises(Unusual, match=reason),
    ):
        _open(camera)


def test_a_description_that_is_missing_or_for_ffmpeg() -> None:
    with ScriptedCamera("") as camera, pytest.raises(Unusual, match="does not describe"):
        _open(camera)
    with ScriptedCamera(SDP.replace("H264", "JPEG")) as camera, pytest.raises(Unusual, match="neither"):
        _open(camera)
    ask = 'RTSP/1.0 401 x\r\nWWW-Authenticate: Negotiate realm="r"\r\n\r\n'
    with ScriptedCamera(SDP, reply=lambda *_: ask) as camera, pytest.raises(Unusual, match="way of its own"):
        _open(camera, login="me:secret@")


def test_a_redirect_to_rtsp_is_followed_and_the_password_stays_here() -> None:
    def ask(method: str, url: str, headers: dict[str, str]) -> str | None:
        del url
        if "authorization" not in headers:
            return 'RTSP/1.0 401 x\r\nWWW-Authenticate: Basic realm="r"\r\n\r\n'
        return f"RTSP/1.0 302 Moved\r\nLocation: rtsp://localhost:{there.port}/there\r\n\r\n" if method == "DESCRIBE" else None

    with ScriptedCamera(SDP) as there, ScriptedCamera(reply=ask) as here:
        _open(here, login="me:secret@").close()
        assert there.methods() == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
        assert there.seen[0][1] == f"rtsp://localhost:{there.port}/there"
        assert not any("authorization" in headers for _, _, headers in there.seen)


def test_the_same_camera_elsewhere_gets_the_password() -> None:
    def ask(method: str, url: str, headers: dict[str, str]) -> str | None:
        if "authorization" not in headers:
            return 'RTSP/1.0 401 x\r\nWWW-Authenticate: Basic realm="r"\r\n\r\n'
        if method == "DESCRIBE" and url.endswith("/cam"):
            return f"RTSP/1.0 301 Moved\r\nLocation: {here.url('/other')}\r\n\r\n"
        return None

    with ScriptedCamera(SDP, reply=ask) as here:
        _open(here, login="me:secret@").close()
        assert here.seen[-1][1].endswith("/other")


@pytest.mark.parametrize("location", ["http://127.0.0.1/x", "rtsps://127.0.0.1/x", "file:///etc/passwd", "/other", "", "rtsp://"])
def test_redirects_to_other_schemes_are_not_followed(location: str) -> None:
    answer = f"RTSP/1.0 302 Moved\r\nLocation: {location}\r\n\r\n"
    with ScriptedCamera(reply=lambda method, *_: answer if method == "DESCRIBE" else None) as camera:
        with pytest.raises(SourceUnreachable, match=r"not rtsp://") as caught:
            _open(camera)
        assert camera.connections == 1
        assert "passwd" not in str(caught.value)


def test_redirects_end() -> None:
    with ScriptedCamera(
        reply=lambda method, *_: f"RTSP/1.0 302 x\r\nLocation: {camera.url()}\r\n\r\n" if method == "DESCRIBE" else None
    ) as camera:
        with pytest.raises(SourceUnreachable, match="one address to the next"):
            _open(camera)
        assert camera.connections == 4


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", SourceCorrupt, "not RTSP"),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n", SourceCorrupt, "longer than"),
        (b"X" * 20_000, SourceCorrupt, "without end"),
        (b"\xff" * 70_000, SourceCorrupt, "not RTSP"),
        (b"RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n", SourceUnreachable, "did not answer within"),
        (b"", SourceUnreachable, "did not answer within"),
        (None, SourceUnreachable, "did not answer within"),
    ],
)
def test_servers_that_are_none(answer: bytes | None, kind: type[SourceError], text: str) -> None:
    def talk_for_ever(sock: socket.socket) -> None:
        while True:
            sock.sendall(interleaved(bytes(1000), 9))

    with ScriptedCamera(reply=lambda *_: answer or b"", before_answers=talk_for_ever if answer is None else None) as camera:
        began_s = time.monotonic()
        with pytest.raises(kind, match=text):
            _open(camera, open_s=0.5)
        assert time.monotonic() - began_s < 3.0


def test_a_session_id_with_control_letters_is_not_sent_back() -> None:
    answer = "RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\nSession: a\0b\r\n\r\n"
    with ScriptedCamera(SDP, reply=lambda method, *_: answer if method == "SETUP" else None) as camera:
        with pytest.raises(SourceCorrupt, match="control characters"):
            _open(camera)
        assert camera.methods()[-1] == "SETUP"


def test_requests_of_the_servers_during_the_dialogue_are_answered() -> None:
    question = b"GET_PARAMETER rtsp://x RTSP/1.0\r\nCSeq: 5\r\n\r\n"

    def reply(method: str, url: str, headers: dict[str, str]) -> bytes | None:
        del url
        if method != "OPTIONS":
            return None
        return question + f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n\r\n".encode()

    with ScriptedCamera(SDP, reply=reply) as camera:
        _open(camera).close()
    assert camera.methods()[-1] == "PLAY"


def test_close_ends_the_dialogue_at_once() -> None:
    stop = threading.Event()
    with ScriptedCamera(reply=lambda *_: b"") as camera:
        session = RtspSession(parse_address(camera.url()), stop, 60.0)
        threading.Timer(0.2, stop.set).start()
        began_s = time.monotonic()
        with pytest.raises(SourceError, match="was closed while"):
            session.open()
        assert time.monotonic() - began_s < 2.0
        session.close()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for url, text in [
        (f"rtsp://127.0.0.1:{port}/x", "refused"),
        ("rtsp://no-such-host.invalid/x", "no host named no-such-host.invalid"),
        ("rtsp://" + "a" * 70 + "/x", "no host named"),
    ]:
        with pytest.raises(SourceUnreachable, match=text):
            RtspSession(parse_address(url), threading.Event(), 5.0).open()
    with pytest.raises(Unusual, match="port"):
        RtspSession(parse_address("rtsp://127.0.0.1:99999/x"), threading.Event(), 5.0).open()


def test_messages_while_it_plays() -> None:
    with ScriptedCamera(SDP) as camera:
        session = _open(camera, login="me:secret@")

        def message(status: int = 0, method: str = "", *headers: tuple[str, str]) -> RtspMessage:
            return RtspMessage(status, method, headers)

        assert session.listen(message(200)) == b""
        assert session.listen(message(0, "OPTIONS", ("cseq", "7"))) == b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n"
        assert session.listen(message(0, "ANNOUNCE", ("cseq", "8"))).startswith(b"RTSP/1.0 501")
        ask = ("www-authenticate", 'Digest realm="r", nonce="n"')
        assert b"Authorization: Digest" in session.listen(message(401, "", ask))
        assert session.listen(message(401, "", ask)) == b""
        for ending in (message(454), message(0, "TEARDOWN"), message(0, "REDIRECT")):
            with pytest.raises(SourceUnreachable, match="ended the stream"):
                session.listen(ending)
        session.close()


def test_what_has_come_is_kept_where_a_wake_up_brings_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, turns = RtspWire.fill, []

    def fill(wire: RtspWire, room: memoryview) -> int:
        turns.append(0)
        return 0 if len(turns) % 2 == 0 else real(wire, room)

    def reply(method: str, url: str, headers: dict[str, str]) -> bytes | None:
        del url
        if method != "OPTIONS":
            return None
        sockets[0].sendall(b"RTSP/1.0 200 OK\r\nCSe")
        time.sleep(0.2)
        return f"q: {headers['cseq']}\r\n\r\n".encode()

    sockets: list[socket.socket] = []
    monkeypatch.setattr(RtspWire, "fill", fill)
    with ScriptedCamera(SDP, reply=reply, before_answers=sockets.append) as camera:
        _open(camera, open_s=2.0).close()


def test_a_flood_while_it_opens_has_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(wire: RtspWire, room: memoryview) -> int:
        turns.append(time.monotonic())
        return real(wire, room)

    turns, real = [], RtspWire.fill
    monkeypatch.setattr(RtspWire, "fill", fill)

    def flood(sock: socket.socket) -> None:
        while True:
            sock.sendall(interleaved(bytes(100), 9) * 600)

    with ScriptedCamera(SDP, before_answers=flood) as camera, pytest.raises(SourceUnreachable, match="did not answer within"):
        _open(camera, open_s=0.5)
    gaps_s = sorted(later - earlier for earlier, later in itertools.pairwise(turns))
    assert gaps_s[len(gaps_s) // 20] >= 0.0015  # 2 ms, but for what a busy machine's clocks round


def test_a_flood_of_messages_while_it_opens_ends_it() -> None:
    def flood(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n" * 100)

    with ScriptedCamera(SDP, before_answers=flood) as camera, pytest.raises(SourceCorrupt, match="more messages and empty packets"):
        _open(camera)
