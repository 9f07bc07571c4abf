from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import update

from panops.config.load import parse_site
from panops.domain.alerts import DeliveryState
from panops.storage.tables import deliveries

from .conftest import SITE, Site

pytestmark = pytest.mark.anyio

ALERTS = """
alerts:
  - {id: lines, kind: file, path: PATH, moments: [begin]}
  - {id: hook, kind: webhook, url: "http://127.0.0.1:9/?key=t0psecret", secret: k3y}
  - {id: off, kind: file, path: "/nowhere/x", enabled: false}
"""


async def with_sinks(site: Site) -> None:
    text = SITE + ALERTS.replace("PATH", str(site.home / "alerts.jsonl"))
    await asyncio.to_thread(site.services.sites.apply, parse_site(text))
    await site.live.reload()


async def delivered(site: Site, sink: str, count: int) -> list[dict[str, object]]:
    """The deliveries of a sink once so many are done with."""
    for _ in range(200):
        found: list[dict[str, object]] = (await site.get("ada", f"/api/v1/alerts/deliveries?sink={sink}")).json()["deliveries"]
        done = [entry for entry in found if entry["state"] != "waiting"]  # what the sink does not want waits for a moment, too
        if len(done) >= count:
            return done
        await asyncio.sleep(0.05)
    raise AssertionError(f"not delivered: {found}")


async def test_without_sinks(site: Site) -> None:
    assert (await site.get("ada", "/api/v1/alerts")).json() == {"sinks": []}
    assert (await site.get("ada", "/api/v1/alerts/deliveries")).json() == {"deliveries": [], "next_before": None}


async def test_an_event_is_told_and_the_story_is_in_its_detail(site: Site) -> None:
    await with_sinks(site)
    event_id = await site.live.raise_event("gate")
    (entry,) = await delivered(site, "lines", 1)
    assert (entry["event_id"], entry["moment"], entry["state"], entry["answer"], entry["attempts"]) == (
        event_id,
        "begin",
        "sent",
        "written",
        1,
    )
    (line,) = (site.home / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line)["event"]["camera_name"] == "North gate"
    told = (await site.get("ada", f"/api/v1/events/{event_id}")).json()["deliveries"]
    assert entry in told
    assert {delivery["sink_id"] for delivery in told} == {"lines", "hook"}


async def test_how_sinks_do_without_their_secrets(site: Site) -> None:
    await with_sinks(site)
    await site.live.raise_event("gate")
    await delivered(site, "lines", 1)
    for _ in range(100):
        answer = await site.get("oscar", "/api/v1/alerts")
        lines, hook, off = answer.json()["sinks"]
        if hook["problem"]:
            break
        await asyncio.sleep(0.05)
    assert (lines["id"], lines["kind"], lines["enabled"], lines["sent"], lines["waiting"], lines["problem"]) == (
        "lines",
        "file",
        True,
        1,
        0,
        "",
    )
    assert "no answer" in hook["problem"]
    assert hook["waiting"] >= 1
    assert (off["enabled"], off["problem"]) == (False, "")
    assert "t0psecret" not in answer.text
    assert "k3y" not in answer.text


async def test_who_may_see_and_do_what(site: Site) -> None:
    await with_sinks(site)
    gate = await site.live.raise_event("gate")
    await delivered(site, "lines", 1)
    assert (await site.get(None, "/api/v1/alerts")).status_code == 401
    assert (await site.get("vera", "/api/v1/alerts")).status_code == 403
    assert (await site.get("vera", "/api/v1/alerts/deliveries")).status_code == 403
    assert (await site.get("vera", f"/api/v1/events/{gate}")).json()["deliveries"] == []
    assert (await site.ask("POST", "oscar", "/api/v1/alerts/lines/test")).status_code == 403
    assert (await site.ask("POST", "vera", "/api/v1/alerts/deliveries/1/send-again")).status_code == 403


async def test_a_test_says_what_came_of_it(site: Site) -> None:
    await with_sinks(site)
    assert (await site.ask("POST", "ada", "/api/v1/alerts/lines/test")).json() == {"delivered": True, "answer": "written"}
    assert json.loads((site.home / "alerts.jsonl").read_text())["test"] is True
    failed = (await site.ask("POST", "ada", "/api/v1/alerts/hook/test")).json()
    assert failed["delivered"] is False
    assert "no answer" in failed["answer"]
    assert (await site.ask("POST", "ada", "/api/v1/alerts/off/test")).json()["delivered"] is False
    assert (await site.ask("POST", "ada", "/api/v1/alerts/nobody/test")).status_code == 404
    assert (await site.ask("POST", "ada", "/api/v1/alerts/-/test")).status_code == 422
    actions = [entry["action"] for entry in (await site.get("ada", "/api/v1/audit")).json()["entries"]]
    assert actions.count("sink.test") == 3


async def test_what_was_given_up_is_sent_again(site: Site) -> None:
    await with_sinks(site)
    event_id = await site.live.raise_event("gate")
    (entry,) = await delivered(site, "lines", 1)
    path = f"/api/v1/alerts/deliveries/{entry['id']}/send-again"
    assert (await site.ask("POST", "oscar", path)).status_code == 404  # it was sent
    with site.database.session() as connection:
        connection.execute(update(deliveries).where(deliveries.c.delivery_id == entry["id"]).values(state=DeliveryState.DEAD.value))
    answer = await site.ask("POST", "oscar", path)
    assert (answer.status_code, answer.json()["event_id"]) == (200, event_id)
    await delivered(site, "lines", 1)
    assert len((site.home / "alerts.jsonl").read_text().splitlines()) == 2
    assert (await site.ask("POST", "oscar", "/api/v1/alerts/deliveries/99999/send-again")).status_code == 404


async def test_the_log_in_pages(site: Site) -> None:
    await with_sinks(site)
    for _ in range(3):
        await site.live.raise_event("gate")
    await delivered(site, "lines", 3)
    first = (await site.get("oscar", "/api/v1/alerts/deliveries?sink=lines&limit=2")).json()
    assert len(first["deliveries"]) == 2
    second = (await site.get("oscar", f"/api/v1/alerts/deliveries?sink=lines&limit=2&before={first['next_before']}")).json()
    assert len(second["deliveries"]) == 1
    assert second["next_before"] is None
