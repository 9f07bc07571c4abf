"""A small ONVIF device over real sockets: WS-Discovery by UDP, device and media service by HTTP, with the digest checked."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENVELOPE = '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>{head}</s:Header><s:Body>{body}</s:Body></s:Envelope>'
PROFILE = (
    '<p:Profiles xmlns:p="http://www.onvif.org/ver10/media/wsdl" token="{token}"><p:Name>{name}</p:Name><p:VideoEncoderConfiguration>'
    "<p:Encoding>H264</p:Encoding><p:Resolution><p:Width>{w}</p:Width><p:Height>{h}</p:Height></p:Resolution>"
    "<p:RateControl><p:FrameRateLimit>15</p:FrameRateLimit></p:RateControl></p:VideoEncoderConfiguration></p:Profiles>"
)


class OnvifCamera:
    """A device on loopback.

    Attributes:
        udp: Where it answers probes: host and port.
        address: Its device service.
        asked: The bodies of the questions that came by HTTP.
        change: Changes an answer before it is sent: `(question, answer) -> answer`.
    """

    def __init__(self, *, ahead: timedelta = timedelta()) -> None:
        self.username, self.password, self.ahead = "eva", "hunter2", ahead
        self.asked: list[str] = []
        self.change: Callable[[str, bytes], bytes] = lambda _question, answer: answer
        self.change_match: Callable[[str], str] = lambda text: text
        self.status = 200
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = self.rfile.read(int(self.headers["Content-Length"])).decode()
                camera.asked.append(question)
                answer = camera.change(question, camera.answer(question))
                self.send_response(camera.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/onvif/device_service"
        self.media = f"http://127.0.0.1:{self._server.server_port}/onvif/media"
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.bind(("127.0.0.1", 0))
        self.udp: tuple[str, int] = self._line.getsockname()
        self._threads = [threading.Thread(target=self._server.serve_forever), threading.Thread(target=self._discovery)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"", self.udp)
        for thread in self._threads:
            thread.join(5)
        self._line.close()

    def _discovery(self) -> None:
        while True:
            data, sender = self._line.recvfrom(65536)
            if not data:
                return
            found = re.search(r"MessageID>([^<]+)<", data.decode())
            assert found is not None
            self._line.sendto(self.change_match(self.match(found[1])).encode(), sender)

    def match(self, message_id: str) -> str:
        scopes = "onvif://www.onvif.org/name/Front%20gate onvif://www.onvif.org/hardware/X1 onvif://www.onvif.org/location/country/north"
        head = f'<a:RelatesTo xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">{message_id}</a:RelatesTo>'
        addresses = f"http://[fe80::1]/onvif/device_service {self.address}"
        inner = f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs>"
        names = 'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
        return ENVELOPE.format(head=head, body=f"<d:ProbeMatches {names}><d:ProbeMatch>{inner}</d:ProbeMatch></d:ProbeMatches>")

    def answer(self, question: str) -> bytes:
        if "GetSystemDateAndTime" in question:
            now = datetime.now(UTC) + self.ahead
            date = f"<Date><Year>{now.year}</Year><Month>{now.month}</Month><Day>{now.day}</Day></Date>"
            clock = f"<Time><Hour>{now.hour}</Hour><Minute>{now.minute}</Minute><Second>{now.second}</Second></Time>"
            return self._body(f"<SystemDateAndTime><UTCDateTime>{clock}{date}</UTCDateTime></SystemDateAndTime>")
        if not self._knows(question):
            return self._body("<Fault><Code><Value>Sender</Value><Subcode><Value>ter:NotAuthorized</Value></Subcode></Code></Fault>")
        if "GetCapabilities" in question:
            return self._body(f"<Capabilities><Media><XAddr>{self.media}</XAddr></Media></Capabilities>")
        if "GetProfiles" in question:
            both = PROFILE.format(token="main", name="Main", w=1920, h=1080) + PROFILE.format(token="sub", name="Sub", w=640, h=360)
            return self._body(f'<R>{both}<p:Profiles xmlns:p="x" token="audio"/></R>')
        token = re.search(r"ProfileToken>([^<]+)<", question)
        assert token is not None
        return self._body(f"<MediaUri><Uri>rtsp://admin:own@127.0.0.1:554/{token[1]}?a=1&amp;b=2</Uri></MediaUri>")

    def _body(self, body: str) -> bytes:
        return ENVELOPE.format(head="", body=body).encode()

    def _knows(self, question: str) -> bool:
        """As a camera checks it: the digest of nonce, time and password, and a time that is its own within seconds."""
        parts = {name: re.search(rf"{name}[^>]*>([^<]+)<", question) for name in ("Username", "Password", "Nonce", "Created")}
        if not all(parts.values()):
            return False
        name, digest, nonce, created = (match[1] for match in parts.values() if match is not None)
        wanted = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode(), usedforsecurity=False).digest()
        late = abs(datetime.fromisoformat(created) - datetime.now(UTC) - self.ahead)
        return name == self.username and digest == base64.b64encode(wanted).decode() and late < timedelta(seconds=5)
