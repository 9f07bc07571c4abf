"""Addresses that nothing of panops connects to unasked: where a cloud keeps the machine's own keys, and other places on the same link."""

from __future__ import annotations

import ipaddress

# Names by which clouds offer a machine's own keys, and the addresses of such services that are not link-local.
_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal", "metadata.tencentyun.com", "instance-data"}
)
_NAME_ENDINGS = (".metadata.google.internal", ".instance-data.ec2.internal")
_PLACES = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")))

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def ip_of(text: str) -> IpAddress | None:
    """The address that a text is, the way the system's resolver reads it (`127.1` and `2130706433` are 127.0.0.1); None for a name."""
    plain = text.strip("[]").partition("%")[0]
    try:
        found: IpAddress = ipaddress.ip_address(plain)
    except ValueError:
        return _old_style(plain)
    return plain_ip(found)


def plain_ip(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one only wraps (mapped, 6to4, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if wrapped is None and address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return wrapped or address
    return address


def is_off_limits(address: IpAddress) -> bool:
    """Whether an address is link-local (169.254.0.0/16, fe80::/10) or a cloud's service for the machine's own keys."""
    plain = plain_ip(address)
    return plain.is_link_local or plain in _PLACES


def is_off_limits_host(host: str) -> bool:
    """The same of a host as it stands in an address; of a name only what the name itself says."""
    address = ip_of(host)
    if address is not None:
        return is_off_limits(address)
    name = host.casefold().rstrip(".")
    return name in _NAMES or name.endswith(_NAME_ENDINGS)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _old_style(text: str) -> IpAddress | None:
    """Numbers in fewer than four parts, octal or hexadecimal, as `inet_aton` takes them."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    try:
        numbers = [int(part, 16 if part[:2].lower() == "0x" else 8 if part[:1] == "0" and len(part) > 1 else 10) for part in parts]
    except ValueError:
        return None
    *heads, last = numbers
    if any(not 0 <= head <= 255 for head in heads) or not 0 <= last < 256 ** (4 - len(heads)):
        return None
    return ipaddress.IPv4Address(sum(head << (24 - 8 * at) for at, head in enumerate(heads)) + last)
