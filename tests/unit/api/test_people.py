"""People who are known, over HTTP: added, shown, searched for and deleted, and every look noted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from panops.storage.scope import Role
from panops.testing.fake_faces import drawn

from .conftest import Site
from .test_app import PERSON

pytestmark = pytest.mark.anyio
PEOPLE = "/api/v1/people"


async def add(site: Site, name: str, *faces: tuple[int, int]) -> str:
    answer = await site.ask("POST", "ada", PEOPLE, json={**PERSON, "name": name})
    assert answer.status_code == 201, answer.text
    person_id: str = answer.json()["person_id"]
    for one in faces:
        sent = await site.ask("POST", "ada", f"{PEOPLE}/{person_id}/faces", content=drawn(one))
        assert sent.status_code == 201, sent.text
    return person_id


def noted(site: Site) -> list[tuple[str, str, str]]:
    kept = [entry for entry in site.services.audit.entries(500).entries if entry.action.startswith(("person", "face"))]
    return [(entry.user, entry.action, entry.target) for entry in reversed(kept)]


async def test_from_a_form_to_a_name(site: Site) -> None:
    anna = await add(site, "Anna", (1, 0))
    sent = await site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces", files={"picture": ("a.png", drawn((1, 1)), "image/png")})
    assert sent.status_code == 201
    assert (sent.json()["source"], sent.json()["negative"], sent.json()["model"]) == ("sent by ada", False, "fake@1")
    (person,) = (await site.get("oscar", PEOPLE)).json()["people"]
    assert (person["name"], person["faces"], person["consent"], person["created_by"]) == ("Anna", 2, PERSON["consent"], "ada")
    picture = await site.get("oscar", f"{PEOPLE}/{anna}/faces/{person['face_id']}/picture.jpg")
    assert (picture.status_code, picture.headers["content-type"], picture.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert picture.headers["cache-control"] == "private, no-cache"
    found = (await site.ask("POST", "oscar", f"{PEOPLE}/search", content=drawn((1, 1), (4, 0)))).json()
    assert {face["name"] for face in found["faces"]} == {"Anna", None}
    assert (found["model"], found["threshold"]) == ("fake@1", 0.6)
    assert max(face["nearest"][0]["similarity"] for face in found["faces"]) > 0.99


@pytest.mark.parametrize(
    ("data", "status", "refusal"),
    [
        (drawn(), 422, "no face"),
        (drawn((2, 0), (3, 0)), 422, "several faces"),
        (drawn((2, 0), side_px=30), 422, "small"),
        (b"no picture", 422, "unreadable"),
        (drawn((1, 0)), 409, "same picture"),
        (drawn((1, 0), seed=3), 409, "near copy"),
    ],
)
async def test_a_refusal_is_a_problem_with_its_reason(site: Site, data: bytes, status: int, refusal: str) -> None:
    anna = await add(site, "Anna", (1, 0))
    answer = await site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces", content=data)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.json()["refusal"], answer.json()["status"]) == (refusal, status)
    assert len((await site.get("ada", f"{PEOPLE}/{anna}")).json()["faces"]) == 1


async def test_somebody_else_is_named_and_may_be_forced(site: Site) -> None:
    anna, bo = await add(site, "Anna", (1, 0)), await add(site, "Bo")
    answer = await site.ask("POST", "ada", f"{PEOPLE}/{bo}/faces", content=drawn((1, 1)))
    assert (answer.status_code, answer.json()["resembles"]["person_id"]) == (409, anna)
    assert (await site.ask("POST", "ada", f"{PEOPLE}/{bo}/faces?force=true", content=drawn((1, 1)))).status_code == 201
    assert (await site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces?negative=true", content=drawn((1, 2)))).json()["negative"]


async def test_a_large_picture_is_taken_and_a_large_change_is_not(site: Site) -> None:
    anna = await add(site, "Anna")
    answer = await site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces", content=b"\xff\xd8" + bytes(3 << 20))
    assert (answer.status_code, answer.json()["refusal"]) == (422, "unreadable")
    assert (await site.ask("PATCH", "ada", f"{PEOPLE}/{anna}", json={"consent": "x" * (2 << 20)})).status_code == 413
    assert (await site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces", json={"a": 1})).status_code == 415
    assert (await site.ask("POST", "ada", f"{PEOPLE}/search", json={"a": 1})).status_code == 415
    assert (await site.ask("POST", "ada", f"{PEOPLE}/search", content=b"none")).status_code == 415


async def test_changes_and_what_is_wrong_with_them(site: Site) -> None:
    anna = await add(site, "Anna")
    await add(site, "Bo")
    changed = await site.ask("PATCH", "ada", f"{PEOPLE}/{anna}", json={"lists": ["watch", "staff"], "keep_until_s": 2e9})
    assert (changed.json()["lists"], changed.json()["keep_until_s"], changed.json()["consent"]) == (
        ["staff", "watch"],
        2e9,
        PERSON["consent"],
    )
    assert (await site.ask("PATCH", "ada", f"{PEOPLE}/{anna}", json={"keep_until_s": None})).json()["keep_until_s"] is None
    wrong = [
        ({}, 422),
        ({"name": None}, 422),
        ({"lists": ["Staff!"]}, 422),
        ({"consent": " "}, 422),
        ({"name": "BO"}, 409),
        ({"age": 4}, 422),
    ]
    for body, status in wrong:
        assert (await site.ask("PATCH", "ada", f"{PEOPLE}/{anna}", json=body)).status_code == status, body
    for body in ({"name": "Cy"}, {"name": "Cy", "consent": ""}, {"consent": "asked"}):
        assert (await site.ask("POST", "ada", PEOPLE, json=body)).status_code == 422, "consent is a must"


async def test_deletion_says_what_goes_and_then_it_is_gone(site: Site) -> None:
    anna = await add(site, "Anna", (1, 0), (1, 1))
    foretold = (await site.get("ada", f"{PEOPLE}/{anna}/deletion")).json()
    assert foretold == {"faces": 2, "events": 0, "files": 0, "size_bytes": 0, "clean": True}
    assert (await site.ask("DELETE", "ada", f"{PEOPLE}/{anna}")).json() == foretold
    assert (await site.get("ada", f"{PEOPLE}/{anna}")).status_code == 404
    assert (await site.get("ada", PEOPLE)).json() == {"people": []}
    assert {target[:8] for _, action, target in noted(site) if action != "person.list"} == {"deleted-"}
    bo = await add(site, "Bo", (2, 0), (2, 1))
    first, second = (face["face_id"] for face in (await site.get("ada", f"{PEOPLE}/{bo}")).json()["faces"])
    assert (await site.ask("DELETE", "ada", f"{PEOPLE}/{bo}/faces/{first}")).status_code == 204
    assert [face["face_id"] for face in (await site.get("ada", f"{PEOPLE}/{bo}")).json()["faces"]] == [second]


async def test_every_look_is_noted(site: Site) -> None:
    anna = await add(site, "Anna", (1, 0))
    before = len(noted(site))
    face_id = (await site.get("oscar", PEOPLE)).json()["people"][0]["face_id"]
    await site.get("oscar", PEOPLE)  # the same look again
    await site.get("oscar", f"{PEOPLE}/{anna}")
    await site.get("oscar", f"{PEOPLE}/{anna}/faces/{face_id}/picture.jpg")
    for who in ((1, 0), (5, 0)):
        await site.ask("POST", "oscar", f"{PEOPLE}/search", content=drawn(who))
    assert noted(site)[before:] == [
        ("oscar", "person.list", ""),
        ("oscar", "person.view", anna),
        ("oscar", "face.view", f"{anna}/{face_id}"),
        ("oscar", "person.search", anna),
        ("oscar", "person.search", ""),
    ]
    assert not any("Anna" in str(entry.detail) for entry in site.services.audit.entries(500).entries), "the log names nobody"


async def test_who_sees_some_cameras_only_sees_nobody(site: Site) -> None:
    await add(site, "Anna")
    for role in (Role.OPERATOR, Role.ADMIN):
        token = site.accounts.create_token(f"{role.value} of one", role, ["gate"])
        answer = await site.get(None, PEOPLE, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, "Anna" in answer.text) == (403, False)


async def test_those_who_wait_for_the_reader_leave_threads_to_others(site: Site) -> None:
    anna = await add(site, "Anna", (1, 0))
    with site.services.enrolment._turn:  # somebody's picture is being read
        waiting = [asyncio.ensure_future(site.ask("POST", "oscar", f"{PEOPLE}/search", content=drawn((1, 1)))) for _ in range(3)]
        waiting.append(asyncio.ensure_future(site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces", content=drawn((1, 2)))))
        await asyncio.wait_for(_until(site.services.face_reads.locked), 10)
        for path in (f"{PEOPLE}/search", f"{PEOPLE}/{anna}/faces"):
            refused = await asyncio.wait_for(site.ask("POST", "ada", path, content=drawn((1, 3))), 10)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            assert "other pictures are being searched for faces" in refused.json()["detail"]
        assert (await site.get("ada", PEOPLE)).status_code == 200
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200, 200, 201]


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def test_pictures_of_people_are_paced(site: Site) -> None:
    anna = await add(site, "Anna")
    while site.services.rates.take("face", "session ada") == 0.0:
        pass
    answer = await site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces", content=drawn((1, 0)))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    site.clock.now_s += 1.0
    assert (await site.ask("POST", "ada", f"{PEOPLE}/{anna}/faces", content=drawn((1, 0)))).status_code == 201


async def test_without_the_key_names_are_there_and_faces_are_not(site: Site) -> None:
    anna = await add(site, "Anna", (1, 0))
    (site.home / "faces.key").unlink()
    assert (await site.get("ada", PEOPLE)).json()["people"][0]["name"] == "Anna"
    answer = await site.ask("POST", "ada", f"{PEOPLE}/search", content=drawn((1, 0)))
    assert (answer.status_code, "their key is not there" in answer.json()["detail"]) == (503, True)
    assert (await site.ask("DELETE", "ada", f"{PEOPLE}/{anna}")).status_code == 200
