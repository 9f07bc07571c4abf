"""Asks an ONVIF camera for its profiles and the addresses of their streams: SOAP by HTTP, with a WS-UsernameToken digest."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from panops.domain.errors import SourceCorrupt, SourceError, SourceUnauthorized, SourceUnreachable
from panops.ingest.onvif_probe import FoundDevice, is_at
from panops.ingest.onvif_xml import LARGEST_BYTES, Element, parse_xml

MOST_PROFILES = 16
_STREAM = re.compile(r"(?:rtsps?|https?)://[^\s<>\"']{1,500}")
_ONCE_S = 3.0
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_DEVICE, _MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream that a camera offers.

    Attributes:
        name: What the camera calls it.
        codec: `h264`, `h265`, `jpeg` ...; empty where it does not say.
        size_wh: Of its pictures, px; zeros where it does not say.
        rate_fps: Pictures a second at most; 0 where it does not say.
        source: Its address, without a login.
    """

    name: str
    codec: str
    size_wh: tuple[int, int]
    rate_fps: float
    source: str


@dataclass(frozen=True, slots=True)
class Camera:
    """A device with what it says of itself.

    Attributes:
        device: Who answered.
        profiles: Its streams.
        problem: Why they are not known: a sentence; empty when they are.
    """

    device: FoundDevice
    profiles: tuple[Profile, ...] = ()
    problem: str = ""


def ask_camera(device: FoundDevice, username: str = "", password: str = "", *, limit_s: float = 8.0) -> Camera:
    """Ask a device for its streams. It never raises: what is wrong is the camera's `problem`.

    Args:
        device: From `onvif_probe.probe`; only its own host is asked.
        username: Of the camera; empty asks without one.
        password: Of the camera; it is not sent, only a digest of it.
        limit_s: How long all questions may take together.
    """
    try:
        return Camera(device, _Asking(device, username, password, time.monotonic() + limit_s).profiles())
    except SourceError as error:
        return Camera(device, problem=str(error))


