from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from panops.api.serve import address_of, open_listener, run_server
from panops.domain.errors import ConfigError
from panops.pipeline.live import SystemNotice

from .conftest import PASSWORD, Site

pytestmark = pytest.mark.anyio


async def test_it_serves_and_stops(site: Site) -> None:
    async with site.served() as address, httpx.AsyncClient(base_url=address) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        answer = await client.get("/api/v1/cameras")
        assert answer.status_code == 401
        assert "server" not in answer.headers
        signed_in = await client.post("/api/v1/session", json={"username": "vera", "password": PASSWORD})
        assert signed_in.status_code == 200
        assert len((await client.get("/api/v1/cameras")).json()["cameras"]) == 3
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(base_url=address) as client:
            await client.get("/healthz")


async def test_ranges_over_the_wire(site: Site) -> None:
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    async with site.served() as address, httpx.AsyncClient(base_url=address) as client:
        client.cookies.set("panops_session", site.token("vera"))
        path = f"/api/v1/events/{event_id}/clip.mp4"
        whole = (await client.get(path)).content
        pieces = [
            (await client.get(path, headers={"Range": f"bytes={start}-{start + 999}"})).content for start in range(0, len(whole), 1000)
        ]
        assert b"".join(pieces) == whole


async def test_stopping_closes_websockets_at_once(site: Site) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run_server(site.app, "127.0.0.1", 0, stop, ready.set_result))
    address = await ready
    uri = address.replace("http", "ws", 1) + "/ws"
    headers = {"Cookie": f"panops_session={site.token('vera')}"}
    options: dict[str, Any] = {"additional_headers": headers, "origin": address, "proxy": None, "close_timeout": 0.1}
    async with connect(uri, **options) as reads, connect(uri, **options, max_queue=1) as lazy:
        await lazy.send(json.dumps({"sub": ["gate", "yard"], "fps": 15, "size": "l"}))
        await reads.recv()
        await asyncio.sleep(0.3)
        began_s = time.monotonic()
        stop.set()
        async for _ in reads:  # ends without an error for an orderly close
            pass
        assert reads.close_code == 1001
        await serving
        took_s = time.monotonic() - began_s
    assert took_s < 2.0


async def test_a_client_that_reads_nothing_holds_up_neither_others_nor_the_stop(site: Site) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run_server(site.app, "127.0.0.1", 0, stop, ready.set_result))
    address = await ready
    port = int(address.rpartition(":")[2])
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.setblocking(False)
        await asyncio.get_running_loop().sock_connect(stuck, ("127.0.0.1", port))
        lines = [
            "GET /ws HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Cookie: panops_session={site.token('vera')}", f"Origin: {address}", "", "",
        ]  # fmt: skip
        await asyncio.get_running_loop().sock_sendall(stuck, "\r\n".join(lines).encode())
        while not len(site.services.sockets):
            await asyncio.sleep(0.02)
        for number in range(400):  # 20 MB for a client that takes none of it
            site.live.announce(SystemNotice(f"topic{number}", "warning", "x" * 50_000))
            if number % 40 == 0:
                await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=address) as client:
            began_s = time.monotonic()
            assert (await client.get("/healthz")).status_code == 200
            assert time.monotonic() - began_s < 1.0
        began_s = time.monotonic()
        stop.set()
        await serving
        assert time.monotonic() - began_s < 6.0


async def test_a_port_that_is_taken_is_said_in_one_sentence(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1 is taken by another program; .* --port {port + 1}") as caught:
            await run_server(site.app, "127.0.0.1", port, asyncio.Event())
    assert caught.value.problems[0].field == "server.port"


@pytest.mark.parametrize(
    ("host", "words"), [("203.0.113.77", "not an address of this machine"), ("no such host", "not an address of this machine")]
)
def test_an_address_that_is_not_ours(host: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_listener(host, 0)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:8440"),
        ("192.168.1.20", "http://192.168.1.20:8440"),
        ("0.0.0.0", "http://127.0.0.1:8440"),  # noqa: S104 - nothing is bound
        ("::", "http://127.0.0.1:8440"),
        ("::1", "http://[::1]:8440"),
    ],
)
def test_the_address_to_type(host: str, shown: str) -> None:
    assert address_of(host, 8440) == shown


async def test_a_proxy_is_believed_only_when_it_is_trusted(make_site, filled_database) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - fixtures
    body = {"username": "vera", "password": "wrong"}
    for trusted, statuses in (((), [401] * 5 + [429]), (("127.0.0.1",), [401] * 6)):
        site = make_site(filled_database, trusted_proxies=trusted)
        async with site.served() as address, httpx.AsyncClient(base_url=address) as client:
            got = [
                (await client.post("/api/v1/session", json=body, headers={"X-Forwarded-For": f"198.51.100.{number}"})).status_code
                for number in range(6)
            ]
            assert got == statuses
            right = {"username": "ada", "password": PASSWORD}
            answer = await client.post(
                "/api/v1/session", json=right, headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.9"}
            )
            assert ("Secure" in answer.headers["set-cookie"]) is bool(trusted)
