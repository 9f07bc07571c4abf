"""`docs/api.md` names every route and metric, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Site
from .test_app import all_routes
from .test_metrics import scrape

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
ROUTES = {
    path.partition("?")[0]
    for path in re.findall(
        r"(?<=[` ])(/(?:api/v1/[a-z][^` ]*|v2(?:/[^` ]*)?|ws(?:/[^` ]*)?|metrics|healthz|readyz))(?=`)", PAGE.partition("### Searching")[0]
    )
}


async def test_every_route_is_named(site: Site) -> None:
    assert {route.path for route in all_routes(site.app.routes)} == ROUTES


async def test_every_metric_is_named(site: Site) -> None:
    await scrape(site)  # its own request is counted in the next one
    tensor = {"name": "pictures", "datatype": "UINT8", "shape": [1, 3, 416, 416], "data": [114] * (3 * 416 * 416)}
    assert (await site.ask("POST", "oscar", "/v2/models/street/infer", json={"inputs": [tensor]})).status_code == 200
    names = {name for name, *_ in await scrape(site) if not name.endswith("_created")}
    samples = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    named = set(re.findall(r"`(panops_[a-z_]+?)(?:\{[a-z,]+\})?`", PAGE.partition("## Metrics")[2]))
    assert samples == named
