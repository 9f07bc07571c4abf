"""The socket of live video through a real server: who may watch, what comes, what a slow player gets."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import av
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def player(site: Site, address: str, who: str | None, camera: str = "gate", query: str = "") -> AsyncIterator[ClientConnection]:
    headers = {"Cookie": f"panops_session={site.token(who)}"} if who else {}
    url = f"{address.replace('http', 'ws')}/ws/video/{camera}{query}"
    async with connect(url, additional_headers=headers, origin=address, compression=None, max_queue=4, proxy=None) as socket:  # type: ignore[arg-type]  # an origin is a str
        yield socket


async def code_of(socket: ClientConnection) -> tuple[int, str]:
    try:
        async with asyncio.timeout(30):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        frame = closed.rcvd
    assert frame is not None
    return frame.code, frame.reason


async def test_a_player_gets_a_film_that_plays(site: Site) -> None:
    async with site.served() as address, player(site, address, "vera") as socket, asyncio.timeout(30):
        told = json.loads(await socket.recv())
        assert told["type"] == "start"
        assert told["mime"].startswith('video/mp4; codecs="avc1.')
        whole = await socket.recv()
        assert isinstance(whole, bytes)
        await socket.send('{"ack": 1}')
        for number in range(12):
            message = await socket.recv()
            assert isinstance(message, bytes)
            flags, shown_s, captured_s = struct.unpack_from("<Idd", message)
            assert flags == (number == 0)
            assert shown_s == pytest.approx(2 + number / 10, abs=0.01)
            assert captured_s == pytest.approx(site.clock.utc_s(), abs=60)
            whole += message[20:]
            await socket.send('{"ack": 1}')
        with av.open(io.BytesIO(whole), "r") as film:
            assert len(list(film.decode(video=0))) == 12
        text = (await site.get("ada", "/metrics")).text
        assert "panops_video_viewers 1.0" in text
        assert "panops_video_pictures_total 1" in text


@pytest.mark.parametrize(
    ("who", "camera", "query", "code"),
    [
        (None, "gate", "", 4401),
        ("greta", "yard", "", 4404),
        ("vera", "nowhere", "", 4404),
        ("vera", "gate", "?stream=other", 1008),
    ],
)
async def test_who_may_not_watch_is_told_by_a_code(site: Site, who: str | None, camera: str, query: str, code: int) -> None:
    async with site.served() as address, player(site, address, who, camera, query) as socket:
        assert (await code_of(socket))[0] == code


async def test_a_foreign_page_may_not_watch(site: Site) -> None:
    async with site.served() as address:
        headers = {"Cookie": f"panops_session={site.token('vera')}"}
        url = f"{address.replace('http', 'ws')}/ws/video/gate"
        async with connect(url, additional_headers=headers, origin="http://evil.example", proxy=None) as socket:  # type: ignore[arg-type]  # a str
            assert (await code_of(socket))[0] == 4403


async def test_who_loses_the_camera_stops_watching(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.api.video_socket.CHECK_EVERY_S", 0.2)
    async with site.served() as address, player(site, address, "vera") as socket:
        await socket.recv()
        await asyncio.to_thread(site.accounts.change, "vera", role=Role.VIEWER, cameras=["dock"])
        assert (await code_of(socket))[0] == 4404


async def test_nonsense_ends_the_connection(site: Site) -> None:
    async with site.served() as address, player(site, address, "vera") as socket:
        await socket.send("[]")
        assert (await code_of(socket))[0] == 1008


async def test_there_is_a_limit_of_players(site: Site) -> None:
    viewers = [site.live.video("gate", "sub") for _ in range(16)]
    async with site.served() as address, player(site, address, "vera", "yard") as socket:
        code, reason = await code_of(socket)
        assert (code, reason[:8]) == (1013, "16 watch")
    for viewer in viewers:
        viewer.close()


async def test_a_player_that_confirms_nothing_gets_no_more_and_then_goes_on_at_a_keyframe(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panops.api.video_socket._UNCONFIRMED_S", 0.3)
    monkeypatch.setattr("panops.pipeline.video_hub._SLOW_S", 0.5)
    async with site.served() as address, player(site, address, "vera") as socket, asyncio.timeout(40):
        came, silent, last_s = 0, False, 0.0
        while not silent:
            try:
                message = await asyncio.wait_for(socket.recv(), 2.0)
            except TimeoutError:
                silent = True
            else:
                if isinstance(message, bytes):
                    came += 1
                    if came > 1:
                        last_s = struct.unpack_from("<Idd", message)[1]
        assert came < 12, "it stops when nothing is confirmed"
        await socket.send(json.dumps({"ack": came}))
        keyframe = False
        while not keyframe:
            message = await socket.recv()
            assert isinstance(message, bytes)
            await socket.send('{"ack": 1}')
            flags, shown_s, _ = struct.unpack_from("<Idd", message)
            keyframe, before_s, last_s = bool(flags), last_s, shown_s
        assert last_s - before_s > 0.3, "pictures, which come every 0.1 s, were left out before the keyframe"


async def test_a_player_that_has_lost_count_is_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panops.api.video_socket._UNCONFIRMED_S", 0.2)
    monkeypatch.setattr("panops.api.video_socket._LOST_S", 0.3)
    async with site.served() as address, player(site, address, "vera") as socket:
        code, reason = await code_of(socket)
        assert (code, reason) == (1001, "the player confirms nothing any more; connect again")
