"""Sign-ins that go on at a provider, from the page's button to the way back. They lie in memory, for ten minutes."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from panops.domain.clock import Clock
from panops.domain.errors import PanopsError

END_PATH = "/api/v1/oidc/end"
BEGUN_S = 600.0
_MOST_BEGUN = 1000


class OidcRefused(PanopsError):
    """The provider or what it said is not as it must be; the sentence is for the log."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that goes on at the provider.

    Attributes:
        browser_sha256: Of the secret in the cookie of the browser that began it.
        nonce: What the identity token has to repeat.
        verifier: Proves to the provider that the one who began it exchanges the code.
        next_path: Where to go afterwards.
        at_s: When it began, monotonic s.
    """

    browser_sha256: str
    nonce: str
    verifier: str
    next_path: str
    at_s: float


class BegunSignIns:
    """What was begun and did not end yet; threads may share it.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, Begun] = OrderedDict()

    def add(self, state: str, browser: str, nonce: str, verifier: str, next_path: str) -> None:
        """Note one; of more than a thousand the oldest are forgotten."""
        with self._lock:
            self._begun[state] = Begun(_sha256(browser), nonce, verifier, next_path, self._clock.monotonic_s())
            while len(self._begun) > _MOST_BEGUN:
                self._begun.popitem(last=False)

    def take(self, state: str, browser: str) -> Begun:
        """What was begun under `state`, once.

        Raises:
            OidcRefused: Nothing was, it is too long ago, or another browser began it.
        """
        with self._lock:
            begun = self._begun.pop(state, None)
        if begun is None or self._clock.monotonic_s() - begun.at_s > BEGUN_S:
            raise OidcRefused("no sign-in was begun under this state, or it took more than ten minutes")
        if not hmac.compare_digest(_sha256(browser), begun.browser_sha256):
            raise OidcRefused("another browser began this sign-in")
        return begun


def said_of(claims: Mapping[str, Any], name: str) -> list[str]:
    """A claim's texts: of a text itself, of a list each."""
    value = claims.get(name)
    return [str(item) for item in value] if isinstance(value, list) else [] if value is None else [str(value)]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
