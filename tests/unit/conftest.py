"""What unit tests of several rooms need: a real broker, and somebody who listens to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.mosquitto import Broker, Listener


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A Mosquitto that runs."""
    from tests.mosquitto import Broker  # noqa: PLC0415 - only these tests need its client

    found = Broker(tmp_path)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    """Somebody who hears everything that is published there."""
    from tests.mosquitto import Listener  # noqa: PLC0415 - as above

    found = Listener(broker.port)
    yield found
    found.close()
