"""Saved views of the wall: made in a form, kept, shared, turning their pages; and nothing but tiles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from panops.storage.scope import Role
from panops.storage.site import SiteRepository
from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SiteServer

SHOWN = "nodes => nodes.filter((node) => node.offsetParent !== null).map((node) => node.dataset.id)"
NINE = "\n".join(["cameras:", *(f"  cam{number}: {{source: 'sim://yard'}}" for number in range(9))])


def shown(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(".tile[data-id]", SHOWN)
    return found


def keep(page: Page, **view: object) -> int:
    here = page.url.partition("?")[0]
    answer = page.request.post(f"{here}api/v1/views", data=view, headers={"Origin": here.rstrip("/")})
    assert answer.ok, answer.text()
    number = answer.json()["id"]
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_a_view_is_made_changed_and_deleted(size: tuple[int, int], make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    page = tab(make_site(), "vera", size).open("/")
    page.wait_for_selector(".tile[data-id=gate] .picture[data-frames]")
    page.click("[popovertarget=views]")
    page.click("#save-view")
    page.fill("#field-name", "Night shift")
    page.select_option("#field-shows", "some")
    for camera in ("yard", "street", "gate"):
        page.check(f".order li[data-id={camera}] input")
    page.click(".order li[data-id=gate] [aria-label='North gate earlier']")
    page.select_option("#field-columns", "2")
    assert problems(page) == []
    assert page.locator("text=For everybody:").count() == 0, "only an administrator may share"
    page.click(".dialog button:has-text('Save')")
    page.wait_for_url("**/?view=1")
    page.wait_for_selector(".tile[data-id=gate] .picture[data-frames]")
    assert shown(page) == ["yard", "gate", "street"]
    assert page.inner_text("#view-name") == "Night shift"
    page.wait_for_selector(".wall[data-columns='2']")
    page.click("[popovertarget=views]")
    page.click("#change-view")
    page.wait_for_selector(".order li[data-on]:nth-child(3)")
    page.fill("#field-name", "Day shift")
    page.uncheck(".order li[data-id=gate] input")
    page.click(".dialog button:has-text('Save')")
    page.wait_for_selector("#view-name:has-text('Day shift')")
    page.wait_for_selector(".tile[data-id=street]")
    assert shown(page) == ["yard", "street"]
    page.click("[popovertarget=views]")
    page.click("#change-view")
    page.click(".dialog button:has-text('Delete')")
    page.click("dialog[aria-label^='Delete'] button:has-text('Delete')")
    page.wait_for_url(lambda address: "view=" not in address)
    page.wait_for_selector(".tile[data-id=store]")
    assert page.inner_text("#view-name") == "Live"


def test_a_view_for_everybody_shows_each_what_they_may_see(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    server.accounts.create_user("greta", "a good password", Role.VIEWER, ["gate"])
    admin = tab(server).open("/")
    number = keep(admin, name="Doors", cameras=["dock", "gate"], shared=True)
    page = tab(server, "greta").open(f"/?view={number}")
    page.wait_for_selector(".tile[data-id=gate]")
    assert shown(page) == ["gate"]
    page.click("[popovertarget=views]")
    assert page.locator("#change-view").count() == 0
    assert page.inner_text("#views h2") == "For everybody"
    page.goto(f"{server.url}/?view=77")
    page.wait_for_selector(".toast.red:has-text('There is no such view')")


def test_a_view_of_a_group_shows_no_other_camera_before_it_is_known(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    made = tab(make_site(f"{NINE}\ngroups: {{north: [cam1]}}"))
    page = made.open("/")
    page.wait_for_selector(".tile[data-id=cam1] .picture[data-frames]")
    number = keep(page, name="North", group="north")
    held: list[Route] = []
    heard: list[str | bytes] = []
    asked: list[str] = []
    page.route("**/api/v1/views", lambda route: held.append(route))  # noqa: PLW0108 - playwright takes no built-in function
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: heard.append(text)))  # noqa: PLW0108 - the same
    page.on("request", lambda request: asked.append(request.url) if "/api/v1/cameras" in request.url else None)
    page.goto(f"{made.url}/?view={number}")
    while not (held and heard):  # connected, and the views are not there yet
        page.wait_for_timeout(20)
    page.wait_for_timeout(200)
    held[0].continue_()
    page.wait_for_selector(".tile[data-id=cam1]")
    assert shown(page) == ["cam1"]
    assert [url.partition("?")[2] for url in asked] == ["group=north"] * len(asked)


def test_a_view_whose_cameras_are_gone_shows_none_and_can_be_changed(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(NINE)
    page = tab(server).open("/")
    number = keep(page, name="Corner", cameras=["cam3"])
    SiteRepository(server.database).delete_camera("cam3")
    page.goto(f"{server.url}/?view={number}")
    page.wait_for_selector(".wall :text('Nothing in this view')")
    assert shown(page) == []
    page.click("[popovertarget=views]")
    page.click("#change-view")
    page.wait_for_selector(".order")
    assert page.input_value("#field-shows") == "some", "not all cameras by a press on Save"
    assert problems(page) == []


def test_a_wall_turns_its_pages_and_asks_for_the_next_ones_pictures_in_time(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(NINE)
    page = tab(server, "vera").open("/")
    number = keep(page, name="Round", columns=2, turn_s=300)
    page.clock.install()
    page.goto(f"{server.url}/?view={number}")
    page.wait_for_selector("#pages:has-text('Page 1 of 3')")
    assert shown(page) == ["cam0", "cam1", "cam2", "cam3"]
    page.wait_for_selector(".tile[data-id=cam3] .picture[data-frames]")
    assert {camera for camera, _ in server.live.wishes()} == {"cam0", "cam1", "cam2", "cam3"}
    page.clock.pause_at(page.evaluate("() => Date.now()") / 1000 + 298)
    page.wait_for_selector(".tile[data-id=cam7] .picture[data-frames]", state="attached")
    assert shown(page)[0] == "cam0", "the next page has its pictures before it is shown"
    page.clock.run_for(4000)
    page.wait_for_selector("#pages:has-text('Page 2 of 3')")
    assert shown(page) == ["cam4", "cam5", "cam6", "cam7"]
    page.click("[aria-label='Keep this page']")
    page.keyboard.press("PageDown")
    assert shown(page) == ["cam8"]
    page.keyboard.press("PageDown")
    assert shown(page)[0] == "cam0", "round and round"
    page.clock.fast_forward(400_000)
    page.clock.run_for(2000)
    assert shown(page)[0] == "cam0", "it was told to keep this page"
    page.clock.resume()
    assert problems(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_selector("#pages", state="hidden")
    assert len(shown(page)) == 9, "a phone scrolls"


def test_nothing_but_tiles(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/")
    page.wait_for_selector(".tile[data-id=gate] .picture[data-frames]")
    for refuse in (False, True):
        if refuse:
            page.evaluate("() => { document.documentElement.requestFullscreen = () => Promise.reject(new Error('refused')); }")
        page.keyboard.press("f")
        page.wait_for_function("() => document.documentElement.classList.contains('bare')")
        for part in (".rail", ".bar", ".status-line", ".ticker", ".add-tile"):
            assert page.locator(part).first.is_hidden(), part
        wide = page.evaluate("() => document.getElementById('scroll').getBoundingClientRect().width")
        assert wide == page.evaluate("() => innerWidth")
        # A headless browser does not take its Escape for the way out of the whole screen.
        page.keyboard.press("Escape" if refuse else "f")
        page.wait_for_function("() => !document.documentElement.classList.contains('bare')")
        assert page.locator(".bar").first.is_visible()
