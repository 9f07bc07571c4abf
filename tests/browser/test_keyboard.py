"""Every flow by keyboard alone: no click and no `focus()`. What has the focus is seen, and dialogs give it back."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page

from panops.storage.events import EventRepository
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from tests.browser.conftest import MakeTab
from tests.browser.site import PASSWORD, SiteServer
from tests.browser.test_zones_and_rules import keep_looks

MakeSite = Callable[..., SiteServer]
MOST_TABS = 90
# What has the focus shows it: a ring or shadow of its own, or of what holds it (a switch, a picker). Handles of shapes change.
SEEN = """
() => {
  const node = document.activeElement;
  if (!node || node === document.body) return 'nothing has the focus';
  const box = node.getBoundingClientRect(), say = (text) => `${node.outerHTML.slice(0, 80)} has the focus and ${text}`;
  if (!node.checkVisibility() || !box.width || !box.height) return say('is not seen');
  if (box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) return say('is off the screen');
  if (node.closest('svg')) return '';
  const ring = (one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  };
  for (let one = node, up = 0; one && up < 3; one = one.parentElement, up += 1) if (ring(one)) return '';
  if ([...(node.parentElement?.children ?? [])].some(ring)) return '';
  return say('does not show it');
}
"""


class Keys:
    """Hands that never leave the keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def at(self, selector: str) -> bool:
        return bool(self.page.evaluate("(selector) => document.activeElement?.matches(selector) ?? false", selector))

    def seen(self) -> None:
        assert self.page.evaluate(SEEN) == ""

    def to(self, selector: str, key: str = "Tab") -> None:
        """Walk on until something that matches has the focus."""
        self.page.wait_for_selector(selector)
        for _ in range(MOST_TABS):
            if self.at(selector):
                self.seen()
                return
            self.page.keyboard.press(key)
        here = self.page.evaluate("() => document.activeElement.outerHTML.slice(0, 120)")
        raise AssertionError(f"{MOST_TABS} times {key} did not lead to {selector}; the focus is at {here}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type_at(self, selector: str, text: str) -> None:
        self.to(selector)
        self.press("Control+a")
        self.page.keyboard.type(text)

    def wait_at(self, selector: str) -> None:
        """The focus is where it was, once what was going on is over."""
        self.page.wait_for_function("(selector) => document.activeElement?.matches(selector)", arg=selector)
        self.seen()


def test_signing_in(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site, None)
    made.allow.append("status of 401")
    page = made.open("/login")
    keys = Keys(page)
    keys.wait_at("#username")
    page.keyboard.type("ada")
    keys.press("Tab")
    page.keyboard.type("wrong")
    keys.press("Enter")
    page.wait_for_selector("#wrong:not([hidden])")
    keys.type_at("#password", PASSWORD) if keys.at("#password") else keys.to("#password", "Shift+Tab")
    keys.press("Control+a")
    page.keyboard.type(PASSWORD)
    keys.press("Enter")
    page.wait_for_url(f"{site.url}/")


def test_the_wall(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site, "vera").open("/")
    keys = Keys(page)
    page.wait_for_selector(".tile[data-id=gate] .picture[data-frames]")
    keys.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('href')") == "#main", "the first stop skips the navigation"
    keys.to(".tile[data-id=gate]")
    keys.press("Enter")
    page.wait_for_selector(".holder.big .tile[data-id=gate]")
    keys.wait_at(".tile[data-id=gate]")
    keys.press("ArrowRight")
    page.wait_for_selector(".holder.big .tile:not([data-id=gate])")
    keys.press("ArrowLeft", "Escape")
    page.wait_for_selector(".holder.big", state="detached")
    keys.wait_at(".tile[data-id=gate]")


def test_reviewing_events(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(12, time.time() - 600)
    page = tab(server, "oscar").open("/events")
    keys = Keys(page)
    events = EventRepository(server.database)

    def status(event_id: str) -> str:
        found = events.get(Scope.everything(), event_id)
        assert found is not None
        return found.status.value

    keys.to(f".event-card[data-id='{ids[0]}']")
    keys.press("Enter")
    page.wait_for_selector("#pane [data-act=false_alarm]")
    keys.press("f")
    page.wait_for_selector(f".event-card[data-id='{ids[1]}'][aria-current=true]")
    assert status(ids[0]) == "false_alarm"
    keys.press("u")
    page.wait_for_selector(".toast:has-text('Undone')")
    assert status(ids[0]) == "new"
    keys.press("j", "k", "k")
    page.wait_for_selector(f".event-card[data-id='{ids[0]}'][aria-current=true]")
    keys.press("Escape")
    page.wait_for_selector(".event-card[aria-current=true]", state="detached")
    keys.wait_at(f".event-card[data-id='{ids[0]}']")
    # Several: the first, and with Shift all up to the fourth.
    keys.press("x")
    page.wait_for_selector("#chosen:has-text('1')")
    keys.to(f".event-card[data-id='{ids[3]}']")
    keys.press("Shift+X")
    page.wait_for_selector("#chosen:has-text('4')")
    keys.to("#chosen button[aria-label=Acknowledge]")
    keys.press("Enter")
    page.wait_for_selector(".toast:has-text('4 events acknowledged')")
    assert [status(one) for one in ids[:5]] == ["acknowledged"] * 4 + ["new"]
    assert page.evaluate("() => document.activeElement !== document.body"), "the bar went, and the focus has a place"
    keys.press("u")
    page.wait_for_function("() => [...document.querySelectorAll('.toast')].some((one) => one.textContent.includes('Undone'))")
    # The first undo's words may still stand there: what counts is stored.
    deadline_s = time.monotonic() + 10
    while [status(one) for one in ids[:4]] != ["new"] * 4:
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(50)


def test_exporting_events(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    ids = server.add_events(4, time.time() - 600)
    page = tab(server, "oscar").open("/events")
    keys = Keys(page)
    keys.to(f".event-card[data-id='{ids[1]}']")
    keys.press("x")
    keys.to("#chosen button[aria-label=Export]")
    with page.expect_download() as download:
        keys.press("Enter")
    assert download.value.suggested_filename.endswith(".zip")
    page.wait_for_selector(".toast:has-text('1 event saved')")
    keys.wait_at("#chosen button[aria-label=Export]")
    keys.press("Escape")
    page.wait_for_selector("#chosen", state="hidden")
    assert page.evaluate("() => document.activeElement !== document.body")


def test_a_zone_is_drawn_and_saved(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/cameras/gate/zones")
    keys = Keys(page)
    page.wait_for_selector(".drawing .shape .name")
    keys.to("[data-draw=zone]")
    keys.press("Enter")
    keys.wait_at(".drawing")
    keys.press("Space", *["Shift+ArrowRight"] * 5, "Space", *["Shift+ArrowDown"] * 5, "Space", "Enter")
    page.wait_for_selector("[data-place=zone-1]")
    keys.wait_at(".drawing [data-corner='0']")
    keys.press("ArrowLeft")
    keys.to("#save", "Shift+Tab")
    keys.press("Enter")
    page.wait_for_selector(".toast:has-text('Saved')")
    camera = SiteRepository(server.database).camera(Scope.everything(), "gate")
    assert camera is not None
    assert [(round(x, 3), round(y, 3)) for x, y in camera.zones["zone-1"].polygon] == [(0.495, 0.5), (0.7, 0.5), (0.7, 0.7)]
    assert page.evaluate("() => document.activeElement !== document.body"), "saving has a place for the focus"


def test_a_rule_is_tried_and_made(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    keep_looks(server)
    page = tab(server).open("/rules/new?camera=gate&zone=floor")
    keys = Keys(page)
    page.wait_for_selector("#fields [data-field=zone]")
    keys.type_at("#rule-id", "by-hand")
    keys.type_at("#field-after_s", "5")
    keys.to("#try")
    keys.press("Enter")
    page.wait_for_selector("#dry-count strong:has-text('2 events')")
    keys.wait_at("#try")
    keys.to("#save", "Shift+Tab")
    keys.press("Enter")
    page.wait_for_selector("[data-rule=by-hand]")
    keys.to("[aria-label='by-hand is on']")
    keys.press("Space")
    page.wait_for_selector("[data-rule=by-hand].off")
    keys.wait_at("[aria-label='by-hand is on']")


def test_a_camera_is_added(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/cameras/new")
    keys = Keys(page)
    keys.wait_at("#source")
    page.keyboard.type("sim://yard")
    keys.type_at("#name", "By hand")
    keys.to("#test")
    keys.press("Enter")
    page.wait_for_selector(".verdict.good")
    keys.wait_at("#test")
    keys.to("#save")
    keys.press("Enter")
    page.wait_for_url(f"{server.url}/")
    assert "by-hand" in SiteRepository(server.database).load().cameras


def test_models(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    server.add_versions(time.time() - 120)
    page = tab(server).open("/models")
    keys = Keys(page)
    use = "[data-version='2'] button:has-text('Put into use')"
    page.wait_for_selector(use)
    page.eval_on_selector(use, "node => { node.dataset.wanted = 'use'; }")
    keys.to("[data-wanted=use]")
    keys.press("Enter")
    keys.wait_at("dialog button")
    keys.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    keys.wait_at("[data-wanted=use]")
    keys.press("Enter")
    keys.to("dialog button.primary")
    keys.press("Enter")
    page.wait_for_selector("[data-version='2'] .chip.accent")
    assert server.models.shelf("crossing").active == "2"
    page.wait_for_function("() => document.activeElement !== document.body")
    look = "[data-version='3'] button:has-text('Let it look on')"
    page.wait_for_selector(look)
    page.eval_on_selector(look, "node => { node.dataset.wanted = 'look'; }")
    keys.to("[data-wanted=look]")
    keys.press("Enter")
    keys.to("dialog button.primary")
    keys.press("Enter")
    page.wait_for_selector("[data-version='3'] .chip.amber")


def test_alerts(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/alerts")
    keys = Keys(page)
    page.wait_for_selector("[data-sink=desk] button")
    keys.to("[data-sink=desk] button")
    keys.press("Enter")
    page.wait_for_selector(".toast:has-text('desk has the test: written')")
    keys.wait_at("[data-sink=desk] button")


def test_somebody_is_added(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/users")
    keys = Keys(page)
    page.wait_for_selector("[data-user=vera]")
    keys.to("#add-user")
    keys.press("Enter")
    keys.type_at("dialog #field-username", "nora")
    keys.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    keys.wait_at("#add-user")
    keys.press("Enter")
    keys.type_at("dialog #field-username", "nora")
    keys.type_at("dialog #field-password", "four words that differ")
    keys.press("Enter")
    page.wait_for_selector("[data-user=nora]")
    keys.wait_at("#add-user")
    assert server.accounts.verify("nora", "four words that differ") is not None


def test_a_token_is_made_and_ended(make_site: MakeSite, tab: MakeTab) -> None:
    server = make_site()
    page = tab(server).open("/users")
    keys = Keys(page)
    page.wait_for_selector("[data-user=vera]")
    keys.to("#add-token")
    keys.press("Enter")
    keys.type_at("dialog #field-name", "grafana")
    keys.press("Enter")
    page.wait_for_selector("#secret")
    keys.to("dialog button:focus, dialog:has(#secret) button")
    keys.press("Enter")
    page.wait_for_selector("dialog", state="detached")
    keys.wait_at("#add-token")
    keys.to("[data-token=grafana] button")
    keys.press("Enter")
    keys.to("dialog button.danger")
    keys.press("Enter")
    page.wait_for_selector("[data-token=grafana]", state="detached")
    assert page.evaluate("() => document.activeElement !== document.body"), "its row went, and the focus has a place"
