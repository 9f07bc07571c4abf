"""The live socket through a real server on a free port, with a real websocket client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from panops.api.preview_batch import unpack_batch
from panops.pipeline.live import CameraState, Preview, SystemNotice
from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio


class Page:
    """A page's end of the socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.index: dict[str, int] = {}

    async def say(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def next(self, timeout_s: float = 3.0) -> Any:
        """The next message: a dict, or the records of a batch."""
        async with asyncio.timeout(timeout_s):
            message = await self.socket.recv()
        if isinstance(message, bytes):
            return unpack_batch(message)
        data = json.loads(message)
        if data["type"] == "cameras":
            self.index = data["index"]
        return data

    async def text(self, kind: str) -> dict[str, Any]:
        """The next text message of a kind; pictures on the way are confirmed."""
        while True:
            message = await self.next()
            if isinstance(message, list):
                await self.say(ack=1)
            elif message["type"] == kind:
                return dict(message)

    async def batch(self, timeout_s: float = 3.0) -> list[Any]:
        """The next batch, not confirmed."""
        while True:
            message = await self.next(timeout_s)
            if isinstance(message, list):
                return message

    async def silence(self, for_s: float) -> None:
        with pytest.raises(TimeoutError):
            await self.batch(for_s)


@contextlib.asynccontextmanager
async def page(site: Site, address: str, who: str | None = "vera", origin: str | None = None, **headers: str) -> AsyncIterator[Page]:
    if who is not None:
        headers["Cookie"] = f"panops_session={site.token(who)}"
    uri = address.replace("http", "ws", 1) + "/ws"
    async with connect(uri, additional_headers=headers, origin=origin or address, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]  # an origin is text
        yield Page(socket)


async def closed(socket: ClientConnection) -> int:
    """The code that the server closes with."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(3):
            async for _ in socket:
                pass
    assert socket.close_code is not None
    return socket.close_code


async def test_strangers_and_other_sites_are_told_so_after_the_accept(site: Site) -> None:
    async with site.served() as address:
        async with page(site, address, None) as stranger:
            assert await closed(stranger.socket) == 4401
        async with page(site, address, None, Cookie="panops_session=wrong") as wrong:
            assert await closed(wrong.socket) == 4401
        async with page(site, address, origin="http://evil.example") as other:
            assert await closed(other.socket) == 4403
        async with page(site, address, None, origin="http://evil.example") as both:
            assert await closed(both.socket) == 4403
    assert len(site.services.sockets) == 0


async def test_a_program_needs_no_origin(site: Site) -> None:
    token = site.accounts.create_token("program", Role.VIEWER, ["yard"])
    async with site.served() as address:
        uri = address.replace("http", "ws", 1) + "/ws"
        async with connect(uri, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as socket:
            assert json.loads(await socket.recv()) == {"type": "cameras", "index": {"yard": 0}}


async def test_pictures_come_with_their_boxes_in_batches(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        assert (await viewer.next()) == {"type": "cameras", "index": {"dock": 0, "gate": 1, "yard": 2}}
        await viewer.say(sub=["gate", "yard"], fps=10, size="s")
        seen: set[int] = set()
        while seen != {1, 2}:
            for number, time_s, jpeg, boxes in await viewer.batch():
                seen.add(number)
                assert jpeg.startswith(b"\xff\xd8")
                assert time_s == site.clock.now_s
                assert [box.class_name for box in boxes] == ["person", "person", "car"]
            await viewer.say(ack=1)
        assert site.services.sockets.counts.pictures >= 2
        await viewer.say(sub=[])
        for _ in range(20):
            if not site.live.wishes():
                break
            await asyncio.sleep(0.02)
        assert site.live.wishes() == {}
    assert len(site.services.sockets) == 0


async def test_compression_is_off(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        assert viewer.socket.protocol.extensions == []


async def test_only_cameras_in_the_scope_can_be_watched(site: Site) -> None:
    async with site.served() as address, page(site, address, "greta") as viewer:
        assert (await viewer.next())["index"] == {"gate": 0}
        await viewer.say(sub=["yard", "gate", "none"], fps=15, size="s")
        for _ in range(3):
            assert [number for number, *_ in await viewer.batch()] == [0]
            await viewer.say(ack=1)
        assert site.live.wishes() == {("gate", "s"): 15.0}
        site.live.set_state("yard", CameraState.STALLED, "secret of the yard")
        await site.live.raise_event("yard", evidence=False)
        site.live.set_state("gate", CameraState.STALLED, "no packet for 10 s")
        mine = await viewer.text("camera")
        assert mine["camera"]["id"] == "gate"
        event_id = await site.live.raise_event("gate", evidence=False)
        assert (await viewer.text("event"))["event"]["event_id"] == event_id


async def test_new_proof_is_told_and_never_hides_that_an_event_ended(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        begun = await site.live.begin_event("gate")
        told = [await viewer.text("event"), await viewer.text("event")]
        assert [message["phase"] for message in told] == ["begin", "evidence"]
        assert told[1]["event"]["has_clip_so_far"]
        site.live.tell(begun, "end")
        site.live.tell(begun, "evidence")  # before the socket took the first one
        assert (await viewer.text("event"))["phase"] == "end"


async def test_a_page_that_does_not_confirm_gets_two_batches_and_then_the_newest(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.say(sub=["gate"], fps=15, size="s")
        await viewer.batch()
        await viewer.batch()
        await viewer.silence(0.4)
        skipped = site.services.sockets.counts.skipped
        assert skipped >= 3
        site.clock.now_s += 1000
        await asyncio.sleep(0.2)
        await viewer.say(ack=1)
        ((_, time_s, _, _),) = await viewer.batch()
        assert time_s == site.clock.now_s  # what was skipped is gone, the newest comes
        await viewer.silence(0.3)
        await viewer.say(ack=2)
        await viewer.batch()
        await viewer.batch()


async def test_texts_come_even_when_pictures_wait(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.say(sub=["gate"], fps=15, size="s")
        await viewer.batch()
        await viewer.batch()
        site.live.announce(SystemNotice("storage", "alarm", "the disk is full"))
        notice = await viewer.text("notice")
        assert notice == {"type": "notice", "topic": "storage", "level": "alarm", "message": "the disk is full"}


@pytest.mark.parametrize("fps", [5.0, 12.0])
async def test_the_pace_is_that_of_the_deadlines(site: Site, fps: float) -> None:
    """Pictures come far more often than wanted; batches leave at t0 + k / fps, without drift."""
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.say(sub=["gate"], fps=fps, size="s")
        await viewer.batch()
        await viewer.say(ack=1)

        async def flood() -> None:
            while True:
                for feed in list(site.live._hub._feeds):
                    feed.offer(Preview("gate", time.time(), "s", b"\xff\xd8"))
                await asyncio.sleep(0.004)

        flooding = asyncio.create_task(flood())
        try:
            times = []
            for _ in range(int(fps * 1.5)):
                await viewer.batch()
                times.append(time.monotonic())
                await viewer.say(ack=1)
        finally:
            flooding.cancel()
    rate = (len(times) - 1) / (times[-1] - times[0])
    assert rate == pytest.approx(fps, rel=0.15)


async def test_cameras_that_are_as_fast_as_the_pace_lose_no_pictures(site: Site) -> None:
    """Pictures come at the very rate that is wanted, each a little before or after its deadline: the worst case for a pacer."""
    fps, lateness_s = 10.0, (0.0, 0.012, -0.008, 0.015, 0.004, -0.01, 0.009)
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.say(sub=["gate", "yard"], fps=fps, size="s")
        while not site.live.wishes():
            await asyncio.sleep(0.01)
        await site.live.stop()  # its own pictures, not its feeds

        async def produce() -> None:
            began_s = time.monotonic()
            for number in range(30):
                await asyncio.sleep(max(0.0, began_s + number / fps + lateness_s[number % 7] - time.monotonic()))
                for feed in list(site.live._hub._feeds):
                    for camera in ("gate", "yard"):
                        feed.offer(Preview(camera, float(number), "s", b"\xff\xd8"))

        producing = asyncio.create_task(produce())
        numbers: dict[int, set[float]] = {1: set(), 2: set()}
        with contextlib.suppress(TimeoutError):
            while True:
                for number, time_s, _, _ in await viewer.batch(0.7):
                    numbers[number].add(time_s)
                await viewer.say(ack=1)
        await producing
    for seen in numbers.values():
        assert len(seen & set(map(float, range(30)))) >= 27


async def test_an_event_is_told_with_all_that_is_stored(site: Site) -> None:
    async with site.served() as address, page(site, address, "oscar") as viewer:
        await viewer.next()
        event_id = await site.live.raise_event("gate", evidence=False)
        told = await viewer.text("event")
        assert told["phase"] == "end"
        async with site.client("oscar", host=address) as client:
            listed = (await client.get("/api/v1/events")).json()["events"][0]
            assert told["event"] == listed
            await client.patch(f"/api/v1/events/{event_id}", json={"status": "acknowledged"})
        reviewed = await viewer.text("event")
        assert (reviewed["phase"], reviewed["event"]["status"]) == ("review", "acknowledged")


async def test_a_camera_that_is_added_or_removed_is_told_at_once(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.say(sub=["new"], fps=10, size="s")
        async with site.client("ada", host=address) as client:
            assert (await client.put("/api/v1/cameras/new", json={"source": "sim://room"})).status_code == 201
            assert (await viewer.text("cameras"))["index"] == {"dock": 0, "gate": 1, "new": 3, "yard": 2}
            assert [number for number, *_ in await viewer.batch()] == [3]  # wanted before it was there
            await viewer.say(ack=1)
            await client.delete("/api/v1/cameras/new")
        assert (await viewer.text("cameras"))["index"] == {"dock": 0, "gate": 1, "yard": 2}
        assert all(camera != "new" for camera, _ in site.live.wishes())


async def test_rights_that_change_count_at_once(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer, site.client("ada", host=address) as client:
        await viewer.next()
        await viewer.say(sub=["gate", "yard"], fps=10, size="s")
        await client.patch("/api/v1/users/vera", json={"cameras": ["yard"]})
        assert (await viewer.text("cameras"))["index"] == {"yard": 2}
        await viewer.say(ack=2)
        assert [number for number, *_ in await viewer.batch()] == [2]
        await client.delete("/api/v1/users/vera")
        assert await closed(viewer.socket) == 4401


async def test_signing_out_closes_the_pages_socket(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer, page(site, address, "oscar") as other:
        await viewer.next()
        await other.next()
        async with site.client("vera", host=address) as client:
            await client.delete("/api/v1/session")
        assert await closed(viewer.socket) == 4401
        site.live.announce(SystemNotice("storage", "info", "fine"))
        assert (await other.text("notice"))["message"] == "fine"


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "[]",
        "{}",
        "5",
        '{"sub": "gate"}',
        '{"sub": [1]}',
        '{"sub": ["gate"], "size": "xl"}',
        '{"sub": [], "fps": "fast"}',
        '{"sub": [], "fps": NaN}',
        '{"ack": "x"}',
        '{"ack": -1}',
        '{"ack": Infinity}',
        '{"ack": [1]}',
        "[" * 50_000,
        b"\x00\x01",
        '{"sub": [], "size": ["s"]}',
        '{"sub": [], "fps": ' + "9" * 400 + "}",
    ],
    ids=lambda message: str(message)[:25],
)
async def test_what_is_not_understood_closes_the_socket(site: Site, message: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.socket.send(message)
        assert await closed(viewer.socket) == 1008
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_message_that_is_too_long_closes_the_socket(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.socket.send("x" * 100_000)
        assert await closed(viewer.socket) == 1009


@pytest.mark.parametrize(("asked", "got"), [(1000, 15.0), (0, 0.1), (-5, 0.1), (3, 3.0)])
async def test_rates_are_bounded(site: Site, asked: float, got: float) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        await viewer.say(sub=["gate"] * 3, fps=asked, size="m")
        await viewer.batch()
        assert site.live.wishes() == {("gate", "m"): got}


async def test_sockets_are_bounded(make_site, filled_database) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - fixtures
    site = make_site(filled_database, max_sockets=2)
    async with site.live, site.served() as address, page(site, address) as one, page(site, address) as two:
        await one.next()
        await two.next()
        async with page(site, address) as three:
            assert await closed(three.socket) == 1013


async def test_sockets_of_one_user_are_bounded(make_site, filled_database) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - fixtures
    site = make_site(filled_database, max_sockets_of_one=2)
    async with site.live, site.served() as address, page(site, address) as one, page(site, address) as two:
        await one.next()
        await two.next()
        async with page(site, address) as three:
            assert await closed(three.socket) == 1013
        async with page(site, address, "oscar") as other:
            assert (await other.next())["type"] == "cameras"


async def test_a_viewer_of_some_cameras_gets_notices_without_their_text(site: Site) -> None:
    async with site.served() as address, page(site, address, "greta") as limited, page(site, address) as viewer:
        await limited.next()
        await viewer.next()
        site.live.announce(SystemNotice("shard", "alarm", "the part with the cameras yard, dock stopped"))
        told = await limited.text("notice")
        assert (told["topic"], told["level"]) == ("shard", "alarm")
        assert told["message"] == "something is wrong with watching some cameras; an operator can see what"
        assert "yard, dock" in (await viewer.text("notice"))["message"]
        site.live.announce(SystemNotice("shard", "info", "yard, dock run again"))
        assert "yard" not in (await limited.text("notice"))["message"]


async def test_a_page_that_goes_leaves_nothing_behind(site: Site) -> None:
    async with site.served() as address:
        for _ in range(5):
            async with page(site, address) as viewer:
                await viewer.next()
                await viewer.say(sub=["gate"], fps=15, size="s")
                await viewer.batch()
                viewer.socket.transport.abort()
        for _ in range(100):
            if not len(site.services.sockets):
                break
            await asyncio.sleep(0.02)
        assert len(site.services.sockets) == 0
        assert site.live.wishes() == {}
    assert [task for task in asyncio.all_tasks() if "LiveSocket" in repr(task.get_coro())] == []


async def test_when_the_storage_fails_the_page_is_asked_to_come_again(site: Site) -> None:
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        site.database.close()
        site.services.sockets.check()
        assert await closed(viewer.socket) == 1013
        site.database.open(check=False)
