"""Errors below `/v2` as its clients read them: `{"error": "..."}` in place of a problem."""

from __future__ import annotations

import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class V2Errors:
    """Around everything, so that what is refused before any route is asked (no token, too long) is said in the same way.

    Args:
        app: What is inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (scope["path"] == "/v2" or scope["path"].startswith("/v2/")):
            send = _Rewritten(send)
        await self._app(scope, receive, send)


class _Rewritten:
    """A `send` that holds a problem back until it is whole, and says its sentence."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and Headers(raw=message["headers"]).get("content-type") == "application/problem+json":
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            body = json.dumps({"error": self._sentence()}).encode()
            headers = MutableHeaders(raw=list(self._start["headers"]))
            headers["Content-Type"], headers["Content-Length"] = "application/json", str(len(body))
            await self._send({**self._start, "headers": headers.raw})
            await self._send({"type": "http.response.body", "body": body})

    def _sentence(self) -> str:
        content = json.loads(self._body) if self._body else {}  # none with HEAD
        fields = [f"{error['field']}: {error['message']}" for error in content.get("errors", ())]
        return ": ".join([content.get("detail", ""), *fields])
