"""Several events at once: choosing them, what is done with all, and the way back."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable

import pytest

from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.scope import Scope
from tests.browser.conftest import MakeTab
from tests.browser.site import SiteServer


@pytest.fixture
def filled(make_site: Callable[..., SiteServer]) -> SiteServer:
    site = make_site()
    site.add_events(12, time.time() - 120)
    return site


def statuses(site: SiteServer) -> list[str]:
    """Newest first."""
    return [one.status.value for one in EventRepository(site.database).search(Scope.everything()).events]


def test_a_range_is_judged_and_undone_as_it_was(filled: SiteServer, tab: MakeTab) -> None:
    second = EventRepository(filled.database).search(Scope.everything()).events[1].event.event_id
    EventRepository(filled.database).review(Scope.everything(), second, status=ReviewStatus.ACKNOWLEDGED, user="oscar", at_s=1.0)
    page = tab(filled, "oscar").open("/events")
    page.wait_for_selector(".event-card img")
    page.locator(".tick").nth(0).click()
    page.locator(".tick").nth(3).click(modifiers=["Shift"])
    assert page.locator(".tick[aria-pressed=true]").count() == 4
    assert page.inner_text("#chosen .chosen") == "4 chosen"
    assert page.url.endswith("/events"), "choosing opens nothing"
    page.click("#chosen .button:has-text('False alarm')")
    page.wait_for_selector(".toast:has-text('4 events marked as false alarms.')")
    assert statuses(filled)[:5] == ["false_alarm"] * 4 + ["new"]
    assert page.locator("#chosen").is_hidden()
    assert page.locator(".event-card.done").count() == 4
    page.keyboard.press("u")
    page.wait_for_selector(".toast:has-text('Undone')")
    assert statuses(filled)[:4] == ["new", "acknowledged", "new", "new"]


def test_chosen_by_keyboard_and_saved_as_a_zip(filled: SiteServer, tab: MakeTab) -> None:
    page = tab(filled, "oscar").open("/events")
    page.wait_for_selector(".event-card img")
    page.locator(".event-card").nth(1).focus()
    page.keyboard.press("x")
    page.locator(".event-card").nth(2).focus()
    page.keyboard.press("Shift+X")
    assert page.inner_text("#chosen .chosen") == "2 chosen"
    with page.expect_download() as download:
        page.click("#chosen .button:has-text('Export')")
    assert download.value.suggested_filename.startswith("panops-")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert [name for name in archive.namelist() if name.endswith("event.json")] == [
            "yard-0-00001/event.json",
            "street-0-00002/event.json",
        ]
        assert "yard-0-00001/snapshot.jpg" in archive.namelist()
    page.keyboard.press("Escape")
    assert page.locator(".tick[aria-pressed=true]").count() == 0


def test_what_is_kept_says_so_and_filters_choose_none(filled: SiteServer, tab: MakeTab) -> None:
    page = tab(filled, "oscar").open("/events")
    page.wait_for_selector(".event-card img")
    page.locator(".tick").nth(0).click()
    page.click("#chosen .button:has-text('Keep')")
    page.wait_for_selector(".event-card .kept")
    page.locator(".tick").nth(1).click()
    page.click("[data-status=new]")
    page.wait_for_selector("#chosen", state="hidden")


def test_viewers_choose_nothing(filled: SiteServer, tab: MakeTab) -> None:
    page = tab(filled, "vera").open("/events")
    page.wait_for_selector(".event-card img")
    assert page.locator(".tick").count() == 0
    page.locator(".event-card").nth(1).focus()
    page.keyboard.press("x")
    assert page.locator("#chosen").is_hidden()
