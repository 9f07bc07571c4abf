"""Every route, picture, socket and kind of caller: what is outside of a scope does not exist, however the scope is made."""

from __future__ import annotations

import logging

import pytest

from panops.domain.events import EvidenceKind
from panops.storage.scope import Role

from .conftest import HOST, PASSWORD, Site
from .test_app import TABLE, store_event
from .test_live_socket import page

pytestmark = pytest.mark.anyio

# What lies beyond the scope must answer as this, which is nowhere.
HIDDEN, NOWHERE = "yard", "nowhere"


@pytest.fixture
async def filled(site: Site) -> Site:
    for camera in ("gate", "yard"):
        store_event(site, f"{camera}-1-1", camera)
        for kind in (EvidenceKind.ANNOTATED, EvidenceKind.CLIP, EvidenceKind.CLIP_SO_FAR):
            site.services.evidence.add_bytes(f"{camera}-1-1", kind, b"\xff\xd8 more \xff\xd9", 1000.0, 1001.0)
    site.services.sites.put_group("north", ["gate"])
    site.services.sites.put_group("south", ["yard"])
    return site


def headers_of(site: Site, how: str, role: Role) -> dict[str, str]:
    """A caller whose scope is `gate`, made in one of the ways there are."""
    cameras, groups = (["gate"], None) if "camera" in how else (None, ["north"])
    if how.startswith("token"):
        return {"Authorization": f"Bearer {site.accounts.create_token('limited', role, cameras, groups)}"}
    site.accounts.create_user("lina", PASSWORD, role, cameras, groups)
    if how.startswith("own token"):
        return {"Authorization": f"Bearer {site.accounts.create_token('mine', role, owner='lina')}"}
    return {"Cookie": f"panops_session={site.token('lina')}", "Origin": HOST}


HOWS = ["user by camera", "user by group", "token by camera", "token by group", "own token by camera", "own token by group"]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_what_is_out_of_scope_is_as_if_it_were_nowhere(filled: Site, role: Role, how: str) -> None:
    headers = headers_of(filled, how, role)
    paths = {(method, path): body for method, path, body, _ in TABLE}
    # All that names the camera that can be seen, or something of it, asked for the other one and for one that is not there.
    paths |= {("GET", f"/api/v1/events/gate-1-1/{name}"): None for name in ("annotated.jpg", "clip.mp4", "clip_so_far.mp4")}
    paths |= {
        ("GET", f"/api/v1/{path}"): None
        for path in ("events?camera=gate", "events?group=north", "cameras?group=north", "compliance?camera=gate")
    }
    looked = 0
    for (method, path), body in paths.items():
        if "gate" not in path and "north" not in path:
            continue
        looked += 1
        there = (
            path.replace("gate-1-1", f"{HIDDEN}-1-1")
            .replace("cameras/gate", f"cameras/{HIDDEN}")
            .replace("=gate", f"={HIDDEN}")
            .replace("north", "south")
        )
        nowhere = (
            path.replace("gate-1-1", f"{NOWHERE}-1-1")
            .replace("cameras/gate", f"cameras/{NOWHERE}")
            .replace("=gate", f"={NOWHERE}")
            .replace("north", NOWHERE)
        )
        hidden, missing = [await filled.ask(method, None, one, json=body, headers=headers) for one in (there, nowhere)]
        assert hidden.status_code == missing.status_code, (method, there)
        assert hidden.content.replace(b"yard", b"nowhere").replace(b"south", b"nowhere") == missing.content, (method, there)
    assert looked > 14
    everything = ""
    for method, path, _, _ in TABLE:
        if method == "GET" and "/oidc/" not in path and HIDDEN not in path and "way-in" not in path:
            everything += (await filled.ask(method, None, path, headers=headers)).text
    assert "gate" in everything
    assert HIDDEN not in everything, "nor is its name in any list"


