"""Films and archives on their way to who asked for them: how many at once, one to a caller, and an end where nobody takes them."""

from __future__ import annotations

import asyncio
import logging
import threading

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from panops.api.problems import ProblemError
from panops.api.security import Caller

log = logging.getLogger(__name__)

STALLED_S = 60.0
"""A transfer of which nothing is taken for that long is given up."""


class SendingSlots:
    """How much of something dear is made and sent at once. Threads may share it.

    Args:
        most: How many.
        what: What they are, in words: `exports`.
    """

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken: dict[str, Slot] = {}
        self._lock = threading.Lock()

    def take(self, caller: Caller) -> Slot:
        """A slot, until it is freed; somebody's own tokens count as their owner.

        Raises:
            ProblemError: 429: the caller has one already, or all are taken.
        """
        who = _owner_of(caller)
        with self._lock:
            if who in self._taken:
                detail = f"one of your {self._what} is being made or sent already; wait for its end"
            elif len(self._taken) >= self._most:
                detail = f"as many {self._what} are being made or sent as may be at once; try again in a moment"
            else:
                self._taken[who] = slot = Slot(self, who)
                return slot
        raise ProblemError(429, detail, headers={"Retry-After": "10"})

    def give_back(self, slot: Slot) -> None:
        """See `Slot.free`."""
        with self._lock:
            if self._taken.get(slot.who) is slot:
                del self._taken[slot.who]


class Slot:
    """One caller's place."""

    def __init__(self, slots: SendingSlots, who: str) -> None:
        self._slots = slots
        self.who = who

    def free(self) -> None:
        """Give it back; again is fine."""
        self._slots.give_back(self)

    async def sent(self, answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Send an answer and free the slot, also where its reader goes away, or takes nothing for a minute: then it is cut off."""
        stalled = False

        async def in_time(message: Message) -> None:
            nonlocal stalled
            try:
                async with asyncio.timeout(STALLED_S):
                    await send(message)
            except TimeoutError:
                stalled = True
                raise

        try:
            await answer(scope, receive, in_time)
        except Exception:
            if not stalled:
                raise
            log.warning("%s took nothing of %s for %.0f s; it is not sent to its end", self.who, scope["path"], STALLED_S)
        finally:
            self.free()


def _owner_of(caller: Caller) -> str:
    owner, slash, _ = caller.username.removeprefix("token ").partition("/")
    return owner if caller.via == "token" and slash else caller.username
