"""The two steps of signing in at a provider: there, and back."""

from __future__ import annotations

import logging
import re
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from panops.api.claims import rights_of
from panops.api.oidc_begun import BEGUN_S, END_PATH, Begun, OidcRefused, said_of
from panops.api.problems import ProblemError
from panops.api.security import OPEN
from panops.api.services import Needed, Services
from panops.api.session import address_of, open_session, refuse_for
from panops.config.sign_in_schema import OidcConfig
from panops.domain.clock import Clock
from panops.domain.errors import ConfigError, ConfigProblem
from panops.storage.accounts import Origin, User
from panops.storage.errors import AccountRefused

if TYPE_CHECKING:
    from panops.api.oidc_sign_in import OidcSignIn

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1/oidc", tags=["session"], dependencies=[OPEN])

BROWSER_COOKIE = "panops_oidc"
_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


@router.get("/begin", response_class=RedirectResponse, status_code=302)
async def begin(request: Request, services: Needed, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """Go to the provider; 404 where none is set."""
    provider = _provider(services)
    refuse_for(services.logins.begin(address_of(request), "provider"))
    try:
        where, browser = await run_in_threadpool(provider.begin, next if _OWN_PATH.fullmatch(next) else "/")
    except OidcRefused as error:
        log.warning("nobody can sign in at the provider: %s", error)
        return _back("provider")
    services.logins.succeeded(address_of(request), "provider")
    response = RedirectResponse(where, 302)
    # Lax: the way back is a navigation that the provider's page begins.
    secure = request.url.scheme == "https"
    response.set_cookie(BROWSER_COOKIE, browser, max_age=int(BEGUN_S), path=END_PATH, httponly=True, samesite="lax", secure=secure)
    return response


@router.get("/end", response_class=RedirectResponse, status_code=302)
async def end(
    request: Request,
    services: Needed,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Back from the provider: sign in and go on, or say at the sign-in page why not."""
    provider = _provider(services)
    try:
        begun = provider.begun.take(state, request.cookies.get(BROWSER_COOKIE, ""))
        user = await run_in_threadpool(_user, provider, services, begun, code, error)
    except OidcRefused as refusal:
        log.warning("a sign-in at the provider failed: %s", refusal)
        await services.note("", "login.failed", "", {"why": "provider"})
        return _back("provider")
    except AccountRefused as refusal:
        log.warning("who comes from the provider is not let in: %s", refusal)
        await services.note("", "login.failed", "", {"why": str(refusal)})
        services.sockets.check()
        return _back("account")
    response = RedirectResponse(begun.next_path, 302)
    response.delete_cookie(BROWSER_COOKIE, path=END_PATH)
    await open_session(request, services, user, "provider", response)
    return response


def _user(provider: OidcSignIn, services: Services, begun: Begun, code: str, error: str) -> User:
    """The user whom the provider's claims mean.

    Raises:
        OidcRefused: The provider says no, or is not to be believed.
        AccountRefused: They have no role here (then what they still had open has ended), or their name is another account's.
    """
    if error or not code:
        raise OidcRefused(f"the provider says {error[:60]!r}")
    claims, config = provider.end(begun, code), provider.config
    rights = rights_of(said_of(claims, config.groups_claim), config)
    name = next(iter(said_of(claims, config.username_claim)), "")
    subject = f"{claims['iss']} {claims['sub']}"
    if rights is None:
        services.accounts.shut_out(Origin.OIDC, subject)
        raise AccountRefused(f"{name[:80]!r} has no role here; server.oidc.roles says who has")
    return services.accounts.outsider(Origin.OIDC, subject, name, rights.role, rights.groups)


def _provider(services: Services) -> OidcSignIn:
    if services.oidc is None:
        raise ProblemError(404, "no provider is set; sign in with a user name and password")
    return services.oidc


def _back(why: str) -> Response:
    response = RedirectResponse(f"/login?problem={why}", 302)
    response.delete_cookie(BROWSER_COOKIE, path=END_PATH)
    return response


def provider_of(config: OidcConfig, public_url: str, clock: Clock) -> OidcSignIn:
    """The provider of the settings.

    Raises:
        ConfigError: The extra `oidc` is not installed.
    """
    try:
        module = import_module("panops.api.oidc_sign_in")
    except ImportError as error:
        problem = ConfigProblem("server.oidc", f"needs the extra `oidc`, of which {error.name} is missing: pip install 'panops[oidc]'")
        raise ConfigError("server", [problem]) from error
    made: OidcSignIn = module.OidcSignIn(config, public_url, clock)
    return made
