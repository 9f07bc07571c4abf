"""Who is asking, and what they may do: cookie sessions, bearer tokens, roles, and the check that a request comes from our own pages.

Three layers, each of which is enough on its own to keep a stranger out of the API:

1. `Gate` finds the caller for every request, refuses unsafe requests of other sites, and refuses whatever lies under `/api/` to strangers,
   but for the few routes in `OPEN_ROUTES`.
2. Each route names its least role with `requires(...)` or says `open_to_all`; a test walks all routes and fails for one that does not.
3. Each read passes the caller's `Scope` into storage, whose WHERE clause carries it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from panops.api.problems import UNREADABLE, ProblemError, problem
from panops.api.request_frame import is_loopback, is_loopback_host
from panops.domain.errors import StorageError
from panops.storage.audit import asking_from
from panops.storage.scope import Role, Scope

log = logging.getLogger(__name__)

COOKIE = "panops_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_ROUTES = frozenset(
    {
        ("GET", "/api/v1/setup"),
        ("POST", "/api/v1/setup"),
        ("POST", "/api/v1/session"),
        ("GET", "/api/v1/oidc/begin"),
        ("GET", "/api/v1/oidc/end"),
    }
)
"""What a stranger may ask of the API."""
FACTOR_ROUTES = OPEN_ROUTES | {
    ("GET", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/api/v1/account"),
    ("POST", "/api/v1/account/second-factor"),
    ("POST", "/api/v1/account/second-factor/confirm"),
    ("POST", "/api/v1/password"),
}
"""What somebody may ask who must have a second factor and has none yet."""
CLOSED = ("/api/", "/v2")
"""Where strangers may ask nothing else."""

FACTOR_FIRST = "this site requires a second factor of you: set one up on the page Account, then go on"
NEEDS_FACTOR = {"X-Panops-Needs": "second-factor"}
_WITHOUT_CALLER = ("/static/", "/healthz", "/readyz")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is signed in, or a program with a token.

    Attributes:
        username: The user's or the token's name.
        role: What may be done.
        scope: What may be seen and done; every read of storage takes it.
        via: How the caller proved it.
        secret: The session's or bearer token's secret, so that a session can end itself; empty where a proxy vouches.
        lacks_factor: A second factor is required and missing: only what sets one up may be asked.
    """

    username: str
    role: Role
    scope: Scope
    via: Literal["session", "token", "proxy"]
    secret: str
    lacks_factor: bool = False

    def __repr__(self) -> str:
        """Never the secret."""
        return f"Caller({self.username!r}, {self.role.value}, via={self.via!r})"


class Resolver(Protocol):
    """Finds callers. Both methods block, so they are called in a thread.

    Attributes:
        proxies_vouch: Whether a proxy may vouch for anybody at all.
    """

    proxies_vouch: bool

    def __call__(self, secret: str, via: Literal["session", "token"]) -> Caller | None:
        """The caller of a secret."""
        ...

    def proxied(self, connection: HTTPConnection) -> Caller | None:
        """Whom a trusted proxy vouches for in this request; None in any doubt."""
        ...


class Gate:
    """Finds the caller (`request.state.user`) and refuses what no route should have to.

    Args:
        app: What is inside.
        resolve: Finds the caller of a cookie's or header's secret.
    """

    def __init__(self, app: ASGIApp, resolve: Resolver) -> None:
        self._app = app
        self._resolve = resolve

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["user"] = None
        asking_from.set((scope.get("client") or ("", 0))[0])
        refusal: Response | None = None
        try:
            if not scope["path"].startswith(_WITHOUT_CALLER):
                state["user"] = await find_caller(HTTPConnection(scope), self._resolve)
        except StorageError as error:
            log.error("callers cannot be told apart: %s", error)
            refusal = problem(503, UNREADABLE, headers={"Retry-After": "1"})
        if scope["type"] == "http" and refusal is None:
            refusal = _refusal(scope, state["user"])
        if refusal is not None and scope["type"] == "http":
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def find_caller(connection: HTTPConnection, resolve: Resolver) -> Caller | None:
    """Who sent this request, or None. A bearer token goes before what a trusted proxy says, and that before a cookie.

    Raises:
        StorageError: The accounts cannot be read.
    """
    kind, _, bearer = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and bearer.strip():
        return await run_in_threadpool(resolve, bearer.strip(), "token")
    vouched_for = await run_in_threadpool(resolve.proxied, connection) if resolve.proxies_vouch else None
    if vouched_for is not None:
        return vouched_for
    cookie = cookie_of(connection)
    return await run_in_threadpool(resolve, cookie, "session") if cookie else None


def cookie_of(connection: HTTPConnection) -> str:
    """The session cookie, empty where there is none."""
    # Not http.cookies: it drops every cookie when another program on this host set one that it does not understand.
    return connection.cookies.get(COOKIE, "")


