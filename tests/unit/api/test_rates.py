from __future__ import annotations

import pytest

from panops.api.rates import RATES, CallerRates, Rate
from panops.testing.fake_clock import FakeClock

from .conftest import Site

pytestmark = pytest.mark.anyio


def test_a_bucket_fills_again() -> None:
    clock = FakeClock()
    rates = CallerRates(clock, {"search": Rate(2, 0.5)})
    assert [rates.take("search", "ada") for _ in range(4)] == [0.0, 0.0, 2.0, 2.0]
    assert rates.take("search", "vera") == 0.0, "each caller has their own"
    clock.now_s += 2.0
    assert [rates.take("search", "ada") for _ in range(2)] == [0.0, 2.0]
    clock.now_s += 1000.0
    assert [rates.take("search", "ada") for _ in range(3)] == [0.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("search", "/api/v1/events"),
        ("search", "/api/v1/events/counts"),
        ("search", "/api/v1/events/stream"),
        ("export", "/api/v1/cameras/gate/recording/export.mp4?from=1&to=2"),
        ("picture", "/api/v1/cameras/gate/snapshot.jpg"),
        ("picture", "/api/v1/events/gate-1-1/snapshot.jpg"),
        ("export", "/api/v1/audit.csv"),
        ("export", "/api/v1/compliance.csv"),
        ("recording", "/api/v1/cameras/gate/recording/segments/1.mp4"),
    ],
)
async def test_who_asks_too_often_waits(site: Site, kind: str, path: str) -> None:
    while site.services.rates.take(kind, "session ada") == 0.0:
        pass
    answer = await site.get("ada", path)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert (await site.get(None, path)).status_code == 401
    site.clock.now_s += 60.0
    assert site.services.rates.take(kind, "session ada") == 0.0
    if not path.endswith("/stream"):  # it would not end
        assert (await site.get("ada", path)).status_code in (200, 404)
    assert RATES[kind].at_once > 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/cameras/import", {"file_name": "a.csv", "file_text": "source\nsim://yard\n"}),
        ("/api/v1/cameras/discover", {"seconds": 0.1, "host": "127.0.0.1"}),
    ],
)
async def test_what_makes_the_server_ask_others_is_paced(site: Site, path: str, body: dict[str, object]) -> None:
    while site.services.rates.take("probe", "session ada") == 0.0:
        pass
    assert (await site.ask("POST", "ada", path, json=body)).status_code == 429
    site.clock.now_s += 60.0
    assert (await site.ask("POST", "ada", path, json=body)).status_code == 200
