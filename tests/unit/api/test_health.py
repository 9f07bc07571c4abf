from __future__ import annotations

import pytest

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
