"""The page of suggestions: what it shows, one click to apply, one to take back, not now."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from panops.storage.site import SiteRepository
from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SiteServer

CARD = ".suggestion[data-suggestion]"
MakeSite = Callable[..., SiteServer]


@pytest.fixture
def judged(make_site: MakeSite) -> SiteServer:
    server = make_site()
    server.add_judged(time.time() - 60)
    return server


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
@pytest.mark.parametrize("who", ["ada", "oscar"])
def test_the_boxes_of_the_page_with_suggestions(who: str, size: tuple[int, int], judged: SiteServer, tab: MakeTab) -> None:
    page = tab(judged, who, size).open("/suggestions")
    page.wait_for_selector(f"{CARD} .shots img")
    page.wait_for_selector("#connection.green", state="attached")
    page.wait_for_function("() => [...document.querySelectorAll('.shots img')].slice(0, 3).every((image) => image.naturalWidth > 0)")
    assert page.locator(CARD).count() == 2
    assert problems(page) == []
    assert page.locator("button:has-text('Apply')").count() == (2 if who == "ada" else 0)
    page.evaluate("() => { document.documentElement.dataset.theme = 'light'; }")
    assert problems(page) == []


def test_one_click_changes_the_rule_and_another_takes_it_back(judged: SiteServer, tab: MakeTab) -> None:
    page = tab(judged).open("/suggestions")
    card = page.locator(CARD).first
    assert "14 of 19 false alarms go, all 3 true ones stay" in card.inner_text()
    assert card.locator(".shots li").count() == 12
    assert "and 3 more" in card.inner_text()
    card.locator("button:has-text('Apply')").click()
    page.wait_for_selector(".toast:has-text('Applied')")
    row = page.locator("#changes li")
    row.wait_for()
    assert "after_s of the rule night: 1 → 5" in row.inner_text().replace("\n", " ")
    assert SiteRepository(judged.database).load().rules[0].model_dump()["after_s"] == 5
    assert page.locator(CARD).count() == 1, "what is left is the post"
    assert problems(page) == []
    row.locator("button:has-text('Take back')").click()
    page.wait_for_selector("#changes li:has-text('It is set otherwise now')")
    assert SiteRepository(judged.database).load().rules[0].model_dump()["after_s"] == 1
    assert page.locator(CARD).count() == 2


def test_an_area_is_drawn_over_the_pictures_and_becomes_a_zone(judged: SiteServer, tab: MakeTab) -> None:
    page = tab(judged).open("/suggestions")
    card = page.locator(f"{CARD}:has-text('Leave out an area')")
    card.wait_for()
    frame, area = card.locator(".shots a").first.bounding_box(), card.locator(".shots a i").first.bounding_box()
    assert frame is not None
    assert area is not None
    middle = (area["x"] + area["width"] / 2 - frame["x"]) / frame["width"], (area["y"] + area["height"] / 2 - frame["y"]) / frame["height"]
    assert middle == (pytest.approx(0.2, abs=0.03), pytest.approx(0.9, abs=0.03)), "where the post stands"
    card.locator("button:has-text('Apply')").click()
    page.wait_for_selector("#changes li:has-text('leave_out')")
    assert "night-left-out-1" in SiteRepository(judged.database).load().cameras["gate"].zones


def test_not_now_moves_it_to_the_end_of_the_page_for_good(judged: SiteServer, tab: MakeTab) -> None:
    page = tab(judged).open("/suggestions")
    page.locator(f"{CARD} button:has-text('Not now')").first.click()
    page.wait_for_selector("#aside:not([hidden])")
    assert page.locator(f"#suggestions {CARD}").count() == 1
    page.reload()
    page.locator("#aside summary").click()
    page.locator(f"#aside {CARD} button:has-text('Show again')").click()
    page.wait_for_selector("#aside", state="hidden")
    assert page.locator(f"#suggestions {CARD}").count() == 2


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_the_events_page_says_how_many_there_are(size: tuple[int, int], judged: SiteServer, tab: MakeTab) -> None:
    page = tab(judged, size=size).open("/events")
    page.wait_for_selector("#suggestion-count:has-text('2')")
    page.wait_for_selector(".event-card img")
    assert problems(page) == []
    page.click("#to-suggestions")
    page.wait_for_selector(CARD)


def test_a_suggestion_that_does_not_stand_any_more_says_so(judged: SiteServer, tab: MakeTab) -> None:
    made = tab(judged)
    made.allow.append("409")
    page = made.open("/suggestions")
    page.wait_for_selector(CARD)
    sites = SiteRepository(judged.database)
    sites.put_rule(sites.load().rules[0].model_copy(update={"after_s": 2.0}))
    page.locator(f"{CARD} button:has-text('Apply')").first.click()
    page.wait_for_selector(".toast.red:has-text('does not stand any more')")


def test_an_event_that_is_marked_asks_for_the_progress_alone(judged: SiteServer, tab: MakeTab) -> None:
    page = tab(judged).open("/suggestions")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v1/suggestions" in request.url else None)
    page.goto(f"{judged.url}/events/gate-7-0")
    page.wait_for_selector(".after .muted:has-text('Marked of the rule night')")
    assert f"{judged.url}/api/v1/suggestions/progress" in asked
    assert asked.count(f"{judged.url}/api/v1/suggestions") <= 1, "the list beside it asks once, for its lamp; the event does not"
