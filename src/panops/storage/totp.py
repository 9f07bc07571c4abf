"""Time-based one-time codes: RFC 6238 with the values that every authenticator app takes (SHA-1, 6 digits, 30 s)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

STEP_S = 30
DIGITS = 6
# Clocks of phones differ: the code before and the one after count too.
_WINDOW = 1


def new_secret() -> str:
    """160 random bits as base32, the form that apps take."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, step: int, digits: int = DIGITS) -> str:
    """The code of one time step (RFC 4226 section 5.3 with the step as its counter)."""
    digest = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 15
    return str((int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF) % 10**digits).zfill(digits)


def step_of(secret: str, code: str, now_s: float) -> int | None:
    """The time step whose code this is, of those that count now; None when it is of none. Compared in constant time."""
    now = int(now_s // STEP_S)
    fits = [step for step in range(now - _WINDOW, now + _WINDOW + 1) if hmac.compare_digest(code_at(secret, step).encode(), code.encode())]
    return fits[-1] if fits else None


def address(secret: str, username: str, issuer: str = "panops") -> str:
    """What the QR code holds, for an app to scan."""
    return f"otpauth://totp/{quote(issuer)}:{quote(username)}?secret={secret}&issuer={quote(issuer)}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"
