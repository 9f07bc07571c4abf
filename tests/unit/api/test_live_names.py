"""Names in live pictures, through a real server and websocket: for operators and administrators who ask, and each look is noted once."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect

from panops.domain.face_votes import FaceVerdict
from panops.pipeline.live import LiveBox, LiveIdentity
from panops.storage.audit import AuditEntry
from panops.storage.gallery_records import PersonFacts
from panops.storage.scope import Role, Scope

from .conftest import Site
from .test_live_socket import Page, closed, page

pytestmark = pytest.mark.anyio
NAME = "Anna Ødegård"


def know(site: Site, *cameras: str) -> str:
    """Have Anna and a stranger before some cameras; her id. Nothing is decided of the third in the scene."""
    person = site.services.gallery.add(Scope.everything(), PersonFacts(NAME, ("staff",), "signed form", site.clock.now_s), "ada")
    for camera in cameras or ("gate",):
        site.live.recognise(camera, {1: LiveIdentity(FaceVerdict.KNOWN, person.person_id, NAME), 2: LiveIdentity(FaceVerdict.UNKNOWN)})
    return person.person_id


def noted(site: Site) -> list[AuditEntry]:
    return [entry for entry in site.services.audit.entries(500).entries if entry.action == "person.live"][::-1]


async def boxes(viewer: Page, **message: object) -> dict[int, tuple[LiveBox, ...]]:
    """The boxes of the next batches after something was said, until each camera that was asked for came; by its number."""
    if message:
        await viewer.say(**message)
        for _ in range(2):  # what was on its way before
            await viewer.batch()
            await viewer.say(ack=1)
    seen: dict[int, tuple[LiveBox, ...]] = {}
    wanted = len(message["sub"]) if isinstance(message.get("sub"), list) else 1  # type: ignore[arg-type]  # a list
    while len(seen) < wanted:
        seen |= {number: found for number, _, _, found in await viewer.batch()}
        await viewer.say(ack=1)
    return seen


def who(found: tuple[LiveBox, ...]) -> list[tuple[str, str] | None]:
    return [None if box.who is None else (box.who.verdict.value, box.who.name) for box in found]


TOLD = [("known", NAME), ("unknown", ""), None]
NOT_TOLD = [None, None, None]


@pytest.mark.parametrize(
    ("user", "names", "told"),
    [
        ("ada", True, TOLD),
        ("oscar", True, TOLD),
        ("vera", True, NOT_TOLD),
        ("greta", True, NOT_TOLD),
        ("oscar", False, NOT_TOLD),
        ("vera", False, NOT_TOLD),
    ],
)
async def test_who_is_told_by_name(site: Site, user: str, names: bool, told: list[object]) -> None:
    anna = know(site)
    async with site.served() as address, page(site, address, user) as viewer:
        number = (await viewer.next())["index"]["gate"]
        found = await boxes(viewer, sub=["gate"], fps=15, size="s", names=names)
        assert who(found[number]) == told
        assert [box.class_name for box in found[number]] == ["person", "person", "car"]
    entries = [(entry.user, entry.target, entry.detail) for entry in noted(site)]
    assert entries == ([(user, anna, {"camera": "gate"})] if told is TOLD else [])


async def test_nothing_that_a_viewer_gets_holds_a_name_or_who_it_is(site: Site) -> None:
    anna = know(site)
    async with site.served() as address, page(site, address, "vera") as viewer:
        await viewer.next()
        await viewer.say(sub=["gate"], fps=15, size="l", names=True)
        for _ in range(4):
            message = await viewer.socket.recv()
            raw = message if isinstance(message, bytes) else message.encode()
            assert NAME.encode() not in raw
            assert anna.encode() not in raw
            assert b'"unknown"' not in raw
            await viewer.say(ack=1)
        async with site.client("vera", host=address) as client:
            for path in ("snapshot.jpg", ""):
                answer = await client.get(f"/api/v1/cameras/gate/{path}".rstrip("/"))
                assert answer.status_code == 200
                assert NAME.encode() not in answer.content
    assert noted(site) == []


async def test_a_picture_is_the_same_for_all_roles(site: Site) -> None:
    know(site)
    pictures = [(await site.get(user, "/api/v1/cameras/gate/snapshot.jpg?size=s")).content for user in ("vera", "oscar", "ada")]
    assert pictures[0][:2] == b"\xff\xd8"
    assert len(set(pictures)) == 1


async def test_a_program_is_told_what_its_token_allows(site: Site) -> None:
    know(site, "gate", "yard")
    async with site.served() as address:
        for role, told in ((Role.OPERATOR, TOLD), (Role.VIEWER, NOT_TOLD)):
            token = site.accounts.create_token(f"program {role.value}", role, ["yard"])
            uri = address.replace("http", "ws", 1) + "/ws"
            async with connect(uri, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None, max_size=None) as socket:
                program = Page(socket)
                assert (await program.next())["index"] == {"yard": 0}
                found = await boxes(program, sub=["yard"], fps=15, size="s", names=True)
                assert who(found[0]) == told
    assert [(entry.user, entry.detail) for entry in noted(site)] == [("token program operator", {"camera": "yard"})]


async def test_a_look_is_noted_once_in_ten_minutes_for_each_person_camera_and_user(site: Site) -> None:
    know(site, "gate", "yard")
    async with site.served() as address, page(site, address, "oscar") as one, page(site, address, "oscar") as two:
        for tab in (one, two):
            await tab.next()
            for _ in range(3):
                await boxes(tab, sub=["gate", "yard"], fps=15, size="s", names=True)
        assert sorted(entry.detail["camera"] for entry in noted(site)) == ["gate", "yard"]
        site.clock.now_s += 599
        await boxes(one, sub=["gate", "yard"], fps=15, size="s", names=True)
        assert len(noted(site)) == 2
        for tab in (one, two):
            await tab.say(sub=["gate"])
        await boxes(one, sub=["gate"])
        await boxes(two, sub=["gate"])
        site.clock.now_s += 2
        await boxes(one, sub=["gate"], fps=15, size="s", names=True)
        assert [entry.detail["camera"] for entry in noted(site)][2:] == ["gate"]
        async with page(site, address, "ada") as other:
            await other.next()
            await boxes(other, sub=["gate"], fps=15, size="s", names=True)
    assert [entry.user for entry in noted(site)] == ["oscar", "oscar", "oscar", "ada"]
    assert all(entry.address == "127.0.0.1" for entry in noted(site))
    assert NAME not in json.dumps([dict(entry.detail) for entry in noted(site)]), "the log has ids and no names"


async def test_rights_that_are_taken_away_take_the_names_along(site: Site) -> None:
    know(site)
    async with site.served() as address, page(site, address, "oscar") as viewer, site.client("ada", host=address) as client:
        number = (await viewer.next())["index"]["gate"]
        assert who((await boxes(viewer, sub=["gate"], fps=15, size="s", names=True))[number]) == TOLD
        assert (await client.patch("/api/v1/users/oscar", json={"role": "viewer"})).status_code == 200
        for _ in range(40):
            found = await boxes(viewer)
            if who(found[number]) == NOT_TOLD:
                break
        assert who(found[number]) == NOT_TOLD


async def test_who_was_deleted_is_not_named_and_not_noted(site: Site) -> None:
    anna = know(site)
    await site.ask("DELETE", "ada", f"/api/v1/people/{anna}")
    async with site.served() as address, page(site, address, "oscar") as viewer:
        number = (await viewer.next())["index"]["gate"]
        for _ in range(2):
            found = await boxes(viewer, sub=["gate"], fps=15, size="s", names=True)
            assert who(found[number]) == [None, ("unknown", ""), None]
    assert noted(site) == []
    assert anna not in json.dumps([(entry.target, dict(entry.detail)) for entry in site.services.audit.entries(500).entries])


async def test_the_id_in_a_look_goes_with_the_person(site: Site) -> None:
    anna = know(site)
    async with site.served() as address, page(site, address, "oscar") as viewer:
        await viewer.next()
        await boxes(viewer, sub=["gate"], fps=15, size="s", names=True)
        assert [entry.target for entry in noted(site)] == [anna]
        await site.ask("DELETE", "ada", f"/api/v1/people/{anna}")
    (entry,) = noted(site)
    assert entry.target.startswith("deleted-")


@pytest.mark.parametrize("names", ["yes", 1, None])
async def test_names_are_wanted_or_not(site: Site, names: object) -> None:
    async with site.served() as address, page(site, address, "oscar") as viewer:
        await viewer.next()
        await viewer.say(sub=["gate"], names=names)
        assert await closed(viewer.socket) == 1008
