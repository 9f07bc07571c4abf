"""Signing in at an OpenID Connect provider: a real small one, with everything that may be wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from panops.config.load import parse_site
from panops.config.sign_in_schema import OidcConfig
from panops.domain.errors import ConfigError
from panops.storage.accounts import Origin
from panops.storage.scope import Role

from .conftest import HOST, MakeSite, Path, Site

pytest.importorskip("joserfc", reason="needs the extra `oidc`: pip install 'panops[oidc]'")

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from .oidc_provider import CLIENT, SECRET, Claims, Provider

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(make_site: MakeSite, filled_database: Path) -> AsyncIterator[tuple[Site, Provider]]:
    """A site and its provider."""
    provider = Provider()
    config = OidcConfig.model_validate(
        {
            "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "name": "Example",
            "roles": {"staff": "operator", "boss": "admin"}, "groups": {"north-team": ["north"]},
        }
    )  # fmt: skip
    site = make_site(filled_database, oidc=config, public_url=HOST)
    provider.utc_s = site.clock.utc_s
    site.services.sites.put_group("north", ["gate"])
    async with site.live:
        yield site, provider
    provider.close()


async def go_there(client: httpx.AsyncClient, next_path: str = "/events") -> str:
    answer = await client.get(f"/api/v1/oidc/begin?next={next_path}")
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def sign_in(site: Site, provider: Provider) -> tuple[httpx.Response, str]:
    """The last answer, and the session's cookie or nothing."""
    async with site.client(None) as client:
        back = provider.authorise(await go_there(client))
        answer = await client.get(back.removeprefix(HOST))
        return answer, client.cookies.get("panops_session", "")


async def test_who_comes_from_the_provider_has_the_rights_that_its_claims_give(place: tuple[Site, Provider]) -> None:
    site, provider = place
    assert (await site.get(None, "/api/v1/setup")).json()["provider"] == "Example"
    answer, cookie = await sign_in(site, provider)
    assert (answer.status_code, answer.headers["location"]) == (302, "/events")
    user = site.accounts.session(cookie)
    assert user is not None
    assert (user.username, user.role, user.origin) == ("nina", Role.OPERATOR, Origin.OIDC)
    assert user.scope.cameras == {"gate"}
    provider.person["groups"] = ["boss"]
    _, cookie = await sign_in(site, provider)
    assert (site.accounts.session(cookie) or user).role is Role.ADMIN
    provider.person["groups"] = ["nobody here"]
    answer, cookie = await sign_in(site, provider)
    assert (answer.headers["location"], cookie) == ("/login?problem=account", "")
    logged = [(entry.action, entry.user or entry.detail["why"]) for entry in site.services.audit.entries().entries]
    assert ("login", "nina") in logged
    assert "has no role here" in str(logged)


async def test_groups_that_only_the_user_info_has(place: tuple[Site, Provider]) -> None:
    site, provider = place
    del provider.person["groups"]
    provider.extra = {"groups": "staff"}
    _, cookie = await sign_in(site, provider)
    user = site.accounts.session(cookie)
    assert user is not None
    assert user.role is Role.OPERATOR
    assert user.scope.cameras == frozenset(), "in none of the groups: no camera, not all of them"
    provider.extra = {"groups": "boss", "sub": "somebody else"}
    assert (await sign_in(site, provider))[1] == ""


async def test_a_local_account_is_never_taken_over(place: tuple[Site, Provider]) -> None:
    site, provider = place
    provider.person.update(preferred_username="ADA", groups=["boss"])
    answer, cookie = await sign_in(site, provider)
    assert (answer.headers["location"], cookie) == ("/login?problem=account", "")
    provider.person.update(preferred_username="not a name/..")
    assert (await sign_in(site, provider))[1] == ""


def _with(**changed: object) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in {**claims, **changed}.items() if value is not None}


SPOILT: dict[str, Callable[[Claims], Claims]] = {
    "another issuer": _with(iss="http://127.0.0.1:1"),
    "no issuer": _with(iss=None),
    "another client": _with(aud="other"),
    "another client's too": _with(aud=[CLIENT, "other"]),
    "another client may use it": _with(aud=[CLIENT, "other"], azp="other"),
    "over": lambda claims: {**claims, "exp": claims["exp"] - 400},
    "no end": _with(exp=None),
    "from the future": lambda claims: {**claims, "iat": claims["iat"] + 400},
    "another nonce": _with(nonce="x"),
    "no nonce": _with(nonce=None),
    "nobody": _with(sub=""),
}


@pytest.mark.parametrize("what", SPOILT)
async def test_a_token_that_does_not_fit_lets_nobody_in(place: tuple[Site, Provider], what: str) -> None:
    site, provider = place
    provider.spoil = SPOILT[what]
    answer, cookie = await sign_in(site, provider)
    assert (answer.headers["location"], cookie) == ("/login?problem=provider", "")
    provider.spoil = lambda claims: {**claims, "aud": [CLIENT]}
    assert (await sign_in(site, provider))[1] != ""


