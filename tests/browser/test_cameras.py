"""Cameras: list with health, one camera, add with a connection test, edit, delete. And the system page."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from panops.domain.switches import Switch, SwitchedOff
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.storage.switches import SwitchStore
from tests.browser.conftest import PHONE, WIDE, MakeTab, sync_api
from tests.browser.layout import problems
from tests.browser.site import SiteServer
from tests.unit.ingest.onvif_camera import OnvifCamera

Route = sync_api.Route


def test_the_list_has_those_in_trouble_first(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/cameras")
    page.wait_for_selector(".tile[data-id=gate] .picture[data-frames]")
    names = page.eval_on_selector_all(".camera-card .name", "nodes => nodes.map((node) => node.textContent)")
    assert names[:2] == ["Loading dock", "Store room with a rather long name"]
    gate = page.inner_text(".camera-card:has([data-id=gate])")
    assert "1280 \u00d7 720" in gate
    assert "H.264" in gate
    assert "10.0 /s" in gate
    assert "S3cret" not in page.content(), "no password reaches the page"
    page.fill("#find", "unreach")
    assert page.eval_on_selector_all(".camera-card", "nodes => nodes.filter((node) => node.checkVisibility()).length") == 1
    assert set(site.live.wishes().values()) <= {1.0, 5.0, 10.0}


def test_one_camera_with_zones_health_and_events(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "vera").open("/cameras/gate")
    page.wait_for_selector(".picture[data-frames]")
    page.wait_for_selector("#recent a")
    page.wait_for_selector("#rules .rule")
    assert "intrusion" in page.inner_text("#rules").lower()
    assert "“floor”, for longer than 1 s; always." in page.inner_text("#rules")
    page.wait_for_function("() => document.querySelector('#health').innerText.includes('1280 \u00d7 720, H.264')")
    assert page.is_hidden("#edit")
    assert page.is_hidden("#delete")
    page.click("#toggle-shapes")
    assert page.get_attribute("#toggle-shapes", "aria-pressed") == "false"
    page.select_option("#jump", "yard")
    page.wait_for_url("**/cameras/yard")
    page.wait_for_selector(".picture[data-frames]")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_switching_a_camera(make_site: Callable[..., SiteServer], tab: MakeTab, size: tuple[int, int]) -> None:
    server = make_site()
    now_s = time.time()
    store = SwitchStore(server.database)
    store.switch(Scope.everything(), "gate", Switch.ALERTS, on=False, by="MQTT sink home", at_s=now_s)
    server.ask(server.live.reload)
    page = tab(server, "oscar", size).open("/cameras/gate")
    page.wait_for_selector(".picture[data-frames]")
    at = datetime.fromtimestamp(now_s, ZoneInfo("Europe/Berlin")).strftime("%H:%M")
    assert page.inner_text("#off") == f"Alerts are off since {at}, by MQTT sink home: events are stored, and nobody is told."
    assert [page.is_checked(f"[data-switch={name}] input") for name in ("enabled", "detect", "alerts")] == [True, True, False]
    assert problems(page) == []
    page.click("[data-switch=alerts]")
    page.wait_for_selector("#off", state="hidden")
    page.click("[data-switch=enabled]")
    page.wait_for_selector("#off:has-text('The camera is off since')")
    page.wait_for_selector("#health .chip:has-text('Switched off')")
    assert "Switched off by oscar." in page.inner_text("#health")
    # Another hand, while the page is open.
    store.switch(Scope.everything(), "gate", Switch.DETECT, on=False, by="ada", at_s=now_s)
    server.ask(server.live.reload)
    page.wait_for_selector("#off:has-text('Detection is off since')")
    assert problems(page) == []
    page.click("[data-switch=enabled]")
    page.wait_for_selector("#off:not(:has-text('The camera is off'))")
    assert store.off(Scope.everything()) == {"gate": (SwitchedOff(Switch.DETECT, now_s, "ada"),)}
    page = tab(server, "vera", size).open("/cameras")
    page.wait_for_selector(".camera-card .off:has-text('Detection is off')")
    assert problems(page) == []
    page = tab(server, "vera", size).open("/cameras/gate")
    page.wait_for_selector("#off:has-text('by ada')")
    assert page.is_disabled("[data-switch=detect] input"), "a viewer sees, and switches nothing"
    page = tab(server, "ada", size).open("/cameras/spare")
    page.wait_for_selector("#off:has-text('The camera is off in its settings: it is not read.')")
    assert page.is_disabled("[data-switch=enabled] input")


def test_a_camera_that_is_not_there(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site)
    made.allow.append("status of 404")
    made.open("/cameras/nobody").wait_for_selector("text=There is no such camera")


def test_adding_a_camera(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    made = tab(server, size=PHONE)
    made.allow.append("status of 422")
    page = made.open("/cameras/new")
    page.wait_for_selector("text=Test before you save")
    page.click("#save")
    page.wait_for_selector("#source[aria-invalid=true]")
    page.fill("#source", "rtsp://camera.example/unauthorized")
    page.fill("#user", "me")
    page.fill("#secret", "p@ss/word")
    page.click("#test")
    page.wait_for_selector(".verdict.bad >> text=Wrong password")
    assert "Check the user name and password" in page.inner_text("#result")
    assert problems(page) == []
    page.fill("#source", "rtsp://camera.example/good")
    page.fill("#name", "Front Gate")
    page.click("#test")
    page.wait_for_selector(".verdict.good")
    page.wait_for_function("() => document.querySelector('#result img').naturalWidth > 100")
    assert "H.264" in page.inner_text("#result")
    assert problems(page) == []
    page.click("#save")
    page.wait_for_url(f"{server.url}/")
    page.wait_for_selector(".tile[data-id=front-gate]")
    stored = page.request.get(f"{server.url}/api/v1/cameras/front-gate").json()
    assert stored["address"] == "rtsp://me:***@camera.example/good"
    rules = page.request.get(f"{server.url}/api/v1/rules").json()["rules"]
    rule = next(rule for rule in rules if rule["cameras"] == ["front-gate"])
    assert (rule["kind"], rule["zone"], rule["enabled"]) == ("intrusion", None, True)
    made.open("/cameras/new")
    page.wait_for_selector("text=Test before you save")
    page.fill("#source", "ftp://camera.example/x")
    page.click("#save")
    page.wait_for_selector(".problem:visible, #wrong:visible")


def test_saving_again_adds_no_second_camera(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    """The rule's PUT fails after the camera's; and somebody else takes the id between the look and the PUT."""
    server = make_site()
    made = tab(server)
    made.allow += ["status of 412", "status of 503"]
    page = made.open("/cameras/new")
    page.wait_for_selector("text=Test before you save")
    page.route("**/api/v1/rules/*", lambda route: route.fulfill(status=503, json={"detail": "the storage is busy"}), times=1)
    taken = {"source": "sim://room", "name": "Somebody else's"}

    def be_faster(route: Route) -> None:
        answer = route.fetch()
        page.request.put(f"{server.url}/api/v1/cameras/front-gate", data=taken, headers={"Origin": server.url})
        route.fulfill(response=answer)

    page.route("**/api/v1/cameras", be_faster, times=1)
    page.fill("#source", "sim://yard")
    page.fill("#name", "Front gate")
    page.click("#save")
    page.wait_for_selector("#wrong >> text=The camera is stored, its alarm is not")
    page.fill("#name", "Front gate, left")
    page.click("#save")
    page.wait_for_url(f"{server.url}/")
    site = server.live._sites.load()
    assert {key: camera.name for key, camera in site.cameras.items() if "front" in key} == {
        "front-gate": "Somebody else's",
        "front-gate-2": "Front gate, left",
    }
    assert [rule.cameras for rule in site.rules if "front" in rule.id] == [["front-gate-2"]]


def test_editing_keeps_the_password_and_what_the_form_does_not_show(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    made = tab(server)
    page = made.open("/cameras/gate")
    page.wait_for_selector(".tile[data-id=gate]")
    page.click("#edit")
    page.wait_for_selector("h1:has-text('Edit North gate')")
    assert page.input_value("#source") == "rtsp://viewer:***@camera.example/gate"
    page.fill("#name", "Main gate")
    page.check("#alarm")
    page.click("#test")
    page.wait_for_selector(".verdict.good")
    page.click("#save")
    page.wait_for_url("**/cameras/gate")
    page.wait_for_selector(".tile .name:has-text('Main gate')")
    site = server.live._sites.load()
    assert site.cameras["gate"].source.get_secret_value() == "rtsp://viewer:S3cret@camera.example/gate"
    assert list(site.cameras["gate"].zones) == ["floor"]
    assert [rule.id for rule in site.rules if rule.cameras == ["gate"]] == ["night", "gate-moving"]
    page.click("#edit")
    page.wait_for_selector("h1:has-text('Edit Main gate')")
    assert page.is_checked("#alarm")
    elsewhere = {"source": "", "name": "Changed elsewhere", "zones": {"floor": {"polygon": [[0, 0], [1, 0], [1, 1]]}}}
    assert page.request.put(f"{server.url}/api/v1/cameras/gate", data=elsewhere, headers={"Origin": server.url}).status == 200
    made.allow.append("status of 412")
    page.fill("#name", "Changed here")
    page.click("#save")
    page.wait_for_selector("#wrong >> text=Somebody else changed this camera")


def test_deleting_asks_first(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/cameras/street")
    page.wait_for_selector(".tile[data-id=street]")
    page.click("#delete")
    page.click("dialog >> text=Cancel")
    page.click("#delete")
    page.click("dialog >> button:has-text('Delete')")
    page.wait_for_url("**/cameras")
    page.wait_for_selector(".camera-card >> nth=5")
    assert page.query_selector(".tile[data-id=street]") is None


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_the_main_stream_is_recorded_while_the_small_one_is_watched(
    make_site: Callable[..., SiteServer], tab: MakeTab, size: tuple[int, int]
) -> None:
    server = make_site()
    made = tab(server, size=size)
    made.allow.append("status of 422")
    page = made.open("/cameras/new")
    page.wait_for_selector("text=Test before you save")
    assert page.is_hidden("#record_source"), "nothing is recorded"
    page.fill("#source", "rtsp://eva:p%40ss@camera.example/sub")
    page.fill("#name", "Mill")
    page.select_option("#record", "motion")
    page.fill("#record_source", "rtsp://camera.example/unreachable")
    page.click("#test")
    page.wait_for_selector("#recorded-verdict.bad:has-text('The main stream: Unreachable')")
    assert problems(page) == []
    page.fill("#record_source", "ftp://camera.example/main")
    page.click("#save")
    page.wait_for_selector("#record_source[aria-invalid=true]")
    page.fill("#record_source", "rtsp://camera.example/main")
    page.click("#test")
    page.wait_for_selector("#recorded-verdict.good:has-text('1280 \u00d7 720')")
    assert problems(page) == []
    page.click("#save")
    page.wait_for_url(f"{server.url}/")

    def stored() -> str:
        return SiteRepository(server.database).load().cameras["mill"].record_source.get_secret_value()

    assert stored() == "rtsp://eva:p%40ss@camera.example/main", "with the login of the stream that is watched"
    made.open("/cameras/mill/edit")
    page.wait_for_selector("h1:has-text('Edit Mill')")
    assert page.input_value("#record_source") == "rtsp://eva:***@camera.example/main"
    assert "p%40ss" not in page.content()
    page.fill("#record_source", "rtsp://camera.example/other")
    page.click("#save")
    page.wait_for_url("**/cameras/mill")
    assert stored() == "rtsp://eva:p%40ss@camera.example/other"
    made.open("/cameras/mill/edit")
    page.wait_for_selector("h1:has-text('Edit Mill')")
    page.select_option("#record", "off")
    assert page.is_hidden("#record_source")
    page.click("#save")
    page.wait_for_url("**/cameras/mill")
    assert stored() == "rtsp://eva:p%40ss@camera.example/other", "it is kept for when recording is chosen again"


def test_only_administrators_get_the_form(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "oscar").open("/cameras/new")
    page.wait_for_selector("text=Only administrators change cameras")
    assert page.query_selector("#source") is None


def test_the_system_page(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "oscar").open("/system")
    page.wait_for_selector("tbody tr >> nth=6")
    text = page.inner_text("#sheet")
    for word in ("Cameras live", "4 of 7", "Processor", "Memory", "Free storage", "Needs attention", "Unreachable"):
        assert word in text
    assert page.eval_on_selector_all("#standing a", "nodes => nodes.map((node) => node.textContent)") == [
        "Loading dock",
        "Store room with a rather long name",
    ]
    assert "wrong password. The camera refuses the user name or password." in page.inner_text("#standing")
    page.wait_for_selector(".model >> nth=1")
    cards = [card.inner_text() for card in page.query_selector_all(".model")]
    assert "movement" in cards[0]
    assert "In use" in cards[0]
    assert "0 \u00d7 0" not in cards[0]
    (general,) = [card for card in cards if "class 7 and 12 more" in card]
    assert "COCO AP 26 %" in general
    assert "Available" in general
    page.click("text=North gate")
    page.wait_for_url("**/cameras/gate")
    page = tab(site, "vera").open("/system")
    page.wait_for_selector("text=This page is for operators")


def test_changing_the_own_password(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    made = tab(server, "vera", PHONE)
    made.allow.append(r"status of 4\d\d")
    page = made.open("/cameras")
    page.wait_for_selector("#connection.green")
    page.click("text=Account")
    page.click("#change-password")
    page.fill("#old-password", "wrong")
    page.fill("#new-password", "another good password")
    page.click("text=Change it")
    page.wait_for_selector("dialog .problem:visible")
    page.fill("#old-password", "a good password")
    page.click("text=Change it")
    page.wait_for_selector(".toast >> text=Password changed")
    assert server.accounts.verify("vera", "another good password") is not None


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_many_cameras_from_a_file(make_site: Callable[..., SiteServer], tab: MakeTab, size: tuple[int, int]) -> None:
    made = tab(make_site(), "ada", size=size)
    made.allow.append("status of 422")
    page = made.open("/cameras")
    page.wait_for_selector(".camera-card .name")
    page.click("#import")
    rows = "id,source,classes,colour\nnew-gate,rtsp://eva:hunter2@cam.example/1,person,red\nnew-yard,sim://yard?seed=5,,\n"
    page.set_input_files("#import-file", {"name": "bad.csv", "mimeType": "text/csv", "buffer": b"id,source\na,\n"})
    page.wait_for_selector("#import-found .notice")
    assert "line 2" in page.inner_text("#import-found")
    assert page.is_disabled("#import-add")
    page.set_input_files("#import-file", {"name": "a.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    page.wait_for_selector("#import-found .chip")
    told = page.inner_text("#import-found")
    assert "Would add 2 cameras and 1 rule" in told
    assert "rtsp://eva:***@cam.example/1" in told
    assert "hunter2" not in page.content()
    page.click("#import-found summary")
    assert "colour" in page.inner_text("#import-found details")
    assert problems(page) == []
    page.click("#import-add")
    page.wait_for_selector(".camera-card [data-id=new-gate]")
    assert page.query_selector("dialog") is None


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["1600", "390"])
def test_a_camera_that_the_network_tells_of(
    make_site: Callable[..., SiteServer], tab: MakeTab, size: tuple[int, int], theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = OnvifCamera()
    monkeypatch.setattr("panops.ingest.discovery.MULTICAST", camera.udp)
    try:
        page = tab(make_site(), "ada", size=size, theme=theme).open("/cameras/new")
        page.click("#find-cameras")
        page.click("#found-ask")
        page.wait_for_selector("#found .problem")
        assert "wants a user name and password" in page.inner_text("#found")
        page.fill("#found-user", "eva")
        page.fill("#found-secret", "hunter2")
        page.click("#found-ask")
        page.wait_for_selector("#found .button")
        assert "Front gate" in page.inner_text("#found")
        assert problems(page) == []
        page.click("#found .button:has-text('Sub')")
        assert page.input_value("#source") == "rtsp://127.0.0.1:554/sub?a=1&b=2"
        assert [page.input_value(f"#{name}") for name in ("user", "secret", "name")] == ["eva", "hunter2", "Front gate"]
        page.select_option("#record", "continuous")
        assert page.input_value("#record_source").startswith("rtsp://127.0.0.1:554/"), "the largest stream is offered for recording"
        assert page.input_value("#record_source") != page.input_value("#source")
        assert page.query_selector("dialog") is None
    finally:
        camera.close()
