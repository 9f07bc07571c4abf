"""Headers of a reverse proxy that say who somebody is: believed from the proxies that are named, and in no other way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from panops.api.proxy_login import PeerNote
from panops.config.sign_in_schema import ProxyLoginConfig
from panops.storage.accounts import Origin
from panops.storage.scope import Role

from .conftest import HOST, MakeSite, Path, Site

pytestmark = pytest.mark.anyio

PROXY = "10.0.0.2"
NINA = [("Remote-User", "Nina"), ("Remote-Groups", "staff, north-team")]
Headers = list[tuple[str, str]]


@pytest.fixture
async def site(make_site: MakeSite, filled_database: Path) -> AsyncIterator[Site]:
    config = ProxyLoginConfig.model_validate({"roles": {"staff": "operator", "boss": "admin"}, "groups": {"north-team": ["north"]}})
    made = make_site(filled_database, proxy_login=config, trusted_proxies=(PROXY, "*"))
    made.services.sites.put_group("north", ["gate"])
    async with made.live:
        yield made


async def ask(
    site: Site, headers: Headers, peer: str = PROXY, method: str = "GET", path: str = "/api/v1/session", **options: object
) -> httpx.Response:
    transport = httpx.ASGITransport(PeerNote(site.app), client=(peer, 5))
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        return await client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]  # passed through as given


async def test_whom_the_proxy_names_is_signed_in(site: Site) -> None:
    answer = await ask(site, NINA)
    assert answer.json()["user"] == {"username": "nina", "role": "operator", "cameras": ["gate"], "groups": None}
    assert "set-cookie" not in answer.headers
    user = site.accounts.user("nina")
    assert user is not None
    assert (user.origin, user.role) == (Origin.PROXY, Role.OPERATOR)
    await ask(site, [("Remote-User", "nina"), ("Remote-Groups", "boss")])
    assert (site.accounts.user("nina") or user).role is Role.ADMIN, "the proxy's last word counts"
    assert (await ask(site, NINA, path="/api/v1/account")).json()["origin"] == "proxy"


SMUGGLED: dict[str, tuple[Headers, str]] = {
    "from anybody else": (NINA, "203.0.113.9"),
    "from this machine": (NINA, "127.0.0.1"),
    "a peer without an address": (NINA, ""),
    "passed on for the proxy": ([*NINA, ("X-Forwarded-For", PROXY)], "203.0.113.9"),
    "two names": ([*NINA, ("Remote-User", "ada")], PROXY),
    "two lists of groups": ([*NINA, ("Remote-Groups", "boss")], PROXY),
    "an empty name": ([("Remote-User", " "), ("Remote-Groups", "boss")], PROXY),
    "with an underscore": ([("Remote_User", "nina"), ("Remote_Groups", "boss")], PROXY),
    "no role": ([("Remote-User", "nina"), ("Remote-Groups", "visitors")], PROXY),
    "no groups": ([("Remote-User", "nina")], PROXY),
    "a role's own name": ([("Remote-User", "nina"), ("Remote-Groups", "admin")], PROXY),
    "somebody with an account here": ([("Remote-User", "ADA"), ("Remote-Groups", "boss")], PROXY),
    "no name at all": ([("Remote-User", "../etc"), ("Remote-Groups", "boss")], PROXY),
}


@pytest.mark.parametrize("what", SMUGGLED)
async def test_headers_that_mean_nothing(site: Site, what: str) -> None:
    headers, peer = SMUGGLED[what]
    assert (await ask(site, headers, peer)).status_code == 401
    assert site.accounts.user("nina") is None


async def test_it_is_off_unless_the_site_file_says_so(make_site: MakeSite, filled_database: Path) -> None:
    site = make_site(filled_database, trusted_proxies=(PROXY,))
    async with site.live:
        assert (await ask(site, [("Remote-User", "nina"), ("Remote-Groups", "boss")])).status_code == 401


async def test_who_stands_behind_is_not_taken_for_the_proxy(site: Site) -> None:
    """Through the real server: it puts the client's own address in place of the proxy's, which must change nothing."""
    async with site.served() as address, httpx.AsyncClient(base_url=address) as client:
        for forwarded in (PROXY, f"{PROXY}, {PROXY}", "127.0.0.1"):
            headers = [*NINA, ("X-Forwarded-For", forwarded), ("Forwarded", f"for={forwarded}")]
            assert (await client.get("/api/v1/session", headers=headers)).status_code == 401


async def test_the_real_server_believes_its_proxy(make_site: MakeSite, filled_database: Path) -> None:
    config = ProxyLoginConfig.model_validate({"default_role": "viewer"})
    site = make_site(filled_database, proxy_login=config, trusted_proxies=("127.0.0.1",))
    async with site.live, site.served() as address, httpx.AsyncClient(base_url=address) as client:
        headers = [("Remote-User", "nina"), ("X-Forwarded-For", "203.0.113.9")]
        assert (await client.get("/api/v1/session", headers=headers)).json()["user"]["username"] == "nina"


@pytest.mark.parametrize(
    ("headers", "status"),
    [([], 403), ([("Origin", "http://evil.example")], 403), ([("Sec-Fetch-Site", "none")], 403), ([("Sec-Fetch-Site", "cross-site")], 403),
     ([("Origin", HOST)], 201), ([("Sec-Fetch-Site", "same-origin")], 201)],
)  # fmt: skip
async def test_other_sites_cannot_use_what_the_proxy_says(site: Site, headers: Headers, status: int) -> None:
    answer = await ask(site, [*NINA, *headers], method="POST", path="/api/v1/account/tokens", json={"name": "mine"})
    assert answer.status_code == status


async def test_who_lost_every_role_keeps_no_token(site: Site) -> None:
    await ask(site, NINA)
    token = site.accounts.create_token("mine", Role.VIEWER, owner="nina")
    assert (await ask(site, [("Remote-User", "nina"), ("Remote-Groups", "visitors")], "203.0.113.9")).status_code == 401
    assert site.accounts.token(token) is not None, "not for anybody's word"
    assert (await ask(site, [("Remote-User", "Nina"), ("Remote-Groups", "visitors")])).status_code == 401
    assert site.accounts.token(token) is None
    ada = site.accounts.create_token("mine", Role.VIEWER, owner="ada")
    assert (await ask(site, [("Remote-User", "ada"), ("Remote-Groups", "visitors")])).status_code == 401
    assert site.accounts.token(ada) is not None, "an account of our own"
