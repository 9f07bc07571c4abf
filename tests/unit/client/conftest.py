"""A real server for the client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from panops.client import Client
from panops.storage.scope import Role
from tests.unit.api.conftest import empty_database, filled_database  # noqa: F401 - fixtures
from tests.unit.api.served_site import Served, serve_in_thread


@pytest.fixture
def served(tmp_path: Path, filled_database: Path) -> Iterator[Served]:  # noqa: F811 - the fixture
    with serve_in_thread(tmp_path / "home", filled_database) as served:
        yield served


@pytest.fixture
def admin(served: Served) -> Iterator[Client]:
    with Client(served.address, served.tokens[Role.ADMIN]) as client:
        yield client
