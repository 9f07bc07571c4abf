"""Which cameras are on the network, and what they offer."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from panops.domain.errors import SourceUnreachable
from panops.ingest.onvif_device import Camera, ask_camera
from panops.ingest.onvif_probe import MULTICAST, FoundDevice, probe

log = logging.getLogger(__name__)

MOST_ASKED = 64
_AT_ONCE = 16


def discover(
    seconds: float = 3.0, *, username: str = "", password: str = "", host: str = "", targets: Sequence[tuple[str, int]] | None = None
) -> list[Camera]:
    """Ask the network for ONVIF cameras, and each for its streams.

    Args:
        seconds: How long to wait for answers; asking the cameras takes up to 8 s more.
        username: Of the cameras; empty asks without one, and many tell nothing then.
        password: Of the cameras. A digest of it is sent to every device that answers: use one that is for cameras only.
        host: Ask this one only, also behind a router.
        targets: Whom to ask instead: host and port.

    Raises:
        SourceUnreachable: The host has no address, or nothing can be sent.
    """
    if targets is None:
        targets = [(_address_of(host), MULTICAST[1])] if host else [MULTICAST]
    devices = probe(seconds, targets)[:MOST_ASKED]
    if not devices:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(devices)), thread_name_prefix="onvif") as pool:
        return list(pool.map(lambda device: _asked(device, username, password), devices))


def _asked(device: FoundDevice, username: str, password: str) -> Camera:
    """Whatever goes wrong with one device is told with it, and does not cost the others."""
    try:
        return ask_camera(device, username, password)
    except Exception as error:
        log.exception("the device at %s cannot be asked for its streams", device.host)
        return Camera(device, problem=f"the camera cannot be asked: {error}")


def _address_of(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise SourceUnreachable(f"the host {host[:80]!r} cannot be found: {getattr(error, 'strerror', None) or error}") from error
