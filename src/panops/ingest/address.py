"""What a camera's `source` text means, and how it is shown to people: never with its password.

Passwords hide in two places: before the `@` of an address, and in pairs such as `password=...` in its query or path (recorders take
`/user=me_password=..._channel=1`). Some are typed raw (`p@ss/word`), some percent-encoded; FFmpeg decodes them and may print either form,
so `secrets` lists all of them and `scrub` removes every one. Where a text can be read in two ways, what is shown hides more.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote

from panops.domain.errors import SourceUnsupported

HIDDEN = "***"

_SCHEME = re.compile(r"^(?P<scheme>[a-z][a-z0-9+.-]+):(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_KEY = r"[\w.%-]{1,40}"
_HIDING_KEY = r"(?:[\w.%-]{0,40}(?:pas|pwd|psw|secret|token|auth|sig|key|credential|jwt)[\w.%-]{0,40}|(?<![^\W_])(?:pw|pin)\d*)"
# A value ends where the next pair begins, and nowhere else: a raw password may hold any of these letters. `_` is common in passwords, so
# it counts only before the keys that recorders use.
_RECORDER_KEY = r"_(?:user|channel|stream|subtype|unicast|proto)\w{0,20}="
_NEXT_PAIR = rf"[;&?](?![\w.%-]{{0,40}}{_RECORDER_KEY}){_KEY}=|{_RECORDER_KEY}"
_SECRET_PAIR = re.compile(rf"(?P<key>{_HIDING_KEY})=(?P<value>.+?)(?=(?:{_NEXT_PAIR})|\Z)", re.IGNORECASE | re.DOTALL)
# What comes after is surely no password of a login any more: an `@` in it belongs to a value.
_FIRST_PAIR = re.compile(rf"\?{_KEY}=|[/;&_?]{_HIDING_KEY}=", re.IGNORECASE)
_TAIL = re.compile(r"[/?#]")
_URL = re.compile(r"(?P<head>(?P<scheme>[a-z][a-z0-9+.-]*)://)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_SURE_PATH = re.compile(r"/(?!/)|\.{1,2}/|~/")
# `cam:554/live@1` is a host with its port, `admin:12/34@cam` a password that was typed raw.
_USUAL_PORTS = frozenset({80, 81, 82, 83, 88, 443, 554, 555, 1935, 5000, 7447, 8000, 8080, 8081, 8088, 8443, 8554, 8888, 10554})
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
        SourceUnsupported: The text is empty, an address without a host, or a login without a scheme.
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
        secrets, masked = _mask(device)
        return Address(AddressKind.DEVICE, scheme, device, f"device:{masked}", secrets=secrets)
    secrets, masked = _mask(text)
    if scheme == "sim":
        return Address(AddressKind.SIMULATED, scheme, rest.removeprefix("//"), masked, secrets=secrets)
    if not rest.startswith("//") and (_exists(text) or "@" in rest):
        return _path_address(text)
    return Address(AddressKind.PLUGIN, scheme, text, masked, secrets=secrets)


def _path_address(text: str) -> Address:
    secrets, masked = _mask(text)
    try:
        path = str(Path(text).expanduser())
    except RuntimeError as error:
        raise SourceUnsupported(f"{masked} cannot be read: there is no such user with a home folder") from error
    exists = _exists(path)
    if exists:
        secrets, masked = (), text
    elif _has_login(text):
        raise SourceUnsupported(f"did you forget rtsp://? {masked} reads like a login; a file of such a name is written with ./ in front")
    if exists and Path(path).is_dir():
        kind = AddressKind.FOLDER
    elif any(letter in path for letter in "*?[") and not exists:
        kind = AddressKind.GLOB
    else:
        kind = AddressKind.FILE
    return Address(kind, "file", path, masked, secrets=secrets)


def _network_address(scheme: str, rest: str) -> Address:
    rest = rest.removeprefix("//")
    login, authority, tail = _split_login(rest)
    host, port = _split_host(authority)
    secrets, masked = _mask(f"{scheme}://{rest}")
    if not host:
        raise SourceUnsupported(f"expected a host name after {scheme}://, got none in {masked}")
    encoded = ""
    if login is not None:
        user, colon, password = login.partition(":")
        encoded = _encode(user) + (f":{_encode(password)}" if colon else "") + "@"
    kind = AddressKind.RTSP if scheme.startswith("rtsp") else AddressKind.HTTP
    return Address(kind, scheme, f"{scheme}://{encoded}{authority}{tail}", masked, host, port, secrets)


def _split_login(rest: str, *, for_people: bool = False) -> tuple[str | None, str, str]:
    """`user:password`, `host:port` and the tail of what follows `//`; a raw password may hold `@`, `/`, `?` and `#`.

    Where an address can be read in two ways, the one that hides more is taken: a wrong guess is then seen at once, and shows no password.

    Args:
        rest: What follows `//`.
        for_people: Hide even where the other reading is the likelier one, because the host is a single word.
    """
    authority = _until(rest, _TAIL)
    tail = rest[len(authority) :]
    login, at, host = authority.rpartition("@")
    by_rule = (login if at else None, host, tail)
    _, colon, port = "", "", ""
    if not host.startswith("["):
        _, colon, port = host.partition(":")
    # `user:pa` cannot be a host with its port: there the password surely goes on. Elsewhere a query may hold an `@` of its own.
    broken = bool(colon) and not (port.isdecimal() and 0 < int(port) < 65536)
    plausible = _plausibility(host)
    # A single word with a port that no camera has: rather a user whose password begins with digits.
    odd = bool(colon) and not broken and not at and plausible < 2 and int(port) not in _USUAL_PORTS
    login, later, after = (rest if broken or (odd and for_people) else _until(rest, _FIRST_PAIR)).rpartition("@")
    if not later or len(login) <= len(authority):
        return by_rule
    later_host = _until(after, _TAIL)
    likely = broken or ((at or colon) and _plausibility(later_host) >= max(1, plausible)) or (odd and int(port) < 1024)
    if likely or (for_people and (at or colon) and plausible < 2):
        return login, later_host, rest[len(login) + 1 + len(later_host) :]
    return by_rule


def _has_login(text: str) -> bool:
    """Whether a text without a scheme holds `user:password@`; what surely is a path does not."""
    return not _SURE_PATH.match(text) and re.search(r":.*@", text, re.DOTALL) is not None


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name that is too long
        return False


def _until(text: str, pattern: re.Pattern[str]) -> str:
    match = pattern.search(text)
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
    return host, int(port) if port.isdecimal() else None


def _encode(text: str) -> str:
    """Percent-encode what a URL may not hold, leaving what is encoded already."""
    return quote(_BROKEN_PERCENT.sub("%25", text), safe="%")


def with_placeholders(source: str, placeholder: Callable[[str, str], str]) -> str:
    """`source` with something else in place of each password. Nothing is refused: what cannot be an address is masked all the same.

    Args:
        source: A camera's `source` text.
        placeholder: Gives the replacement for a key (`password` for the login's, else the pair's key) and the secret as it is written.
    """
    head, login, tail = _parts(source.strip())
    shown = head
    if login is not None:
        user, colon, password = login.partition(":")
        shown += user + colon + (placeholder("password", password) if password else "")
    return shown + (_SECRET_PAIR.sub(lambda pair: f"{pair['key']}={placeholder(pair['key'], pair['value'])}", tail) if tail else "")


def _parts(text: str) -> tuple[str, str | None, str]:
    """What comes before the login, the login, and what comes after it, from the `@` on; together they are `text`."""
    url = _URL.match(text)
    path = url["rest"] if url and url["scheme"].lower() == "file" else text
    if _SURE_PATH.match(path) or (url is None and _exists(text)):
        return text, None, ""
    if url is None:
        if not _has_login(text):
            return "", None, text
        # Nobody can say what it means: where there is a second `@` or a pair too, all that may be secret is taken for it.
        before, _, after = text.rpartition("@")
        certain = text.count("@") == 1 and not _SECRET_PAIR.search(text)
        return ("", before, f"@{after}") if certain else ("", text, "")
    rest = url["rest"].lstrip("/")
    head = text[: len(text) - len(rest)]
    login, authority, tail = _split_login(rest, for_people=True)
    return (head, None, authority + tail) if login is None else (head, login, f"@{authority}{tail}")


def _mask(text: str) -> tuple[tuple[str, ...], str]:
    """Every spelling of the passwords in `text`, longest first, and `text` without them."""
    found: set[str] = set()

    def hide(key: str, secret: str) -> str:
        del key
        found.update(_spellings(secret))
        return HIDDEN

    masked = with_placeholders(text, hide)
    user, _, password = (_parts(text)[1] or "").partition(":")
    if password:
        found.add(base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode())
    return tuple(sorted(found, key=lambda secret: (-len(secret), secret))), masked


def _spellings(password: str) -> set[str]:
    plain = unquote(password)
    return {password, plain, quote(plain, safe=""), quote(plain), _encode(password)}
