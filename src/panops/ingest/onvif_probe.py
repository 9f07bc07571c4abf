"""WS-Discovery: who on the network says that it is an ONVIF camera. One question by UDP, answers for some seconds."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from panops.domain.errors import SourceCorrupt, SourceUnreachable
from panops.ingest.onvif_xml import Element, parse_xml

MULTICAST = ("239.255.255.250", 3702)
MOST_DEVICES = 256
# Datagrams get lost: the question is asked again.
_AGAIN_AFTER_S = 0.4
_LARGEST = 65_536
_SCOPE = "onvif://www.onvif.org/"

_QUESTION = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>
<w:MessageID>{message_id}</w:MessageID><w:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action e:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device that answered.

    Attributes:
        host: The address that the answer came from.
        address: Its device service, `http://HOST/onvif/device_service`; always at `host`.
        name: What it calls itself; may be empty.
        hardware: Its model; may be empty.
        location: Where it says it is; may be empty.
    """

    host: str
    address: str
    name: str = ""
    hardware: str = ""
    location: str = ""


def probe(seconds: float, targets: Sequence[tuple[str, int]] = (MULTICAST,)) -> list[FoundDevice]:
    """Ask who is there.

    Args:
        seconds: How long to listen for answers.
        targets: Whom to ask: everybody, or single hosts behind a router, which multicast does not reach.

    Returns:
        Who answered this question, by address, at most `MOST_DEVICES`. What cannot be understood, answers to other questions, and
        services at another host than the one that answered are left out.

    Raises:
        SourceUnreachable: The question could not be sent at all.
    """
    message_id = f"urn:uuid:{uuid.uuid4()}"
    question = _QUESTION.format(message_id=message_id).encode()
    found: dict[str, FoundDevice] = {}
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line:
        line.setblocking(False)
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        end_s, ask_s, asked = time.monotonic() + seconds, time.monotonic(), 0
        while (left_s := end_s - time.monotonic()) > 0 and len(found) < MOST_DEVICES:
            if asked < 2 and time.monotonic() >= ask_s:
                _ask(line, question, targets)
                asked, ask_s = asked + 1, time.monotonic() + _AGAIN_AFTER_S
            wait_s = min(left_s, max(0.0, ask_s - time.monotonic())) if asked < 2 else left_s
            if not select.select([line], [], [], wait_s)[0]:
                continue
            with contextlib.suppress(OSError):  # a host that says that nobody listens there
                data, (host, *_) = line.recvfrom(_LARGEST)
                if (device := _understood(data, host, message_id)) is not None:
                    found[device.address] = device
    return sorted(found.values(), key=lambda device: socket.inet_aton(device.host))


def _ask(line: socket.socket, question: bytes, targets: Sequence[tuple[str, int]]) -> None:
    sent, why = 0, "no network"
    for target in targets:
        is_multicast = target == MULTICAST
        # Without this only the interface of the default route would be asked.
        for index, _name in socket.if_nameindex() if is_multicast else [(0, "")]:
            try:
                if is_multicast:
                    line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4), bytes(4), index))
                line.sendto(question, target)
                sent += 1
            except OSError as error:
                why = str(error.strerror or error)
    if not sent:
        raise SourceUnreachable(f"cameras cannot be asked for: {why}; is this machine in a network?")


def _understood(data: bytes, host: str, message_id: str) -> FoundDevice | None:
    try:
        answer = parse_xml(data)
    except SourceCorrupt:
        return None
    match = answer.first("Body", "ProbeMatches", "ProbeMatch")
    if match is None or answer.text_of("Header", "RelatesTo") != message_id:
        return None
    address = next((one for one in match.text_of("XAddrs").split() if is_at(one, host)), None)
    return None if address is None else FoundDevice(host, address, *(_scope(match, name) for name in ("name", "hardware", "location")))


def is_at(address: str, host: str) -> bool:
    """Whether an address is one of HTTP, without a login, at exactly this host: nobody is asked whom a stranger names."""
    try:
        parts = urlsplit(address)
        port = parts.port or 80
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname == host and parts.username is None and port > 0


def _scope(match: Element, name: str) -> str:
    for scope in match.text_of("Scopes").split():
        if scope.startswith(f"{_SCOPE}{name}/"):
            # A scope may have parts, `location/country/china`; the last one says most. Nothing unprintable reaches a terminal.
            text = unquote(scope.rpartition("/")[2])
            return "".join(letter for letter in text if letter.isprintable())[:120]
    return ""
