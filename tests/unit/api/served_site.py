"""A site behind a real server in a thread of its own, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from panops.api.serve import run_server
from panops.storage.scope import Role

from .conftest import Site, open_site

T = TypeVar("T")


@dataclass
class Served:
    """The site, its address, and a token of each role."""

    site: Site
    address: str
    tokens: dict[Role, str]
    loop: asyncio.AbstractEventLoop

    def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run something on the server's event loop."""

        async def run() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(30)


@contextmanager
def serve_in_thread(home: Path, database_file: Path, **settings: object) -> Iterator[Served]:
    """Serve until the block ends."""
    site = open_site(home, database_file, **settings)
    tokens = {role: site.accounts.create_token(f"program of {role.value}", role, None) for role in Role}
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    addresses: list[str] = []

    def on_ready(address: str) -> None:
        addresses.append(address)
        ready.set()

    async def serve() -> None:
        async with site.live:
            await run_server(site.app, "127.0.0.1", 0, stop, on_ready)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="served-site", daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield Served(site, addresses[0], tokens, loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
        site.database.close()