class _Asking:
    def __init__(self, device: FoundDevice, username: str, password: str, end_s: float) -> None:
        self._device, self._username, self._password, self._end_s = device, username, password, end_s
        self._ahead = timedelta()

    def profiles(self) -> tuple[Profile, ...]:
        self._ahead = self._clock()
        capabilities = self._ask(self._device.address, f'<GetCapabilities xmlns="{_DEVICE}"><Category>Media</Category></GetCapabilities>')
        media = capabilities.text_of("Capabilities", "Media", "XAddr")
        if not is_at(media, self._device.host):
            raise SourceCorrupt("expected its media service at its own address, got another one or none; it was not asked")
        answer = self._ask(media, f'<GetProfiles xmlns="{_MEDIA}"/>')
        found = [self._profile(media, one) for one in list(answer.all("Profiles"))[:MOST_PROFILES]]
        return tuple(one for one in found if one is not None)

    def _clock(self) -> timedelta:
        """How far the camera's clock is ahead: a digest of another time is refused."""
        answer = self._ask(self._device.address, f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>', signed=False)
        told = answer.first("UTCDateTime")
        if told is None:
            return timedelta()
        try:
            numbers = [int(told.text_of(*path)) for path in (("Year",), ("Month",), ("Day",), ("Hour",), ("Minute",), ("Second",))]
            year, month, day, hour, minute, second = numbers
            return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - datetime.now(UTC)
        except (ValueError, OverflowError):
            return timedelta()

    def _profile(self, media: str, raw: Element) -> Profile | None:
        token = raw.attributes.get("token", "")
        encoder = raw.first("VideoEncoderConfiguration")
        if not token or encoder is None:
            return None  # one without pictures
        setup = '<Stream xmlns="http://www.onvif.org/ver10/schema">RTP-Unicast</Stream><Transport xmlns="http://www.onvif.org/ver10/schema"><Protocol>RTSP</Protocol></Transport>'
        question = (
            f'<GetStreamUri xmlns="{_MEDIA}"><StreamSetup>{setup}</StreamSetup><ProfileToken>{escape(token)}</ProfileToken></GetStreamUri>'
        )
        source = self._ask(media, question).text_of("MediaUri", "Uri")
        if not _STREAM.fullmatch(source):
            return None
        size = (_whole(encoder.text_of("Resolution", "Width")), _whole(encoder.text_of("Resolution", "Height")))
        rate = float(_whole(encoder.text_of("RateControl", "FrameRateLimit")))
        return Profile((raw.text_of("Name") or token)[:120], encoder.text_of("Encoding").lower()[:20], size, rate, _without_login(source))

    def _ask(self, address: str, body: str, *, signed: bool = True) -> Element:
        """The body of the answer.

        Raises:
            SourceUnauthorized: The camera wants a user name and password, or others.
            SourceUnreachable: It does not answer in time.
            SourceCorrupt: It answers something else.
        """
        header = self._signature() if signed and self._username else ""
        text = f'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>'
        status, data = self._post(address, text.encode())
        if status == 401:
            raise self._refused()
        answer = parse_xml(data)
        fault = answer.first("Body", "Fault")
        if fault is not None:
            words = " ".join(one.text for one in (*fault.all("Value"), *fault.all("Text")))
            if "NotAuthorized" in words or "not authorized" in words.lower():
                raise self._refused()
            raise SourceCorrupt(f"the camera answers with a fault: {words[:200]}")
        if status != 200:
            raise SourceCorrupt(f"expected an answer, got the HTTP status {status}")
        return answer

    def _refused(self) -> SourceUnauthorized:
        what = "refuses this user name and password" if self._username else "wants a user name and password"
        return SourceUnauthorized(f"the camera {what}: its ONVIF user may be another one than that of its page")

    def _post(self, address: str, data: bytes) -> tuple[int, bytes]:
        parts = urlsplit(address)
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise SourceUnreachable("the camera took too long to answer")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=min(_ONCE_S, left_s))
        try:
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request("POST", path, data, {"Content-Type": "application/soap+xml; charset=utf-8", "Connection": "close"})
            answer = connection.getresponse()
            # Redirects are not followed: they could lead anywhere.
            return answer.status, self._read(answer)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise SourceUnreachable(f"the camera does not answer at {parts.hostname}: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        """Piece by piece: one that sends a byte a second is given up at the end of the time."""
        data = bytearray()
        while piece := answer.read1(65_536):
            data += piece
            if len(data) > LARGEST_BYTES:
                raise SourceCorrupt(f"expected an answer of at most {LARGEST_BYTES} bytes")
            if time.monotonic() > self._end_s:
                raise SourceUnreachable("the camera took too long to answer")
        return bytes(data)

    def _signature(self) -> str:
        nonce = secrets.token_bytes(16)
        at = datetime.now(UTC)
        with suppress(OverflowError):  # a clock that stands at the end of all time says nothing
            at += self._ahead
        created = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        # What the standard says; the password is not in it in the clear.
        digest = hashlib.sha1(nonce + created.encode() + self._password.encode(), usedforsecurity=False).digest()
        word = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
        return (
            f'<s:Security e:mustUnderstand="1" xmlns:s="{_WSSE}-wssecurity-secext-1.0.xsd" xmlns:u="{_WSSE}-wssecurity-utility-1.0.xsd">'
            f"<s:UsernameToken><s:Username>{escape(self._username)}</s:Username>"
            f'<s:Password Type="{word}">{base64.b64encode(digest).decode()}</s:Password>'
            f'<s:Nonce EncodingType="{_WSSE}-soap-message-security-1.0#Base64Binary">{base64.b64encode(nonce).decode()}</s:Nonce>'
            f"<u:Created>{created}</u:Created></s:UsernameToken></s:Security>"
        )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def _without_login(source: str) -> str:
    """Some cameras put their own password into the address that they tell."""
    scheme, _, rest = source.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
