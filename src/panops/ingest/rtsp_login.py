"""Answers a camera's question for user name and password: Digest (RFC 7616: MD5, SHA-256) before Basic (RFC 7617)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

_SCHEMES = re.compile(r"(?:^|,)\s*(Basic|Digest)(?=\s|$)", re.IGNORECASE)
_PAIR = re.compile(r'([\w-]{1,32})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


@dataclass(frozen=True, slots=True)
class _Challenge:
    """One way in which the camera would be answered.

    Attributes:
        rank: Larger is safer.
        pairs: What came with it.
    """

    rank: int
    pairs: dict[str, str]

    @property
    def is_basic(self) -> bool:
        return self.rank == 0

    @property
    def hash_name(self) -> str:
        return _HASHES[_algorithm(self.pairs)[0]]


class RtspLogin:
    """One connection's login. It never appears in a text of ours.

    Args:
        user: User name; empty when the address has none.
        password: Password.
    """

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._challenge: _Challenge | None = None
        self._used = False
        self._accepted = False
        self._count = 0

    def __repr__(self) -> str:
        """Without the password."""
        return f"RtspLogin({'with' if self._user else 'without'} a user)"

    @property
    def has_user(self) -> bool:
        """Whether the address names one."""
        return bool(self._user)

    @property
    def understood(self) -> bool:
        """Whether the server asked in a way that can be answered."""
        return self._challenge is not None

    def accepted(self) -> None:
        """The server took the last request: should it ask again, its question has only grown old."""
        self._accepted = self._used

    def challenged(self, headers: Sequence[str]) -> bool:
        """The server asks (`WWW-Authenticate`).

        Returns:
            Whether to send the request once more. A password that was refused is not tried twice: cameras lock accounts.
        """
        challenges = [challenge for header in headers for challenge in _challenges(header)]
        if not challenges or not self._user:
            return False
        best = max(challenges, key=lambda challenge: challenge.rank)
        again = not self._used or self._accepted or best.pairs.get("stale", "").lower() == "true"
        self._challenge, self._count, self._accepted = best, 0, False
        return again

    def header(self, method: str, url: str) -> str | None:
        """The `Authorization` of a request; None before the server asked."""
        challenge = self._challenge
        if challenge is None:
            return None
        self._used = True
        if challenge.is_basic:
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return self._digest(challenge, method, url)

    def _digest(self, challenge: _Challenge, method: str, url: str) -> str:
        def digest(*parts: str) -> str:
            return hashlib.new(challenge.hash_name, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

        pairs = challenge.pairs
        realm, nonce = pairs.get("realm", ""), pairs.get("nonce", "")
        algorithm, session = _algorithm(pairs)
        self._count += 1
        count, own_nonce = f"{self._count:08x}", secrets.token_hex(8)
        secret = digest(self._user, realm, self._password)
        if session:
            secret = digest(secret, nonce, own_nonce)
        request = digest(method, url)
        fields = [("username", self._user), ("realm", realm), ("nonce", nonce), ("uri", url)]
        if "auth" in re.split(r"[\s,]+", pairs.get("qop", "")):
            fields += [("response", digest(secret, nonce, count, own_nonce, "auth", request))]
            plain = f", qop=auth, nc={count}"
        else:
            fields += [("response", digest(secret, nonce, request))]
            plain = ""
        if session or plain:
            fields += [("cnonce", own_nonce)]
        if "opaque" in pairs:
            fields += [("opaque", pairs["opaque"])]
        if "algorithm" in pairs:
            plain += f", algorithm={algorithm}{'-sess' if session else ''}"
        return "Digest " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in fields) + plain


def _challenges(header: str) -> list[_Challenge]:
    """What one header offers; a header may hold several, and what we cannot answer is left out."""
    marks = list(_SCHEMES.finditer(header))
    found = []
    for number, mark in enumerate(marks):
        text = header[mark.end() : marks[number + 1].start() if number + 1 < len(marks) else len(header)]
        pairs = {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in _PAIR.findall(text)}
        if mark[1].lower() == "basic":
            found.append(_Challenge(0, pairs))
            continue
        algorithm, _ = _algorithm(pairs)
        qop = pairs.get("qop", "")
        if algorithm in _HASHES and "nonce" in pairs and (not qop or "auth" in re.split(r"[\s,]+", qop)):
            found.append(_Challenge(2 if algorithm == "SHA-256" else 1, pairs))
    return found


def _algorithm(pairs: dict[str, str]) -> tuple[str, bool]:
    """The hash, and whether it is the variant whose secret holds for a session."""
    name = pairs.get("algorithm", "MD5").upper()
    return name.removesuffix("-SESS"), name.endswith("-SESS")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
