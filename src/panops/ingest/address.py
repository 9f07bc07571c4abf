"""What a camera's `source` text means, and how it is shown to people: never with its password.

Passwords hide in two places: before the `@` of an address, and in its query (`?user=me&password=...`). Some are typed raw (`p@ss/word`),
some percent-encoded; FFmpeg decodes them and may print either form, so `secrets` lists all of them and `scrub` removes every one.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote

from panops.domain.errors import SourceUnsupported

HIDDEN = "***"

_SCHEME = re.compile(r"^(?P<scheme>[a-z][a-z0-9+.-]+):(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_SECRET_KEY = re.compile(r"pass|pwd|secret|token|auth|sig|key|credential", re.IGNORECASE)
_QUERY_VALUE = re.compile(r"(?P<key>[^?&=#]+)=(?P<value>[^&#]*)")
_LOGIN_IN_TEXT = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s'\"]*@")
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# A secret this short would hit every other word; inside an address the pattern above still removes it.
_SHORTEST_SECRET = 3


class AddressKind(StrEnum):
    """How an address is read."""

    RTSP = "rtsp"
    HTTP = "http"
    FILE = "file"
    FOLDER = "folder"
    GLOB = "glob"
    DEVICE = "device"
    SIMULATED = "sim"
    PLUGIN = "plugin"


@dataclass(frozen=True, slots=True)
class Address:
    """A camera's address, taken apart.

    Attributes:
        kind: How it is read.
        scheme: Its scheme in lower case: `rtsp`, `rtsps`, `http`, `https`, `file`, `device`, `sim` or a plug-in's.
        target: What to open: a full URL (with the password, encoded so that FFmpeg reads it), a path, a pattern or a device.
        masked: The address for people, without any password.
        host: Host name or literal address, empty where there is none.
        port: Port, or None where none is given.
        secrets: Every spelling of the passwords in it, longest first; for `scrub`.
    """

    kind: AddressKind
    scheme: str
    target: str
    masked: str
    host: str = ""
    port: int | None = None
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The password stays out of logs and tracebacks."""
        return f"Address({self.kind}, {self.masked!r})"


def parse_address(source: str) -> Address:
    """Take a camera's `source` text apart. Nothing is opened; only whether a path is a folder is looked up.

    Args:
        source: `rtsp://...`, `http(s)://...`, `file:...`, `device:...`, `sim://...`, or a path or glob pattern.

    Raises:
        SourceUnsupported: The text is empty, or an address without a host.
    """
    text = source.strip()
    if not text:
        raise SourceUnsupported("expected an address such as rtsp://host/path or a file name, got nothing")
    match = _SCHEME.match(text)
    if match is None:  # no scheme; a Windows drive letter is one letter and does not match either
        return _path_address(text)
    scheme, rest = match["scheme"].lower(), match["rest"]
    if scheme == "file":
        return _path_address(unquote(rest.removeprefix("//")) if rest.startswith("//") else rest)
    if scheme in {"rtsp", "rtsps", "http", "https"}:
        return _network_address(scheme, rest)
    return _other_address(scheme, rest, text)


def scrub(text: str, secrets: tuple[str, ...]) -> str:
    """`text` without any of `secrets`, and without the login part of any address in it."""
    text = _LOGIN_IN_TEXT.sub(rf"\g<scheme>{HIDDEN}@", text)
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
    return text


def _other_address(scheme: str, rest: str, text: str) -> Address:
    if scheme == "device":
        device = rest.removeprefix("//") or "/dev/video0"
        return Address(AddressKind.DEVICE, scheme, device, f"device:{device}")
    if scheme == "sim":
        return Address(AddressKind.SIMULATED, scheme, rest.removeprefix("//"), text)
    if not rest.startswith("//") and Path(text).exists():
        return _path_address(text)
    secrets, masked = _mask(text)
    return Address(AddressKind.PLUGIN, scheme, text, masked, secrets=secrets)


def _path_address(text: str) -> Address:
    path = str(Path(text).expanduser())
    if Path(path).is_dir():
        kind = AddressKind.FOLDER
    elif any(letter in path for letter in "*?[") and not Path(path).exists():
        kind = AddressKind.GLOB
    else:
        kind = AddressKind.FILE
    return Address(kind, "file", path, text)


