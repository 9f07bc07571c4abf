"""The dialogue with a camera (RTSP 1.0, RFC 2326): from its address to a stream that plays inside the RTSP connection.

It runs on the feed's own thread and blocks, within its time. Whatever is unusual about a camera shows here and is left to FFmpeg.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from urllib.parse import unquote

from panops.domain.addresses import is_off_limits_host
from panops.domain.errors import SourceCorrupt, SourceError, SourceUnreachable
from panops.ingest.address import Address, AddressKind, parse_address
from panops.ingest.failure import closed_by_peer, open_failure, refusal
from panops.ingest.pace import BUSY_PACE_S, rest_s
from panops.ingest.reader_choice import Unusual
from panops.ingest.rtsp_login import RtspLogin
from panops.ingest.rtsp_message import RtspMessage, format_answer, format_request
from panops.ingest.rtsp_wire import RtspWire, make_room
from panops.ingest.sdp import VideoOffer, parse_sdp
from panops.ingest.stoppable import Stopped, connect

_PORT = 554
_MOST_REDIRECTS = 3
_MOST_TRIES = 3
_SESSION_S = 60.0
_LONGEST_SILENCE_S = 30.0
# Answers that may come unasked, or to a question that was given up.
_MOST_WAITING = 32


class RtspSession:
    """One connection's dialogue. `open` and `play` belong to one thread; afterwards whoever reads the wire calls the rest.

    Args:
        address: The camera.
        stop: Ends what blocks.
        open_s: Time for `open` and `play` together, s.

    Attributes:
        wire: The connection, once `open` was called.
        keep_alive_s: How often the server wants to hear from us, s.
    """

    def __init__(self, address: Address, stop: threading.Event, open_s: float) -> None:
        self.keep_alive_s = _LONGEST_SILENCE_S
        self._where = address
        self._stop = stop
        self._open_s = open_s
        self._began_s = time.monotonic()
        self._wire: RtspWire | None = None
        self._login = RtspLogin("", "")
        self._answers: deque[RtspMessage] = deque(maxlen=_MOST_WAITING)
        self._sequence = 0
        self._id = ""
        self._base = self._control = ""
        self._can_ask = False
        self._asks_again = False

    @property
    def wire(self) -> RtspWire:
        """The connection, once `open` was called."""
        assert self._wire is not None, "open comes first"  # noqa: S101  # for the type checker
        return self._wire

    # --- the dialogue -------------------------------------------------------------------------------------------------------

    def open(self) -> VideoOffer:
        """Connect, and learn what the camera offers.

        Raises:
            SourceError: One of its kinds, saying what is wrong.
            Unusual: It is nothing for our own reader.
        """
        self._began_s = time.monotonic()
        failure: SourceError | None = None
        try:
            return self._describe()
        except (OSError, EOFError, ValueError, Stopped) as error:
            failure = self._failure(error)
        raise failure

    def play(self, offer: VideoOffer) -> None:
        """Let the stream begin; its packets may come before the answer, so `wire.on_rtp` must be set.

        Raises:
            SourceError: One of its kinds, saying what is wrong.
            Unusual: It is nothing for our own reader.
        """
        failure: SourceError | None = None
        try:
            self._set_up(offer)
            self._control = self._resolved(offer.session_control)
            self._succeed("PLAY", self._control, *self._session(), ("Range", "npt=0.000-"))
        except (OSError, EOFError, ValueError, Stopped) as error:
            failure = self._failure(error)
        if failure is not None:
            raise failure

    def keep_alive(self) -> bytes:
        """A question that shows that somebody still watches."""
        return self._question("GET_PARAMETER" if self._can_ask else "OPTIONS", self._control, *self._session())

    def close(self) -> None:
        """Say farewell where that is possible at once, and close the connection. Safe to call twice."""
        if self._wire is None:
            return
        farewell = b""
        with contextlib.suppress(ValueError):  # what the server calls the session cannot be said
            farewell = self._question("TEARDOWN", self._control or self._base, *self._session()) if self._id else b""
        self._wire.close(farewell)

    def listen(self, message: RtspMessage) -> bytes:
        """Take a message that comes while the stream plays.

        Returns:
            What to answer; empty for nothing.

        Raises:
            SourceError: The server ends the session.
        """
        if message.method:
            return self._answer(message)
        if message.status == 401 and not self._asks_again:
            # The server's question grows old; once a time, lest both go on asking for ever.
            self._asks_again = True
            return self.keep_alive() if self._login.challenged(message.every("www-authenticate")) else b""
        self._asks_again = False
        if message.status == 454:  # no such session
            raise closed_by_peer(self._where)
        if 200 <= message.status < 300:
            self._login.accepted()
        return b""

    def _describe(self) -> VideoOffer:
        place, path, self._login = _parts(self._where)
        for _ in range(_MOST_REDIRECTS + 1):
            self._base = f"rtsp://{place[2]}{path}"
            self._connect(place[0], place[1])
            can_do = self._ask("OPTIONS", self._base)
            if can_do.status == 401:  # to go on would be a second wrong password
                self._check(can_do)
            self._can_ask = "GET_PARAMETER" in can_do.header("public").upper()
            answer = self._ask("DESCRIBE", self._base, ("Accept", "application/sdp"))
            if answer.status not in {301, 302, 303, 305, 307, 308}:
                break
            self.wire.close()
            elsewhere, path, login = _parts(self._redirected(answer.header("location")))
            # A password is for the camera that the user named, and for nobody that it names.
            if login.has_user or elsewhere[0] != place[0]:
                self._login = login
            place = elsewhere
        else:
            raise SourceUnreachable(f"{self._where.masked} sends from one address to the next")
        self._check(answer)
        base = answer.header("content-base") or answer.header("content-location")
        self._base = base if base.lower().startswith("rtsp://") else self._base
        if not answer.body:
            raise Unusual("it does not describe its stream")
        return parse_sdp(answer.body.decode("utf-8", "replace"))

    def _redirected(self, location: str) -> Address:
        try:
            address = parse_address(location)
        except SourceError:
            address = None
        if address is not None and is_off_limits_host(address.host):
            raise SourceUnreachable(f"{self._where.masked} sends to an address on this machine's own link, where nothing is asked")
        if address is None or address.kind is not AddressKind.RTSP or address.scheme != "rtsp":
            raise SourceUnreachable(f"{self._where.masked} sends to an address that is not rtsp://")
        return address

    def _set_up(self, offer: VideoOffer) -> None:
        url = self._resolved(offer.control)
        answer = self._succeed("SETUP", url, ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"))
        self._id, _, rest = answer.header("session").partition(";")
        self._id = self._id.strip()
        timeout_s = _number(rest, "timeout=") or _SESSION_S
        self.keep_alive_s = min(max(1.0, timeout_s / 2), _LONGEST_SILENCE_S)
        transport = answer.header("transport").lower()
        if "tcp" not in transport and "interleaved" not in transport:
            raise Unusual("it does not send video inside the RTSP connection")
        first = _number(transport, "interleaved=")
        if first is not None:
            self.wire.channels = (int(first) & 0xFF, int(first) + 1 & 0xFF)

    def _resolved(self, control: str) -> str:
        """The address that a control attribute means (RFC 2326, C.1.1)."""
        if not control or control == "*":
            return self._base
        if control.lower().startswith("rtsp://"):
            return control
        return f"{self._base.rstrip('/')}/{control.lstrip('/')}"

    # --- questions and answers ----------------------------------------------------------------------------------------------

    def _succeed(self, method: str, url: str, *headers: tuple[str, str]) -> RtspMessage:
        answer = self._ask(method, url, *headers)
        self._check(answer)
        return answer

    def _check(self, answer: RtspMessage) -> None:
        """Go on only after a success.

        Raises:
            SourceError: The server refuses.
            Unusual: It refuses in a way that has to do with the dialogue.
        """
        if 200 <= answer.status < 300:
            return
        if answer.status in {401, 403, 404} or answer.status >= 500:
            raise refusal(answer.status, self._where)
        raise Unusual(f"it answers with {answer.status}")

    def _ask(self, method: str, url: str, *headers: tuple[str, str]) -> RtspMessage:
        """Ask, with the login where the server wants it, and wait for the answer."""
        for _ in range(_MOST_TRIES):
            self._answers.clear()
            self.wire.send(self._question(method, url, *headers), self._deadline_s)
            answer = self._receive(str(self._sequence))
            if answer.status != 401:
                self._login.accepted()
                break
            if not self._login.challenged(answer.every("www-authenticate")):
                if self._login.has_user and not self._login.understood:
                    raise Unusual("it asks for the password in a way of its own")
                break
        return answer

    def _session(self) -> list[tuple[str, str]]:
        return [("Session", self._id)] if self._id else []

    def _question(self, method: str, url: str, *headers: tuple[str, str]) -> bytes:
        self._sequence += 1
        login = self._login.header(method, url)
        fields = [("CSeq", str(self._sequence)), ("User-Agent", "panops"), *headers]
        return format_request(method, url, fields if login is None else [*fields, ("Authorization", login)])

    def _receive(self, sequence: str) -> RtspMessage:
        room, rested_s = make_room(), 0.0
        while True:
            while self._answers:
                answer = self._answers.popleft()
                if answer.method:
                    self.wire.post(self._answer(answer))
                elif answer.header("cseq") in {sequence, ""}:
                    return answer
            self._stop.wait(rested_s)
            # A server that talks without an end has not answered either.
            if time.monotonic() >= self._deadline_s or not self.wire.wait(self._deadline_s):
                raise TimeoutError
            began_s, used_s = time.monotonic(), time.thread_time()
            end = self.wire.fill(room)
            if end:  # otherwise what is left from the last time would be forgotten
                self.wire.split(room, end)
            rested_s = rest_s(BUSY_PACE_S, time.monotonic() - began_s, time.thread_time() - used_s)

    def _answer(self, request: RtspMessage) -> bytes:
        """What to say to a request of the server's."""
        if request.method in {"TEARDOWN", "REDIRECT"}:
            raise closed_by_peer(self._where)
        known = request.method in {"OPTIONS", "GET_PARAMETER", "SET_PARAMETER"}
        return format_answer("200 OK" if known else "501 Not Implemented", [("CSeq", request.header("cseq"))])

    @property
    def _deadline_s(self) -> float:
        return self._began_s + self._open_s

    def _connect(self, host: str, port: int) -> None:
        sock = connect(host, port, self._deadline_s, self._stop)
        self._wire = RtspWire(sock, self._stop)
        self._wire.on_message = self._answers.append

    def _failure(self, error: BaseException) -> SourceError:
        where = self._where.masked
        if isinstance(error, Stopped):
            return SourceError(f"{where} was closed while it was being opened")
        if isinstance(error, EOFError):
            return closed_by_peer(self._where)
        if isinstance(error, ValueError):
            return SourceCorrupt(f"{where} sends {error}")
        return open_failure(error, self._where, time.monotonic() - self._began_s, self._open_s)


def _parts(address: Address) -> tuple[tuple[str, int, str], str, RtspLogin]:
    """Host, port, and both as they are written in a request; what follows them; the login."""
    rest = address.target.partition("://")[2]
    end = min((rest.find(letter) for letter in "/?#" if letter in rest), default=len(rest))
    user, _, password = rest[:end].rpartition("@")[0].partition(":")
    port = address.port if address.port is not None else _PORT
    if not 0 < port < 65536:
        raise Unusual("its port is none")
    host = f"[{address.host}]" if ":" in address.host else address.host
    return (address.host, port, f"{host}:{port}"), rest[end:], RtspLogin(unquote(user), unquote(password))


def _number(text: str, name: str) -> float | None:
    """The number after `name` in a header's value."""
    digits = text.partition(name)[2].partition(";")[0].partition("-")[0].strip()
    return float(digits[:9]) if digits.isdecimal() else None
