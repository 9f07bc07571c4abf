"""Events as they happen, over a real connection: what is told, to whom, and how a reader that comes back goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from panops.api import event_stream
from panops.api.event_stream import MOST_WAITING, _Waiting
from panops.pipeline.live import EventNotice
from panops.storage.scope import Role

from .conftest import MakeSite, Path, Site
from .test_app import store_event
from .test_second_factor import enrol

pytestmark = pytest.mark.anyio


class Reader:
    """Blocks of a stream, one at a time."""

    def __init__(self, answer: httpx.Response) -> None:
        self.lines = answer.aiter_lines()
        self.last_id = ""

    async def block(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            line = await asyncio.wait_for(anext(self.lines), 20)
            if not line:
                self.last_id = found.get("id", self.last_id)
                return found
            name, _, value = line.partition(":")
            found[name or "comment"] = value.strip()

    async def told(self) -> tuple[str, dict[str, Any]]:
        """The next block that says something."""
        while "data" not in (found := await self.block()):
            pass
        return found["event"], json.loads(found["data"])


@pytest.fixture
async def address(site: Site) -> AsyncIterator[str]:
    async with site.served() as address:
        yield address


@asynccontextmanager
async def reading(site: Site, address: str, who: str, query: str = "", last_id: str = "") -> AsyncIterator[Reader]:
    headers = {"Cookie": f"panops_session={site.token(who)}", **({"Last-Event-ID": last_id} if last_id else {})}
    async with httpx.AsyncClient(headers=headers) as client, client.stream("GET", f"{address}/api/v1/events/stream{query}") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        reader = Reader(answer)
        await reader.block()
        yield reader


async def test_an_event_is_told_from_its_beginning_to_its_review(site: Site, address: str) -> None:
    async with reading(site, address, "vera") as reader:
        event = await site.live.begin_event("gate")
        kind, told = await reader.told()
        assert (kind, told["event"]["event_id"]) == ("event", event.event_id)
        await site.live.end_event(event)
        while told["phase"] != "end":
            _, told = await reader.told()
        assert told["event"]["ended_at_s"] is not None
        await site.ask("PATCH", "oscar", f"/api/v1/events/{event.event_id}", json={"status": "true_alarm"})
        _, told = await reader.told()
        assert (told["phase"], told["event"]["status"]) == ("review", "true_alarm")


async def test_only_what_the_scope_shows_and_the_reader_wants(site: Site, address: str) -> None:
    async with reading(site, address, "greta") as reader:
        await site.live.raise_event("yard", evidence=False)
        await site.live.raise_event("gate", evidence=False)
        assert (await reader.told())[1]["event"]["camera_id"] == "gate"
    async with reading(site, address, "vera", "?camera=yard&kind=loitering") as reader:
        await site.live.raise_event("gate", kind="loitering", evidence=False)
        await site.live.raise_event("yard", evidence=False)
        await site.live.raise_event("yard", kind="loitering", evidence=False)
        event = (await reader.told())[1]["event"]
        assert (event["camera_id"], event["kind"]) == ("yard", "loitering")


async def test_who_comes_back_hears_what_was_missed(site: Site, address: str) -> None:
    async with reading(site, address, "vera") as reader:
        pass
    last_id = reader.last_id
    assert last_id == str(round(1000 * site.clock.utc_s()))
    store_event(site, "long-ago", "gate", site.clock.utc_s() - 3600)
    store_event(site, "missed", "gate", site.clock.utc_s() + 5)
    async with reading(site, address, "vera", last_id=last_id) as reader:
        kind, told = await reader.told()
        assert (kind, told["phase"], told["event"]["event_id"]) == ("event", "end", "missed")
        await site.live.raise_event("yard", evidence=False)
        assert (await reader.told())[1]["event"]["camera_id"] == "yard"


async def test_too_much_to_catch_up_with_is_said(site: Site, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.services.events, "changed_since", lambda scope, since_s: ([], True))
    async with reading(site, address, "vera", last_id="1000") as reader:
        kind, told = await reader.told()
        assert (kind, "GET /api/v1/events" in told["detail"]) == ("gap", True)


async def test_it_ends_with_the_session_and_counts(site: Site, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.05)
    token = site.accounts.create_token("program", Role.VIEWER, None)
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
        async with client.stream("GET", "/api/v1/events/stream") as answer:
            reader = Reader(answer)
            await reader.block()
            assert "comment" in await reader.block()  # a heartbeat
            assert len(site.services.streams) == 1
            site.accounts.revoke("program")
            while await anext(reader.lines, None) is not None:
                pass
        assert (await client.get("/api/v1/events/stream")).status_code == 401
    assert len(site.services.streams) == 0


async def test_it_ends_for_who_must_have_a_second_factor_and_has_none_now(
    make_site: MakeSite, filled_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.05)
    site = make_site(filled_database, require_second_factor=frozenset({Role.VIEWER}))
    async with site.live, site.served() as address:
        await enrol(site, "vera")
        async with reading(site, address, "vera") as reader:
            assert "comment" in await reader.block()
            site.services.second_factors.remove("vera")
            async with asyncio.timeout(5):
                while await anext(reader.lines, None) is not None:
                    pass


async def test_a_server_that_stops_does_not_wait_for_readers(site: Site) -> None:
    stopping = site.served()
    address = await stopping.__aenter__()
    async with reading(site, address, "vera") as reader:
        began_s = asyncio.get_running_loop().time()
        await stopping.__aexit__(None, None, None)
        while await anext(reader.lines, None) is not None:
            pass
        assert asyncio.get_running_loop().time() - began_s < 2.5  # not the three seconds that requests are given


async def test_there_is_a_limit_for_one_user(site: Site, address: str) -> None:
    site.services.streams._limit_of_one = 1
    async with reading(site, address, "vera"):
        headers = {"Cookie": f"panops_session={site.token('vera')}"}
        refused = await site.ask("GET", None, "/api/v1/events/stream", headers=headers)
        assert refused.status_code == 429


def test_a_slow_reader_keeps_no_queue_that_grows() -> None:
    waiting = _Waiting()
    for number in range(MOST_WAITING + 5):
        waiting.put(EventNotice(f"e-{number}", "gate", "night", "begin"))
    waiting.put(EventNotice("e-7", "gate", "night", "end"))
    waiting.put(EventNotice("e-7", "gate", "night", "evidence"))
    notices, lost = waiting.take()
    assert (len(notices), lost, notices[0].event_id) == (MOST_WAITING, True, "e-5")
    assert (notices[-1].event_id, notices[-1].phase) == ("e-7", "end")
    assert waiting.take() == ([], False)
