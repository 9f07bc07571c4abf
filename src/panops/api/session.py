"""Signing in and out, one's own sessions and password."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out, UserOut
from panops.api.security import OPEN, Caller, Viewer, clear_cookie, cookie_of, set_cookie
from panops.api.services import Needed, Services
from panops.storage.accounts import User
from panops.storage.credentials import token_hash

router = APIRouter(prefix="/api/v1", tags=["session"])

Found = TypeVar("Found")
Text = Annotated[str, Field(max_length=1024)]


class LoginIn(BaseModel):
    """A user name and password, and the code of a second factor where the account has one."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Text
    code: Annotated[str, Field(max_length=40)] = ""


class PasswordIn(BaseModel):
    """A change of one's own password."""

    model_config = ConfigDict(extra="forbid")

    old: Text
    new: Text


class SignedInOut(Out):
    """Who is signed in."""

    user: UserOut


class SessionOut(Out):
    """One of the caller's sessions; `current` marks the one that asks."""

    id: str
    created_at_s: float
    seen_at_s: float
    expires_at_s: float
    address: str
    agent: str
    current: bool


class SessionsOut(Out):
    """The caller's sessions, newest first."""

    sessions: list[SessionOut]


@router.post("/session", dependencies=[OPEN], response_model=SignedInOut)
async def sign_in(request: Request, body: LoginIn, services: Needed) -> Response:
    """Sign in; the answer sets the session cookie. Too many wrong passwords or codes give 429 with `Retry-After`."""
    user = await guarded(services, request, body.username, lambda: services.accounts.verify(body.username, body.password))
    if user is None:
        await services.note("", "login.failed", body.username, {"why": "credentials"})
        raise ProblemError(401, "the user name or password is wrong")
    how = await _second_factor(request, services, user, body.code) if user.second_factor else "credentials"
    return await signed_in(request, services, user, 200, how)


async def _second_factor(request: Request, services: Services, user: User, code: str) -> str:
    """Which second factor was given.

    Raises:
        ProblemError: 401 with a fault of `code`: none was given, or it is wrong; 429 after too many.
    """
    if not code.strip():
        detail = "enter the code that your authenticator app shows, or a recovery code"
        raise ProblemError(401, detail, [FieldError("code", detail)])
    address = address_of(request)
    refuse_for(services.codes.begin(address, user.username))
    used = await run_in_threadpool(services.second_factors.use, user.username, code)
    if used is None:
        await services.note("", "login.failed", user.username, {"why": "code"})
        detail = "the code is wrong or was used before; wait for the app's next one"
        raise ProblemError(401, detail, [FieldError("code", detail)])
    services.codes.succeeded(address, user.username)
    return used


@router.get("/session")
async def who_am_i(caller: Viewer) -> SignedInOut:
    """The signed-in user or token."""
    return SignedInOut(user=user_of(caller))


@router.delete("/session", status_code=204)
async def sign_out(caller: Viewer, services: Needed) -> Response:
    """End this session."""
    if caller.via == "session":
        await run_in_threadpool(services.accounts.close_session, caller.secret)
        await services.note(caller, "logout")
        services.sockets.check()
    response = Response(status_code=204)
    clear_cookie(response)
    return response


@router.get("/sessions")
def own_sessions(caller: Viewer, services: Needed) -> SessionsOut:
    """The caller's own sessions."""
    user = own_account(caller, services)
    hashed = token_hash(caller.secret)
    return SessionsOut(
        sessions=[
            SessionOut(
                id=item.session_id,
                created_at_s=item.created_at_s,
                seen_at_s=item.seen_at_s,
                expires_at_s=item.expires_at_s,
                address=item.address,
                agent=item.agent,
                current=hashed.startswith(item.session_id),
            )
            for item in services.accounts.sessions(user)
        ]
    )


@router.delete("/sessions", status_code=204)
async def sign_out_everywhere(caller: Viewer, services: Needed) -> Response:
    """End all of the caller's sessions, this one too, and their own tokens."""
    user = await run_in_threadpool(own_account, caller, services)
    ended, tokens = await run_in_threadpool(services.accounts.end_access, user)
    await services.note(caller, "session.end_all", user.username, {"sessions": ended, "tokens": tokens})
    services.sockets.check()
    response = Response(status_code=204)
    clear_cookie(response)
    return response


