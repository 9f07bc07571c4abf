"""A stranger's first ten minutes: an empty home, a film, a zone, a rule, an alarm with proof, and what a mark does. Nothing is a fake.

`pytest -s` prints how long each step took. Every step uses what the page offers: no address is typed that the page did not name.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import PHONE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import PASSWORD
from tests.e2e.running_site import RunningSite

CORNERS = [(0.05, 0.3), (0.95, 0.3), (0.95, 0.95), (0.05, 0.95)]
PLAYS = "() => { const clip = document.querySelector('video'); return clip && clip.readyState >= 2 && clip.duration > 1 && !clip.error; }"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen seconds of a yard in which somebody walks through the middle."""
    folder = tmp_path_factory.mktemp("film") / "yard"
    words = ["simulate", "yard", "--start", "11", "--seconds", "13", "--fps", "8", "--seed", "9", "--activity", "6", "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "panops.entry", *words], check=True, stdout=subprocess.DEVNULL, timeout=300)
    return folder / "video.mp4"


class Steps:
    """Says how long each took."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._began_s, self._last_s, self.taken_s = folder, time.monotonic(), time.monotonic(), dict[str, float]()

    def done(self, name: str, page: Page) -> None:
        now_s = time.monotonic()
        self.taken_s[name], self._last_s = now_s - self._last_s, now_s
        page.screenshot(path=self._folder / f"{len(self.taken_s):02}-{name.replace(' ', '-')}.png")
        assert problems(page) == [], name
        self._last_s = time.monotonic()  # looking at the boxes is no step of the stranger's

    def tell(self) -> None:
        whole_s = sum(self.taken_s.values())
        sys.stdout.write(
            "\n" + "\n".join(f"{taken_s:6.1f} s  {name}" for name, taken_s in self.taken_s.items()) + f"\n{whole_s:6.1f} s  in all\n"
        )


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    box = page.locator(".drawing").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def first(page: Page, url: str, fits: Callable[[dict[str, Any]], bool]) -> str | None:
    events = page.request.get(f"{url}/api/v1/events").json()["events"]
    return next((str(event["event_id"]) for event in events if fits(event)), None)


def test_the_first_ten_minutes(film: Path, tmp_path: Path, tab: MakeTab) -> None:
    with RunningSite(tmp_path / "home") as site:
        (site.home / "clips" / "yard.mp4").write_bytes(film.read_bytes())
        made = tab(site, None)
        made.allow += ["ERR_CONNECTION_REFUSED", "WebSocket"]  # the site ends before the tab does
        page = made.page
        page.set_default_timeout(60_000)
        steps = Steps(tmp_path)

        made.open("/")
        page.wait_for_url("**/setup")
        page.fill("#username", "admin")
        page.fill("#password", PASSWORD)
        page.click("#submit")
        page.wait_for_selector("text=Add your first camera")
        steps.done("account", page)

        page.click("a:has-text('Add a camera')")
        page.wait_for_selector("text=Test before you save")
        page.click("button:has-text('File')")
        assert page.input_value("#source") == f"file://{site.home}/clips/", "the page names the folder"
        page.type("#source", "yard.mp4")
        page.fill("#name", "Back yard")
        page.click("#test")
        page.wait_for_selector(".verdict.good")
        page.wait_for_function("() => document.querySelector('#result img').naturalWidth > 100")
        steps.done("camera tested", page)

        assert page.is_checked("#loop"), "it goes on by itself, as a camera does"
        page.click("#save")
        page.wait_for_selector(".tile[data-id=back-yard] .picture[data-frames]")
        steps.done("live picture", page)

        page.click(".tile[data-id=back-yard] .name, .tile[data-id=back-yard]")
        page.click("a:has-text('Camera page')")
        page.click("a:has-text('Zones')")
        page.wait_for_selector(".picture[data-frames]")
        page.click("[data-draw=zone]")
        for corner in CORNERS:
            page.mouse.click(*at(page, *corner))
        page.keyboard.press("Enter")
        page.click("#save")
        page.wait_for_selector(".toast:has-text('Saved')")
        steps.done("zone", page)

        page.click("a:has-text('Rule for this zone')")
        page.wait_for_selector("#fields [data-field=zone]")
        page.click("#save")
        page.wait_for_selector("[data-rule=back-yard-zone-1-intrusion]")
        page.wait_for_selector("text=whoever is in the zone “zone-1” is told twice")
        page.click("button:has-text('Switch back-yard-person off')")
        page.wait_for_selector("[data-rule=back-yard-person].off")
        assert not page.is_visible("text=is told twice")
        steps.done("rule", page)

        page.click("a.item:has-text('Events')")
        event = site.wait_for(
            lambda: first(page, made.url, lambda one: one["zone"] == "zone-1" and one["has_clip"] and one["has_snapshot"]),
            240,
            "somebody in the zone is an alarm with picture and clip",
        )
        page.click(f".event-card[data-id='{event}']")
        page.wait_for_selector(".stage img")
        page.wait_for_selector("text=was in the zone “zone-1”")
        page.click("[role=tab]:has-text('Clip'), button:has-text('Clip')")
        page.wait_for_function(PLAYS)
        steps.done("alarm with picture and clip", page)

        page.click("[data-act=false_alarm]")
        page.wait_for_selector(".after:has-text('1 of 5 false alarms and 0 of 1 true one')")
        assert "what looks like this at this place is held back" in page.inner_text(".after")
        assert "Suppressed" in page.inner_text(".after")
        steps.done("marked as false", page)

        page.click(".after a:has-text('Fewer false alarms')")
        page.wait_for_selector("text=Of the rule back-yard-zone-1-intrusion: 1 of 5 false alarms and 0 of 1 true one")
        steps.done("what is missing for a suggestion", page)

        page.go_back()
        page.wait_for_selector(".after")
        page.click("button:has-text('Take the mark back')")
        page.wait_for_selector(".after", state="detached")
        steps.done("mark taken back", page)
        steps.tell()
        assert sum(steps.taken_s.values()) < 600, "ten minutes"

        phone = tab(site, None, PHONE)
        phone.allow += made.allow
        phone.page.context.add_cookies(page.context.cookies())
        _on_a_phone(phone.page, phone.url, event, tmp_path)


def _on_a_phone(page: Page, url: str, event: str, folder: Path) -> None:
    """The main steps once more, by finger."""
    page.set_default_timeout(60_000)
    page.goto(f"{url}/cameras/back-yard/edit")
    page.wait_for_selector("h1:has-text('Edit Back yard')")
    page.tap("#test")
    page.wait_for_selector(".verdict.good")
    page.screenshot(path=folder / "phone-1-camera.png", full_page=True)
    assert problems(page) == []
    page.goto(f"{url}/cameras/back-yard/zones")
    page.wait_for_selector(".picture[data-frames]")
    page.tap("[data-draw=line]")
    for corner in CORNERS[:2]:
        page.touchscreen.tap(*at(page, *corner))
    page.wait_for_selector(".shape.new")
    page.screenshot(path=folder / "phone-2-zones.png", full_page=True)
    assert problems(page) == []
    page.tap("[data-draw=line]")
    page.goto(f"{url}/rules/new?camera=back-yard&zone=zone-1")
    page.wait_for_selector("#fields [data-field=zone]")
    page.tap("#try")
    page.wait_for_selector("#dry-count")
    page.screenshot(path=folder / "phone-3-rule.png", full_page=True)
    assert problems(page) == []
    page.goto(f"{url}/events/{event}")
    page.tap("[data-act=false_alarm]")
    page.wait_for_selector(".after:has-text('1 of 5 false alarms')")
    page.screenshot(path=folder / "phone-4-event.png", full_page=True)
    assert problems(page) == []
