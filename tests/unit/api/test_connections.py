"""The limits of connections, against a real server and real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from panops.api import connections
from panops.api.connections import allow_many_files, is_trusted

from .conftest import MakeSite, Site
from .test_live_socket import page

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def raw(
    address: str, data: bytes = b"", source: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]), local_addr=(source, 0))
    try:
        writer.write(data)
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest(reader: asyncio.StreamReader, within_s: float) -> bytes:
    """What comes until the server closes."""
    async with asyncio.timeout(within_s):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def answers(address: str) -> bool:
    async with httpx.AsyncClient(base_url=address) as client:
        return (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "opening",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        b"GET / HTTP/1.1\r\nX",
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["path", "value", "name", "trailer", "chunk"],
)
async def test_an_endless_header_is_cut_off(site: Site, opening: bytes) -> None:
    async with site.served() as address:
        before = psutil.Process().memory_info().rss
        async with raw(address, opening) as (_reader, writer):
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 100_000_000:
                    writer.write(b"x" * 65536)
                    await writer.drain()
                    sent += 65536
            assert sent < 16_000_000, "more than the buffers of the two kernels' ends"
        assert psutil.Process().memory_info().rss - before < 32_000_000
        assert await answers(address)


async def test_a_header_below_the_limit_is_fine(site: Site) -> None:
    async with site.served() as address, httpx.AsyncClient(base_url=address) as client:
        assert (await client.get("/healthz", headers={"X": "y" * 60_000})).status_code == 200


@pytest.mark.parametrize(
    "opening",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: ",
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{",
        b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{",
    ],
    ids=["nothing", "header", "body", "body that nobody reads"],
)
async def test_who_trickles_is_cut_off_in_time(site: Site, opening: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    async with site.served() as address, raw(address, opening) as (reader, writer):
        began_s = time.monotonic()
        reading = asyncio.create_task(rest(reader, 10))
        while not reading.done():
            if opening:
                writer.write(b"x")
            await asyncio.sleep(0.05)
        await reading
        assert 0.3 < time.monotonic() - began_s < 8


async def test_a_request_that_is_whole_has_no_clock(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is kept open, and a socket."""
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)
    async with site.served() as address, page(site, address) as viewer, raw(address) as (reader, writer):
        await viewer.next()
        for _ in range(3):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b'"ok"}')
            await asyncio.sleep(0.5)
        await viewer.say(sub=["gate"], fps=5, size="s")
        assert await viewer.batch()


async def test_requests_one_after_the_other_on_one_connection(site: Site) -> None:
    async with site.served() as address, raw(address) as (reader, writer):
        writer.write(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20
            + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert (await rest(reader, 3)).count(b"HTTP/1.1 200") == 21


async def test_connections_are_bounded_in_all_and_come_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    async with site.served() as address, page(site, address) as viewer:
        await viewer.next()
        async with raw(address), raw(address):
            await asyncio.sleep(0.1)
            async with raw(address) as (reader, _):
                assert (await rest(reader, 2)).startswith(b"HTTP/1.1 503")
        await asyncio.sleep(0.1)
        assert await answers(address)


@pytest.mark.parametrize("proxies", [(), ("127.0.0.9",)])
async def test_connections_of_one_address_are_bounded(
    make_site: MakeSite,
    filled_database: Path,
    monkeypatch: pytest.MonkeyPatch,
    proxies: tuple[str, ...],
) -> None:
    """Other machines are played by addresses of this one that do not count as loopback here."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own setting has no say
    monkeypatch.setattr(connections, "MOST_CONNECTIONS_OF_ONE", 2)
    monkeypatch.setattr(connections, "is_loopback", lambda address: address == "127.0.0.1")
    site = make_site(filled_database, trusted_proxies=proxies)
    async with site.live, site.served() as address:
        async with raw(address, source="127.0.0.9"), raw(address, source="127.0.0.9"):
            await asyncio.sleep(0.1)
            async with raw(address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "127.0.0.9") as (reader, _):
                assert (await rest(reader, 2)).startswith(b"HTTP/1.1 200" if proxies else b"HTTP/1.1 503")
            async with raw(address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "127.0.0.8") as (reader, _):
                assert (await rest(reader, 2)).startswith(b"HTTP/1.1 200")
        async with raw(address), raw(address), raw(address):
            assert await answers(address)


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (("192.0.2.7", 5), "192.0.2.7"),
        (("::ffff:192.0.2.7", 5, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 5, 0, 0), "2001:db8:1:2::"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::"),
        (("::1", 5, 0, 0), "::1"),
        ("", ""),
        (None, ""),
    ],
)
def test_who_counts_as_one(peer: object, client: str) -> None:
    assert connections._client(peer) == client


@pytest.mark.parametrize(
    ("proxies", "trusted"),
    [
        ((), False),
        (None, False),
        (["192.0.2.7"], True),
        (["192.0.2.0/24"], True),
        ("*", True),
        (["*"], True),
        (["name", "192.0.2.8"], False),
    ],
)
def test_trusted_proxies(proxies: list[str] | str | None, trusted: bool) -> None:
    assert is_trusted("192.0.2.7", proxies) is trusted


def test_the_limit_of_open_files_is_raised() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(soft, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
    try:
        allow_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
