"""A site over a real database, a fake running site, one user of each kind, and clients that speak to the app as them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from panops.api.app import create_app
from panops.api.serve import run_server
from panops.api.services import Services
from panops.api.settings import ApiSettings
from panops.config.load import parse_site
from panops.storage.accounts import Accounts
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.scope import Role
from panops.storage.site import SiteRepository
from panops.testing.fake_clock import FakeClock
from panops.testing.fake_faces import FakeFaceReader
from panops.testing.inline_desk import InlineDesk
from panops.testing.live_site import FakeLiveSite

PASSWORD = "a good password"
HOST = "http://box:8440"
STRANGER_ADDRESS = "203.0.113.9"
SITE = """
cameras:
  gate:
    name: North gate
    source: "rtsp://viewer:S3cret!pw@camera.example/gate"
    zones: {floor: {polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
  yard: {source: "sim://yard", lines: {door: {points: [[0.5, 0], [0.5, 1]]}}}
  dock: {source: "http://camera.example/snap?user=me&pwd=t0psecret", enabled: false}
rules:
  - {id: night, kind: intrusion, cameras: [gate], zone: floor, classes: [person], after_s: 1.0}
  - {id: way-in, kind: line_crossing, cameras: [yard], line: door}
"""


@dataclass
class Site:
    """What a test works with."""

    app: FastAPI
    live: FakeLiveSite
    accounts: Accounts
    database: Database
    clock: FakeClock
    home: Path
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        services = self.app.state.services
        assert isinstance(services, Services)
        return services

    def client(self, who: str | None = None, *, address: str = STRANGER_ADDRESS, host: str = HOST) -> httpx.AsyncClient:
        """A browser that is signed in as `who` (None: nobody) and asks from `address`."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 50000)), base_url=host, headers={"Origin": host} if who else {}
        )
        if who is not None:
            client.cookies.set("panops_session", self.token(who))
        return client

    def token(self, who: str) -> str:
        """A session of the user."""
        if who not in self.tokens:
            user = self.accounts.user(who)
            assert user is not None
            self.tokens[who] = self.accounts.open_session(user)
        return self.tokens[who]

    async def get(self, who: str | None, path: str, **options: object) -> httpx.Response:
        return await self.ask("GET", who, path, **options)

    async def ask(self, method: str, who: str | None, path: str, **options: object) -> httpx.Response:
        async with self.client(who) as client:
            return await client.request(method, path, **options)  # type: ignore[arg-type]  # passed through as given

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The app behind a real server on a free port; its address."""
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(run_server(self.app, "127.0.0.1", 0, stop, ready.set_result))
        await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
        try:
            yield ready.result()
        finally:
            stop.set()
            await serving


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without users or cameras, to be copied: migrating takes longer than most tests."""
    home = tmp_path_factory.mktemp("template")
    Database.at(home).open().close()
    return home / "panops.db"


@pytest.fixture(scope="session")
def filled_database(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one user of each kind and the cameras of `SITE`."""
    home = tmp_path_factory.mktemp("filled")
    shutil.copy(empty_database, home)
    with Database.at(home) as database:
        accounts = Accounts(database, FakeClock(), ScryptCost(n=4, r=1))
        for name, role, cameras in (
            ("vera", Role.VIEWER, None),
            ("oscar", Role.OPERATOR, None),
            ("ada", Role.ADMIN, None),
            ("greta", Role.VIEWER, ["gate"]),
        ):
            accounts.create_user(name, PASSWORD, role, cameras)
        SiteRepository(database).apply(parse_site(SITE, "test", {}))
    return home / "panops.db"


MakeSite = Callable[..., "Site"]


def open_site(home: Path, database_file: Path, **settings: object) -> Site:
    """A site over a copy of the database; its live part is not started."""
    home.mkdir()
    shutil.copy(database_file, home / "panops.db")
    clock = FakeClock()
    database = Database.at(home).open(check=False)
    accounts = Accounts(database, clock, ScryptCost(n=4, r=1))
    live = FakeLiveSite(database, home / "evidence", clock)
    desk = InlineDesk(home / "models")
    app = create_app(
        ApiSettings(home / "evidence", **settings),  # type: ignore[arg-type]  # given by name
        database, live, clock=clock, accounts=accounts, desk=desk, face_reader=FakeFaceReader,
    )  # fmt: skip
    return Site(app, live, accounts, database, clock, home)


@pytest.fixture
def make_site(tmp_path: Path) -> AsyncIterator[MakeSite]:
    """Makes sites that are closed after the test."""
    made: list[Site] = []

    def make(database_file: Path, **settings: object) -> Site:
        made.append(open_site(tmp_path / f"home{len(made)}", database_file, **settings))
        return made[-1]

    yield make  # type: ignore[misc]  # a plain generator fixture
    for site in made:
        site.database.close()


@pytest.fixture
async def site(make_site: MakeSite, filled_database: Path) -> AsyncIterator[Site]:
    """A site with cameras and users, running."""
    site = make_site(filled_database)
    async with site.live:
        yield site


@pytest.fixture
async def fresh(make_site: MakeSite, empty_database: Path) -> AsyncIterator[Site]:
    """A site that nobody has set up; its code is `sesame`."""
    site = make_site(empty_database, setup_code="sesame")
    async with site.live:
        yield site
