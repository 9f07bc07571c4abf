"""Slows down the guessing of passwords and setup codes."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass

from panops.domain.clock import Clock


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """How many failed attempts are allowed within `window_s`.

    Attributes:
        window_s: How long a failure counts, s.
        per_pair: From one address for one name.
        per_address: From one address (an IPv6 /64 counts as one) for any names.
        per_name: For one name from anywhere. High, since a stranger could lock a person out with it; signed-in people are not affected.
    """

    window_s: float = 300.0
    per_pair: int = 5
    per_address: int = 30
    per_name: int = 60


CODE_LIMITS = LoginLimits(window_s=900.0, per_pair=5, per_address=30, per_name=10)
"""Of a second factor: a million codes, three of which are right at a time. Only who has the password can use the tries of a name up."""

_MOST_KEYS = 10_000


class LoginLimit:
    """Counts failed attempts; threads may share it.

    An attempt counts from its start, so that many at once do not slip through, and is taken back when it succeeds.
    """

    def __init__(self, clock: Clock, limits: LoginLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or LoginLimits()
        self._failures: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, address: str, name: str) -> float:
        """Start an attempt.

        Returns:
            0.0 when it may go on (and then counts as failed until `succeeded`), else how many seconds to wait; it then does not count.
        """
        now_s = self._clock.monotonic_s()
        with self._lock:
            wait_s = max(self._wait_s(key, limit, now_s) for key, limit in self._keys(address, name))
            if wait_s <= 0:
                for key, _ in self._keys(address, name):
                    self._failures.setdefault(key, deque()).append(now_s)
                    self._failures.move_to_end(key)
                while len(self._failures) > _MOST_KEYS:
                    self._failures.popitem(last=False)
        return max(0.0, wait_s)

    def succeeded(self, address: str, name: str) -> None:
        """The attempt was right: it no longer counts, and nor do earlier ones from this address for this name."""
        with self._lock:
            for index, (key, _) in enumerate(self._keys(address, name)):
                attempts = self._failures.get(key)
                if attempts:
                    attempts.pop()
                if index == 0 or not attempts:
                    self._failures.pop(key, None)

    def _keys(self, address: str, name: str) -> list[tuple[tuple[str, ...], int]]:
        network, name = _network(address), name.casefold()
        limits = self._limits
        return [
            (("pair", network, name), limits.per_pair),
            (("address", network), limits.per_address),
            (("name", name), limits.per_name),
        ]

    def _wait_s(self, key: tuple[str, ...], limit: int, now_s: float) -> float:
        attempts = self._failures.get(key)
        if attempts is None:
            return 0.0
        while attempts and attempts[0] <= now_s - self._limits.window_s:
            attempts.popleft()
        return attempts[0] + self._limits.window_s - now_s if len(attempts) >= limit else 0.0


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