def _refusal(scope: AsgiScope, caller: Caller | None) -> Response | None:
    method, path = scope["method"], scope["path"]
    if method not in SAFE_METHODS and not is_same_origin(HTTPConnection(scope)):
        return problem(403, "this request comes from another site; only this server's own pages and programs with a token may send it")
    if path.startswith(CLOSED) and caller is None and (method, path) not in OPEN_ROUTES:
        return problem(401, "sign in first, or send a valid bearer token", headers={"WWW-Authenticate": "Bearer"})
    if caller is not None and _must_wait(scope, caller):
        return problem(403, FACTOR_FIRST, headers=NEEDS_FACTOR)
    return None


def _must_wait(scope: AsgiScope, caller: Caller) -> bool:
    """Whether the caller has to set a second factor up before this is answered. Pages hold no data; they may be shown."""
    holds_data = scope["path"].startswith((*CLOSED, "/metrics"))
    return caller.lacks_factor and holds_data and (scope.get("method"), scope["path"]) not in FACTOR_ROUTES


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether a request that changes something, or a websocket, was sent by our own page or by a program.

    A browser always says where such a request comes from (`Origin`, and newer ones `Sec-Fetch-Site`); what it says has to fit. A request
    with a session cookie, or by somebody whom a proxy vouches for, that says neither is refused; one without comes from a program and is
    judged by its token.
    """
    ambient = bool(cookie_of(connection)) or getattr(connection.scope.get("state", {}).get("user"), "via", "") == "proxy"
    origin, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
    if origin is not None:
        return origin_fits(origin, connection.headers.get("host", ""), connection.scope["scheme"])
    if site is not None:
        return site == "same-origin" if ambient else site in ("same-origin", "none")
    return not ambient


def origin_fits(origin: str, host: str, scheme: str) -> bool:
    """Whether `Origin` (such as `http://box:8440`) is the site that `Host` names."""
    try:
        parts = urlsplit(origin)
        named = urlsplit(f"//{host}")
        # A proxy that ends TLS leaves http here, so the scheme itself cannot be compared; ports left out are filled in by each one's own.
        default = {"http": 80, "ws": 80, "https": 443, "wss": 443}
        port = parts.port or default.get(parts.scheme)
        wanted = {named.port} if named.port else {default.get(scheme, 80), default.get(parts.scheme)}
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.hostname == named.hostname and port in wanted
    except ValueError:
        return False


def is_local(connection: HTTPConnection, *, loopback_is_local: bool) -> bool:
    """Whether the request comes from a person at this very machine.

    The peer has to be loopback, the page has to be asked for by a loopback name, and no proxy may have passed it on: a stranger's page
    with a name that points to 127.0.0.1 fails the second, a reverse proxy on this machine the second or third.
    """
    headers: Headers = connection.headers
    if not loopback_is_local or connection.client is None or not is_loopback(connection.client.host):
        return False
    passed_on = any(name in headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
    return is_loopback_host(headers.get("host", "")) and not passed_on


def requires(least: Role) -> Callable[[HTTPConnection], Awaitable[Caller]]:
    """A dependency: the caller, who has at least the role `least`; 401 without one, 403 for a role too low."""

    async def caller_of(connection: HTTPConnection) -> Caller:  # nothing here blocks, and a plain function would take a thread
        caller: Caller | None = getattr(connection.state, "user", None)
        if caller is None:
            raise ProblemError(401, "sign in first, or send a valid bearer token", headers={"WWW-Authenticate": "Bearer"})
        if caller.lacks_factor and (connection.scope.get("method"), connection.scope["path"]) not in FACTOR_ROUTES:
            raise ProblemError(403, FACTOR_FIRST, headers=NEEDS_FACTOR)
        if not caller.role.covers(least):
            raise ProblemError(403, f"this needs the role {least.value}; {caller.username} has the role {caller.role.value}")
        return caller

    setattr(caller_of, ACCESS_MARK, least.value)
    return caller_of


async def open_to_all() -> None:
    """A dependency that says on purpose: strangers may ask this, or the route checks by itself."""


ACCESS_MARK = "panops_access"
setattr(open_to_all, ACCESS_MARK, "open")

Viewer = Annotated[Caller, Depends(requires(Role.VIEWER))]
Operator = Annotated[Caller, Depends(requires(Role.OPERATOR))]
Admin = Annotated[Caller, Depends(requires(Role.ADMIN))]
OPEN = Depends(open_to_all)


def set_cookie(connection: HTTPConnection, response: Response, secret: str, max_age_s: int) -> None:
    """Give the browser its session; `Secure` when it came by TLS."""
    response.set_cookie(
        COOKIE, secret, max_age=max_age_s, path="/", httponly=True, samesite="strict", secure=connection.url.scheme in ("https", "wss")
    )


def clear_cookie(response: Response) -> None:
    """Take the browser's session away."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