@pytest.mark.parametrize("how", ["user by group", "token by camera", "own token by group"])
async def test_sockets_are_held_to_the_scope(filled: Site, how: str) -> None:
    headers = headers_of(filled, how, Role.OPERATOR)
    headers.pop("Origin", None)
    async with filled.served() as address, page(filled, address, None, **headers) as live:
        await live.text("cameras")
        assert set(live.index) == {"gate"}
        await live.say(sub=["yard", "gate", "nowhere"], fps=15, size="s")
        for _ in range(4):
            seen = {record[0] for record in await live.batch()}
            await live.say(ack=1)
            assert len(seen) == 1, "of all that was asked for, one camera's pictures"


TRAVERSALS = [
    "/api/v1/events/..%2f..%2fetc/snapshot.jpg",
    "/api/v1/events/gate-1-1/..%2f..%2fpanops.db",
    "/api/v1/events/gate-1-1/%2e%2e/%2e%2e/panops.db",
    "/api/v1/events/..%5c..%5cpanops.db/clip.mp4",
    "/api/v1/events/%00/clip.mp4",
    "/api/v1/cameras/..%2f..%2fpanops.db/snapshot.jpg",
    "/api/v1/groups/..%2fx",
    "/api/v1/tokens/..%2f..%2fx",
    "/static/x/..%2f..%2f..%2fpages.py",
]


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_no_path_leads_out(filled: Site, path: str) -> None:
    for method in ("GET", "DELETE"):
        answer = await filled.ask(method, "ada", path)
        assert answer.status_code in (404, 405, 422), (method, path)
        assert b"SQLite" not in answer.content


async def test_a_session_that_was_planted_beforehand_is_not_taken_up(site: Site) -> None:
    planted, mine = "planted-by-somebody-else", site.token("greta")
    for before in (planted, mine):
        async with site.client(None) as client:
            client.cookies.set("panops_session", before)
            answer = await client.post("/api/v1/session", json={"username": "ada", "password": PASSWORD}, headers={"Origin": HOST})
        assert answer.status_code == 200
        assert before not in answer.headers["set-cookie"]
        assert (await site.get(None, "/api/v1/session", headers={"Cookie": f"panops_session={before}"})).status_code == 401


async def test_signing_out_everywhere(site: Site) -> None:
    user = site.accounts.user("vera")
    assert user is not None
    others = [site.accounts.open_session(user) for _ in range(3)]
    assert (await site.ask("DELETE", "vera", "/api/v1/sessions")).status_code == 204
    assert all(site.accounts.session(token) is None for token in [*others, site.token("vera")])
    assert site.accounts.session(site.token("greta")) is not None


async def test_no_secret_is_in_the_log_or_the_audit(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {"wrong": "wr0ng-pass-word", "new": "n3w-pass-word", "code": "AAAABBBBCCCCDDDD"}
    async with site.client(None) as client:
        await client.post("/api/v1/session", json={"username": "vera", "password": secrets["wrong"], "code": secrets["code"]})
        await client.post("/api/v1/session", json={"username": "vera", "password": [secrets["wrong"]]})
    body = {"username": "nina", "password": secrets["new"]}
    await site.ask("POST", "ada", "/api/v1/users", json=body)
    await site.ask("PATCH", "ada", "/api/v1/users/nina", json={"password": secrets["new"] + "2"})
    await site.ask("POST", "vera", "/api/v1/password", json={"old": PASSWORD, "new": secrets["new"]})
    secrets["token"] = (await site.ask("POST", "ada", "/api/v1/tokens", json={"name": "x"})).json()["secret"]
    await site.get(None, "/api/v1/cameras", headers={"Authorization": f"Bearer {secrets['token']}x"})
    begun = await site.ask("POST", "oscar", "/api/v1/account/second-factor", json={"password": PASSWORD})
    secrets["totp"] = begun.json()["secret"]
    await site.ask("PUT", "ada", "/api/v1/cameras/new", json={"source": "rtsp://u:cam3ra-pw@camera.example/x"})
    secrets |= {"camera": "cam3ra-pw", "session": site.token("ada"), "own": PASSWORD}
    said = caplog.text + str(site.services.audit.entries(500))
    assert len(caplog.records) > 0
    assert [name for name, secret in secrets.items() if secret in said] == []