def _text(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


async def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(place: tuple[Site, Provider]) -> None:
    site, provider = place
    stranger = RSAKey.generate_key(2048, {"kid": "first"})
    signed = provider.sign
    forgeries: list[Callable[[Claims], str]] = [
        lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, stranger),
        lambda claims: f"{_text({'alg': 'none'})}.{_text(claims)}.",
        # The public key taken for a shared secret.
        lambda claims: jwt.encode(
            {"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(provider.key.as_pem(private=False)), algorithms=["HS256"]
        ),
        lambda claims: signed(claims)[:-8] + "AAAAAAAA",
        lambda _: "no.token.atall",
        lambda _: "",
    ]
    for forge in forgeries:
        provider.sign = forge
        assert (await sign_in(site, provider))[1] == ""
    provider.sign = signed
    assert (await sign_in(site, provider))[1] != ""


async def test_new_keys_of_the_provider_are_found(place: tuple[Site, Provider]) -> None:
    site, provider = place
    await sign_in(site, provider)
    provider.key = RSAKey.generate_key(2048, {"kid": "second"})
    provider.shown = [provider.key]
    assert (await sign_in(site, provider))[1] != ""
    assert provider.asked.count("/keys") == 2, "asked for again only when they did not fit"


async def test_only_the_browser_that_began_may_end_it_and_once(place: tuple[Site, Provider]) -> None:
    site, provider = place
    async with site.client(None) as mine, site.client(None) as other:
        back = provider.authorise(await go_there(mine)).removeprefix(HOST)
        assert (await other.get(back)).headers["location"] == "/login?problem=provider"
        assert (await mine.get(back)).headers["location"] == "/login?problem=provider", "the state is used up"
        back = provider.authorise(await go_there(mine)).removeprefix(HOST)
        assert (await mine.get(back)).headers["location"] == "/events"
        assert (await mine.get(back)).headers["location"] == "/login?problem=provider", "neither state nor code count twice"
        back = provider.authorise(await go_there(mine)).removeprefix(HOST)
        site.clock.now_s += 601
        assert (await mine.get(back)).headers["location"] == "/login?problem=provider"
        for query in ("", "?state=x&code=y", "?error=access_denied"):
            assert (await mine.get(f"/api/v1/oidc/end{query}")).headers["location"] == "/login?problem=provider"


async def test_a_code_of_another_sign_in_is_not_taken(place: tuple[Site, Provider]) -> None:
    site, provider = place
    async with site.client(None) as mine, site.client(None) as victim:
        stolen = parse_qs(urlsplit(provider.authorise(await go_there(mine))).query)["code"][0]
        state = parse_qs(urlsplit(await go_there(victim)).query)["state"][0]
        answer = await victim.get(f"/api/v1/oidc/end?state={state}&code={stolen}")
    assert answer.headers["location"] == "/login?problem=provider", "PKCE: the verifier is another one"


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:x=1"]
)
async def test_the_way_back_leads_to_this_site_only(place: tuple[Site, Provider], path: str) -> None:
    site, provider = place
    async with site.client(None) as client:
        back = provider.authorise(await go_there(client, path)).removeprefix(HOST)
        assert (await client.get(back)).headers["location"] == "/"


async def test_a_provider_that_does_not_answer_is_said(make_site: MakeSite, filled_database: Path) -> None:
    config = OidcConfig.model_validate({"issuer": "http://127.0.0.1:9", "client_id": "x", "default_role": "viewer"})
    site = make_site(filled_database, oidc=config, public_url=HOST)
    async with site.live:
        assert (await site.get(None, "/api/v1/oidc/begin")).headers["location"] == "/login?problem=provider"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("oidc: {issuer: 'https://a.example', client_id: x, default_role: viewer}", "public_url"),
        ("public_url: 'https://b.example', oidc: {issuer: 'http://a.example', client_id: x, default_role: viewer}", "https://"),
        ("public_url: 'https://b.example', oidc: {issuer: 'https://a.example', client_id: x}", "default_role"),
        ("proxy_login: {default_role: viewer}", "trusted_proxies"),
        ("require_second_factor: [boss]", "viewer"),
        ("allowed_addresses: [cloud]", "networks"),
    ],
)
def test_settings_that_cannot_be(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_site(f"server: {{{text}}}", "test", {})


async def test_who_lost_every_role_keeps_no_session_and_no_token(place: tuple[Site, Provider]) -> None:
    site, provider = place
    _, cookie = await sign_in(site, provider)
    token = site.accounts.create_token("mine", Role.VIEWER, owner="nina")
    provider.person["groups"] = ["nobody here"]
    answer, _ = await sign_in(site, provider)
    assert answer.headers["location"] == "/login?problem=account"
    assert (site.accounts.session(cookie), site.accounts.token(token)) == (None, None)
