"""Users and programs' tokens, for administrators."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.pages import link_next
from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out, UserOut
from panops.api.security import Admin
from panops.api.services import Needed, Services
from panops.api.session import Text
from panops.config.fields import Name
from panops.storage.accounts import TokenInfo, User, check_password
from panops.storage.errors import AccountRefused
from panops.storage.scope import Role

router = APIRouter(prefix="/api/v1", tags=["users"])

Username = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
TokenName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")]
Cameras = Annotated[list[Name], Field(max_length=1000)]


class _Rights(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role = Role.VIEWER
    cameras: Cameras | None = None

    @model_validator(mode="after")
    def _an_admin_sees_all(self) -> _Rights:
        if self.role is Role.ADMIN and self.cameras is not None:
            raise ValueError("an admin sees every camera: leave cameras out")
        return self


class UserIn(_Rights):
    """A new user; `cameras` null means all."""

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Text


class UserPatch(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    cameras: Cameras | None = None
    password: Text | None = None


class TokenIn(_Rights):
    """A new token for a program."""

    name: Annotated[str, Field(min_length=1, max_length=64)]


class UsersOut(Out):
    """All users, by name."""

    users: list[UserOut]


class TokenOut(Out):
    """A program's token; `secret` is only there in the answer that makes it."""

    name: str
    role: Role
    cameras: list[str] | None
    created_at_s: float
    used_at_s: float | None
    secret: str | None = None


class TokensOut(Out):
    """All tokens, by name."""

    tokens: list[TokenOut]


class AuditEntryOut(Out):
    """One thing that somebody did."""

    at_s: float
    user: str
    action: str
    target: str
    detail: dict[str, Any]


class AuditOut(Out):
    """One page of the audit log, newest first."""

    entries: list[AuditEntryOut]
    next_cursor: str | None


@router.get("/users")
def users(_caller: Admin, services: Needed) -> UsersOut:
    """All users."""
    return UsersOut(users=[_user_out(user) for user in services.accounts.users()])


@router.post("/users", status_code=201)
async def create_user(body: UserIn, caller: Admin, services: Needed) -> UserOut:
    """Add a user."""
    if await run_in_threadpool(services.accounts.user, body.username) is not None:
        raise ProblemError(409, f"there is a user {body.username.lower()!r} already", [FieldError("username", "is taken")])
    async with services.hashing:
        user = await run_in_threadpool(services.accounts.create_user, body.username, body.password, body.role, body.cameras)
    await services.note(caller, "user.create", user.username, _rights(body.role, body.cameras))
    return _user_out(user)


@router.patch("/users/{username}")
async def change_user(username: Username, body: UserPatch, caller: Admin, services: Needed) -> UserOut:
    """Change a user's role, cameras or password; open sessions follow at once (a new password ends them)."""
    async with services.editing:
        user = await _existing(services, username)
        role = body.role or user.role
        limited = body.cameras if "cameras" in body.model_fields_set else user.cameras
        if role is Role.ADMIN and "cameras" in body.model_fields_set and body.cameras is not None:
            detail = "an admin sees every camera: leave cameras out"
            raise ProblemError(422, detail, [FieldError("cameras", detail)])
        if body.password is not None:
            check_password(body.password)
        cameras = None if role is Role.ADMIN or limited is None else sorted(limited)
        async with services.hashing if body.password is not None else nullcontext():
            await _unless_last(lambda: services.accounts.change(username, role=role, cameras=cameras, password=body.password))
    detail_of = {**_rights(role, cameras), "password": "changed"} if body.password is not None else _rights(role, cameras)
    await services.note(caller, "user.change", user.username, detail_of)
    services.sockets.check()
    return UserOut(username=user.username, role=role, cameras=cameras)


@router.delete("/users/{username}", status_code=204)
async def delete_user(username: Username, caller: Admin, services: Needed) -> Response:
    """Remove a user; their sessions end at once. The last administrator cannot go: 409."""
    async with services.editing:
        user = await _existing(services, username)
        await _unless_last(lambda: services.accounts.delete_user(username))
    await services.note(caller, "user.delete", user.username)
    services.sockets.check()
    return Response(status_code=204)


@router.get("/tokens")
def tokens(_caller: Admin, services: Needed) -> TokensOut:
    """All tokens, without their secrets."""
    return TokensOut(tokens=[_token_out(token) for token in services.accounts.tokens()])


@router.post("/tokens", status_code=201)
async def create_token(body: TokenIn, caller: Admin, services: Needed) -> TokenOut:
    """Make a token. Its secret is in this answer and never shown again."""
    accounts = services.accounts
    if any(token.name == body.name for token in await run_in_threadpool(accounts.tokens)):
        raise ProblemError(409, f"there is a token {body.name!r} already", [FieldError("name", "is taken")])
    secret = await run_in_threadpool(accounts.create_token, body.name, body.role, body.cameras)
    await services.note(caller, "token.create", body.name, _rights(body.role, body.cameras))
    made = next(token for token in await run_in_threadpool(accounts.tokens) if token.name == body.name)
    return _token_out(made, secret)


@router.delete("/tokens/{name}", status_code=204)
async def revoke_token(name: TokenName, caller: Admin, services: Needed) -> Response:
    """End a token's access at once."""
    if not await run_in_threadpool(services.accounts.revoke, name):
        raise not_found("token")
    await services.note(caller, "token.revoke", name)
    services.sockets.check()
    return Response(status_code=204)


@router.get("/audit")
def audit(
    request: Request,
    response: Response,
    _caller: Admin,
    services: Needed,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditOut:
    """Who did what, newest first."""
    page = services.audit.entries(limit, cursor)
    entries = [
        AuditEntryOut(at_s=item.at_s, user=item.user, action=item.action, target=item.target, detail=dict(item.detail))
        for item in page.entries
    ]
    link_next(request, response, "cursor", page.next_cursor)
    return AuditOut(entries=entries, next_cursor=page.next_cursor)


async def _existing(services: Services, username: str) -> User:
    user = await run_in_threadpool(services.accounts.user, username)
    if user is None:
        raise not_found("user")
    return user


async def _unless_last(change: Callable[[], object]) -> None:
    """Run a change that storage refuses for the last administrator."""
    try:
        await run_in_threadpool(change)
    except AccountRefused as error:
        raise ProblemError(409, str(error)) from error


def _user_out(user: User) -> UserOut:
    return UserOut(username=user.username, role=user.role, cameras=None if user.cameras is None else sorted(user.cameras))


def _token_out(token: TokenInfo, secret: str | None = None) -> TokenOut:
    return TokenOut(
        name=token.name,
        role=token.role,
        cameras=None if token.cameras is None else sorted(token.cameras),
        created_at_s=token.created_at_s,
        used_at_s=token.used_at_s,
        secret=secret,
    )


def _rights(role: Role, cameras: Collection[str] | None) -> dict[str, Any]:
    return {"role": role.value, "cameras": None if cameras is None else sorted(cameras)}
