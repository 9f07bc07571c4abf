"""Where cameras that are added over the API may not be: on this server's own port, or where a cloud keeps the machine's own keys."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from panops.api.problems import FieldError, ProblemError
from panops.api.settings import ApiSettings
from panops.api.sources import refuse_forbidden
from panops.domain.addresses import IpAddress, ip_of, is_off_limits, is_off_limits_host, plain_ip
from panops.domain.errors import SourceError
from panops.ingest.address import AddressKind, parse_address

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_AT_ONCE = 16


def refuse_unfit(source: str, settings: ApiSettings) -> None:
    """Check all that an address given over the API must be. Looks at the disk and asks the resolver, so it blocks.

    Raises:
        ProblemError: 422.
    """
    refuse_forbidden(source, settings.allowed_file_roots)
    refuse_hidden_places(source, settings.port, settings.allowed_addresses)


def refusals(sources: Iterable[str], settings: ApiSettings) -> dict[str, str]:
    """Of many addresses those that `refuse_unfit` refuses, and why; several at once, since a resolver may take seconds for a name."""

    def why(source: str) -> str:
        try:
            refuse_unfit(source, settings)
        except ProblemError as error:
            return error.detail
        return ""

    wanted = list(dict.fromkeys(sources))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="addresses") as pool:
        return {source: detail for source, detail in zip(wanted, pool.map(why, wanted), strict=True) if detail}


def refuse_hidden_places(source: str, own_port: int, allowed: Sequence[str]) -> None:
    """Check where a network address leads. Asks the resolver for a name, so it blocks; a name that is not known now is let pass.

    Args:
        source: The camera's address.
        own_port: Where this server listens; 0: unknown.
        allowed: Networks that the site file allows all the same.

    Raises:
        ProblemError: 422.
    """
    try:
        address = parse_address(source)
    except SourceError:
        return  # refused elsewhere, in better words
    if address.kind not in (AddressKind.RTSP, AddressKind.HTTP):
        return
    found = refuse_hidden_host(address.host, allowed)
    port = address.port or _DEFAULT_PORTS.get(address.scheme, 0)
    if own_port and port == own_port and any(_is_own(one) for one in found):
        raise _refusal("the address is panops' own; expected that of a camera")


def refuse_hidden_host(host: str, allowed: Sequence[str], field: str = "source") -> list[IpAddress]:
    """Check a host alone, and tell its addresses; none where it is not known now. Blocks as `refuse_hidden_places` does.

    Raises:
        ProblemError: 422, at `field`.
    """
    found = _addresses(host)
    networks = [ipaddress.ip_network(one) for one in allowed]
    fine = [one for one in found if any(one in network for network in networks)]
    if len(fine) < len(found) or (is_off_limits_host(host) and not fine):
        hidden = is_off_limits_host(host) or any(is_off_limits(one) for one in found if one not in fine)
        if hidden:
            raise _refusal(
                "the address is link-local, or a service where a cloud keeps this machine's own keys; if there really is a camera, "
                "name it in server.allowed_addresses of the site file",
                field,
            )
    return found


def _addresses(host: str) -> list[IpAddress]:
    known = ip_of(host)
    if known is not None:
        return [known]
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [plain_ip(ipaddress.ip_address(str(row[4][0]).partition("%")[0])) for row in rows]


def _is_own(address: IpAddress) -> bool:
    """Whether an address is one of this machine's: only to those can a socket be bound."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _refusal(detail: str, field: str = "source") -> ProblemError:
    return ProblemError(422, detail, [FieldError(field, detail)])
