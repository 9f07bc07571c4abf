"""What the websockets of signed-in callers have in common: who is let in, that they stay allowed, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from panops.api.security import Caller, Resolver, find_caller, is_same_origin
from panops.domain.errors import StorageError

log = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0
"""How often each connection looks again at its session and at what its caller may see."""
NOT_SIGNED_IN, OTHER_SITE, NEEDS_FACTOR, TOO_MANY, NOT_UNDERSTOOD, GOING_AWAY = 4401, 4403, 4428, 1013, 1008, 1001
_LONGEST_REASON = 120  # a close frame has room for 123 bytes


class SocketClosed(Exception):
    """The socket is closed; its tasks end."""


async def admitted(websocket: WebSocket) -> Caller | None:
    """Who a new connection belongs to; None where it was refused.

    Refusals come after the accept, with a code that says what it is: a page whose handshake fails would retry for ever.
    """
    caller: Caller | None = getattr(websocket.state, "user", None)
    await websocket.accept()
    if not is_same_origin(websocket):
        await websocket.close(OTHER_SITE, "the page is not this server's own")
    elif caller is None:
        await websocket.close(NOT_SIGNED_IN, "sign in first")
    elif caller.lacks_factor:
        await websocket.close(NEEDS_FACTOR, "set a second factor up first")
    else:
        return caller
    return None


class CallerSocket:
    """One open socket of a caller. Lives on the event loop."""

    def __init__(self, websocket: WebSocket, caller: Caller, resolve: Resolver) -> None:
        """Serve `caller`; `resolve` finds them again, to notice a session that was ended."""
        self._websocket = websocket
        self._caller = caller
        self._resolve = resolve

    def belongs_to(self, caller: Caller) -> bool:
        """Whether it is this user's or token's."""
        return (self._caller.via, self._caller.username) == (caller.via, caller.username)

    async def close(self, code: int, reason: str) -> None:
        """Close the socket; what serves it ends then. A client that does not read is not waited for."""
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                await asyncio.wait_for(self._websocket.close(code, reason[:_LONGEST_REASON]), 1.0)

    async def end(self, code: int, reason: str) -> None:
        """Close the socket, and the work that says so.

        Raises:
            SocketClosed: Always.
        """
        await self.close(code, reason)
        raise SocketClosed

    async def check_caller(self) -> None:
        """Follow the caller's rights.

        Raises:
            SocketClosed: They may not be connected any more, and are not.
        """
        caller = await find_caller(self._websocket, self._resolve)
        if caller is None:
            await self.end(NOT_SIGNED_IN, "the session has ended")
        elif caller.lacks_factor:
            await self.end(NEEDS_FACTOR, "set a second factor up first")
        else:
            self._caller = caller

    @contextlib.asynccontextmanager
    async def orderly_end(self) -> AsyncIterator[None]:
        """Serve within the block; the ordinary ends of a connection leave it quietly."""
        try:
            yield
        except (WebSocketDisconnect, SocketClosed):
            pass  # the ordinary end
        except RuntimeError:
            if self._websocket.application_state is WebSocketState.CONNECTED:
                raise  # else it is what sending after the end gives
        except StorageError as error:
            log.warning("a live connection of %s ends: %s", self._caller.username, error)
            await self.close(TOO_MANY, "the storage cannot be read")


async def first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of it until the first has ended, which ends the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
