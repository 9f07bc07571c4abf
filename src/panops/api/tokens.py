"""Bearer tokens: those that administrators make for programs, and everybody's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.problems import FieldError, ProblemError, not_found
from panops.api.schemas import Out
from panops.api.security import Admin, Caller, Viewer
from panops.api.services import Needed, Services
from panops.api.session import Text, check_again, own_account
from panops.api.users import RightsIn, rights_in_words
from panops.storage.accounts import Origin, TokenInfo
from panops.storage.scope import Role

router = APIRouter(prefix="/api/v1", tags=["tokens"])

TokenName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")]
# An administrator may also end somebody's own one, whose name begins with theirs.
AnyTokenName = Annotated[str, Path(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.@-]{0,63}/)?[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")]


class TokenIn(RightsIn):
    """A new token for a program; `expires_at_s` null: it lasts until it is revoked."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    expires_at_s: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] | None = None


class OwnTokenIn(TokenIn):
    """A token of one's own; `password` is one's password again, of those who have one here."""

    password: Text = ""


class TokenOut(Out):
    """A program's token; `secret` is only there in the answer that makes it."""

    name: str
    role: Role
    cameras: list[str] | None
    groups: list[str] | None
    created_at_s: float
    used_at_s: float | None
    expires_at_s: float | None
    owner: str | None
    secret: str | None = None

    @classmethod
    def of(cls, token: TokenInfo, secret: str | None = None) -> TokenOut:
        """A token as the API tells of it."""
        return cls(
            name=token.name,
            role=token.role,
            cameras=None if token.cameras is None else sorted(token.cameras),
            groups=None if token.groups is None else sorted(token.groups),
            created_at_s=token.created_at_s,
            used_at_s=token.used_at_s,
            expires_at_s=token.expires_at_s,
            owner=token.owner or None,
            secret=secret,
        )


class TokensOut(Out):
    """Tokens, by name."""

    tokens: list[TokenOut]


@router.get("/tokens")
def tokens(_caller: Admin, services: Needed) -> TokensOut:
    """All tokens, also people's own ones, without their secrets."""
    return TokensOut(tokens=[TokenOut.of(token) for token in services.accounts.tokens()])


@router.post("/tokens", status_code=201)
async def create_token(body: TokenIn, caller: Admin, services: Needed) -> TokenOut:
    """Make a token for a program. Its secret is in this answer and never shown again."""
    return await _made(body, caller, services, "")


@router.delete("/tokens/{name:path}", status_code=204)
async def revoke_token(name: AnyTokenName, caller: Admin, services: Needed) -> Response:
    """End a token's access at once."""
    return await _revoked(name, caller, services)


@router.get("/account/tokens")
def own_tokens(caller: Viewer, services: Needed) -> TokensOut:
    """The caller's own tokens, without their secrets."""
    owner = own_account(caller, services)
    return TokensOut(tokens=[_own(TokenOut.of(token)) for token in services.accounts.tokens(owner.username)])


@router.post("/account/tokens", status_code=201)
async def create_own_token(request: Request, body: OwnTokenIn, caller: Viewer, services: Needed) -> TokenOut:
    """Make a token of one's own: it can do no more than its owner, whatever it says, and goes with them. 403: the password is wrong.

    It ends with a new password, a reset second factor, and signing out everywhere.
    """
    owner = await run_in_threadpool(own_account, caller, services)
    if owner.origin is Origin.LOCAL:
        await check_again(request, services, owner, body.password)
    if not owner.role.covers(body.role):
        detail = f"expected a role up to your own, {owner.role.value}, got {body.role.value}"
        raise ProblemError(422, detail, [FieldError("role", detail)])
    return _own(await _made(body, caller, services, owner.username))


@router.delete("/account/tokens/{name}", status_code=204)
async def revoke_own_token(name: TokenName, caller: Viewer, services: Needed) -> Response:
    """End one of one's own tokens at once."""
    owner = await run_in_threadpool(own_account, caller, services)
    return await _revoked(f"{owner.username}/{name}", caller, services)


async def _made(body: TokenIn, caller: Caller, services: Services, owner: str) -> TokenOut:
    accounts, stored = services.accounts, f"{owner}/{body.name}" if owner else body.name
    if any(token.name == stored for token in await run_in_threadpool(accounts.tokens)):
        raise ProblemError(409, f"there is a token {body.name!r} already", [FieldError("name", "is taken")])
    if body.expires_at_s is not None and body.expires_at_s <= services.clock.utc_s():
        raise ProblemError(422, "expected an end in the future", [FieldError("expires_at_s", "lies in the past")])
    secret = await run_in_threadpool(
        lambda: accounts.create_token(body.name, body.role, body.cameras, body.groups, expires_at_s=body.expires_at_s, owner=owner)
    )
    facts = {**rights_in_words(body.role, body.cameras, body.groups), "expires_at_s": body.expires_at_s}
    await services.note(caller, "token.create", stored, facts)
    made = next(token for token in await run_in_threadpool(accounts.tokens) if token.name == stored)
    return TokenOut.of(made, secret)


async def _revoked(name: str, caller: Caller, services: Services) -> Response:
    if not await run_in_threadpool(services.accounts.revoke, name):
        raise not_found("token")
    await services.note(caller, "token.revoke", name)
    services.sockets.check()
    return Response(status_code=204)


def _own(token: TokenOut) -> TokenOut:
    """By the name that its owner gave it."""
    return token.model_copy(update={"name": token.name.partition("/")[2]})
