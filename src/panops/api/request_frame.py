"""What is around every request: its id, the security headers, the host check, the limit on bodies, and the last catch for errors."""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from panops.api.problems import problem

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered, empty outside one."""

# What a proxy or a client calls its request; anything else could write lines of its own into the log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Endings that nobody can register in the public DNS, so a stranger's page cannot come from them.
_PRIVATE_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
_HOST = re.compile(r"^(?:\[(?P<six>[0-9A-Fa-f:.]+)(?:%[A-Za-z0-9_.%-]+)?\]|(?P<name>[^:\[\]/@\s]+))(?::(?P<port>\d{1,5}))?$")


class RequestIdFilter(logging.Filter):
    """Puts `request_id` on log records: `[a1b2c3] ` within a request, empty outside one. For a handler's formatter to use."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark the record and let it pass."""
        current = request_id.get()
        record.request_id = f"[{current}] " if current else ""
        return True


Finished = Callable[[Scope, int, float], None]


class RequestFrame:
    """The outermost layer.

    Args:
        app: What is inside.
        allowed_hosts: See `ApiSettings.allowed_hosts`.
        max_body_bytes: Longer bodies get 413.
        longer_bodies: Says of a path how long bodies may be there instead; None where that is the same.
        finished: Called with the scope, the status and the seconds of each HTTP request.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Sequence[str],
        max_body_bytes: int,
        finished: Finished,
        longer_bodies: Callable[[str], int | None] = lambda _path: None,
    ) -> None:
        self._app = app
        self._longer_bodies = longer_bodies
        self._allowed_hosts = tuple(host.casefold() for host in allowed_hosts)
        self._max_body_bytes = max_body_bytes
        self._finished = finished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or serve one websocket."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and not self._host_is_fine(scope):
            await send({"type": "websocket.close", "code": 1008, "reason": "host not allowed"})
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_s = time.perf_counter()
        status = 0
        given = Headers(scope=scope).get("x-request-id", "")
        current = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(4)
        token = request_id.set(current)

        async def framed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-ID"] = current
                if scope["path"].startswith(("/api/", "/metrics", "/v2")):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            if refusal := self._refusal(scope):
                await problem(*refusal)(scope, receive, framed_send)
            else:
                await self._app(scope, _Limited(receive, self._most_bytes(scope)), framed_send)
        except _BodyTooLongError:
            if status == 0:
                await problem(413, self._too_long(scope))(scope, receive, framed_send)
        except Exception:
            # The page must never see a traceback, the log always: with the id that the person can read out.
            log.exception("request %s: %s %s failed", current, scope["method"], scope["path"])
            if status == 0:
                detail = f"something went wrong here; the server's log has the details under request {current}"
                await problem(500, detail)(scope, receive, framed_send)
        finally:
            request_id.reset(token)
            self._finished(scope, status, time.perf_counter() - began_s)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if not self._host_is_fine(scope):
            host = Headers(scope=scope).get("host", "")[:100]
            return 421, f"this server does not answer to the name {host!r}; add it to server.allowed_hosts in the site file"
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._most_bytes(scope):
            return 413, self._too_long(scope)
        return None

    def _most_bytes(self, scope: Scope) -> int:
        return self._longer_bodies(scope["path"]) or self._max_body_bytes

    def _too_long(self, scope: Scope) -> str:
        return f"a request's body has at most {self._most_bytes(scope)} bytes here"

    def _host_is_fine(self, scope: Scope) -> bool:
        return host_is_allowed(Headers(scope=scope).get("host", ""), self._allowed_hosts)


def host_is_allowed(header: str, allowed_hosts: Sequence[str]) -> bool:
    """Whether a browser may use this `Host`.

    DNS rebinding: a stranger's page at `evil.example` can have its own name point to this machine, and then counts as "same origin". Its
    name gives it away. Addresses and names that no stranger can register are safe; any other name has to be listed.
    """
    match = _HOST.match(header)
    if match is None:
        return False
    if match["six"]:
        return _is_address(match["six"])
    name = match["name"].casefold().rstrip(".")
    if _is_address(name) or ("." not in name and name) or name.endswith(_PRIVATE_ENDINGS):
        return True
    return any(allowed in (name, "*") or (allowed.startswith("*.") and name.endswith(allowed[1:])) for allowed in allowed_hosts)


def is_loopback_host(header: str) -> bool:
    """Whether `Host` names this very machine."""
    match = _HOST.match(header)
    if match is None:
        return False
    name = (match["six"] or match["name"]).casefold().rstrip(".")
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def is_loopback(address: str) -> bool:
    """Whether a client's address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class _BodyTooLongError(HTTPException):
    """More bytes came than are allowed. An HTTPException, since FastAPI takes any other one while reading a body for a bad request."""

    def __init__(self) -> None:
        super().__init__(413)


class _Limited:
    """A `receive` that counts the body's bytes, for bodies that do not say their length."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive = receive
        self._left = most_bytes

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _BodyTooLongError
        return message