def _network_address(scheme: str, rest: str) -> Address:
    login, authority, tail = _split_login(rest.removeprefix("//"))
    host, port = _split_host(authority)
    secrets, masked = _mask(f"{scheme}://{rest.removeprefix('//')}")
    if not host:
        raise SourceUnsupported(f"expected a host name after {scheme}://, got none in {masked}")
    encoded = ""
    if login is not None:
        user, colon, password = login.partition(":")
        encoded = _encode(user) + (f":{_encode(password)}" if colon else "") + "@"
    kind = AddressKind.RTSP if scheme.startswith("rtsp") else AddressKind.HTTP
    return Address(kind, scheme, f"{scheme}://{encoded}{authority}{tail}", masked, host, port, secrets)


def _split_login(rest: str) -> tuple[str | None, str, str]:
    """`user:password`, `host:port` and the tail of what follows `//`; a raw password may hold `@`, `/`, `?` and `#`.

    Where an address can be read in two ways, the one that hides more is taken: a wrong guess is then seen at once, and shows no password.
    """
    authority = _until(rest, r"[/?#]")
    tail = rest[len(authority) :]
    login, at, host = authority.rpartition("@")
    by_rule = (login if at else None, host, tail)
    _, colon, port = host.partition(":")
    # `user:pa` cannot be a host with its port: there the password surely goes on. Elsewhere a query may hold an `@` of its own.
    broken = bool(colon) and not port.isdigit() and not host.startswith("[")
    login, later, after = (rest if broken else _until(rest, r"\?[\w.-]+=")).rpartition("@")
    if not later or len(login) <= len(authority):
        return by_rule
    later_host = _until(after, r"[/?#]")
    if broken or ((at or colon) and _plausibility(later_host) >= max(1, _plausibility(host))):
        return login, later_host, rest[len(login) + 1 + len(later_host) :]
    return by_rule


def _until(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return text[: match.start()] if match else text


def _plausibility(host: str) -> int:
    """How much it looks like a host: 3 a numeric address, 2 a full name, 1 a name with a port, 0 anything else."""
    if re.match(r"^(\[[0-9a-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+)(:\d+)?$", host):
        return 3
    if re.match(r"^(localhost|([A-Za-z0-9_-]+\.)+[A-Za-z]+)(:\d+)?$", host):
        return 2
    return 1 if re.match(r"^[A-Za-z0-9_-]+:\d+$", host) else 0


def _split_host(authority: str) -> tuple[str, int | None]:
    literal = re.match(r"^\[(?P<host>[^\]]*)\](?::(?P<port>\d+))?$", authority)
    if literal:
        return literal["host"], int(literal["port"]) if literal["port"] else None
    host, _, port = authority.partition(":")
    return host, int(port) if port.isdigit() else None


def _encode(text: str) -> str:
    """Percent-encode what a URL may not hold, leaving what is encoded already."""
    return quote(_BROKEN_PERCENT.sub("%25", text), safe="%")


def _mask(url: str) -> tuple[tuple[str, ...], str]:
    """Every spelling of the passwords in `url`, and `url` without them."""
    scheme, _, rest = url.partition("://")
    login, authority, tail = _split_login(rest)
    found: set[str] = set()
    shown = ""
    if login is not None:
        user, colon, password = login.partition(":")
        shown = f"{user}:{HIDDEN}@" if colon else f"{user}@"
        if password:
            found |= _spellings(password)
            found.add(base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode())

    def hide(match: re.Match[str]) -> str:
        if not _SECRET_KEY.search(match["key"]) or not match["value"]:
            return match[0]
        found.update(_spellings(match["value"]))
        return f"{match['key']}={HIDDEN}"

    path, question, query = tail.partition("?")
    masked = f"{scheme}://{shown}{authority}{path}{question}{_QUERY_VALUE.sub(hide, query)}"
    return tuple(sorted(found, key=lambda secret: (-len(secret), secret))), masked


def _spellings(password: str) -> set[str]:
    plain = unquote(password)
    return {password, plain, quote(plain, safe=""), quote(plain), _encode(password)}
