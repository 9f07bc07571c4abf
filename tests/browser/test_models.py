"""The models page: what operators see of versions, and what administrators do with them."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.browser.conftest import MakeTab
from tests.browser.site import SiteServer


def test_a_version_comes_into_use_and_goes_back(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    site = make_site()
    site.add_versions(time.time() - 120)
    page = tab(site).open("/models")
    page.wait_for_selector("[data-version='2'] .chip:has-text('Looks on, 1 frame in 10')")
    page.click("[data-version='2'] .button:has-text('Put into use')")
    asked = page.inner_text("dialog")
    assert "Put version 2 of crossing into use?" in asked
    assert "It does not find truck: rules that name them will see nothing. It also finds bus." in asked
    page.click("dialog .button:has-text('Cancel')")
    assert site.models.shelf("crossing").active == "1"
    page.click("[data-version='2'] .button:has-text('Put into use')")
    page.click("dialog .button.primary")
    page.wait_for_selector("[data-version='2'] .chip.accent")
    assert site.models.shelf("crossing").active == "2"
    page.click("[data-version='2'] .button:has-text('Back to 1')")
    page.click("dialog .button.primary")
    page.wait_for_selector("[data-version='1'] .chip.accent")
    page.click("[data-version='3'] .button:has-text('Let it look on')")
    page.click("dialog .button.primary")
    page.wait_for_selector("[data-version='3'] .chip.amber")
    page.click("summary:has-text('What was decided')")
    assert page.locator(".changes li").first.inner_text().startswith("Version 3 let look on")


def test_the_comparison_and_the_card(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    site = make_site()
    site.add_versions(time.time() - 120)
    page = tab(site, "oscar").open("/models")
    page.wait_for_selector(".frames img")
    assert page.locator(".version .button").count() == 0  # an operator looks
    assert page.inner_text("[data-pair] .muted").startswith("120 frames of 3 cameras, ")
    row = page.locator("[data-pair] tbody tr", has_text="North gate").filter(has_text="person")
    assert row.inner_text().split("\t")[1:6] == ["person", "53", "27", "0", "66 %"]
    shot = page.locator(".frames li").first
    assert shot.locator("i.both").count() == 2
    assert shot.locator("i.active").count() == 1
    page.wait_for_function("() => [...document.querySelectorAll('.frames img')].slice(0, 3).every((one) => one.naturalWidth > 0)")
    page.click("[data-version='2'] summary")
    page.wait_for_selector("[data-version='2'] .card-body dd:has-text('person, car, bus')")


def test_somebody_else_decided_meanwhile(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    from panops.models.promotion import promote  # noqa: PLC0415 - this test only

    site = make_site()
    site.add_versions(time.time() - 120)
    made = tab(site)
    made.allow.append("412")
    page = made.open("/models")
    page.wait_for_selector("[data-version='2']")
    promote(site.models, "crossing", "3", who="somebody")
    page.click("[data-version='2'] .button:has-text('Put into use')")
    page.click("dialog .button.primary")
    page.wait_for_selector(".toast.red:has-text('It was changed or removed since it was read')")
    page.wait_for_selector("[data-version='3'] .chip.accent")


def test_viewers_are_told_whom_to_ask(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "vera").open("/models")
    page.wait_for_selector("text=This page is for operators")
