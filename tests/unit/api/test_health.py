from __future__ import annotations

import asyncio
import shutil
import threading
import time

import pytest

from panops.api.readiness import KEEP_S, Readiness
from panops.domain.errors import StorageError, StorageFull, StorageLocked
from panops.testing.fake_clock import FakeClock

from .conftest import Site

pytestmark = pytest.mark.anyio


async def test_alive_and_ready(site: Site) -> None:
    assert (await site.get(None, "/healthz")).json() == {"status": "ok"}
    assert (await site.get(None, "/readyz")).json() == {"status": "ok"}


async def test_without_its_database_it_is_alive_and_not_ready(site: Site) -> None:
    site.database.close()
    assert (await site.get(None, "/healthz")).status_code == 200
    ready = await site.get(None, "/readyz")
    assert ready.status_code == 503
    assert str(site.home) not in ready.text


async def test_a_database_that_is_overwritten_while_the_site_runs_makes_it_not_ready(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """And whole again when the file is: an answer holds for some seconds only."""
    assert (await site.get(None, "/readyz")).status_code == 200
    file = site.home / "panops.db"
    sound = file.read_bytes()
    file.write_bytes(b"Dear database,\n" * 3000)
    site.clock.now_s += KEEP_S
    ready = await site.get(None, "/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "the database is damaged"})
    assert str(site.home) not in ready.text
    assert f"not ready: {file} is damaged" in caplog.text
    file.write_bytes(sound)
    site.clock.now_s += KEEP_S
    assert (await site.get(None, "/readyz")).json() == {"status": "ok"}


async def test_a_database_that_was_taken_away(site: Site) -> None:
    shutil.move(site.home / "panops.db", site.home / "elsewhere.db")
    ready = await site.get(None, "/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "the database cannot be used"})


class FakeDatabase:
    """Counts looks; holds them up until `go` is set, and fails as told."""

    def __init__(self, error: StorageError | None = None) -> None:
        self.error = error
        self.looks = 0
        self.go = threading.Event()
        self.go.set()

    def check(self) -> bool:
        self.looks += 1
        self.go.wait(10)
        if self.error is not None:
            raise self.error
        return True


@pytest.mark.parametrize(
    ("error", "words"),
    [(StorageLocked("/secret"), "held by another"), (StorageFull("/secret"), "no space"), (StorageError("/x"), "cannot be used")],
)
async def test_the_kind_of_problem_is_told(error: StorageError, words: str) -> None:
    problem = await Readiness(FakeDatabase(error), FakeClock()).problem()  # type: ignore[arg-type]  # the one method that is called
    assert words in problem
    assert "/" not in problem


async def test_strangers_who_ask_often_cost_one_look() -> None:
    database, clock = FakeDatabase(), FakeClock()
    readiness = Readiness(database, clock)  # type: ignore[arg-type]  # the one method that is called
    await asyncio.gather(*(readiness.problem() for _ in range(20)))
    clock.now_s += KEEP_S - 0.1
    await readiness.problem()
    assert database.looks == 1
    clock.now_s += 0.1
    await readiness.problem()
    assert database.looks == 2


async def test_a_database_that_hangs_is_waited_for_no_longer_than_it_may() -> None:
    database = FakeDatabase()
    database.go.clear()
    readiness = Readiness(database, FakeClock(), wait_s=0.05)  # type: ignore[arg-type]  # the one method that is called
    began_s = time.monotonic()
    assert await readiness.problem() == await readiness.problem() == "the database does not answer"
    assert time.monotonic() - began_s < 5
    assert database.looks == 1
    database.go.set()
    while await readiness.problem():
        await asyncio.sleep(0.01)
    assert database.looks == 1
