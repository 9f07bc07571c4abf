"""The drift of a camera on its page: then and now, at both sizes, dark and light."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from panops.domain.drift import QUANTITIES
from panops.storage.drift import DriftDays
from tests.browser.conftest import PHONE, WIDE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SiteServer

SITE = "cameras:\n  gate: {source: 'sim://gate', name: North gate, health: {reference_days: 2}}\n"


def counted(site: SiteServer) -> None:
    """Three days of a camera: by the third it has gone dark, and what it sees has changed."""
    days = DriftDays(site.database)
    for number, day in enumerate(("2026-11-01", "2026-11-02", "2026-11-03")):
        place = 4 if number < 2 else 1
        counts = {
            name: {word: 4000 if abs(at - place) < 2 else 60 for at, word in enumerate(quantity.bins)}
            for name, quantity in QUANTITIES.items()
            if quantity.edges
        }
        classes = {"person": 900, "car": 2000, "bicycle with a rather long name": 100} if number < 2 else {"person": 2000, "car": 300}
        days.add("gate", day, {**counts, "class": classes})


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_then_and_now_stand_side_by_side(size: tuple[int, int], make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    site = make_site(SITE)
    counted(site)
    page = tab(site, size=size).open("/cameras/gate")
    page.wait_for_selector("#drift .quantity:nth-child(5)")
    page.wait_for_selector("#connection.green", state="attached")
    assert problems(page) == []
    said = page.inner_text("#drift")
    assert "Then: 2026-11-01 to 2026-11-02. Now: 2026-11-03 to 2026-11-03." in said
    assert "Changed" in page.inner_text("#drift .quantity:has-text('Brightness')")
    assert page.locator("#drift .quantity:has-text('Brightness') rect").count() == 32
    if os.environ.get("PANOPS_SHOTS"):
        page.locator("section.drift").scroll_into_view_if_needed()
        page.locator("section.drift").screenshot(path=str(Path(os.environ["PANOPS_SHOTS"]) / f"drift{size[0]}.png"))


def test_a_camera_that_has_counted_nothing_says_when_it_will(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    page = tab(make_site(SITE), "vera").open("/cameras/gate")
    page.wait_for_selector("#drift p")
    assert page.inner_text("#drift") == "The first 2 days are what the camera is compared with; whole days so far: 0."
