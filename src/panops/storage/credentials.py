"""Password hashes and random tokens. Only hashes are ever stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """How hard a password hash is to compute: 128 * n * r bytes of memory, p times.

    The default takes 32 MiB and about a tenth of a second.
    """

    n: int = 2**15
    r: int = 8
    p: int = 1


def hash_password(password: str, cost: ScryptCost) -> str:
    """A salted scrypt hash that carries its own cost: `scrypt$n$r$p$salt$hash`."""
    salt = os.urandom(16)
    return "$".join(["scrypt", str(cost.n), str(cost.r), str(cost.p), _text(salt), _text(_scrypt(password, salt, cost))])


def password_fits(password: str, stored: str) -> bool:
    """Whether `password` has the hash `stored`; compared in constant time. A damaged hash fits nothing."""
    try:
        name, n, r, p, salt, digest = stored.split("$")
        if name != "scrypt":
            return False
        found = _scrypt(password, base64.b64decode(salt), ScryptCost(int(n), int(r), int(p)))
        return hmac.compare_digest(found, base64.b64decode(digest))
    except ValueError:
        return False


def needs_rehash(stored: str, cost: ScryptCost) -> bool:
    """Whether `stored` was made at another cost."""
    return stored.split("$")[1:4] != [str(cost.n), str(cost.r), str(cost.p)]


@cache
def dummy_hash(cost: ScryptCost) -> str:
    """A hash that nobody knows the password of, so that an unknown user takes as long as a known one."""
    return hash_password(secrets.token_urlsafe(32), cost)


def new_token(prefix: str = "") -> str:
    """256 random bits as text that fits into a cookie or header."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """The sha256 under which a token is stored. It is random enough to need no salt."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _scrypt(password: str, salt: bytes, cost: ScryptCost) -> bytes:
    # Hashed first: HMAC, which scrypt is made of, takes "x" and "x\0" for the same key.
    data = hashlib.sha512(password.encode("utf-8", "surrogatepass")).digest()
    # OpenSSL wants a limit above what it really takes.
    limit = 128 * cost.n * cost.r + 128 * cost.r * cost.p + 2**20
    return hashlib.scrypt(data, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=limit, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
