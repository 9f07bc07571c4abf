"""What a page asks first, signed in or not; and the first run: making the first administrator."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.problems import FieldError, ProblemError
from panops.api.schemas import Out, UserOut
from panops.api.security import OPEN, Caller, is_local
from panops.api.services import Needed
from panops.api.session import SignedInOut, Text, guarded, signed_in, user_of

router = APIRouter(prefix="/api/v1", tags=["setup"], dependencies=[OPEN])


class SetupOut(Out):
    """What a page has to know before anything else, so that none of its requests is refused.

    Attributes:
        needed: The first administrator has to be made.
        code_needed: This client needs the code for it that the server printed at its start.
        user: Who is signed in here; None for a stranger.
        second_factor_missing: They must set a second factor up before they can do anything else.
        provider: The name of the provider where one may sign in instead; None where there is none.
    """

    needed: bool
    code_needed: bool
    user: UserOut | None
    second_factor_missing: bool
    provider: str | None


class SetupIn(BaseModel):
    """The first administrator."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Text
    code: Annotated[str, Field(max_length=100)] = ""


@router.get("/setup")
def is_needed(request: Request, services: Needed) -> SetupOut:
    """Whether there is no user yet, and who is asking."""
    needed = services.accounts.count() == 0
    local = is_local(request, loopback_is_local=services.settings.loopback_is_local)
    caller: Caller | None = request.state.user
    return SetupOut(
        needed=needed,
        code_needed=needed and not local,
        user=None if caller is None else user_of(caller),
        second_factor_missing=caller is not None and caller.lacks_factor,
        provider=None if services.oidc is None else services.oidc.name,
    )


@router.post("/setup", status_code=201, response_model=SignedInOut)
async def set_up(request: Request, body: SetupIn, services: Needed) -> Response:
    """Make the first administrator and sign them in. Of two at once exactly one succeeds; afterwards the answer is 409."""
    already = ProblemError(409, "panops is set up already; sign in, or ask an administrator for an account")
    if await run_in_threadpool(services.accounts.count):
        raise already
    if not is_local(request, loopback_is_local=services.settings.loopback_is_local):
        await _check_code(request, body.code, services)

    # Atomic in storage too, for another process; the lock gives the loser of two requests here its 409.
    async with services.editing:
        if await run_in_threadpool(services.accounts.count):
            raise already
        async with services.hashing:
            user = await run_in_threadpool(services.accounts.create_first_admin, body.username, body.password)
    await services.note(user.username, "setup", user.username)
    return await signed_in(request, services, user, 201, "setup")


async def _check_code(request: Request, code: str, services: Needed) -> None:
    wanted = services.settings.setup_code
    if not wanted:
        raise ProblemError(403, "the first administrator can only be made on the machine that panops runs on: open the page there")

    def fits() -> bool | None:
        return hmac.compare_digest(code.strip().encode("utf-8", "replace"), wanted.encode()) or None

    if await guarded(services, request, "setup code", fits) is None:
        detail = "the setup code is wrong; the server printed it when it started"
        raise ProblemError(403, detail, [FieldError("code", detail)])
