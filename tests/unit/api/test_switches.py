"""Switching cameras by the API: who may, what it says afterwards, and what stays apart from the settings."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from panops.domain.switches import Switch
from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio

ALL_ON = {switch.value: {"on": True, "since_s": None, "by": ""} for switch in Switch}


async def switch(site: Site, who: str, camera_id: str, **switches: object) -> httpx.Response:
    return await site.ask("PATCH", who, f"/api/v1/cameras/{camera_id}", json=switches)


async def camera(site: Site, camera_id: str, who: str = "vera") -> dict[str, Any]:
    found: dict[str, Any] = (await site.get(who, f"/api/v1/cameras/{camera_id}")).json()
    return found


async def test_an_operator_switches_and_everybody_sees_since_when_and_by_whom(site: Site) -> None:
    assert (await camera(site, "gate"))["switches"] == ALL_ON
    since_s, reloads = site.clock.now_s, site.live.reloads
    answer = await switch(site, "oscar", "gate", alerts=False)
    assert answer.status_code == 200
    off = {"on": False, "since_s": since_s, "by": "oscar"}
    assert answer.json()["switches"] == {**ALL_ON, "alerts": off}
    assert site.live.reloads == reloads + 1  # the running site follows at once
    site.clock.now_s += 60
    await switch(site, "ada", "gate", alerts=False)  # it is off already: by the one who did it, since he did
    for who in ("greta", "vera"):
        assert (await camera(site, "gate", who))["switches"]["alerts"] == off
    assert (await camera(site, "gate"))["state"] == "live"
    assert (await switch(site, "oscar", "gate", alerts=True)).json()["switches"] == ALL_ON
    entries = (await site.get("ada", "/api/v1/audit")).json()["entries"]
    told = [(entry["user"], entry["target"], entry["detail"]) for entry in entries if entry["action"] == "camera.switch"]
    assert told == [("oscar", "gate", {"switch": "alerts", "on": True}), ("oscar", "gate", {"switch": "alerts", "on": False})]


async def test_a_camera_that_is_switched_off_says_so_and_keeps_its_settings(site: Site) -> None:
    etag = (await site.get("ada", "/api/v1/cameras/yard")).headers["etag"]
    answer = (await switch(site, "oscar", "yard", enabled=False, detect=False)).json()
    assert (answer["state"], answer["message"], answer["enabled"]) == ("disabled", "switched off by oscar", True)
    assert [answer["switches"][name]["on"] for name in ("enabled", "detect", "alerts")] == [False, False, True]
    assert (await site.get("ada", "/api/v1/cameras/yard")).headers["etag"] == etag
    config = (await camera(site, "yard", "ada"))["config"]
    assert config["enabled"] is True
    put = await site.ask("PUT", "ada", "/api/v1/cameras/yard", json={**config, "name": "Yard"}, headers={"If-Match": etag})
    assert (put.status_code, put.json()["state"]) == (200, "disabled")
    assert (await switch(site, "oscar", "yard", enabled=True)).json()["state"] == "live"


async def test_only_an_administrator_switches_on_what_the_settings_switch_off(site: Site) -> None:
    dock = (await camera(site, "dock"))["switches"]["enabled"]
    assert dock == {"on": False, "since_s": None, "by": "its settings"}
    answer = await switch(site, "oscar", "dock", enabled=True)
    assert answer.status_code == 409
    assert "off in its settings (enabled: false)" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body", [{}, {"alerts": None}, {"alerts": "OFF"}, {"alerts": 0}, {"alarms": False}, {"alerts": False, "name": "x"}]
)
async def test_what_is_no_switch_is_told(site: Site, body: dict[str, object]) -> None:
    assert (await switch(site, "oscar", "gate", **body)).status_code == 422
    assert (await camera(site, "gate"))["switches"] == ALL_ON


async def test_cameras_out_of_scope_do_not_exist_and_viewers_switch_nothing(site: Site) -> None:
    site.accounts.create_user("otto", "a good password", Role.OPERATOR, ["gate"])
    assert (await switch(site, "otto", "yard", alerts=False)).status_code == 404
    assert (await switch(site, "otto", "gate", alerts=False)).status_code == 200
    for who in ("greta", "vera"):
        answer = await switch(site, who, "gate", alerts=True)
        assert answer.status_code == 403
        assert "needs the role operator" in answer.json()["detail"]
    assert (await camera(site, "yard"))["switches"] == ALL_ON
    assert (await camera(site, "gate"))["switches"]["alerts"]["by"] == "otto"


async def test_a_token_is_no_user_of_the_same_name(site: Site) -> None:
    token = site.accounts.create_token("MQTT sink home", Role.OPERATOR, None)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await site.ask("PATCH", None, "/api/v1/cameras/gate", json={"detect": False}, headers=headers)
    assert answer.json()["switches"]["detect"]["by"] == "token MQTT sink home"
