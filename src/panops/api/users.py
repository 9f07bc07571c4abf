"""Users, for administrators."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out, UserOut
from panops.api.security import Admin
from panops.api.services import Needed, Services
from panops.api.session import Text, user_out
from panops.config.fields import Name
from panops.storage.accounts import Origin, User, check_password
from panops.storage.errors import AccountRefused
from panops.storage.scope import Role
from panops.storage.second_factor_reset import reset

router = APIRouter(prefix="/api/v1", tags=["users"])

Username = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
Cameras = Annotated[list[Name], Field(max_length=1000)]
AN_ADMIN_SEES_ALL = "an admin sees every camera: leave cameras and groups out"


class RightsIn(BaseModel):
    """A role and what of the cameras it counts for; `cameras` and `groups` both null mean all."""

    model_config = ConfigDict(extra="forbid")

    role: Role = Role.VIEWER
    cameras: Cameras | None = None
    groups: Cameras | None = None

    @model_validator(mode="after")
    def _an_admin_sees_all(self) -> Self:
        if self.role is Role.ADMIN and (self.cameras is not None or self.groups is not None):
            raise ValueError(AN_ADMIN_SEES_ALL)
        return self


class UserIn(RightsIn):
    """A new user; `cameras` and `groups` both null mean all."""

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Text


class UserPatch(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    cameras: Cameras | None = None
    groups: Cameras | None = None
    password: Text | None = None


class AccountOut(UserOut):
    """A user as administrators see them: `origin` says who vouches for them (`local`, `oidc`, `proxy`)."""

    origin: Origin
    second_factor: bool
    created_at_s: float


class UsersOut(Out):
    """All users, by name."""

    users: list[AccountOut]


@router.get("/users")
def users(_caller: Admin, services: Needed) -> UsersOut:
    """All users."""
    return UsersOut(users=[_account_out(user) for user in services.accounts.users()])


@router.post("/users", status_code=201)
async def create_user(body: UserIn, caller: Admin, services: Needed) -> UserOut:
    """Add a user."""
    if await run_in_threadpool(services.accounts.user, body.username) is not None:
        raise ProblemError(409, f"there is a user {body.username.lower()!r} already", [FieldError("username", "is taken")])
    async with services.hashing:
        user = await run_in_threadpool(services.accounts.create_user, body.username, body.password, body.role, body.cameras, body.groups)
    await services.note(caller, "user.create", user.username, rights_in_words(body.role, body.cameras, body.groups))
    return user_out(user)


@router.patch("/users/{username}")
async def change_user(username: Username, body: UserPatch, caller: Admin, services: Needed) -> UserOut:
    """Change a user's role, cameras or password; open sessions follow at once (a new password ends them and own tokens)."""
    async with services.editing:
        user = await _existing(services, username)
        role, given = body.role or user.role, body.model_fields_set
        if role is Role.ADMIN and any(name in given and getattr(body, name) is not None for name in ("cameras", "groups")):
            raise ProblemError(422, AN_ADMIN_SEES_ALL, [FieldError("cameras", AN_ADMIN_SEES_ALL)])
        if body.password is not None:
            check_password(body.password, username)
        cameras = _kept(role, body.cameras if "cameras" in given else user.cameras)
        groups = _kept(role, body.groups if "groups" in given else user.groups)
        async with services.hashing if body.password is not None else nullcontext():
            await _unless_last(
                lambda: services.accounts.change(username, role=role, cameras=cameras, groups=groups, password=body.password)
            )
    facts = rights_in_words(role, cameras, groups)
    await services.note(caller, "user.change", user.username, {**facts, "password": "changed"} if body.password is not None else facts)
    services.sockets.check()
    return UserOut(username=user.username, role=role, cameras=cameras, groups=groups)


@router.delete("/users/{username}", status_code=204)
async def delete_user(username: Username, caller: Admin, services: Needed) -> Response:
    """Remove a user; their sessions end at once. The last administrator cannot go: 409."""
    async with services.editing:
        user = await _existing(services, username)
        await _unless_last(lambda: services.accounts.delete_user(username))
    await services.note(caller, "user.delete", user.username)
    services.sockets.check()
    return Response(status_code=204)


@router.delete("/users/{username}/second-factor", status_code=204)
async def reset_second_factor(username: Username, caller: Admin, services: Needed) -> Response:
    """Take a user's second factor and recovery codes away, for one who lost both; all their sessions and own tokens end."""
    user = await _existing(services, username)
    if await run_in_threadpool(reset, services.database, services.clock, user.username, caller.username) is None:
        raise not_found("second factor")
    services.sockets.check()
    return Response(status_code=204)


@router.delete("/users/{username}/sessions", status_code=204)
async def end_sessions_of(username: Username, caller: Admin, services: Needed) -> Response:
    """Sign a user out everywhere; their own tokens end, too."""
    user = await _existing(services, username)
    ended, tokens = await run_in_threadpool(services.accounts.end_access, user)
    await services.note(caller, "session.end_all", user.username, {"sessions": ended, "tokens": tokens})
    services.sockets.check()
    return Response(status_code=204)


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


def _account_out(user: User) -> AccountOut:
    rights = user_out(user).model_dump()
    return AccountOut(**rights, origin=user.origin, second_factor=user.second_factor, created_at_s=user.created_at_s)


def _kept(role: Role, names: Collection[str] | None) -> list[str] | None:
    """What somebody is limited to, in order; an administrator is not."""
    return None if role is Role.ADMIN or names is None else sorted(names)


def rights_in_words(role: Role, cameras: Collection[str] | None, groups: Collection[str] | None) -> dict[str, Any]:
    """Rights for the audit log."""
    return {
        "role": role.value,
        "cameras": None if cameras is None else sorted(cameras),
        "groups": None if groups is None else sorted(groups),
    }
