"""How often one caller may ask for what is dear: searches, pictures, recordings, exports, connection tests."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request

from panops.api.problems import ProblemError
from panops.domain.clock import Clock

_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of something is allowed.

    Attributes:
        at_once: So many at once, after a rest.
        per_s: And so many a second for ever.
    """

    at_once: int
    per_s: float


# What a page asks for at once (a list of 50 small pictures, a filter that is typed) fits many times over.
RATES: Mapping[str, Rate] = {
    "search": Rate(60, 5.0),
    # Pictures of people who are to be known: a page sends them one after the other.
    "face": Rate(60, 5.0),
    "picture": Rate(300, 30.0),
    # A player asks several times for a file; at eight times the speed and files of 5 s that is some ten a second.
    "recording": Rate(600, 60.0),
    "export": Rate(20, 0.2),
    "probe": Rate(10, 0.2),
}


class CallerRates:
    """A bucket a caller and kind of request; threads may share it.

    Args:
        clock: Time.
        rates: How much is allowed, by kind.
    """

    def __init__(self, clock: Clock, rates: Mapping[str, Rate] = RATES) -> None:
        self._clock = clock
        self._rates = rates
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, kind: str, who: str) -> float:
        """Take one; 0.0, or how many seconds to wait (then nothing was taken)."""
        rate, now_s, key = self._rates[kind], self._clock.monotonic_s(), (kind, who)
        with self._lock:
            left, at_s = self._left.get(key, (float(rate.at_once), now_s))
            left = min(float(rate.at_once), left + (now_s - at_s) * rate.per_s)
            wait_s = 0.0 if left >= 1.0 else (1.0 - left) / rate.per_s
            self._left[key] = (left - 1.0 if wait_s == 0.0 else left, now_s)
            self._left.move_to_end(key)
            while len(self._left) > _MOST_KEYS:
                self._left.popitem(last=False)
        return wait_s


def paced(kind: str) -> Callable[[Request], Awaitable[None]]:
    """A dependency: 429 with `Retry-After` for a caller who asks too often."""

    async def pace(request: Request) -> None:
        caller = getattr(request.state, "user", None)
        if caller is None:
            return  # refused elsewhere
        rates: CallerRates = request.app.state.services.rates
        wait_s = rates.take(kind, f"{caller.via} {caller.username}")
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise ProblemError(429, f"too many requests of this kind; try again in {seconds} s", headers={"Retry-After": str(seconds)})

    return pace
