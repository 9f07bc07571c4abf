"""One's own account: what it is, and its second factor."""

from __future__ import annotations

import io
from typing import Annotated

import segno
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.problems import FieldError, ProblemError
from panops.api.schemas import Out, UserOut
from panops.api.security import Caller, Viewer
from panops.api.services import Needed, Services
from panops.api.session import Text, address_of, check_again, own_account, refuse_for, user_out
from panops.storage import totp
from panops.storage.accounts import Origin, User

router = APIRouter(prefix="/api/v1/account", tags=["account"])


class SecondFactorOut(Out):
    """A second factor: since when, and how many recovery codes were not used yet."""

    since_s: float
    codes_left: int


class OwnAccountOut(Out):
    """One's own account; `second_factor` null: there is none."""

    user: UserOut
    origin: Origin
    second_factor: SecondFactorOut | None
    second_factor_required: bool
    session_idle_s: float
    session_max_s: float


class PasswordAgainIn(BaseModel):
    """The password again: an open page alone must not be enough."""

    model_config = ConfigDict(extra="forbid")

    password: Text


class CodeIn(BaseModel):
    """A code of the authenticator app."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(max_length=40)]


class EnrolmentOut(Out):
    """What an app needs: the QR code as the path of an SVG of `qr_modules` by `qr_modules` units, or the secret to type."""

    secret: str
    address: str
    qr_path: str
    qr_modules: int


class RecoveryOut(Out):
    """Recovery codes, shown this once: each counts one time in place of the app's code."""

    recovery_codes: list[str]


@router.get("")
def own(caller: Viewer, services: Needed) -> OwnAccountOut:
    """The caller's account."""
    user = own_account(caller, services)
    factor = services.second_factors.of(user.username)
    return OwnAccountOut(
        user=user_out(user),
        origin=user.origin,
        second_factor=None if factor is None else SecondFactorOut(since_s=factor.since_s, codes_left=factor.codes_left),
        second_factor_required=user.origin is Origin.LOCAL and user.role in services.settings.require_second_factor,
        session_idle_s=services.accounts.limits.idle_s,
        session_max_s=services.accounts.limits.longest_s,
    )


@router.post("/second-factor")
async def begin(request: Request, body: PasswordAgainIn, caller: Viewer, services: Needed) -> EnrolmentOut:
    """Begin to set a second factor up; it counts once a code of it was confirmed. 409 where there is one already."""
    user = await _with_password(request, body, caller, services)
    if user.second_factor:
        raise ProblemError(409, "there is a second factor already; take it away first")
    secret = await run_in_threadpool(services.second_factors.begin, user.username)
    where = totp.address(secret, user.username)
    path, modules = qr_path(where)
    return EnrolmentOut(secret=secret, address=where, qr_path=path, qr_modules=modules)


@router.post("/second-factor/confirm")
async def confirm(request: Request, body: CodeIn, caller: Viewer, services: Needed) -> RecoveryOut:
    """Confirm a new second factor by a code of it; every other session of the user ends. 422: the code is wrong."""
    user = await run_in_threadpool(own_account, caller, services)
    address = address_of(request)
    refuse_for(services.codes.begin(address, user.username))
    codes = await run_in_threadpool(services.second_factors.confirm, user.username, body.code)
    if codes is None:
        detail = "the code does not fit; is the clock of the device right?"
        raise ProblemError(422, detail, [FieldError("code", detail)])
    services.codes.succeeded(address, user.username)
    await run_in_threadpool(lambda: services.accounts.close_sessions(user, keep=caller.secret))
    await services.note(caller, "second_factor.set_up", user.username)
    services.sockets.check()
    return RecoveryOut(recovery_codes=list(codes))


@router.post("/second-factor/remove", status_code=204)
async def remove(request: Request, body: PasswordAgainIn, caller: Viewer, services: Needed) -> Response:
    """Take one's own second factor away; 409 where the site requires one of this role."""
    user = await _with_password(request, body, caller, services)
    if user.role in services.settings.require_second_factor:
        raise ProblemError(409, "this site requires a second factor of you; an administrator can reset it")
    await run_in_threadpool(services.second_factors.remove, user.username)
    await services.note(caller, "second_factor.remove", user.username)
    return Response(status_code=204)


@router.post("/recovery-codes")
async def renew_codes(request: Request, body: PasswordAgainIn, caller: Viewer, services: Needed) -> RecoveryOut:
    """New recovery codes in place of all earlier ones; 409 where there is no second factor."""
    user = await _with_password(request, body, caller, services)
    codes = await run_in_threadpool(services.second_factors.renew_codes, user.username)
    if codes is None:
        raise ProblemError(409, "there is no second factor yet; set one up first")
    await services.note(caller, "second_factor.new_codes", user.username)
    return RecoveryOut(recovery_codes=list(codes))


async def _with_password(request: Request, body: PasswordAgainIn, caller: Caller, services: Services) -> User:
    """The caller's account, for whoever also has its password.

    Raises:
        ProblemError: 403: it is wrong, or there is none here; 429 after too many.
    """
    user = await run_in_threadpool(own_account, caller, services)
    if user.origin is not Origin.LOCAL:
        raise ProblemError(403, "you sign in elsewhere, so your second factor is there, too")
    await check_again(request, services, user, body.password)
    return user


def qr_path(text: str) -> tuple[str, int]:
    """A QR code as the path of an SVG, black on nothing, and its size in units with the quiet zone of four around it."""
    code = segno.make(text, error="m", micro=False)
    rows = [bytes(row) for row in code.matrix]
    path = io.StringIO()
    for y, row in enumerate(rows, 4):
        for x, dark in enumerate(row, 4):
            if dark:
                path.write(f"M{x} {y}h1v1h-1z")
    return path.getvalue(), len(rows) + 8