@router.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: Annotated[str, Path(pattern="^[0-9a-f]{1,64}$")], caller: Viewer, services: Needed) -> Response:
    """End one of the caller's own sessions."""
    user = await run_in_threadpool(own_account, caller, services)
    if not await run_in_threadpool(services.accounts.close_sessions, user, session_id):
        raise not_found("session")
    await services.note(caller, "session.end", session_id)
    services.sockets.check()
    return Response(status_code=204)


@router.post("/password", status_code=204)
async def change_password(request: Request, body: PasswordIn, caller: Viewer, services: Needed) -> Response:
    """Change one's own password; every other session of the user ends, and every token of their own."""
    await run_in_threadpool(own_account, caller, services)
    if await guarded(services, request, caller.username, lambda: services.accounts.verify(caller.username, body.old)) is None:
        raise ProblemError(403, "the old password is wrong")
    async with services.hashing:
        await run_in_threadpool(services.accounts.set_password, caller.username, body.new, caller.secret)
    await services.note(caller, "password.change", caller.username)
    services.sockets.check()
    return Response(status_code=204)


async def guarded(services: Services, request: HTTPConnection, name: str, attempt: Callable[[], Found | None]) -> Found | None:
    """Run an attempt that can be guessed at, under the limit for its address and name; None when it was wrong.

    Raises:
        ProblemError: 429, with `Retry-After`.
    """
    address = address_of(request)
    refuse_for(services.logins.begin(address, name))
    async with services.hashing:
        found = await run_in_threadpool(attempt)
    if found is not None:
        services.logins.succeeded(address, name)
    return found


async def check_again(request: Request, services: Services, user: User, password: str) -> None:
    """Go on where the password is given again: an open page alone must not be enough.

    Raises:
        ProblemError: 403: it is wrong; 429 after too many.
    """
    if await guarded(services, request, user.username, lambda: services.accounts.verify(user.username, password)) is None:
        raise ProblemError(403, "the password is wrong", [FieldError("password", "is wrong")])


def refuse_for(wait_s: float) -> None:
    """Go on where there is nothing to wait for.

    Raises:
        ProblemError: 429, with `Retry-After`.
    """
    if wait_s > 0:
        seconds = math.ceil(wait_s)
        raise ProblemError(429, f"too many wrong attempts; try again in {seconds} s", headers={"Retry-After": str(seconds)})


async def signed_in(request: Request, services: Services, user: User, status: int, how: str) -> Response:
    """Open a session and answer with its cookie."""
    response = JSONResponse(SignedInOut(user=user_out(user)).model_dump(mode="json"), status)
    await open_session(request, services, user, how, response)
    return response


async def open_session(request: Request, services: Services, user: User, how: str, response: Response) -> None:
    """Sign a user in with a fresh session; one that the browser brought along ends, so that nobody can plant one beforehand."""
    before = cookie_of(request)
    if before:
        await run_in_threadpool(services.accounts.close_session, before)
    agent = request.headers.get("user-agent", "")
    secret = await run_in_threadpool(services.accounts.open_session, user, address_of(request), agent)
    await services.note(user.username, "login", user.username, {"by": how})
    set_cookie(request, response, secret, int(services.accounts.limits.longest_s))


def user_out(user: User) -> UserOut:
    """A user as the API tells of them."""
    return UserOut(
        username=user.username,
        role=user.role,
        cameras=None if user.cameras is None else sorted(user.cameras),
        groups=None if user.groups is None else sorted(user.groups),
    )


def user_of(caller: Caller) -> UserOut:
    """The caller as the API tells of users; `cameras` are all that they may see, also through groups."""
    cameras = caller.scope.cameras
    return UserOut(username=caller.username, role=caller.role, cameras=None if cameras is None else sorted(cameras))


def own_account(caller: Caller, services: Services) -> User:
    """The user behind a session.

    Raises:
        ProblemError: 403: a token has no account.
    """
    user = services.accounts.user(caller.username) if caller.via != "token" else None
    if user is None:
        raise ProblemError(403, "a token has no sessions and no password; sign in as a user")
    return user


def address_of(connection: HTTPConnection) -> str:
    """The client's address."""
    return connection.client.host if connection.client is not None else ""
