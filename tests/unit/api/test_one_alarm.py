"""One person, one alarm, over the API: which events are one alarm, and nothing of cameras that somebody may not see."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from panops.config.load import parse_site
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.pipeline.one_alarm import TOLD_BEFORE
from panops.storage.embeddings import Embedding, EventEmbeddings
from panops.storage.scope import Role

from .conftest import PASSWORD, SITE, Site

pytestmark = pytest.mark.anyio

ONE_ALARM = """
groups: {all: [gate, yard]}
one_alarm: {groups: [all]}
alerts: [{id: lines, kind: file, path: PATH}]
"""


async def walks_by(site: Site) -> None:
    """Somebody walks from the gate to the yard, and both tell of it."""
    site.accounts.create_user("yuri", PASSWORD, Role.OPERATOR, ["yard"])
    site.accounts.create_user("gus", PASSWORD, Role.OPERATOR, ["gate"])
    text = SITE + ONE_ALARM.replace("PATH", str(site.home / "alerts.jsonl"))
    await asyncio.to_thread(site.services.sites.apply, parse_site(text))
    await site.live.reload()
    look = np.ones(8, np.float32) / np.sqrt(8)
    for camera in ("gate", "yard"):
        now_s = site.clock.utc_s()
        incident = Incident("k", EventPhase.BEGIN, "intrusion", "person", "", (1,), 0.9, now_s, now_s)
        site.services.events.save([Event(f"{camera}-1", camera, "night", Severity.ALARM, incident)])
        EventEmbeddings(site.services.database).save(f"{camera}-1", Embedding("person_reid@1", look))
        site.live.alerts.wake(f"{camera}-1")
        for _ in range(200):
            told = (await site.get("ada", f"/api/v1/events/{camera}-1")).json()["deliveries"]
            if told and told[0]["state"] != "waiting":
                break
            await asyncio.sleep(0.05)


async def test_an_event_says_with_which_others_it_is_one_alarm(site: Site) -> None:
    await walks_by(site)
    first = (await site.get("vera", "/api/v1/events/gate-1")).json()
    (seen,) = first["seen_again"]
    assert (seen["event_id"], seen["camera_id"], seen["kind"], seen["is_first"], seen["is_told"]) == (
        "yard-1",
        "yard",
        "intrusion",
        False,
        False,
    )
    assert seen["likeness"] == pytest.approx(1.0, abs=1e-2)
    second = (await site.get("oscar", "/api/v1/events/yard-1")).json()
    assert (second["seen_again"][0]["event_id"], second["seen_again"][0]["camera_name"]) == ("gate-1", "North gate")
    assert second["seen_again"][0]["is_first"] is True
    assert [(told["state"], told["answer"]) for told in second["deliveries"]] == [("skipped", TOLD_BEFORE)]
    assert len((site.home / "alerts.jsonl").read_text().splitlines()) == 1


async def test_who_may_see_the_second_camera_only_learns_nothing_of_the_first(site: Site) -> None:
    await walks_by(site)
    answer = await site.get("yuri", "/api/v1/events/yard-1")
    assert answer.json()["seen_again"] == []
    assert [(told["state"], told["answer"]) for told in answer.json()["deliveries"]] == [("skipped", "")]
    log = await site.get("yuri", "/api/v1/alerts/deliveries")
    assert [(told["event_id"], told["answer"]) for told in log.json()["deliveries"]] == [("yard-1", "")]
    assert "gate" not in answer.text + log.text
    assert (await site.get("gus", "/api/v1/events/gate-1")).json()["seen_again"] == []


async def test_what_is_kept_for_one_alarm_is_for_that_only(site: Site) -> None:
    await walks_by(site)
    assert (await site.get("oscar", "/api/v1/events/gate-1")).json()["can_find_again"] is False
    refused = await site.ask("POST", "oscar", "/api/v1/events/similar", json={"event_id": "gate-1"})
    assert (refused.status_code, "find_again" in refused.json()["detail"]) == (409, True)


async def test_a_group_that_one_alarm_names_stays(site: Site) -> None:
    await walks_by(site)
    refused = await site.ask("DELETE", "ada", "/api/v1/groups/all")
    assert refused.status_code == 422, refused.text
    assert "one_alarm.groups" in refused.text
